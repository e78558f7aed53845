// SPDX-License-Identifier: Apache-2.0
// What the two halves of a person's login share: the code (device_code.c) and what stays of it
// (refresh_token.c); and the reading of answers, pure, so that tests and fuzzers reach it.
#ifndef AZJIT_AZURE_LOGIN_H
#define AZJIT_AZURE_LOGIN_H

#include "json.h"

#include <azjit/buf.h>
#include <azjit/login.h>

// Appends "&scope=": Resource Manager, and a refresh token with it.
bool login_add_scope(struct azjit_buf *form, const char *audience);
// The refresh token of an answer, borrowed; "" if there is none.
const char *login_refresh_token(const json_t *answer);
// Wipes the bytes of a member of an answer that is about to go.
void login_wipe(const json_t *answer, const char *member);

// The answer of the devicecode endpoint (RFC 8628 §3.2).
struct device_code {
	const char *code; // a secret, borrowed from the JSON
	int64_t expires_s, interval_s;
	char message[1024]; // printable; of page and code if the service gives no words
};
// NULL, or a clause that says what is missing.
const char *device_code_read(const json_t *answer, struct device_code *ret);

// What an error of the token endpoint means to who polls (RFC 8628 §3.5, azure.md §6.4).
enum device_verdict { DEVICE_ENDED = 0, DEVICE_PENDING, DEVICE_SLOWER };
// DEVICE_ENDED fills result and reason; `message` is the service's.
enum device_verdict device_code_judge(const char *code, const char *message, enum azjit_result *ret_result,
                                      struct azjit_reason *reason);

#endif
