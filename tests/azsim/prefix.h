// SPDX-License-Identifier: Apache-2.0
/*
 * IPv4 address prefixes as policies and requests write them.
 */
#ifndef AZSIM_PREFIX_H
#define AZSIM_PREFIX_H

#include <stdbool.h>
#include <stdint.h>

struct prefix {
	uint32_t address; // host order
	int length;
};

// "*", an address, or a CIDR. False: none of these.
bool prefix_parse(const char *s, struct prefix *ret);
bool prefix_contains(const struct prefix *outer, const struct prefix *inner);

#endif
