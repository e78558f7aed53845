// SPDX-License-Identifier: Apache-2.0
#include "flows.h"

#include "record.h"
#include "relay_link.h"

#include <azjit/log.h>
#include <stdio.h>

struct flows {
	struct broker *broker;
	struct flow *first, *ended; // ended: in this batch; the engine hears when they are durable
	bool batch, in_transaction;
};

static struct flow **place(struct flows *flows, const char *id)
{
	struct flow **at = &flows->first;

	while (*at && !azjit_streq((*at)->id, id))
		at = &(*at)->next;
	return at;
}

static void forget(struct flow **at)
{
	struct flow *flow = *at;

	*at = flow->next;
	free(flow);
}

static void move_to_ended(struct flows *flows, struct flow **at)
{
	struct flow *flow = *at;

	*at = flow->next;
	flow->next = flows->ended;
	flows->ended = flow;
}

size_t flows_count(const struct flows *flows)
{
	size_t count = 0;

	for (const struct flow *flow = flows->first; flow; flow = flow->next)
		count++;
	return count;
}

size_t flows_of(const struct flows *flows, const char *grant, const char *user)
{
	size_t count = 0;

	for (const struct flow *flow = flows->first; flow; flow = flow->next)
		count += azjit_streq(flow->grant, grant) && azjit_streq(flow->user, user);
	return count;
}

// --- entries ------------------------------------------------------------------------------------------

static struct azjit_entry entry_of(const struct flow *flow, const char *event, char port[8])
{
	struct azjit_entry entry = {
	        .kind = AZJIT_ENTRY_FLOW, .event = event, .session = flow->session, .grant = flow->grant};

	(void)snprintf(port, 8, "%u", flow->port);
	(void)azjit_entry_put(&entry, "user", flow->user[0] ? flow->user : NULL);
	(void)azjit_entry_put(&entry, "host", flow->host);
	(void)azjit_entry_put(&entry, "port", port);
	(void)azjit_entry_put(&entry, "flow", flow->id);
	return entry;
}

enum azjit_result flow_record_start(struct broker *broker, const struct flow *flow,
                                    struct azjit_reason *reason)
{
	char port[8];
	struct azjit_entry entry = entry_of(flow, "start", port);

	(void)azjit_entry_put(&entry, "dial", flow->dial[0] ? flow->dial : NULL);
	(void)azjit_entry_put(&entry, "text", "handed to the relay");
	return record_entry(broker, &entry, reason);
}

static void append(struct flows *flows, const struct azjit_entry *entry)
{
	if (flows->batch && !flows->in_transaction)
		flows->in_transaction = azjit_ledger_begin(flows->broker->ledger, NULL) == AZJIT_OK;
	(void)record_entry(flows->broker, entry, NULL);
}

static void append_end(struct flows *flows, const struct flow *flow, const char *event,
                       const struct azjit_wire_msg *msg)
{
	char port[8];
	struct azjit_entry entry = entry_of(flow, event, port);

	if (msg) {
		(void)azjit_entry_put(&entry, "in", azjit_wire_get(msg, "in"));
		(void)azjit_entry_put(&entry, "out", azjit_wire_get(msg, "out"));
		(void)azjit_entry_put(&entry, "result", azjit_wire_get(msg, "result"));
		(void)azjit_entry_put(&entry, "reason", azjit_wire_get(msg, "reason"));
	} else {
		(void)azjit_entry_put(&entry, "reason", "it ended while broker or relay were away");
	}
	append(flows, &entry);
}

void flows_begin_batch(struct flows *flows)
{
	flows->batch = true;
}

void flows_end_batch(struct flows *flows)
{
	struct broker *broker = flows->broker;
	struct azjit_reason reason = {""};
	bool durable = true;

	if (flows->in_transaction && azjit_ledger_commit(broker->ledger, &reason) != AZJIT_OK) {
		azjit_log(LOG_ERR, "what the relay reported cannot be recorded: %s", reason.text);
		azjit_ledger_rollback(broker->ledger);
		durable = false;
	}
	flows->batch = flows->in_transaction = false;
	while (flows->ended) {
		if (!flows->ended->unknown)
			azjit_engine_flow(broker->engine, flows->ended->grant, false);
		if (durable)
			relay_link_got(broker->relay, flows->ended->id);
		forget(&flows->ended);
	}
}

static void acknowledge_unknown(struct flows *flows, const char *id)
{
	struct flow *flow = calloc(1, sizeof(*flow));

	if (!flow || !azjit_copy(flow->id, sizeof(flow->id), id)) {
		free(flow);
		return;
	}
	flow->unknown = true;
	flow->next = flows->ended;
	flows->ended = flow;
}

// --- what the relay says ------------------------------------------------------------------------------

static struct flow **named(struct flows *flows, const struct azjit_wire_msg *msg)
{
	const char *id = azjit_wire_get(msg, "flow");
	struct flow **at = id ? place(flows, id) : NULL;

	return at && *at ? at : NULL;
}

void flows_event(struct flows *flows, const struct azjit_wire_msg *msg, const char *event)
{
	struct flow **at = named(flows, msg);
	struct azjit_entry entry;
	char port[8];

	if (!at)
		return;
	entry = entry_of(*at, event, port);
	append(flows, &entry);
}

void flows_end(struct flows *flows, const struct azjit_wire_msg *msg, const char *event)
{
	const char *id = azjit_wire_get(msg, "flow");
	struct flow **at = named(flows, msg);

	if (at) {
		append_end(flows, *at, event, msg);
		move_to_ended(flows, at);
	} else if (id) {
		acknowledge_unknown(flows, id);
	}
}

void flows_list(struct flows *flows)
{
	for (struct flow *flow = flows->first; flow; flow = flow->next)
		flow->unseen = true;
}

void flows_is(struct flows *flows, const struct azjit_wire_msg *msg)
{
	struct flow **at = named(flows, msg);

	if (at)
		(*at)->unseen = false;
	else
		azjit_log(LOG_WARNING, "azjit-relay has a connection that is in no ledger of ours");
}

void flows_listed(struct flows *flows)
{
	struct flow **at = &flows->first;

	while (*at) {
		if (!(*at)->unseen) {
			at = &(*at)->next;
			continue;
		}
		append_end(flows, *at, "end", NULL);
		move_to_ended(flows, at);
	}
}

// --- life ---------------------------------------------------------------------------------------------

bool flows_add(struct flows *flows, const struct flow *flow)
{
	struct flow *copy = malloc(sizeof(*copy));

	if (!copy)
		return false;
	*copy = *flow;
	copy->unseen = false;
	copy->next = flows->first;
	flows->first = copy;
	azjit_engine_flow(flows->broker->engine, copy->grant, true);
	return true;
}

static void recover_start(struct flows *flows, const struct azjit_entry *entry, const char *id)
{
	const char *user = azjit_entry_get(entry, "user"), *host = azjit_entry_get(entry, "host"),
	           *port = azjit_entry_get(entry, "port");
	struct flow *flow = calloc(1, sizeof(*flow));

	if (!flow)
		return;
	(void)azjit_copy(flow->id, sizeof(flow->id), id);
	(void)azjit_copy(flow->grant, sizeof(flow->grant), entry->grant ? entry->grant : "");
	(void)azjit_copy(flow->session, sizeof(flow->session), entry->session ? entry->session : "");
	(void)azjit_copy(flow->user, sizeof(flow->user), user ? user : "");
	(void)azjit_copy(flow->host, sizeof(flow->host), host ? host : "");
	if (port)
		(void)azjit_parse_port(port, &flow->port);
	flow->next = flows->first;
	flows->first = flow;
}

static bool recover(void *userdata, const struct azjit_entry_read *read)
{
	struct flows *flows = userdata;
	const struct azjit_entry *entry = read->entry;
	const char *id = azjit_entry_get(entry, "flow");
	struct flow **at;

	if (entry->kind != AZJIT_ENTRY_FLOW || !id || !entry->event)
		return true;
	at = place(flows, id);
	if (azjit_streq(entry->event, "start") && !*at)
		recover_start(flows, entry, id);
	else if (*at && (azjit_streq(entry->event, "end") || azjit_streq(entry->event, "refused")))
		forget(at);
	return true;
}

enum azjit_result flows_new(struct broker *broker, struct azjit_reason *reason, struct flows **ret)
{
	struct flows *flows = calloc(1, sizeof(*flows));
	enum azjit_result result;

	if (!flows)
		return azjit_fail(reason, AZJIT_NOMEM, "no memory for connections");
	flows->broker = broker;
	result = azjit_ledger_read(broker->ledger, 0, NULL, NULL, recover, flows, reason);
	if (result != AZJIT_OK) {
		flows_free(flows);
		return result;
	}
	for (const struct flow *flow = flows->first; flow; flow = flow->next)
		azjit_engine_flow(broker->engine, flow->grant, true);
	*ret = flows;
	return AZJIT_OK;
}

void flows_free(struct flows *flows)
{
	if (!flows)
		return;
	while (flows->first)
		forget(&flows->first);
	while (flows->ended)
		forget(&flows->ended);
	free(flows);
}
