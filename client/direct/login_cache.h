// SPDX-License-Identifier: Apache-2.0
// Where `azjit login` keeps the login: login.json in the caller's own directory (state.h). Every reading and
// writing is under a lock beside it, so that several azjit at once each find the newest refresh token.
#ifndef AZJIT_DIRECT_LOGIN_CACHE_H
#define AZJIT_DIRECT_LOGIN_CACHE_H

#include <azjit/login.h>

struct login_cache;

// Opens the directory, and makes it with `make`; else AZJIT_NOT_FOUND if it is not there. AZJIT_CONFIG with a
// sentence for one that is not the caller's alone.
enum azjit_result login_cache_open(bool make, struct azjit_reason *reason, struct login_cache **ret);
void login_cache_free(struct login_cache *cache); // accepts NULL
// The path of the file, to be shown.
const char *login_cache_path(const struct login_cache *cache);

// What is kept, without the lock afterwards; owned. AZJIT_NOT_FOUND if nobody logged in, AZJIT_CONFIG for a file
// that another could have read or written, or that is no login.
enum azjit_result login_cache_read(struct login_cache *cache, struct azjit_login *ret,
                                   struct azjit_reason *reason);
// Replaces the file at once or not at all; what was in it is wiped.
enum azjit_result login_cache_write(struct login_cache *cache, const struct azjit_login *login,
                                    struct azjit_reason *reason);
// Wipes and removes it, whatever is in it. AZJIT_NOT_FOUND if it is not there.
enum azjit_result login_cache_remove(struct login_cache *cache, struct azjit_reason *reason);

// For azjit_azure_options; borrowed from the cache.
const struct azjit_login_store *login_cache_store(const struct login_cache *cache);

// The form of the file. AZJIT_CONFIG without a sentence for what is none.
enum azjit_result login_parse(const char *text, size_t len, struct azjit_login *ret);
// Appends it; false if memory ran out.
bool login_format(const struct azjit_login *login, struct azjit_buf *ret);

#endif
