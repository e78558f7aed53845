// SPDX-License-Identifier: Apache-2.0
// Nobody is cut off: whether a newer request revokes older ones on a port is undocumented (azure.md §1.3),
// so it is found out by watching, remembered for the subscription with its evidence, and mended
// (docs/design.md §8).
//
// Habit "never": one request per source, each with its own end. Habit "supersedes": one request carries
// all live sources, with the earliest end, and is renewed without those that end: in the plural form; if
// that is refused, or taken and some of it dropped, with an entry of the port for each source; if that is,
// too, only one source can have the port: the first one keeps it and the newcomer is told, unless
// on_conflict = "replace". Never an enclosing range, a longer time for anyone, or a source that is not
// ours.
#include "grants.h"

#include <stdio.h>

#define RENEW_AGAIN_MS 500

const char *const habit_form_names[FORM_COUNT] = {"plural", "separate", "none"};

struct habit *habit_of(struct azjit_engine *engine, const char *vm_id)
{
	char subscription[64];
	struct habit *habit;

	if (!azjit_id_segment(vm_id, "subscriptions", subscription, sizeof(subscription)))
		return NULL;
	LIST_FOREACH(habit, &engine->habits, link)
	if (azjit_ieq(habit->subscription, subscription))
		return habit;
	habit = calloc(1, sizeof(*habit));
	if (!habit)
		return NULL;
	azjit_copy(habit->subscription, sizeof(habit->subscription), subscription);
	LIST_INSERT_HEAD(&engine->habits, habit, link);
	return habit;
}

static const char *habit_text(enum habit_form form)
{
	return form == FORM_PLURAL     ? "a newer request revokes older ones on the port"
	       : form == FORM_SEPARATE ? "several sources are taken as separate entries of the port only"
	                               : "a request for several sources is not taken in any form";
}

void habit_learn(struct azjit_grant *grant, bool supersede, enum habit_form form, const char *why)
{
	struct habit *habit = habit_of(grant->engine, grant->vm_id);
	char scratch[160];

	if (!habit || (supersede <= habit->ports_supersede && form <= habit->form))
		return;
	habit->ports_supersede |= supersede;
	if (form > habit->form)
		habit->form = form;
	struct azjit_entry entry = grant_entry(grant, AZJIT_ENTRY_ERROR, "habit", scratch);

	azjit_entry_put(&entry, "subscription", habit->subscription);
	azjit_entry_put(&entry, "supersede", habit->ports_supersede ? "1" : "0");
	azjit_entry_put(&entry, "form", habit_form_names[habit->form]);
	azjit_entry_put(&entry, "reason", why);
	(void)grant_record(grant, &entry, NULL);
	engine_log(grant->engine, LOG_NOTICE, "subscription %s: %s (%s)", habit->subscription,
	           habit_text(form), why);
}

static bool same_port(const struct azjit_grant *a, const struct azjit_grant *b)
{
	return a != b && a->port == b->port && azjit_ieq(a->vm_id, b->vm_id);
}

// Live grants on the grant's port with other sources; itself first.
static size_t port_grants(struct azjit_grant *grant, struct azjit_grant *ret[AZJIT_SOURCES_MAX])
{
	struct azjit_grant *other;
	size_t count = 0;

	ret[count++] = grant;
	TAILQ_FOREACH(other, &grant->engine->grants, link)
	if (count < AZJIT_SOURCES_MAX && same_port(other, grant) && grant_live(other) && other->request &&
	    other->request->state == REQUEST_TAKEN && !grant_near_end(other) &&
	    !sources_equal(&other->sources, &grant->sources))
		ret[count++] = other;
	return count;
}

static bool add_sources(struct azjit_sources *all, const struct azjit_sources *more)
{
	for (size_t i = 0; i < more->count; i++) {
		struct azjit_sources one = {.items = {more->items[i]}, .count = 1};
		bool known = false;

		for (size_t j = 0; j < all->count && !known; j++) {
			struct azjit_sources have = {.items = {all->items[j]}, .count = 1};

			known = sources_equal(&one, &have);
		}
		if (known)
			continue;
		if (all->count == AZJIT_SOURCES_MAX)
			return false;
		all->items[all->count++] = more->items[i];
	}
	return true;
}

// One request for all: the union of their sources, an end of its own just before the earliest of theirs.
static enum azjit_result request_together(struct azjit_grant **grants, size_t count, bool separate,
                                          struct azjit_reason *reason)
{
	struct azjit_sources all = {.kind = grants[0]->sources.kind};
	azjit_ticks end = grants[0]->until, last;

	for (size_t i = 0; i < count; i++) {
		if (!add_sources(&all, &grants[i]->sources))
			return azjit_fail(reason, AZJIT_BUSY,
			                  "more than %d addresses share this port already; try again later",
			                  AZJIT_SOURCES_MAX);
		if (grants[i]->until < end)
			end = grants[i]->until;
	}
	if (count == 1)
		return request_start(grants, 1, &all, separate, end, reason);
	last = end - end % AZJIT_TICKS_PER_S + grants[0]->until % AZJIT_TICKS_PER_S;
	if (last >= end)
		last -= AZJIT_TICKS_PER_S;
	return request_start(grants, count, &all, separate, last, reason);
}

static enum azjit_result request_by_habit(struct azjit_grant **grants, size_t count,
                                          struct azjit_reason *reason)
{
	const struct habit *habit = habit_of(grants[0]->engine, grants[0]->vm_id);

	return request_together(grants, count, habit && habit->form == FORM_SEPARATE, reason);
}

static enum azjit_result one_only(const struct azjit_grant *holder, struct azjit_reason *reason)
{
	char until[AZJIT_TIME_CHARS];

	azjit_time_format(holder->until, until);
	return azjit_fail(reason, AZJIT_BUSY,
	                  "port %u of %s is open for someone at another address, and Azure lets only one "
	                  "address have it "
	                  "here at a time; try again after %.19sZ",
	                  holder->port, azjit_id_name(holder->vm_id), until);
}

enum azjit_result conflict_request(struct azjit_grant *grant, struct azjit_reason *reason)
{
	struct habit *habit = habit_of(grant->engine, grant->vm_id);
	struct azjit_grant *all[AZJIT_SOURCES_MAX];
	size_t count = port_grants(grant, all);

	if (!habit || !habit->ports_supersede || count == 1)
		count = 1;
	else if (habit->form == FORM_NONE && !grant->engine->config->conflict_replace)
		return one_only(all[1], reason);
	else if (habit->form == FORM_NONE)
		count = 1;
	return request_by_habit(all, count, reason);
}

void conflict_watch(struct azjit_grant *newcomer)
{
	struct azjit_grant *other;

	TAILQ_FOREACH(other, &newcomer->engine->grants, link)
	if (same_port(other, newcomer) && other->state == AZJIT_GRANT_OPEN &&
	    other->request != newcomer->request)
		grant_poll(other, true); // its policy and groups are read closely again
}

static struct azjit_grant *newer_on_port(const struct azjit_grant *loser)
{
	struct azjit_grant *other, *newest = NULL;

	TAILQ_FOREACH(other, &loser->engine->grants, link)
	if (same_port(other, loser) && other->request && other->request != loser->request &&
	    other->request->state == REQUEST_TAKEN && loser->request &&
	    other->request->sent_ms >= loser->request->sent_ms &&
	    (!newest || other->request->sent_ms > newest->request->sent_ms))
		newest = other;
	return newest;
}

// The loser is asked for again: with everybody where some form works, else alone, and then those who
// took the port away are told.
static void restore(struct azjit_grant *loser, const char *how)
{
	const struct habit *habit = habit_of(loser->engine, loser->vm_id);
	struct azjit_grant *all[AZJIT_SOURCES_MAX];
	size_t count = port_grants(loser, all);
	struct azjit_reason reason;

	if (habit && habit->form == FORM_NONE && loser->engine->config->conflict_replace) {
		grant_close(loser, AZJIT_GRANT_CLOSED, "replaced by a newer request from another address");
		return;
	}
	loser->state = AZJIT_GRANT_REQUESTING;
	loser->restoring = true;
	engine_log(loser->engine, LOG_NOTICE, "port %u of %s for %s was taken away (%s): asking again",
	           loser->port, azjit_id_name(loser->vm_id), loser->user, how);
	if (habit && habit->form == FORM_NONE) {
		for (size_t i = 1; i < count; i++) {
			(void)one_only(loser, &reason);
			grant_fail(all[i], AZJIT_BUSY, "%s", reason.text);
		}
		count = 1;
	}
	loser->until -= 1; // a new nonce, never a later end
	if (request_by_habit(all, count, &reason) != AZJIT_OK)
		grant_fail(loser, AZJIT_REQUEST_FAILED, "%s", reason.text);
}

static void vanished(struct azjit_grant *grant, const char *how)
{
	struct azjit_reason reason;

	if (grant->ev.entry == AZJIT_STATE_REVOKED && grant->state == AZJIT_GRANT_OPEN) {
		grant_close(grant, AZJIT_GRANT_CLOSED, how);
	} else if (grant->state != AZJIT_GRANT_OPEN) {
		grant_fail(grant, AZJIT_REQUEST_FAILED, "Azure revoked the request: %s", how);
	} else if (grant->restored) {
		grant_close(grant, AZJIT_GRANT_CLOSED, "its rule was removed again");
	} else {
		grant->restored = true;
		grant->state = AZJIT_GRANT_REQUESTING;
		grant->until -= 1; // a new nonce, never a later end
		if (request_by_habit(&grant, 1, &reason) != AZJIT_OK)
			grant_fail(grant, AZJIT_LEDGER, "%s", reason.text);
	}
}

void conflict_lost(struct azjit_grant *loser, const char *how)
{
	struct azjit_grant *newer = newer_on_port(loser);
	char why[200];

	if (!newer || azjit_streq(loser->ev.entry_reason, "UserManuallyRevoked")) {
		vanished(loser, how);
		return;
	}
	if (sources_equal(&newer->sources, &loser->sources)) {
		grant_close(loser, AZJIT_GRANT_CLOSED, "a newer request for the same source took its place");
		return;
	}
	snprintf(why, sizeof(why),
	         "an open entry for %s ended with '%.100s' after a request for another source",
	         azjit_id_name(loser->vm_id), how);
	habit_learn(loser, true, FORM_PLURAL, why);
	restore(loser, how);
}

// The same once more, with an entry of the port for each source. What this teaches is known when Azure
// has taken it.
static bool again_separately(struct azjit_request *request)
{
	struct azjit_grant *grant, *all[AZJIT_SOURCES_MAX];
	struct azjit_reason reason;
	size_t count = 0;

	TAILQ_FOREACH(grant, &request->engine->grants, link)
	if (count < AZJIT_SOURCES_MAX && request_carries(request, grant))
		all[count++] = grant;
	if (!count)
		return false;
	request->users++;
	for (size_t i = 0; i < count; i++)
		if (all[i]->pending == request) {
			all[i]->pending = NULL;
			request_unref(request);
		}
	all[0]->until -= 1; // a new nonce, never a later end
	if (request_together(all, count, true, &reason) != AZJIT_OK)
		for (size_t i = 0; i < count; i++)
			if (all[i]->request == request)
				grant_fail(all[i], AZJIT_REQUEST_FAILED, "%s", reason.text);
	request_unref(request);
	return true;
}

void conflict_taken(struct azjit_request *request)
{
	struct azjit_grant *grant;

	TAILQ_FOREACH(grant, &request->engine->grants, link)
	if (request->separate && request_carries(request, grant)) {
		habit_learn(grant, false, FORM_SEPARATE,
		            "several sources in one entry were not taken, an entry for each was");
		return;
	}
}

// Whose access comes first where only one can have the port.
static struct azjit_grant *holder_of(const struct azjit_request *request)
{
	struct azjit_grant *grant, *holder = NULL;

	TAILQ_FOREACH(grant, &request->engine->grants, link)
	if (request_carries(request, grant) && (grant->restoring || grant->state == AZJIT_GRANT_OPEN) &&
	    (!holder || grant->restoring || grant->request->sent_ms < holder->request->sent_ms))
		holder = grant;
	return holder;
}

bool conflict_refused(struct azjit_request *request, bool dropped, const char *message)
{
	struct azjit_grant *grant, *next, *holder;
	struct azjit_reason reason;

	if (request->sources.count < 2)
		return false;
	request->state = REQUEST_DEAD;
	if (!request->separate)
		return again_separately(request);
	holder = holder_of(request);
	if (!holder)
		return false;
	habit_learn(holder, false, FORM_NONE, message);
	request->users++;
	for (grant = TAILQ_FIRST(&request->engine->grants); grant; grant = next) {
		next = TAILQ_NEXT(grant, link);
		if (!request_carries(request, grant))
			continue;
		if (grant->pending == request) {
			grant->pending = NULL;
			request_unref(request);
		} else if (grant != holder) {
			(void)one_only(holder, &reason);
			grant_fail(grant, AZJIT_BUSY, "%s", reason.text);
		}
	}
	if (holder->restoring || dropped)
		restore(holder, message);
	request_unref(request);
	return true;
}

void conflict_renew(struct azjit_request *request)
{
	struct azjit_grant *grant, *go_on[AZJIT_SOURCES_MAX];
	struct azjit_reason reason;
	size_t count = 0;

	request->renewed = true;
	TAILQ_FOREACH(grant, &request->engine->grants, link)
	{
		if (grant->request != request || grant->state != AZJIT_GRANT_OPEN)
			continue;
		if (count < AZJIT_SOURCES_MAX && grant->until > request->end + 2 * AZJIT_TICKS_PER_S)
			go_on[count++] = grant;
		else
			grant->leaving = true; // nobody takes it back from those who go on
	}
	if (!count)
		return;
	go_on[0]->until -= 1; // a new nonce, never a later end
	if (request_by_habit(go_on, count, &reason) != AZJIT_OK)
		conflict_unrenewed(go_on[0], reason.text);
	else if (go_on[0]->pending)
		go_on[0]->pending->rule_ms =
		        request->rule_ms; // the older rule stands: it cannot be seen anew
}

void conflict_unrenewed(struct azjit_grant *grant, const char *why)
{
	engine_log(grant->engine, LOG_WARNING, "grant %s was not renewed: %s", grant->id, why);
	snprintf(grant->reason, sizeof(grant->reason), "%s", why);
	request_unref(STEAL(grant->pending));
	grant->request->renewed = false;
	grant->request->renew_ms = azjit_time_monotonic_ms() + RENEW_AGAIN_MS;
}
