// SPDX-License-Identifier: Apache-2.0
// The end of a grant: after its time the rule must go, and a rule that stays is an alarm.
#include "grants.h"

#include <stdio.h>

#define NEAR_S     2
#define READ_MS    500    // how late a rule may be seen
#define GIVE_UP_MS 600000 // nobody could read the rules: said so, and the grant ends

bool grant_near_end(const struct azjit_grant *grant)
{
	azjit_ticks end = grant->request ? grant->request->end : grant->until;

	return grant->leaving || azjit_azure_now(grant->engine->azure) >= end - NEAR_S * AZJIT_TICKS_PER_S;
}

void grant_close(struct azjit_grant *grant, enum azjit_grant_state state, const char *how)
{
	char scratch[160];
	struct azjit_entry entry =
	        grant_entry(grant, AZJIT_ENTRY_GRANT, azjit_grant_state_name(state), scratch);

	azjit_entry_put(&entry, "reason", how[0] ? how : NULL);
	(void)grant_record(grant, &entry, NULL);
	grant_probe(grant, false);
	grant_poll(grant, false);
	grant->deadline = azjit_source_free(grant->deadline);
	request_unref(STEAL(grant->pending));
	grant->state = state;
	grant->ended_ms = azjit_time_monotonic_ms();
	snprintf(grant->reason, sizeof(grant->reason), "%s", how);
	grant_tell(grant, false, AZJIT_DEADLINE, how[0] ? how : "the grant has ended");
}

static void begin_expiring(struct azjit_grant *grant)
{
	char scratch[160];
	struct azjit_entry entry = grant_entry(grant, AZJIT_ENTRY_GRANT, "expiring", scratch);

	(void)grant_record(grant, &entry, NULL);
	grant->deadline = azjit_source_free(grant->deadline);
	grant->state = AZJIT_GRANT_EXPIRING;
	grant->expired_ms = azjit_time_monotonic_ms();
	for (int i = 0; i < LEVEL_COUNT; i++)
		grant->ev.levels[i].read = false;
	grant_probe(grant, false);
	grant_poll(grant, true);
	grant_tell(grant, false, AZJIT_DEADLINE, "the grant ended before the port opened");
}

static bool all_read(const struct azjit_grant *grant)
{
	for (int i = 0; i < LEVEL_COUNT; i++)
		if (grant->ev.levels[i].nsg_id && !grant->ev.levels[i].read)
			return false;
	return true;
}

// Another live grant of ours that keeps a rule for the same source there.
static bool held_by_another(const struct azjit_grant *grant)
{
	const struct azjit_grant *other;

	TAILQ_FOREACH(other, &grant->engine->grants, link)
	if (other != grant && grant_live(other) && other->port == grant->port &&
	    azjit_ieq(other->vm_id, grant->vm_id) && sources_equal(&other->sources, &grant->sources))
		return true;
	return false;
}

static void alarm_overdue(struct azjit_grant *grant)
{
	char scratch[160], until[AZJIT_TIME_CHARS];
	const char *rule = "";

	for (int i = 0; i < LEVEL_COUNT; i++)
		if (grant->ev.levels[i].jit_allow)
			rule = grant->ev.levels[i].jit_rule;
	struct azjit_entry entry = grant_entry(grant, AZJIT_ENTRY_GRANT, "overdue", scratch);

	azjit_entry_put(&entry, "rule", rule);
	(void)grant_record(grant, &entry, NULL);
	grant->state = AZJIT_GRANT_OVERDUE;
	azjit_time_format(grant->until, until);
	engine_log(grant->engine, LOG_WARNING,
	           "overdue: port %u of %s should be shut since %.19sZ, but the JIT rule '%s' is still there",
	           grant->port, azjit_id_name(grant->vm_id), until, rule);
}

static void check_end(struct azjit_grant *grant)
{
	uint64_t age = azjit_time_monotonic_ms() - grant->expired_ms;

	if (held_by_another(grant))
		grant_close(grant, AZJIT_GRANT_CLOSED, "another grant holds the same rule");
	else if (all_read(grant) && !evidence_jit_allow(grant))
		grant_close(grant, AZJIT_GRANT_CLOSED, "");
	else if (all_read(grant) && age >= OVERDUE_MS && grant->state == AZJIT_GRANT_EXPIRING)
		alarm_overdue(grant);
	else if (!all_read(grant) && age >= GIVE_UP_MS)
		grant_close(grant, AZJIT_GRANT_CLOSED, "whether the rule is gone could not be read");
}

static bool over(const struct azjit_grant *grant)
{
	return grant->ended_ms && azjit_time_monotonic_ms() - grant->ended_ms >= KEEP_MS;
}

static azjit_ticks renew_at(const struct azjit_request *request)
{
	uint64_t lead_ms = request->rule_ms + READ_MS;

	if (lead_ms < RENEW_LEAD_MIN)
		lead_ms = RENEW_LEAD_MIN;
	if (lead_ms > RENEW_LEAD_MAX)
		lead_ms = RENEW_LEAD_MAX;
	return request->end - (azjit_ticks)lead_ms * (AZJIT_TICKS_PER_S / 1000);
}

// An open grant whose combined request ends before it does.
static void go_on(struct azjit_grant *grant, azjit_ticks now)
{
	struct azjit_request *request = grant->request;
	char why[sizeof(grant->reason)];

	if (!grant->pending && !grant->leaving && now >= request->end) {
		snprintf(why, sizeof(why), "%s", grant->reason);
		grant_fail(grant, AZJIT_REQUEST_FAILED, "Azure did not renew it: %.900s", why);
	} else if (!grant->pending && !request->renewed && now >= renew_at(request) &&
	           azjit_time_monotonic_ms() >= request->renew_ms) {
		conflict_renew(request);
	}
}

void grant_tick(struct azjit_grant *grant)
{
	azjit_ticks now = azjit_azure_now(grant->engine->azure);
	struct azjit_request *request = grant->request;

	switch (grant->state) {
	case AZJIT_GRANT_OPEN:
		if (now >= grant->until)
			begin_expiring(grant);
		else if (request && request->end < grant->until - AZJIT_TICKS_PER_S)
			go_on(grant, now);
		break;
	case AZJIT_GRANT_CHECKING:
	case AZJIT_GRANT_REQUESTING:
	case AZJIT_GRANT_WAITING:
		if (now >= grant->until)
			begin_expiring(grant);
		else if (grant->state == AZJIT_GRANT_WAITING && !grant_ask_firewall(grant))
			grant_ask_power(grant);
		break;
	case AZJIT_GRANT_EXPIRING:
	case AZJIT_GRANT_OVERDUE:
		check_end(grant);
		break;
	case AZJIT_GRANT_FAILED:
	case AZJIT_GRANT_CLOSED:
	case AZJIT_GRANT_UNMANAGED:
		if (over(grant) && TAILQ_EMPTY(&grant->waiters))
			grant_free(grant);
		break;
	}
}
