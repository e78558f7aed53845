// SPDX-License-Identifier: Apache-2.0
// A request for several people ends with the first of them, and is renewed in time for those who go on. What
// Azure does not take is tried again until the older request ends, at the pace that Azure asks for.
#include "grants.h"

#include <stdio.h>

#define AGAIN_MS   250
#define AGAIN_MOST 4 // doublings
#define TOGETHER   2 // so often for all who go on, then for the first of them alone

// Those who go on, the one who had the port longest first; the others are leaving.
static size_t who_go_on(const struct azjit_request *request, struct azjit_grant *ret[AZJIT_SOURCES_MAX])
{
	struct azjit_grant *grant;
	size_t count = 0;

	TAILQ_FOREACH(grant, &request->engine->grants, link)
	{
		if (grant->request != request || grant->state != AZJIT_GRANT_OPEN || grant->pending)
			continue;
		if (count == AZJIT_SOURCES_MAX || grant->until <= request->end + 2 * AZJIT_TICKS_PER_S) {
			grant->leaving = true; // nobody takes it back from those who go on
			continue;
		}
		ret[count++] = grant;
		if (grant->accepted_ms < ret[0]->accepted_ms) {
			ret[count - 1] = ret[0];
			ret[0] = grant;
		}
	}
	return count;
}

void conflict_renew(struct azjit_request *request)
{
	const struct habit *habit = habit_of(request->engine, request->vm_id);
	struct azjit_grant *go_on[AZJIT_SOURCES_MAX];
	struct azjit_reason reason;
	size_t count = who_go_on(request, go_on);
	bool alone = count > 1 && ((habit && habit->form == FORM_NONE) || request->renewals >= TOGETHER);

	request->renewed = true;
	if (!count)
		return;
	for (size_t i = 1; alone && i < count; i++) {
		(void)conflict_one_only(go_on[0], &reason);
		grant_fail(go_on[i], AZJIT_BUSY, "%s", reason.text);
	}
	go_on[0]->until -= 1; // a new nonce, never a later end
	if (conflict_by_habit(go_on, alone ? 1 : count, &reason) != AZJIT_OK)
		conflict_unrenewed(go_on[0], reason.text);
	if (!go_on[0]->pending)
		return;
	go_on[0]->pending->alone = alone;
	go_on[0]->pending->rule_ms = request->rule_ms; // the older rule stands: it cannot be seen anew
}

void conflict_unrenewed(struct azjit_grant *grant, const char *why)
{
	struct azjit_request *older = grant->request, *pending = STEAL(grant->pending);
	unsigned doublings = older->renewals < AGAIN_MOST ? older->renewals : AGAIN_MOST;
	int64_t again_ms = pending ? pending->again_ms : 0, delay_ms = AGAIN_MS << doublings;

	engine_log(grant->engine, LOG_WARNING, "grant %s was not renewed: %s", grant->id, why);
	snprintf(grant->reason, sizeof(grant->reason), "%s", why);
	if (older->renewed) { // once for all whom it carried
		older->renewals++;
		older->renewed = again_ms < 0;
		older->renew_ms =
		        azjit_time_monotonic_ms() + (uint64_t)(again_ms > delay_ms ? again_ms : delay_ms);
	}
	request_unref(pending);
}
