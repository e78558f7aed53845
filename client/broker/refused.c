// SPDX-License-Identifier: Apache-2.0
// GUARD-REFUSED: what the kernel's table refused becomes an entry, for root (the guard's unit).
//
// Threat model. Who attacks: a user who is refused and wants to leave no trace, or to fill the ledger. What
// must hold: "ok" means that the entry is durable (or one of those beyond the uid's rate, which are only
// counted), since the guard forgets what was answered so; names come from the name service and inventory,
// never from the message.
#include "record.h"
#include "verbs.h"

#include <inttypes.h>
#include <stdio.h>

struct refused {
	uint64_t uid, count;
	uint16_t port;
	struct azjit_addr addr;
	char host[AZJIT_ADDR_CHARS];
};

static enum azjit_result read_refused(const struct azjit_wire_msg *msg, struct refused *ret,
                                      struct azjit_reason *reason)
{
	if (azjit_parse_u64(azjit_wire_get(msg, "uid"), 0, UINT32_MAX, &ret->uid) != AZJIT_OK)
		return azjit_fail(reason, AZJIT_USAGE, "uid is a number of a user");
	if (azjit_addr_parse(azjit_wire_get(msg, "address"), &ret->addr) != AZJIT_OK)
		return azjit_fail(reason, AZJIT_USAGE, "address is an IP address");
	if (azjit_parse_port(azjit_wire_get(msg, "port"), &ret->port) != AZJIT_OK)
		return azjit_fail(reason, AZJIT_USAGE, "port is a number from 1 to 65535");
	if (azjit_parse_u64(azjit_wire_get(msg, "count"), 1, INT64_MAX, &ret->count) != AZJIT_OK)
		return azjit_fail(reason, AZJIT_USAGE, "count is a number of connections, at least 1");
	azjit_addr_format(&ret->addr, ret->host);
	return AZJIT_OK;
}

// "web01 port 22 (10.20.1.4)", or who it is that nobody may ask.
static void where(const struct refused *refused, const struct azjit_target *target, char ret_text[256])
{
	static const struct {
		const char *host, *name;
	} named[] = {{"169.254.169.254", "Azure's metadata service"},
	             {"168.63.129.16", "Azure's wire server"}};

	for (size_t i = 0; i < AZJIT_COUNT(named); i++)
		if (azjit_streq(named[i].host, refused->host)) {
			(void)snprintf(ret_text, 256, "%s (%s port %u)", named[i].name, refused->host,
			               refused->port);
			return;
		}
	if (target)
		(void)snprintf(ret_text, 256, "%.128s port %u (%s)", target->vm_name, refused->port,
		               refused->host);
	else
		(void)snprintf(ret_text, 256, "%s port %u", refused->host, refused->port);
}

static enum azjit_result record(struct broker *broker, const struct refused *refused, const char *user,
                                const struct azjit_target *target)
{
	struct azjit_reason reason;
	char who[288], place[256];

	if (user)
		(void)snprintf(who, sizeof(who), "%s", user);
	else
		(void)snprintf(who, sizeof(who), "uid %u", (unsigned)refused->uid);
	where(refused, target, place);
	(void)azjit_fail(&reason, AZJIT_OK, "the guard refused %s %" PRIu64 " connection%s to %s", who,
	                 refused->count, refused->count == 1 ? "" : "s", place);
	return record_denial(broker, &(struct denial){.event = "guard",
	                                              .user = user,
	                                              .uid = (unsigned)refused->uid,
	                                              .has_uid = true,
	                                              .host = refused->host,
	                                              .vm = target ? target->vm_id : NULL,
	                                              .port = refused->port,
	                                              .count = refused->count,
	                                              .reason = reason.text});
}

void verb_guard_refused(struct conn *conn, const struct azjit_wire_msg *msg)
{
	_cleanup_(azjit_target_freep) struct azjit_target *target = NULL;
	struct broker *broker = conn_broker(conn);
	struct azjit_person person;
	struct azjit_reason reason = {""}, unknown;
	struct refused refused;
	enum azjit_result result = read_refused(msg, &refused, &reason);
	bool known;

	if (result != AZJIT_OK) {
		conn_done(conn, result, reason.text);
		return;
	}
	// Whom the name service does not know, and what inventory does not, is recorded by its number.
	known = azjit_person_by_uid((unsigned)refused.uid, &person, &unknown) == AZJIT_OK;
	(void)azjit_inventory_find(broker->inventory, refused.host, refused.port, &target, &unknown);
	result = record(broker, &refused, known ? person.user : NULL, target);
	if (known)
		azjit_person_clear(&person);
	conn_done(conn, result, result == AZJIT_OK ? NULL : "the refusal cannot be recorded");
}
