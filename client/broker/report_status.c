// SPDX-License-Identifier: Apache-2.0
// STATUS: the rows broker, azure, operation, grant and session of rows.h. An ordinary user sees the grants
// that she asked for or has a connection through, and her own sessions.
#include "flows.h"
#include "guard.h"
#include "relay_link.h"
#include "report.h"
#include "verbs.h"

#include <azjit/rows.h>

struct status {
	struct conn *conn;
	struct broker *broker;
	char user[256]; // "" shows everyone's
};

static const char *guard_word(enum guard_health health)
{
	switch (health) {
	case GUARD_ON:
		return "on";
	case GUARD_OFF:
		return "off";
	case GUARD_UNKNOWN:
		break;
	}
	return "unknown";
}

static void broker_row(const struct status *status)
{
	const struct broker *broker = status->broker;
	struct azjit_wire_out out;
	uint8_t digest[32];
	uint64_t seq = 0;

	azjit_ledger_head(broker->ledger, &seq, digest);
	conn_begin(&out, "ROW");
	azjit_wire_put(&out, "type", "broker");
	azjit_wire_put(&out, "version", AZJIT_VERSION);
	azjit_wire_put_u64(&out, "pid", (uint64_t)getpid());
	azjit_row_time(&out, "since", broker->since);
	azjit_wire_put(&out, "host", broker->host);
	azjit_wire_put(&out, "guard", guard_word(guard_health(broker->guard)));
	azjit_wire_put_u64(&out, "kill_switch", broker_killed(broker, NULL));
	azjit_wire_put(&out, "relay", relay_link_up(broker->relay) ? "up" : "down");
	azjit_wire_put(&out, "ledger", broker->config->ledger);
	azjit_wire_put_u64(&out, "ledger_seq", seq);
	azjit_wire_put_u64(&out, "callers", conns_count(broker->conns));
	conn_send(status->conn, &out);
}

static const char *some(const char *text)
{
	return text && text[0] ? text : NULL;
}

static const char *identity_word(enum azjit_identity_kind kind)
{
	switch (kind) {
	case AZJIT_IDENTITY_MANAGED:
		return "managed";
	case AZJIT_IDENTITY_CLIENT_SECRET:
		return "client-secret";
	case AZJIT_IDENTITY_CLIENT_CERTIFICATE:
		return "client-certificate";
	case AZJIT_IDENTITY_WORKLOAD:
		return "workload";
	case AZJIT_IDENTITY_ARC:
		return "arc";
	case AZJIT_IDENTITY_APP_SERVICE:
		return "app-service";
	case AZJIT_IDENTITY_BROUGHT: // no broker has these
	case AZJIT_IDENTITY_LOGIN:
	case AZJIT_IDENTITY_NONE:
		break;
	}
	return NULL;
}

static void azure_row(const struct status *status)
{
	const struct broker *broker = status->broker;
	const char *error = azjit_inventory_error(broker->inventory);
	struct azjit_inventory_counts counts = {0};
	struct azjit_azure_counts calls = {0};
	struct azjit_wire_out out;
	azjit_ticks age;

	azjit_inventory_counts(broker->inventory, &counts);
	age = azjit_time_now() - counts.refreshed;
	azjit_azure_counts(broker->azure, &calls);
	conn_begin(&out, "ROW");
	azjit_wire_put(&out, "type", "azure");
	azjit_wire_put(&out, "cloud", broker->config->cloud);
	azjit_wire_put(&out, "identity", identity_word(broker->config->identity));
	if (counts.refreshed || error[0])
		azjit_wire_put(&out, "result", azjit_result_name(broker->inventory_result));
	azjit_wire_put(&out, "reason", error[0] ? error : NULL);
	azjit_row_time(&out, "refreshed", counts.refreshed);
	if (counts.refreshed)
		azjit_wire_put(&out, "inventory", counts.graph ? "graph" : "lists");
	azjit_wire_put(&out, "why_lists", some(counts.why_lists));
	azjit_wire_put_u64(&out, "vms", counts.vms);
	azjit_wire_put_u64(&out, "policies", counts.policies);
	azjit_wire_put_u64(&out, "managed_ports", counts.managed_ports);
	azjit_wire_put_u64(&out, "reads", calls.reads);
	azjit_wire_put_u64(&out, "writes", calls.writes);
	azjit_wire_put_u64(&out, "deletes", calls.deletes);
	azjit_wire_put_u64(&out, "throttled", calls.throttled);
	azjit_wire_put_u64(&out, "failed", calls.failed);
	azjit_wire_put_u64(&out, "held", calls.held);
	if (calls.token_age_s >= 0)
		azjit_wire_put_u64(&out, "token_age_s", (uint64_t)calls.token_age_s);
	if (counts.refreshed && age >= 0)
		azjit_wire_put_u64(&out, "inventory_age_s", (uint64_t)(age / AZJIT_TICKS_PER_S));
	conn_send(status->conn, &out);
}

static void operation_rows(const struct status *status)
{
	struct azjit_azure_operation operation;
	struct azjit_wire_out out;

	for (size_t i = 0; azjit_azure_operation(status->broker->azure, i, &operation); i++) {
		if (operation.count == 0)
			continue;
		conn_begin(&out, "ROW");
		azjit_wire_put(&out, "type", "operation");
		azjit_wire_put(&out, "operation", operation.name);
		azjit_wire_put_u64(&out, "calls", operation.count);
		azjit_wire_put_u64(&out, "median_ms", operation.median_ms);
		azjit_wire_put_u64(&out, "p95_ms", operation.p95_ms);
		conn_send(status->conn, &out);
	}
}

static const char *protocol_word(enum azjit_protocol protocol)
{
	switch (protocol) {
	case AZJIT_PROTOCOL_TCP:
	case AZJIT_PROTOCOL_ANY:
		return "tcp";
	case AZJIT_PROTOCOL_UDP:
		return "udp";
	}
	return NULL;
}

static void put_target(struct azjit_wire_out *out, const struct azjit_target *target)
{
	azjit_wire_put(out, "vm", target->vm_name);
	azjit_wire_put(out, "vm_id", target->vm_id);
	azjit_wire_put_u64(out, "port", target->port);
	azjit_wire_put(out, "protocol", protocol_word(target->policy.protocol));
	if (target->experimental)
		azjit_wire_put_u64(out, "experimental", 1);
}

static void put_until(struct azjit_wire_out *out, azjit_ticks until, azjit_ticks now)
{
	azjit_row_time(out, "until", until);
	if (until > now)
		azjit_wire_put_u64(out, "left_s", (uint64_t)((until - now) / AZJIT_TICKS_PER_S));
}

static bool grant_row(void *userdata, const struct azjit_grant_view *view)
{
	const struct status *status = userdata;
	char source[AZJIT_SOURCES_MAX * (AZJIT_PREFIX_CHARS + 1)];
	struct azjit_wire_out out;

	if (status->user[0] && !azjit_streq(view->user, status->user) &&
	    flows_of(status->broker->flows, view->id, status->user) == 0)
		return true;
	report_sources(view->sources, source, sizeof(source));
	conn_begin(&out, "ROW");
	azjit_wire_put(&out, "type", "grant");
	azjit_wire_put(&out, "grant", view->id);
	azjit_wire_put(&out, "state", azjit_grant_state_name(view->state));
	azjit_wire_put(&out, "user", some(view->user));
	if (view->target) {
		put_target(&out, view->target);
		report_way(&out, view->target, view->mapped_port);
	}
	azjit_wire_put(&out, "source", some(source));
	put_until(&out, view->until, azjit_azure_now(status->broker->azure));
	azjit_wire_put_u64(&out, "flows", view->flows);
	azjit_wire_put_u64(&out, "waiters", view->waiters);
	azjit_wire_put(&out, "correlation_id", some(view->correlation_id));
	azjit_wire_put(&out, "rule", some(view->rule));
	azjit_wire_put(&out, "evidence", some(view->evidence));
	azjit_wire_put(&out, "reason", some(view->reason));
	azjit_wire_put(&out, "guard", view->guarded ? "on" : "off");
	conn_send(status->conn, &out);
	return true;
}

void verb_status(struct conn *conn, const struct azjit_wire_msg *msg)
{
	struct status status = {.conn = conn, .broker = conn_broker(conn)};
	const char *azure = azjit_wire_get(msg, "azure");
	struct azjit_reason reason = {""};
	enum azjit_result result;

	result = report_viewer(conn, status.user, &reason);
	if (result == AZJIT_OK) {
		broker_row(&status);
		azure_row(&status);
		if (azure && azjit_streq(azure, "1"))
			operation_rows(&status);
		azjit_engine_grants(status.broker->engine, grant_row, &status);
		result = report_sessions(conn, &(struct report_filter){.user = status.user}, &reason);
	}
	conn_done(conn, result, reason.text);
}
