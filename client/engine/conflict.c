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
size_t conflict_port(struct azjit_grant *grant, struct azjit_grant *ret[AZJIT_SOURCES_MAX])
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
enum azjit_result conflict_together(struct azjit_grant **grants, size_t count, bool separate,
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
	separate = separate && all.count > 1;
	if (count == 1)
		return request_start(grants, 1, &all, separate, end, reason);
	last = end - end % AZJIT_TICKS_PER_S + grants[0]->until % AZJIT_TICKS_PER_S;
	if (last >= end)
		last -= AZJIT_TICKS_PER_S;
	return request_start(grants, count, &all, separate, last, reason);
}

enum azjit_result conflict_by_habit(struct azjit_grant **grants, size_t count, struct azjit_reason *reason)
{
	const struct habit *habit = habit_of(grants[0]->engine, grants[0]->vm_id);

	return conflict_together(grants, count, habit && habit->form == FORM_SEPARATE, reason);
}

enum azjit_result conflict_one_only(const struct azjit_grant *holder, struct azjit_reason *reason)
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
	size_t count = conflict_port(grant, all);

	if (!habit || !habit->ports_supersede || count == 1)
		count = 1;
	else if (habit->form == FORM_NONE && !grant->engine->config->conflict_replace)
		return conflict_one_only(all[1], reason);
	else if (habit->form == FORM_NONE)
		count = 1;
	return conflict_by_habit(all, count, reason);
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
	size_t count = conflict_port(loser, all);
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
			(void)conflict_one_only(loser, &reason);
			grant_fail(all[i], AZJIT_BUSY, "%s", reason.text);
		}
		count = 1;
	}
	loser->until -= 1; // a new nonce, never a later end
	if (conflict_by_habit(all, count, &reason) != AZJIT_OK)
		grant_fail(loser, AZJIT_REQUEST_FAILED, "%s", reason.text);
}

static void vanished(struct azjit_grant *grant, const char *how)
{
	struct azjit_reason reason;
	enum azjit_result result;

	bool superseded = azjit_streq(grant->ev.entry_reason, "NewerRequestInitiated");

	if (grant->ev.entry == AZJIT_STATE_REVOKED && grant->state == AZJIT_GRANT_OPEN &&
	    (grant->restored || !superseded || !grant->robbed)) {
		grant_close(grant, AZJIT_GRANT_CLOSED, how);
	} else if (grant->state != AZJIT_GRANT_OPEN) {
		grant_fail(grant, AZJIT_REQUEST_FAILED, "Azure revoked the request: %s", how);
	} else if (grant->restored) {
		grant_close(grant, AZJIT_GRANT_CLOSED, "its rule was removed again");
	} else {
		grant->restored = true;
		grant->state = AZJIT_GRANT_REQUESTING;
		grant->until -= 1; // a new nonce, never a later end
		result = conflict_by_habit(&grant, 1, &reason);
		if (result != AZJIT_OK)
			grant_fail(grant, result, "%s", reason.text);
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
