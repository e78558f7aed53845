// SPDX-License-Identifier: Apache-2.0
// The engine: its life, its grants, and the entries they leave in the ledger.
#include "grants.h"

#include <stdarg.h>
#include <stdio.h>

#define TICK_MS 250

const char *azjit_grant_state_name(enum azjit_grant_state state)
{
	switch (state) {
	case AZJIT_GRANT_FAILED:
		return "failed";
	case AZJIT_GRANT_CHECKING:
		return "checking";
	case AZJIT_GRANT_REQUESTING:
		return "requesting";
	case AZJIT_GRANT_WAITING:
		return "waiting";
	case AZJIT_GRANT_OPEN:
		return "open";
	case AZJIT_GRANT_EXPIRING:
		return "expiring";
	case AZJIT_GRANT_CLOSED:
		return "closed";
	case AZJIT_GRANT_OVERDUE:
		return "overdue";
	case AZJIT_GRANT_UNMANAGED:
		return "unmanaged";
	}
	return "failed";
}

bool engine_stopped(const struct azjit_engine *engine, struct azjit_reason *reason)
{
	return engine->ops.stopped && engine->ops.stopped(engine->userdata, reason);
}

void engine_log(struct azjit_engine *engine, int level, const char *fmt, ...)
{
	char text[700];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	engine->ops.log(engine->userdata, level, text);
}

void sources_text(const struct azjit_sources *sources, char *ret_text, size_t size)
{
	struct azjit_buf buf = AZJIT_BUF(size - 1);

	for (size_t i = 0; i < sources->count; i++) {
		char one[AZJIT_PREFIX_CHARS];

		azjit_prefix_format(&sources->items[i], one);
		azjit_buf_printf(&buf, "%s%s", i ? "," : "", one);
	}
	snprintf(ret_text, size, "%s", buf.data ? buf.data : "");
	azjit_buf_free(&buf);
}

bool sources_equal(const struct azjit_sources *a, const struct azjit_sources *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		bool found = false;

		for (size_t j = 0; j < b->count && !found; j++)
			found = a->items[i].bits == b->items[j].bits &&
			        azjit_addr_equal(&a->items[i].addr, &b->items[j].addr);
		if (!found)
			return false;
	}
	return true;
}

struct azjit_grant *grant_new(struct azjit_engine *engine)
{
	struct azjit_grant *grant = calloc(1, sizeof(*grant));

	if (!grant)
		return NULL;
	if (azjit_uuid_random(grant->id) != AZJIT_OK) {
		free(grant);
		return NULL;
	}
	grant->engine = engine;
	TAILQ_INIT(&grant->waiters);
	TAILQ_INSERT_HEAD(&engine->grants, grant, link);
	return grant;
}

void grant_free(struct azjit_grant *grant)
{
	grant_probe(grant, false);
	grant_poll(grant, false);
	TAILQ_REMOVE(&grant->engine->grants, grant, link);
	request_unref(grant->request);
	request_unref(grant->pending);
	azjit_source_free(grant->deadline);
	azjit_lookup_cancel(grant->lookup);
	azjit_call_cancel(grant->power);
	azjit_call_cancel(grant->firewall);
	free(grant->managed);
	azjit_target_free(grant->target);
	for (int i = 0; i < LEVEL_COUNT; i++)
		free(grant->ev.levels[i].nsg_id);
	free(grant->vm_id);
	free(grant->policy_id);
	free(grant);
}

struct azjit_grant *grant_find(struct azjit_engine *engine, const char *id)
{
	struct azjit_grant *grant;

	TAILQ_FOREACH(grant, &engine->grants, link)
	if (azjit_streq(grant->id, id))
		return grant;
	return NULL;
}

bool grant_live(const struct azjit_grant *grant)
{
	switch (grant->state) {
	case AZJIT_GRANT_CHECKING:
	case AZJIT_GRANT_REQUESTING:
	case AZJIT_GRANT_WAITING:
	case AZJIT_GRANT_OPEN:
		return true;
	case AZJIT_GRANT_FAILED:
	case AZJIT_GRANT_EXPIRING:
	case AZJIT_GRANT_CLOSED:
	case AZJIT_GRANT_OVERDUE:
	case AZJIT_GRANT_UNMANAGED:
		return false;
	}
	return false;
}

void grant_view(const struct azjit_grant *grant, struct azjit_grant_view *ret)
{
	const struct azjit_request *request = grant->request;
	const struct azjit_waiter *waiter;

	*ret = (struct azjit_grant_view){
	        .id = grant->id,
	        .state = grant->state,
	        .target = grant->target,
	        .sources = &grant->sources,
	        .until = grant->until,
	        .user = grant->user,
	        .rule = grant->rule,
	        .correlation_id = request ? request->answer_correlation_id : "",
	        .client_request_id = request ? request->client_request_id : "",
	        .evidence = grant->evidence_text,
	        .reason = grant->reason,
	        .flows = grant->flows,
	        .guarded = grant->guarded,
	        .unproven = grant->unproven,
	        .older_port = grant_behind_firewall(grant) ? grant->ev.older_port : 0,
	        .mapped_port = grant_behind_firewall(grant) ? grant->ev.mapped_port : 0,
	};
	TAILQ_FOREACH(waiter, &grant->waiters, link)
	ret->waiters++;
}

void azjit_engine_grants(struct azjit_engine *engine, azjit_grant_fn *fn, void *userdata)
{
	struct azjit_grant *grant;

	TAILQ_FOREACH(grant, &engine->grants, link)
	{
		struct azjit_grant_view view;

		if (!grant->target)
			continue; // recovered, and inventory does not know its VM yet
		grant_view(grant, &view);
		if (!fn(userdata, &view))
			return;
	}
}

// scratch: room for the texts of the standing fields, which must live until the entry is appended.
struct azjit_entry grant_entry(const struct azjit_grant *grant, enum azjit_entry_kind kind, const char *event,
                               char scratch[160])
{
	struct azjit_entry entry = {
	        .kind = kind, .event = event, .session = grant->session, .grant = grant->id};
	char *until = scratch, *port = scratch + AZJIT_TIME_CHARS, *source = port + 8;

	azjit_time_format(grant->until, until);
	snprintf(port, 8, "%u", grant->port);
	sources_text(&grant->sources, source, 160 - AZJIT_TIME_CHARS - 8);
	azjit_entry_put(&entry, "vm", grant->vm_id);
	azjit_entry_put(&entry, "port", port);
	azjit_entry_put(&entry, "source", source);
	azjit_entry_put(&entry, "until", until);
	azjit_entry_put(&entry, "user", grant->user);
	return entry;
}

enum azjit_result grant_record(struct azjit_grant *grant, const struct azjit_entry *entry,
                               struct azjit_reason *reason)
{
	struct azjit_engine *engine = grant->engine;
	struct azjit_reason own;
	enum azjit_result result = azjit_ledger_append(engine->ledger, azjit_time_now(), entry, &own);

	if (result != AZJIT_OK) {
		engine_log(engine, LOG_ERR, "%s", own.text);
		if (reason)
			*reason = own;
	}
	return result;
}

static void engine_tick(void *userdata)
{
	struct azjit_engine *engine = userdata;
	struct azjit_grant *grant, *next;

	for (grant = TAILQ_FIRST(&engine->grants); grant; grant = next) {
		next = TAILQ_NEXT(grant, link);
		grant_tick(grant);
	}
	machines_tick(engine);
	azjit_source_timer(engine->tick, TICK_MS);
}

// Waiters are told from the loop, never from within the call that found their result.
static void engine_tell(void *userdata)
{
	struct azjit_engine *engine = userdata;
	struct azjit_waiter *waiter;

	waiters_greet(engine);
	while ((waiter = TAILQ_FIRST(&engine->ready))) {
		struct azjit_grant_view view;

		TAILQ_REMOVE(&engine->ready, waiter, link);
		if (waiter->grant)
			grant_view(waiter->grant, &view);
		waiter->fn(waiter->userdata, waiter->result, waiter->reason.text,
		           waiter->grant ? &view : NULL);
		waiter_free(waiter);
	}
}

enum azjit_result azjit_engine_new(struct azjit_loop *loop, const struct azjit_config *config,
                                   struct azjit_azure *azure, struct azjit_inventory *inventory,
                                   struct azjit_ledger *ledger, const struct azjit_engine_ops *ops,
                                   void *userdata, struct azjit_reason *reason, struct azjit_engine **ret)
{
	struct azjit_engine *engine = calloc(1, sizeof(*engine));
	enum azjit_result result;

	if (!engine)
		return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	*engine = (struct azjit_engine){.loop = loop,
	                                .config = config,
	                                .azure = azure,
	                                .inventory = inventory,
	                                .ledger = ledger,
	                                .ops = *ops,
	                                .userdata = userdata};
	TAILQ_INIT(&engine->grants);
	TAILQ_INIT(&engine->requests);
	TAILQ_INIT(&engine->ready);
	result = azjit_loop_timer(loop, TICK_MS, engine_tick, engine, &engine->tick);
	if (result == AZJIT_OK)
		result = azjit_loop_timer(loop, 0, engine_tell, engine, &engine->tell);
	if (result != AZJIT_OK)
		azjit_fail(reason, result, "cannot set a timer");
	else
		result = engine_recover(engine, reason);
	if (result != AZJIT_OK) {
		azjit_engine_free(engine);
		return result;
	}
	*ret = engine;
	return AZJIT_OK;
}

static void free_waiters(struct waiters *waiters)
{
	struct azjit_waiter *waiter;

	while ((waiter = TAILQ_FIRST(waiters))) {
		TAILQ_REMOVE(waiters, waiter, link);
		waiter_free(waiter);
	}
}

void azjit_engine_free(struct azjit_engine *engine)
{
	struct azjit_grant *grant;
	struct habit *habit;

	if (!engine)
		return;
	free_waiters(&engine->ready);
	while ((grant = TAILQ_FIRST(&engine->grants))) {
		free_waiters(&grant->waiters);
		grant_free(grant);
	}
	while ((habit = LIST_FIRST(&engine->habits))) {
		LIST_REMOVE(habit, link);
		free(habit);
	}
	machines_free(engine);
	pollers_free(engine);
	azjit_source_free(engine->tick);
	azjit_source_free(engine->tell);
	free(engine);
}

void azjit_engine_flow(struct azjit_engine *engine, const char *grant_id, bool begins)
{
	struct azjit_grant *grant = grant_find(engine, grant_id);

	if (!grant)
		return;
	if (begins)
		grant->flows++;
	else if (grant->flows > 0)
		grant->flows--;
}
