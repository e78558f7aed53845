// SPDX-License-Identifier: Apache-2.0
/*
 * Who calls: applications, managed identities and people, their secrets and role assignments.
 */
#ifndef AZSIM_PRINCIPAL_H
#define AZSIM_PRINCIPAL_H

#include "sim.h"
#include "trust.h"

enum principal_kind { PRINCIPAL_SERVICE, PRINCIPAL_MANAGED, PRINCIPAL_USER };

struct principal {
	struct principal *next;
	enum principal_kind kind;
	char *name, *app_id, *object_id, *secret, *upn, *resource_id;
	struct trust trust;
	json_t *roles;        // [{"scope","actions":[],"not_actions":[]}]
	ticks revoked_before; // tokens issued until then are refused
	char *cached_token;   // IMDS
	char *cached_resource;
	ticks cached_from, cached_until;
};

// Adds one from its scenario entry; the result is a sentence the caller frees, or NULL.
char *principal_add(struct sim *sim, const json_t *entry);
// Changes roles or secret; same result.
char *principal_change(struct sim *sim, struct principal *p, const json_t *changes);
void principals_clear(struct sim *sim);

struct principal *principal_named(const struct sim *sim, const char *name);
struct principal *principal_by_app(const struct sim *sim, const char *app_id);
struct principal *principal_by_object(const struct sim *sim, const char *object_id);

// Whether some role assignment at or above `scope` allows the action and does not take it out again.
bool principal_may(const struct principal *p, const char *action, const char *scope);

// A signed access token for the resource (the aud claim), good for `life` from now. Caller frees.
char *principal_token(struct sim *sim, struct principal *p, const char *resource, ticks life,
                      const char *version);
// The same for a person who lets the public client of that id act.
char *principal_user_token(struct sim *sim, const struct principal *p, const char *client,
                           const char *resource, ticks life);
// The caller of a token, or NULL with the error code and sentence of Resource Manager.
struct principal *principal_of_token(struct sim *sim, const char *token, const char *host,
                                     const char **ret_code, const char **ret_message);

// What the requestor, the caller of an event and the sentence of a 403 call it.
const char *principal_label(const struct principal *p);

#endif
