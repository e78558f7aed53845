// SPDX-License-Identifier: Apache-2.0
// CONNECT: opens a VM's port for a person and hands her descriptors to the relay.
//
// Threat model. Who attacks: a user who wants to reach, through the relay (whom the guard lets pass), what
// no rule gives her: IMDS, loopback, this machine's services, another's VM. What must hold: the address
// that is dialled comes from inventory, never from the message; access is judged on the resolved VM before
// anything is asked of Azure; the entry "start" is durable before the relay hears of the flow; descriptors
// go to the relay or are closed.
#include "connect.h"

#include "flows.h"
#include "gate.h"
#include "guard.h"
#include "record.h"
#include "relay_link.h"
#include "verbs.h"

#include <stdio.h>

#define LOOKUP_MS       10000
#define SETTLE_AGAIN_MS 25

struct connect {
	struct connect *next; // among those that are ready
	struct conn *conn;
	struct caller caller;
	char host[256];
	uint16_t port;
	struct azjit_lookup *lookup;
	struct azjit_waiter *waiter;
	bool ready, start;
	struct azjit_addr dial;
	uint16_t dial_port; // 0: the port on the Azure Firewall that the grant has
	azjit_ticks until;
	struct flow flow;
};

struct connects {
	struct broker *broker;
	struct connect *first; // open: to be recorded and handed over in one go
	struct azjit_source *timer;
};

static void unlink_ready(struct connects *connects, struct connect *connect)
{
	struct connect **at = &connects->first;

	while (*at && *at != connect)
		at = &(*at)->next;
	if (*at)
		*at = connect->next;
	connect->ready = false;
}

static void connect_free(struct connect *connect)
{
	if (connect->ready)
		unlink_ready(conn_broker(connect->conn)->connects, connect);
	connect->lookup = azjit_lookup_cancel(connect->lookup);
	connect->waiter = azjit_waiter_cancel(connect->waiter);
	caller_clear(&connect->caller);
	free(connect);
}

static void gone(struct conn *conn, void *work)
{
	(void)conn;
	connect_free(work);
}

static void finish(struct connect *connect, enum azjit_result result, const char *reason)
{
	conn_done(connect->conn, result, reason);
	connect_free(connect);
}

// --- open: record, hand over, tell --------------------------------------------------------------------

static void hand_over(struct broker *broker, struct connect *connect)
{
	struct relay_flow flow = {.flow = connect->flow.id,
	                          .probe = connect->flow.grant,
	                          .session = connect->flow.session[0] ? connect->flow.session : NULL,
	                          .host = connect->flow.host,
	                          .addr = &connect->dial,
	                          .port = connect->dial_port,
	                          .uid = connect->caller.person.uid};
	char until[AZJIT_TIME_CHARS];
	struct azjit_wire_out out;
	int fds[AZJIT_WIRE_MAX_FDS];

	conn_take_fds(connect->conn, fds);
	if (!flows_add(broker->flows, &connect->flow) || !relay_link_flow(broker->relay, &flow, fds)) {
		finish(connect, AZJIT_BROKER_DOWN,
		       "the port is open, but azjit-relay went away: systemctl start azjit-relay, then try "
		       "again");
		return;
	}
	azjit_time_format(connect->until, until);
	conn_done_begin(&out, AZJIT_OK, NULL);
	azjit_wire_put(&out, "flow", connect->flow.id);
	azjit_wire_put(&out, "grant", connect->flow.grant);
	azjit_wire_put(&out, "until", until);
	conn_finish(connect->conn, &out);
	connect_free(connect);
}

static enum azjit_result record_all(struct connects *connects, struct azjit_reason *reason)
{
	struct azjit_ledger *ledger = connects->broker->ledger;
	enum azjit_result result = azjit_ledger_begin(ledger, reason);

	if (result != AZJIT_OK)
		return result;
	for (struct connect *c = connects->first; c && result == AZJIT_OK; c = c->next)
		result = flow_record_start(connects->broker, &c->flow, reason);
	if (result == AZJIT_OK)
		result = azjit_ledger_commit(ledger, reason);
	if (result != AZJIT_OK)
		azjit_ledger_rollback(ledger);
	return result;
}

static void on_ready(void *userdata)
{
	struct connects *connects = userdata;
	struct azjit_reason reason = {""};
	enum azjit_result result;

	if (!connects->first)
		return;
	if (guard_settling(connects->broker->guard)) {
		(void)azjit_source_timer(connects->timer, SETTLE_AGAIN_MS);
		return;
	}
	result = record_all(connects, &reason);
	while (connects->first) {
		struct connect *connect = connects->first;

		unlink_ready(connects, connect);
		if (result == AZJIT_OK)
			hand_over(connects->broker, connect);
		else
			finish(connect, AZJIT_LEDGER, reason.text);
	}
}

// Where an Azure Firewall is in front: the grant has its port.
static bool take_port(struct connect *connect, const struct azjit_grant_view *view)
{
	char address[AZJIT_ADDR_CHARS];

	if (connect->dial_port)
		return true;
	connect->dial_port = view->mapped_port;
	azjit_addr_format(&connect->dial, address);
	(void)snprintf(connect->flow.dial, sizeof(connect->flow.dial), "%s:%u", address, connect->dial_port);
	return connect->dial_port != 0;
}

static void on_need(void *userdata, enum azjit_result result, const char *reason,
                    const struct azjit_grant_view *view)
{
	struct connect *connect = userdata;
	struct connects *connects = conn_broker(connect->conn)->connects;

	connect->waiter = NULL;
	if (result != AZJIT_OK || !view) {
		finish(connect, result == AZJIT_OK ? AZJIT_SYSTEM : result, reason);
		return;
	}
	if (azjit_uuid_random(connect->flow.id) != AZJIT_OK ||
	    !azjit_copy(connect->flow.grant, sizeof(connect->flow.grant), view->id)) {
		finish(connect, AZJIT_SYSTEM, "the connection can be given no name");
		return;
	}
	if (!take_port(connect, view)) {
		finish(connect, AZJIT_UNREACHABLE,
		       "the way to the machine changed meanwhile (an Azure Firewall is in front): connect "
		       "again");
		return;
	}
	connect->until = view->until;
	connect->next = connects->first;
	connects->first = connect;
	connect->ready = true;
	(void)azjit_source_timer(connects->timer, 0);
}

static void on_progress(void *userdata, const char *stage, const char *text)
{
	struct connect *connect = userdata;

	conn_progress(connect->conn, stage, text);
}

// --- before: who, what, may she -----------------------------------------------------------------------

static void need(struct connect *connect, struct azjit_target *target, const struct azjit_access_rule *rule,
                 const struct azjit_sources *sources)
{
	struct broker *broker = conn_broker(connect->conn);
	struct azjit_need need = {.target = target,
	                          .sources = *sources,
	                          .rule = rule,
	                          .probe = sources->kind == AZJIT_SOURCE_SELF,
	                          .start = connect->start,
	                          .deadline_ms = (unsigned)broker->config->deadline_s * 1000};

	connect->dial = target->dial;
	connect->dial_port = target->through_firewall ? 0 : target->port;
	connect->flow.port = target->port;
	(void)azjit_copy(connect->flow.host, sizeof(connect->flow.host), target->vm_name);
	(void)azjit_copy(connect->flow.user, sizeof(connect->flow.user), connect->caller.person.user);
	(void)azjit_copy(connect->flow.session, sizeof(connect->flow.session), connect->caller.session);
	(void)azjit_copy(need.user, sizeof(need.user), connect->caller.person.user);
	(void)azjit_copy(need.session, sizeof(need.session), connect->caller.session);
	connect->waiter = azjit_engine_need(broker->engine, &need, on_progress, on_need, connect);
	if (!connect->waiter)
		finish(connect, AZJIT_NOMEM, "the broker has no memory for one more request");
}

static void on_found(void *userdata, enum azjit_result result, const char *text, struct azjit_target *found)
{
	_cleanup_(azjit_target_freep) struct azjit_target *target = found;
	struct connect *connect = userdata;
	const struct azjit_access_rule *rule = NULL;
	struct azjit_sources sources = {.count = 0};
	struct azjit_reason reason = {""};

	connect->lookup = NULL;
	if (result != AZJIT_OK)
		result = gate_lookup_failed(connect->conn, &connect->caller, result, connect->host,
		                            connect->port, text, &reason);
	else
		result = gate_target(conn_broker(connect->conn), &connect->caller, connect->host, target,
		                     NULL, &rule, &sources, &reason);
	if (result == AZJIT_OK && connect->start)
		result = gate_start(conn_broker(connect->conn), &connect->caller, connect->host, target, rule,
		                    &reason);
	if (result != AZJIT_OK)
		finish(connect, result, reason.text);
	else
		need(connect, STEAL(target), rule, &sources);
}

static enum azjit_result read_message(struct connect *connect, const struct azjit_wire_msg *msg,
                                      struct azjit_reason *reason)
{
	if (!azjit_copy(connect->host, sizeof(connect->host), azjit_wire_get(msg, "host")))
		return azjit_fail(reason, AZJIT_USAGE, "the host's name is too long");
	if (azjit_parse_port(azjit_wire_get(msg, "port"), &connect->port) != AZJIT_OK)
		return azjit_fail(reason, AZJIT_USAGE, "'%s' is no port", azjit_wire_get(msg, "port"));
	return gate_start_wanted(msg, &connect->start, reason);
}

void verb_connect(struct conn *conn, const struct azjit_wire_msg *msg)
{
	struct broker *broker = conn_broker(conn);
	struct connect *connect = calloc(1, sizeof(*connect));
	struct azjit_reason reason = {""};
	enum azjit_result result;

	if (!connect) {
		conn_done(conn, AZJIT_NOMEM, "the broker has no memory for one more connection");
		return;
	}
	connect->conn = conn;
	result = read_message(connect, msg, &reason);
	if (result == AZJIT_OK)
		result = caller_of(conn, msg, &connect->caller, &reason);
	if (result == AZJIT_OK)
		result = gate_host(broker, &connect->caller, connect->host, connect->port, &reason);
	if (result == AZJIT_OK && !relay_link_up(broker->relay))
		result = azjit_fail(
		        &reason, AZJIT_BROKER_DOWN,
		        "azjit-relay does not run, so nothing can be connected: systemctl start azjit-relay");
	if (result != AZJIT_OK) {
		finish(connect, result, reason.text);
		return;
	}
	conn_busy(conn, connect, gone);
	connect->lookup = azjit_inventory_lookup(broker->inventory, connect->host, connect->port, LOOKUP_MS,
	                                         on_found, connect);
	if (!connect->lookup)
		finish(connect, AZJIT_NOMEM, "the broker has no memory for one more connection");
}

struct connects *connects_new(struct broker *broker)
{
	struct connects *connects = calloc(1, sizeof(*connects));

	if (!connects)
		return NULL;
	connects->broker = broker;
	if (azjit_loop_timer(broker->loop, 0, on_ready, connects, &connects->timer) == AZJIT_OK)
		return connects;
	free(connects);
	return NULL;
}

void connects_free(struct connects *connects)
{
	if (!connects)
		return;
	azjit_source_free(connects->timer);
	free(connects);
}
