// SPDX-License-Identifier: Apache-2.0
// MATCH: is this host, on this port, azjit's to open? For `Match exec` of ssh_config: it answers "ok" for
// every managed pair, also for one that the person may not open, so that ssh then runs `azjit connect` and
// she reads the refusal instead of a timeout. Whether she may is said (and recorded) there. No Azure call:
// only a broker that has read no inventory yet waits for its first reading.
#include "gate.h"
#include "verbs.h"

#define FIRST_READING_MS 3000

struct match {
	struct conn *conn;
	struct azjit_lookup *lookup;
	char host[256];
	uint16_t port;
};

static void gone(struct conn *conn, void *work)
{
	struct match *match = work;

	(void)conn;
	match->lookup = azjit_lookup_cancel(match->lookup);
	free(match);
}

static void answer(struct conn *conn, enum azjit_result result, const char *host, uint16_t port,
                   const char *text)
{
	struct azjit_reason reason = {""};

	// Of several VMs one is meant, of an alias none that is known, or one that is none of Azure's: connect
	// says so.
	if (result == AZJIT_AMBIGUOUS || result == AZJIT_CONFIG || result == AZJIT_UNSUPPORTED)
		result = AZJIT_OK;
	if (result != AZJIT_OK)
		result = gate_lookup_failed(conn, NULL, result, host, port, text, &reason);
	conn_done(conn, result, reason.text);
}

static void on_found(void *userdata, enum azjit_result result, const char *text, struct azjit_target *target)
{
	struct match *match = userdata;

	match->lookup = NULL;
	azjit_target_free(target);
	answer(match->conn, result, match->host, match->port, text);
	free(match);
}

static void wait_for_first(struct conn *conn, const char *host, uint16_t port)
{
	struct broker *broker = conn_broker(conn);
	struct match *match = calloc(1, sizeof(*match));

	if (!match || !azjit_copy(match->host, sizeof(match->host), host)) {
		free(match);
		conn_done(conn, AZJIT_NOT_MANAGED, "no VM has so long a name");
		return;
	}
	match->conn = conn;
	match->port = port;
	conn_busy(conn, match, gone);
	match->lookup =
	        azjit_inventory_lookup(broker->inventory, host, port, FIRST_READING_MS, on_found, match);
	if (match->lookup)
		return;
	free(match);
	conn_done(conn, AZJIT_NOMEM, "the broker has no memory for one more question");
}

void verb_match(struct conn *conn, const struct azjit_wire_msg *msg)
{
	struct azjit_inventory *inventory = conn_broker(conn)->inventory;
	_cleanup_(azjit_target_freep) struct azjit_target *target = NULL;
	const char *host = azjit_wire_get(msg, "host");
	struct azjit_reason reason = {""};
	enum azjit_result result;
	uint16_t port;

	if (azjit_parse_port(azjit_wire_get(msg, "port"), &port) != AZJIT_OK) {
		conn_done(conn, AZJIT_USAGE, "the port is not a number from 1 to 65535");
		return;
	}
	if (azjit_inventory_generation(inventory) == 0) {
		wait_for_first(conn, host, port);
		return;
	}
	result = azjit_inventory_find(inventory, host, port, &target, &reason);
	answer(conn, result, host, port, reason.text);
}
