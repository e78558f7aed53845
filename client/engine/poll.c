// SPDX-License-Identifier: Apache-2.0
// Reads that many grants share: a policy or a security group is read once, however many wait for it.
// The policy cannot be paged and can reach megabytes (azure.md §12.8), so it is read less often.
#include "grants.h"

// After the newest interest: how long until the next read, by how long ago that was.
static const struct {
	uint64_t until_ms;
	unsigned policy_ms, nsg_ms;
} cadence[] = {
        {3000, 1000, 500},     {10000, 3000, 1000},        {30000, 5000, 2000},
        {120000, 10000, 5000}, {UINT64_MAX, 60000, 60000},
};

static unsigned poll_delay(const struct poller *poller)
{
	uint64_t age = azjit_time_monotonic_ms() - poller->since_ms;
	size_t i = 0;

	while (age > cadence[i].until_ms)
		i++;
	return poller->kind == POLL_POLICY ? cadence[i].policy_ms : cadence[i].nsg_ms;
}

static bool grant_uses(const struct azjit_grant *grant, const struct poller *poller)
{
	if (!grant->polling)
		return false;
	if (poller->kind == POLL_POLICY)
		return azjit_ieq(grant->policy_id, poller->id);
	for (int i = 0; i < LEVEL_COUNT; i++)
		if (grant->ev.levels[i].nsg_id && azjit_ieq(grant->ev.levels[i].nsg_id, poller->id))
			return true;
	return false;
}

static void poller_free(struct poller *poller)
{
	LIST_REMOVE(poller, link);
	azjit_call_cancel(poller->call);
	azjit_source_free(poller->timer);
	free(poller->id);
	free(poller);
}

static void poller_read(void *userdata);

// A read has ended and everybody was told: go on, or end with the last user.
static void poller_next(struct poller *poller)
{
	uint64_t delay = poller->again ? 0 : poll_delay(poller);

	poller->again = false;
	if (poller->users == 0) {
		poller_free(poller);
		return;
	}
	if (poller->timer)
		(void)azjit_source_timer(poller->timer, delay);
	else
		(void)azjit_loop_timer(poller->engine->loop, delay, poller_read, poller, &poller->timer);
}

static void policy_read(void *userdata, const struct azjit_answer *answer,
                        const struct azjit_jit_policy *policies, size_t count)
{
	struct poller *poller = userdata;
	struct azjit_grant *grant, *next;

	poller->call = NULL;
	poller->users++; // stays while we walk
	for (grant = TAILQ_FIRST(&poller->engine->grants); grant; grant = next) {
		next = TAILQ_NEXT(grant, link);
		if (grant_uses(grant, poller))
			evidence_policy(grant, answer, answer->result == AZJIT_OK && count ? policies : NULL);
	}
	poller->users--;
	poller_next(poller);
}

static void nsg_read(void *userdata, const struct azjit_answer *answer, const struct azjit_nsg *nsg)
{
	struct poller *poller = userdata;
	struct azjit_grant *grant, *next;

	poller->call = NULL;
	poller->users++;
	for (grant = TAILQ_FIRST(&poller->engine->grants); grant; grant = next) {
		next = TAILQ_NEXT(grant, link);
		if (grant_uses(grant, poller))
			evidence_nsg(grant, poller->id, answer, answer->result == AZJIT_OK ? nsg : NULL);
	}
	poller->users--;
	poller_next(poller);
}

static void poller_read(void *userdata)
{
	struct poller *poller = userdata;
	struct azjit_call_options options = {.deadline_ms = READ_DEADLINE_MS};

	if (poller->users == 0) {
		poller_free(poller);
		return;
	}
	if (poller->call)
		return;
	if (poller->kind == POLL_POLICY)
		poller->call = azjit_jit_get(poller->engine->azure, poller->id, options, policy_read, poller);
	else
		poller->call = azjit_nsg_get(poller->engine->azure, poller->id, options, nsg_read, poller);
}

static struct poller *poller_find(struct azjit_engine *engine, enum poll_kind kind, const char *id)
{
	struct poller *poller;

	LIST_FOREACH(poller, &engine->pollers, link)
	if (poller->kind == kind && azjit_ieq(poller->id, id))
		return poller;
	return NULL;
}

void poll_now(struct azjit_engine *engine, enum poll_kind kind, const char *id)
{
	struct poller *poller = poller_find(engine, kind, id);

	if (!poller)
		return;
	poller->since_ms = azjit_time_monotonic_ms();
	if (poller->call)
		poller->again = true;
	else if (poller->timer)
		(void)azjit_source_timer(poller->timer, 0);
}

static void poll_use(struct azjit_engine *engine, enum poll_kind kind, const char *id)
{
	struct poller *poller = poller_find(engine, kind, id);

	if (!poller) {
		poller = calloc(1, sizeof(*poller));
		if (!poller || !(poller->id = strdup(id))) {
			free(poller);
			engine_log(engine, LOG_ERR, "out of memory: %s is not read", id);
			return;
		}
		poller->engine = engine;
		poller->kind = kind;
		LIST_INSERT_HEAD(&engine->pollers, poller, link);
	}
	poller->users++;
	poller->since_ms = azjit_time_monotonic_ms();
	if (!poller->timer)
		(void)azjit_loop_timer(engine->loop, 0, poller_read, poller, &poller->timer);
	else
		poll_now(engine, kind, id);
}

static void poll_leave(struct azjit_engine *engine, enum poll_kind kind, const char *id)
{
	struct poller *poller = poller_find(engine, kind, id);

	if (poller && poller->users > 0)
		poller->users--; // the poller itself ends with its next turn
}

void grant_poll(struct azjit_grant *grant, bool on)
{
	void (*how)(struct azjit_engine *, enum poll_kind, const char *) = on ? poll_use : poll_leave;

	if (grant->polling == on) {
		if (!on)
			return;
		poll_now(grant->engine, POLL_POLICY, grant->policy_id);
		for (int i = 0; i < LEVEL_COUNT; i++)
			if (grant->ev.levels[i].nsg_id)
				poll_now(grant->engine, POLL_NSG, grant->ev.levels[i].nsg_id);
		return;
	}
	grant->polling = on;
	how(grant->engine, POLL_POLICY, grant->policy_id);
	for (int i = 0; i < LEVEL_COUNT; i++)
		if (grant->ev.levels[i].nsg_id)
			how(grant->engine, POLL_NSG, grant->ev.levels[i].nsg_id);
}

void pollers_free(struct azjit_engine *engine)
{
	while (!LIST_EMPTY(&engine->pollers))
		poller_free(LIST_FIRST(&engine->pollers));
}
