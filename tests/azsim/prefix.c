// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "prefix.h"

#include <arpa/inet.h>
#include <string.h>

#include "util.h"

bool prefix_parse(const char *s, struct prefix *ret)
{
	size_t n = strcspn(s, "/");
	_cleanup_free_ char *address = xstrndup(s, n);
	struct in_addr in;
	long long length = 32;

	if (!strcmp(s, "*")) {
		*ret = (struct prefix){0, 0};
		return true;
	}
	if (inet_pton(AF_INET, address, &in) != 1 || (s[n] && !parse_number(s + n + 1, 0, 32, &length)))
		return false;
	*ret = (struct prefix){ntohl(in.s_addr), (int)length};
	return true;
}

bool prefix_contains(const struct prefix *outer, const struct prefix *inner)
{
	uint32_t mask = outer->length ? ~0u << (32 - outer->length) : 0;

	return inner->length >= outer->length && (inner->address & mask) == (outer->address & mask);
}
