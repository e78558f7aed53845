// SPDX-License-Identifier: Apache-2.0
/*
 * Access tokens: JWTs (RFC 7519) signed RS256 with a key made at start, as Entra ID's are.
 */
#ifndef AZSIM_JWT_H
#define AZSIM_JWT_H

#include "sim.h"

struct key *key_new(void);
// {"keys":[…]} (RFC 7517). New reference.
json_t *key_jwks(const struct key *key);

// header.claims.signature; caller frees.
char *jwt_sign(const struct key *key, const json_t *claims);
// Header or claims, decoded but not verified; NULL when it is no JSON. New reference.
json_t *jwt_part(const char *s, size_t len);
// The claims when the signature is ours and good, else NULL. New reference. Times are not checked.
json_t *jwt_verify(const struct key *key, const char *token);

#endif
