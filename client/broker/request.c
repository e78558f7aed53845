// SPDX-License-Identifier: Apache-2.0
// REQUEST: opens ports of several VMs without connecting to them. Of each target one PROGRESS with its
// outcome (stage open, accepted or failed; vm port result, and until source grant address firewall mapped_port
// where there is a grant), then one DONE with the first outcome that was not good. A tag that names several VMs is
// so many targets.
//
// Threat model: as connect.c; besides, the source a person asks for is only ever one that her rule permits
// (gate.h), and one message asks for no more than TARGETS_MAX.
#include "gate.h"
#include "report.h"
#include "verbs.h"

#include <azjit/time.h>
#include <strings.h>

#define LOOKUP_MS   10000
#define TARGETS_MAX 32

struct request;

struct item {
	struct request *request;
	struct azjit_lookup *lookup;
	struct azjit_waiter *waiter;
	char host[256];
	uint16_t port;
	bool any_port; // none was named
};

struct request {
	struct conn *conn;
	struct caller caller;
	char source[AZJIT_PREFIX_CHARS], reason[256];
	int64_t duration_s; // 0: the rule's own
	bool no_wait, start;
	struct item items[2 * TARGETS_MAX]; // as they were written, and what tags became
	size_t count, pending, good;
	size_t tags;              // items that became others
	bool starting;            // items may end before all have begun
	enum azjit_result result; // the first that was not good
	struct azjit_reason text;
};

static void request_free(struct request *request)
{
	for (size_t i = 0; i < request->count; i++) {
		azjit_lookup_cancel(request->items[i].lookup);
		azjit_waiter_cancel(request->items[i].waiter);
	}
	caller_clear(&request->caller);
	free(request);
}

static void gone(struct conn *conn, void *work)
{
	(void)conn;
	request_free(work);
}

static void finish_if_all(struct request *request)
{
	struct azjit_reason text;

	if (request->pending > 0 || request->starting)
		return;
	if (request->result != AZJIT_OK && request->count - request->tags > 1)
		(void)azjit_fail(&text, request->result, "%zu of %zu: %s", request->good,
		                 request->count - request->tags, request->text.text);
	else
		text = request->text;
	conn_done(request->conn, request->result, text.text);
	request_free(request);
}

static void put_grant(struct azjit_wire_out *out, const struct azjit_grant_view *view)
{
	char until[AZJIT_TIME_CHARS], source[AZJIT_SOURCES_MAX * (AZJIT_PREFIX_CHARS + 1)];

	azjit_time_format(view->until, until);
	report_sources(view->sources, source, sizeof(source));
	azjit_wire_put(out, "until", until);
	azjit_wire_put(out, "source", source[0] ? source : NULL);
	azjit_wire_put(out, "grant", view->id);
	if (view->target)
		report_way(out, view->target, view->mapped_port);
	azjit_wire_put(out, "evidence", view->evidence && view->evidence[0] ? view->evidence : NULL);
	if (view->target && view->target->experimental)
		azjit_wire_put(out, "experimental", "1");
}

static void end_item(struct item *item, enum azjit_result result, const char *reason,
                     const struct azjit_grant_view *view)
{
	struct request *request = item->request;
	const char *good = request->no_wait || (view && view->unproven) ? "accepted" : "open";
	struct azjit_wire_out out;

	conn_begin(&out, "PROGRESS");
	azjit_wire_put(&out, "stage", result == AZJIT_OK ? good : "failed");
	azjit_wire_put(&out, "text", reason && reason[0] ? reason : good);
	azjit_wire_put(&out, "vm", item->host);
	azjit_wire_put_u64(&out, "port", item->port);
	azjit_wire_put(&out, "result", azjit_result_name(result));
	if (view)
		put_grant(&out, view);
	conn_send(request->conn, &out);
	if (result == AZJIT_OK)
		request->good++;
	else if (request->result == AZJIT_OK) {
		request->result = result;
		(void)azjit_fail(&request->text, result, "%s", reason ? reason : "");
	}
	request->pending--;
	finish_if_all(request);
}

static void on_need(void *userdata, enum azjit_result result, const char *reason,
                    const struct azjit_grant_view *view)
{
	struct item *item = userdata;

	item->waiter = NULL;
	end_item(item, result, reason, view);
}

static void on_progress(void *userdata, const char *stage, const char *text)
{
	struct item *item = userdata;
	struct azjit_wire_out out;

	conn_begin(&out, "PROGRESS");
	azjit_wire_put(&out, "stage", stage);
	azjit_wire_put(&out, "text", text);
	azjit_wire_put(&out, "vm", item->host);
	azjit_wire_put_u64(&out, "port", item->port);
	conn_send(item->request->conn, &out);
}

static void need(struct item *item, struct azjit_target *target, const struct azjit_access_rule *rule,
                 const struct azjit_sources *sources)
{
	struct request *request = item->request;
	struct broker *broker = conn_broker(request->conn);
	struct azjit_need need = {.target = target,
	                          .sources = *sources,
	                          .rule = rule,
	                          .duration_s = request->duration_s,
	                          .exact = request->duration_s > 0,
	                          .no_wait = request->no_wait,
	                          .start = request->start,
	                          .deadline_ms = (unsigned)broker->config->deadline_s * 1000};

	(void)azjit_copy(item->host, sizeof(item->host), target->vm_name);
	(void)azjit_copy(need.user, sizeof(need.user), request->caller.person.user);
	(void)azjit_copy(need.session, sizeof(need.session), request->caller.session);
	(void)azjit_copy(need.reason, sizeof(need.reason), request->reason);
	item->waiter = azjit_engine_need(broker->engine, &need, on_progress, on_need, item);
	if (!item->waiter)
		end_item(item, AZJIT_NOMEM, "the broker has no memory for one more request", NULL);
}

static void expand(struct item *tag);

static bool is_tag(const char *host)
{
	return strncasecmp(host, AZJIT_TAG_PREFIX, strlen(AZJIT_TAG_PREFIX)) == 0;
}

static void on_found(void *userdata, enum azjit_result result, const char *text, struct azjit_target *found)
{
	_cleanup_(azjit_target_freep) struct azjit_target *target = found;
	struct item *item = userdata;
	struct request *request = item->request;
	const struct azjit_access_rule *rule = NULL;
	struct azjit_sources sources = {.count = 0};
	struct azjit_reason reason = {""};

	item->lookup = NULL;
	if (result == AZJIT_AMBIGUOUS && is_tag(item->host)) {
		expand(item);
		return;
	}
	if (result != AZJIT_OK)
		result = gate_lookup_failed(request->conn, &request->caller, result, item->host, item->port,
		                            text, &reason);
	else
		result = gate_target(conn_broker(request->conn), &request->caller, item->host, target,
		                     request->source[0] ? request->source : NULL, &rule, &sources, &reason);
	if (result == AZJIT_OK && request->start)
		result = gate_start(conn_broker(request->conn), &request->caller, item->host, target, rule,
		                    &reason);
	if (result != AZJIT_OK)
		end_item(item, result, reason.text, NULL);
	else
		need(item, STEAL(target), rule, &sources);
}

static void start_item(struct item *item)
{
	struct request *request = item->request;
	struct broker *broker = conn_broker(request->conn);
	struct azjit_reason reason = {""};
	enum azjit_result result = gate_host(broker, &request->caller, item->host, item->port, &reason);

	if (result == AZJIT_OK) {
		item->lookup = azjit_inventory_lookup(broker->inventory, item->host, item->port, LOOKUP_MS,
		                                      on_found, item);
		if (!item->lookup)
			result = azjit_fail(&reason, AZJIT_NOMEM,
			                    "the broker has no memory for one more request");
	}
	if (result != AZJIT_OK)
		end_item(item, result, reason.text, NULL);
}

// --- which port, which VMs ----------------------------------------------------------------------------

// Without a port: the first of the rules' ports that is managed on this VM, best one that she may open.
static uint16_t port_of(struct broker *broker, const struct caller *caller, const char *host)
{
	uint16_t managed = 0;

	for (size_t r = 0; r < broker->config->rule_count; r++) {
		const struct azjit_access_rule *rule = &broker->config->rules[r];

		for (size_t p = 0; p < rule->port_count; p++) {
			_cleanup_(azjit_target_freep) struct azjit_target *target = NULL;
			const struct azjit_access_rule *found;

			if (azjit_inventory_find(broker->inventory, host, rule->ports[p], &target, NULL) !=
			    AZJIT_OK)
				continue;
			managed = managed ? managed : rule->ports[p];
			if (azjit_access_target(broker->config, &caller->person, target->vm_id,
			                        rule->ports[p], &found, NULL) == AZJIT_OK)
				return rule->ports[p];
		}
	}
	return managed ? managed : 22;
}

// The VMs that a tag names: those that she may hear of, each an item of its own; how many there are besides.
struct bearers {
	struct item *tag;
	size_t first, hidden;
	bool crowded;
};

static void add_bearer(void *userdata, const char *vm_id, const char *written)
{
	struct bearers *bearers = userdata;
	struct request *request = bearers->tag->request;
	struct item *item = &request->items[request->count];

	if (!gate_knows(request->conn, &request->caller, vm_id)) {
		bearers->hidden++;
		return;
	}
	bearers->crowded |= request->count - bearers->first == TARGETS_MAX ||
	                    request->count == AZJIT_COUNT(request->items);
	if (bearers->crowded || !azjit_copy(item->host, sizeof(item->host), written))
		return;
	item->request = request;
	item->port = bearers->tag->any_port
	                     ? port_of(conn_broker(request->conn), &request->caller, item->host)
	                     : bearers->tag->port;
	request->count++;
}

// Nothing is opened of a tag that names more than fit.
static void expand(struct item *tag)
{
	struct request *request = tag->request;
	struct broker *broker = conn_broker(request->conn);
	struct bearers bearers = {.tag = tag, .first = request->count};
	struct azjit_reason reason;
	size_t all = azjit_inventory_candidates(broker->inventory, tag->host, add_bearer, &bearers);

	if (bearers.crowded || all > AZJIT_CANDIDATES_MAX) {
		request->count = bearers.first;
		(void)azjit_fail(&reason, AZJIT_USAGE,
		                 "%s names more VMs than fit in one request, which are %d", tag->host,
		                 TARGETS_MAX);
		end_item(tag, AZJIT_USAGE, reason.text, NULL);
		return;
	}
	request->starting = true;
	request->pending += request->count - bearers.first;
	for (size_t i = bearers.first, count = request->count; i < count; i++)
		start_item(&request->items[i]);
	if (bearers.hidden) {
		end_item(tag,
		         gate_hidden(broker, &request->caller, tag->host, tag->port, bearers.hidden, &reason),
		         reason.text, NULL);
	} else {
		request->tags++;
		request->pending--;
	}
	request->starting = false;
	finish_if_all(request);
}

// --- the message --------------------------------------------------------------------------------------

// "VM" or "VM:PORT", where a VM may be written "tag:NAME=VALUE".
static enum azjit_result add_item(struct request *request, const char *text, size_t len,
                                  struct azjit_reason *reason)
{
	struct item *item = &request->items[request->count];
	char *colon;

	if (request->count == TARGETS_MAX)
		return azjit_fail(reason, AZJIT_USAGE, "at most %d targets fit in one request", TARGETS_MAX);
	if (len == 0 || len >= sizeof(item->host))
		return azjit_fail(reason, AZJIT_USAGE, "a target's name is empty or too long");
	item->request = request;
	memcpy(item->host, text, len);
	item->host[len] = '\0';
	colon = strrchr(item->host, ':');
	if (colon && strncasecmp(item->host, AZJIT_TAG_PREFIX, (size_t)(colon + 1 - item->host)) == 0)
		colon = NULL;
	if (colon) {
		*colon = '\0';
		if (azjit_parse_port(colon + 1, &item->port) != AZJIT_OK || !item->host[0])
			return azjit_fail(reason, AZJIT_USAGE, "'%s:%s' is not VM:PORT", item->host,
			                  colon + 1);
	} else {
		item->any_port = true;
		item->port = port_of(conn_broker(request->conn), &request->caller, item->host);
	}
	request->count++;
	return AZJIT_OK;
}

static enum azjit_result add_items(struct request *request, const char *targets, struct azjit_reason *reason)
{
	for (const char *p = targets;; p++) {
		size_t len = strcspn(p, ",");
		enum azjit_result result = add_item(request, p, len, reason);

		if (result != AZJIT_OK)
			return result;
		p += len;
		if (!*p)
			return AZJIT_OK;
	}
}

static enum azjit_result read_options(struct request *request, const struct azjit_wire_msg *msg,
                                      struct azjit_reason *reason)
{
	const char *duration = azjit_wire_get(msg, "for"), *source = azjit_wire_get(msg, "source"),
	           *words = azjit_wire_get(msg, "reason"), *wait = azjit_wire_get(msg, "wait");

	if (duration && azjit_duration_parse(duration, &request->duration_s) != AZJIT_OK)
		return azjit_fail(reason, AZJIT_USAGE, "'%s' is no duration: write 45m or 1h30m", duration);
	if (!azjit_copy(request->source, sizeof(request->source), source ? source : ""))
		return azjit_fail(reason, AZJIT_USAGE,
		                  "the source is neither self, client nor an address or CIDR");
	if (!azjit_copy(request->reason, sizeof(request->reason), words ? words : ""))
		return azjit_fail(reason, AZJIT_USAGE, "the reason is longer than %zu bytes",
		                  sizeof(request->reason) - 1);
	if (wait && !azjit_streq(wait, "0") && !azjit_streq(wait, "1"))
		return azjit_fail(reason, AZJIT_USAGE, "wait is 0 or 1");
	request->no_wait = wait && azjit_streq(wait, "0");
	return gate_start_wanted(msg, &request->start, reason);
}

void verb_request(struct conn *conn, const struct azjit_wire_msg *msg)
{
	struct request *request = calloc(1, sizeof(*request));
	struct azjit_reason reason = {""};
	enum azjit_result result;

	if (!request) {
		conn_done(conn, AZJIT_NOMEM, "the broker has no memory for one more request");
		return;
	}
	request->conn = conn;
	request->result = AZJIT_OK;
	result = read_options(request, msg, &reason);
	if (result == AZJIT_OK)
		result = caller_of(conn, msg, &request->caller, &reason);
	if (result == AZJIT_OK)
		result = add_items(request, azjit_wire_get(msg, "targets"), &reason);
	if (result != AZJIT_OK) {
		conn_done(conn, result, reason.text);
		request_free(request);
		return;
	}
	conn_busy(conn, request, gone);
	request->pending = request->count;
	request->starting = true;
	for (size_t i = 0; i < request->count; i++)
		start_item(&request->items[i]);
	request->starting = false;
	finish_if_all(request);
}
