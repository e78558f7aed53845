// SPDX-License-Identifier: Apache-2.0
/*
 * Which cloud a caller thinks it talks to, from the Host it used.
 */
#ifndef AZSIM_CLOUD_H
#define AZSIM_CLOUD_H

#include "request.h"

struct cloud {
	const char *name;
	char *login, *arm; // base URLs, with the trailing slash clients expect
	bool public_cloud; // one of Microsoft's own names
};

// Fills *ret; cloud_clear frees. The Host may be of either service.
void cloud_of(const struct request *req, struct cloud *ret);
void cloud_clear(struct cloud *c);

#endif
