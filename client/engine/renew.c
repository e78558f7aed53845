// SPDX-License-Identifier: Apache-2.0
// A request for several people ends with the first of them, and is renewed in time for those who go on. What
// Azure does not take is tried again until the older request ends, at the pace that Azure asks for.
#include "grants.h"

#include <stdio.h>

#define AGAIN_MS 250 // there are two seconds or little more
#define ALONE_MS 600 // so long before the end for the first one alone, if all were refused in every form

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
	azjit_ticks late = request->end - ALONE_MS * (AZJIT_TICKS_PER_S / 1000);
	bool alone = count > 1 && ((habit && habit->form == FORM_NONE) ||
	                           (request->refused && azjit_azure_now(request->engine->azure) >= late));

	request->renewed = true;
	if (!count)
		return;
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
	int64_t again_ms = pending ? pending->again_ms : 0;

	engine_log(grant->engine, LOG_WARNING, "grant %s was not renewed: %s", grant->id, why);
	snprintf(grant->reason, sizeof(grant->reason), "%s", why);
	grant->robbed = grant->robbed || (pending && pending->dropped);
	if (older->renewed) { // once for all whom it carried
		older->renewed = again_ms < 0;
		older->renew_ms =
		        azjit_time_monotonic_ms() + (uint64_t)(again_ms > AGAIN_MS ? again_ms : AGAIN_MS);
	}
	request_unref(pending);
}
