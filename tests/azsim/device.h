// SPDX-License-Identifier: Apache-2.0
/*
 * A person's login: device code (azure.md §6.4) and the refresh tokens that come of it.
 */
#ifndef AZSIM_DEVICE_H
#define AZSIM_DEVICE_H

#include "request.h"

// POST /{tenant}/oauth2/v2.0/devicecode
void device_begin(struct request *req);
// The grants device_code and refresh_token of the token endpoint.
void device_token(struct request *req, const json_t *form);
void device_refresh(struct request *req, const json_t *form);

// What a person does in the browser with the code (NULL: the newest one that waits): approve as `who`,
// decline; or time passes: expire. The result is a sentence the caller frees, or NULL.
char *device_answer(struct sim *sim, const char *user_code, const char *answer, const char *who);
// [{"user_code","client_id","state"}], oldest first. New reference.
json_t *device_list_new(const struct sim *sim);

#endif
