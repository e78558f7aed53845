// SPDX-License-Identifier: Apache-2.0
/*
 * Client assertions (RFC 7523) at the token endpoint: signed with the key of a registered certificate, in the
 * header forms of azure.md §6.4, or issued by a directory that the application trusts.
 */
#ifndef AZSIM_ASSERTION_H
#define AZSIM_ASSERTION_H

#include "principal.h"
#include "request.h"

// Why an assertion is refused, as entra_fail() takes it.
struct refusal {
	int number;
	const char *message;
};

// Whether the JWT proves that the caller is the application.
bool assertion_good(struct request *req, const struct principal *p, const char *jwt, struct refusal *ret);

#endif
