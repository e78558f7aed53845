// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <stdio.h>

enum azjit_result report_viewer(const struct conn *conn, char ret_user[256], struct azjit_reason *reason)
{
	struct azjit_person person;
	enum azjit_result result;

	ret_user[0] = '\0';
	if (conn_peer(conn)->uid == 0)
		return AZJIT_OK;
	result = azjit_person_by_uid(conn_peer(conn)->uid, &person, reason);
	if (result != AZJIT_OK)
		return result == AZJIT_NOT_FOUND ? AZJIT_DENIED : result;
	if (!azjit_copy(ret_user, 256, person.user) || !ret_user[0])
		result = azjit_fail(reason, AZJIT_DENIED, "your user has no name");
	azjit_person_clear(&person);
	return result;
}

void report_sources(const struct azjit_sources *sources, char *ret_text, size_t size)
{
	size_t len = 0;

	ret_text[0] = '\0';
	for (size_t i = 0; sources && i < sources->count; i++) {
		char one[AZJIT_PREFIX_CHARS];

		azjit_prefix_format(&sources->items[i], one);
		if (len + strlen(one) + 2 > size)
			return;
		len += (size_t)snprintf(ret_text + len, size - len, "%s%s", i ? "," : "", one);
	}
}

static void put_addr(struct azjit_wire_out *out, const char *key, const struct azjit_addr *addr)
{
	char text[AZJIT_ADDR_CHARS];

	azjit_addr_format(addr, text);
	azjit_wire_put(out, key, addr->family == AZJIT_FAMILY_NONE ? NULL : text);
}

void report_way(struct azjit_wire_out *out, const struct azjit_target *target, uint16_t mapped_port)
{
	bool private = target->private_addr.family != AZJIT_FAMILY_NONE;

	if (!target->through_firewall) {
		put_addr(out, "address", &target->dial);
		return;
	}
	put_addr(out, "address", private ? &target->private_addr : &target->public_addr);
	put_addr(out, "firewall", &target->dial);
	if (mapped_port)
		azjit_wire_put_u64(out, "mapped_port", mapped_port);
}
