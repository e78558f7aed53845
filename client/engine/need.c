// SPDX-License-Identifier: Apache-2.0
// People who need a port: they join a live grant that covers the need, or make one.
#include "grants.h"

#include <stdarg.h>
#include <stdio.h>

void grant_progress(struct azjit_grant *grant, const char *stage, const char *fmt, ...)
{
	struct azjit_waiter *waiter, *next;
	char text[400];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	for (waiter = TAILQ_FIRST(&grant->waiters); waiter; waiter = next) {
		next = TAILQ_NEXT(waiter, link);
		if (waiter->progress)
			waiter->progress(waiter->userdata, stage, text);
	}
}

void waiter_free(struct azjit_waiter *waiter)
{
	azjit_source_free(waiter->timer);
	if (waiter->wanted)
		azjit_target_free(waiter->wanted->target);
	free(waiter->wanted);
	free(waiter);
}

void waiter_ready(struct azjit_waiter *waiter, enum azjit_result result, const char *reason)
{
	struct azjit_engine *engine = waiter->engine;

	if (waiter->grant)
		TAILQ_REMOVE(&waiter->grant->waiters, waiter, link);
	waiter_leaves_machine(waiter);
	waiter->ready = true;
	waiter->result = result;
	snprintf(waiter->reason.text, sizeof(waiter->reason.text), "%s", reason);
	waiter->timer = azjit_source_free(waiter->timer);
	TAILQ_INSERT_TAIL(&engine->ready, waiter, link);
	azjit_source_timer(engine->tell, 0);
}

void grant_tell(struct azjit_grant *grant, bool no_wait_only, enum azjit_result result, const char *reason)
{
	struct azjit_waiter *waiter, *next;

	for (waiter = TAILQ_FIRST(&grant->waiters); waiter; waiter = next) {
		next = TAILQ_NEXT(waiter, link);
		if (!no_wait_only || waiter->no_wait)
			waiter_ready(waiter, result, reason);
	}
}

static void waiter_deadline(void *userdata)
{
	struct azjit_waiter *waiter = userdata;
	struct azjit_reason reason;
	enum azjit_result result = grant_diagnose(waiter->grant, &reason);

	waiter_ready(waiter, result, reason.text);
}

struct azjit_waiter *azjit_waiter_cancel(struct azjit_waiter *waiter)
{
	if (!waiter)
		return NULL;
	if (waiter->ready)
		TAILQ_REMOVE(&waiter->engine->ready, waiter, link);
	else if (waiter->grant)
		TAILQ_REMOVE(&waiter->grant->waiters, waiter, link);
	waiter_leaves_machine(waiter);
	waiter_free(waiter);
	return NULL;
}

// Progress, too, is told in a later turn than the call that asked.
void waiters_greet(struct azjit_engine *engine)
{
	struct azjit_grant *grant;
	struct azjit_waiter *waiter, *next;

	TAILQ_FOREACH(grant, &engine->grants, link)
	for (waiter = TAILQ_FIRST(&grant->waiters); waiter; waiter = next) {
		bool tell = waiter->greet && waiter->progress && waiter != TAILQ_FIRST(&grant->waiters);

		next = TAILQ_NEXT(waiter, link); // a callback may cancel its own waiter
		waiter->greet = false;
		if (tell)
			waiter->progress(waiter->userdata, azjit_grant_state_name(grant->state),
			                 "the same was asked for already: waiting for it");
	}
}

// Does a live grant last long enough for this need?
static bool covers(const struct azjit_grant *grant, const struct azjit_need *need, int64_t duration_s)
{
	azjit_ticks left = grant->until - azjit_azure_now(grant->engine->azure);
	int64_t wanted_s = REUSE_S;

	if (need->exact)
		wanted_s = duration_s - grant->engine->config->duration_margin_s;
	if (wanted_s > duration_s)
		wanted_s = duration_s / 2; // short grants are shared, too
	return left >= wanted_s * AZJIT_TICKS_PER_S;
}

static struct azjit_grant *reusable(struct azjit_engine *engine, const struct azjit_need *need,
                                    int64_t duration_s)
{
	struct azjit_grant *grant;

	TAILQ_FOREACH(grant, &engine->grants, link)
	if (grant_live(grant) && grant->port == need->target->port &&
	    azjit_ieq(grant->vm_id, need->target->vm_id) && sources_equal(&grant->sources, &need->sources) &&
	    covers(grant, need, duration_s))
		return grant;
	return NULL;
}

// A fresh end that no other entry has: whole seconds from the check, and a nonce in the seven digits.
static azjit_ticks with_nonce(azjit_ticks end)
{
	char uuid[AZJIT_UUID_CHARS];
	uint64_t nonce = (uint64_t)azjit_time_now();

	if (azjit_uuid_random(uuid) == AZJIT_OK)
		nonce = strtoull(uuid + 24, NULL, 16);
	return end + 1 + (azjit_ticks)(nonce % (AZJIT_TICKS_PER_S - 1));
}

static bool copy_level(struct azjit_grant *grant, enum level_place place, const char *nsg_id)
{
	free(grant->ev.levels[place].nsg_id);
	grant->ev.levels[place].nsg_id = nsg_id ? strdup(nsg_id) : NULL;
	return !nsg_id || grant->ev.levels[place].nsg_id;
}

bool grant_take_target(struct azjit_grant *grant, struct azjit_target *target)
{
	azjit_target_free(grant->target);
	grant->target = target;
	grant->ev.levels[LEVEL_SUBNET].unknown = target->subnet_unread;
	return copy_level(grant, LEVEL_SUBNET, target->subnet_nsg_id) &&
	       copy_level(grant, LEVEL_NIC, target->nic_nsg_id);
}

static enum azjit_result make_grant(struct azjit_engine *engine, const struct azjit_need *need,
                                    azjit_ticks end, struct azjit_grant **ret, struct azjit_reason *reason)
{
	struct azjit_grant *grant = grant_new(engine);
	enum azjit_result result;

	if (!grant)
		return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	grant->vm_id = strdup(need->target->vm_id);
	grant->policy_id = strdup(need->target->policy.id);
	if (!grant->vm_id || !grant->policy_id || !grant_take_target(grant, need->target)) {
		if (grant->target == need->target)
			grant->target = NULL; // stays the caller's
		grant_free(grant);
		return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	}
	grant->port = need->target->port;
	grant->sources = need->sources;
	grant->until = with_nonce(end);
	grant->rule_max_s = need->rule->max_duration_s;
	azjit_copy(grant->user, sizeof(grant->user), need->user);
	azjit_copy(grant->rule, sizeof(grant->rule), need->rule->name);
	azjit_copy(grant->session, sizeof(grant->session), need->session);
	azjit_copy(grant->note, sizeof(grant->note), need->reason);
	grant->wants_probe = need->probe;
	result = conflict_request(grant, reason);
	if (result != AZJIT_OK) {
		grant->state = AZJIT_GRANT_FAILED;
		grant->ended_ms = azjit_time_monotonic_ms();
		snprintf(grant->reason, sizeof(grant->reason), "%s", reason->text);
	}
	*ret = grant;
	return result;
}

static void record_reuse(struct azjit_grant *grant, const struct azjit_need *need)
{
	char scratch[160];
	struct azjit_entry entry = grant_entry(
	        grant, AZJIT_ENTRY_GRANT, grant->state == AZJIT_GRANT_OPEN ? "reused" : "joined", scratch);

	entry.session = need->session;
	for (size_t i = 0; i < entry.field_count; i++)
		if (azjit_streq(entry.fields[i].key, "user"))
			entry.fields[i].value = need->user;
	(void)grant_record(grant, &entry, NULL);
}

// Finds or makes the grant of a need. *ret_ours: the target went to the grant.
static enum azjit_result serve(struct azjit_engine *engine, const struct azjit_need *need,
                               struct azjit_grant **ret, bool *ret_ours, struct azjit_reason *reason)
{
	struct azjit_request_terms terms;
	enum azjit_result result;

	result = azjit_request_check(engine->config, need->rule, need->target, &need->sources,
	                             need->duration_s, azjit_azure_now(engine->azure), &terms, reason);
	if (result != AZJIT_OK)
		return result;
	*ret = reusable(engine, need, terms.duration_s);
	if (*ret) {
		record_reuse(*ret, need);
		// Recovered, and Azure did not answer when it was: who comes knows the machine.
		*ret_ours = !(*ret)->target;
		if (*ret_ours && !grant_found(*ret, need->target))
			return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
		return AZJIT_OK;
	}
	result = make_grant(engine, need, terms.end, ret, reason);
	*ret_ours = *ret && (*ret)->target == need->target;
	return result;
}

static void join(struct azjit_grant *grant, struct azjit_waiter *waiter, uint64_t deadline_ms)
{
	waiter->grant = grant;
	if (grant->state == AZJIT_GRANT_OPEN && grant->unproven && waiter->probe) {
		grant->state = AZJIT_GRANT_WAITING; // for the handshake that proves it
		grant->wants_probe = true;
		grant_accepted(grant);
	}
	TAILQ_INSERT_TAIL(&grant->waiters, waiter, link);
	if (grant->state == AZJIT_GRANT_OPEN) {
		waiter_ready(waiter, AZJIT_OK, grant->evidence_text);
		return;
	}
	if (azjit_loop_timer(grant->engine->loop, deadline_ms, waiter_deadline, waiter, &waiter->timer) !=
	    AZJIT_OK) {
		waiter_ready(waiter, AZJIT_SYSTEM, "cannot set a timer");
		return;
	}
	if (waiter->probe && !grant->wants_probe) {
		grant->wants_probe = true;
		if (grant->state == AZJIT_GRANT_WAITING)
			grant_probe(grant, true);
	}
	if (waiter->no_wait && grant->state == AZJIT_GRANT_WAITING) {
		waiter_ready(waiter, AZJIT_OK, "the request was accepted");
		return;
	}
	waiter->greet = true;
	(void)azjit_source_timer(grant->engine->tell, 0);
}

void waiter_serve(struct azjit_waiter *waiter, const struct azjit_need *need, uint64_t deadline_ms)
{
	struct azjit_grant *grant = NULL;
	struct azjit_reason reason = {.text = ""};
	bool ours = false;
	enum azjit_result result = serve(waiter->engine, need, &grant, &ours, &reason);

	if (!ours)
		azjit_target_free(need->target);
	if (result != AZJIT_OK)
		waiter_ready(waiter, result, reason.text);
	else
		join(grant, waiter, deadline_ms);
}

struct azjit_waiter *azjit_engine_need(struct azjit_engine *engine, const struct azjit_need *need,
                                       azjit_progress_fn *progress, azjit_need_done_fn *fn, void *userdata)
{
	struct azjit_waiter *waiter = calloc(1, sizeof(*waiter));

	if (!waiter) {
		azjit_target_free(need->target);
		return NULL;
	}
	*waiter = (struct azjit_waiter){.engine = engine,
	                                .progress = progress,
	                                .fn = fn,
	                                .userdata = userdata,
	                                .probe = need->probe,
	                                .no_wait = need->no_wait};
	if (need->start)
		waiter_wants_machine(waiter, need);
	else
		waiter_serve(waiter, need, need->deadline_ms);
	return waiter;
}
