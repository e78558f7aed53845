// SPDX-License-Identifier: Apache-2.0
// Why Azure refused a request, where it may be the plan: just-in-time access needs Defender for Servers plan 2
// (azure.md §1.7). Asked only then, as the right to read it is not needed otherwise; a subscription of which
// Azure does not tell the plan gets a word of warning and the refusal as it was.
#include "grants.h"

#include <azjit/policy.h>

#include <stdio.h>

#define PLAN_MS 5000

static void got_plan(void *userdata, const struct azjit_answer *answer, const struct azjit_pricing *pricing)
{
	struct azjit_request *request = userdata;
	_cleanup_free_ char *refusal = STEAL(request->refusal);
	enum azjit_result result = AZJIT_REQUEST_REFUSED;
	const char *has = "";
	char text[1000];

	request->call = NULL;
	switch (pricing ? pricing->plan : AZJIT_PLAN_UNKNOWN) {
	case AZJIT_PLAN_FREE:
		has = "; its subscription has no Defender for Servers, and just-in-time access needs plan 2";
		result = AZJIT_UNSUPPORTED;
		break;
	case AZJIT_PLAN_1:
		has = "; its subscription has Defender for Servers plan 1, and just-in-time access needs "
		      "plan 2";
		result = AZJIT_UNSUPPORTED;
		break;
	case AZJIT_PLAN_UNKNOWN:
		if (answer->result == AZJIT_OK)
			has = "; just-in-time access needs Defender for Servers plan 2, and Azure does not "
			      "tell "
			      "whether its subscription has it";
		break;
	case AZJIT_PLAN_2:
		break;
	}
	snprintf(text, sizeof(text), "%.800s%s", refusal, has);
	request_over(request, result, text);
}

bool refusal_explain(struct azjit_request *request, const char *text)
{
	struct azjit_call_options options = {.deadline_ms = PLAN_MS};
	const struct azjit_grant *grant;
	char subscription[64], scope[80];

	// A renewal is tried again while the older request holds: no time for questions.
	TAILQ_FOREACH(grant, &request->engine->grants, link)
	if (grant->pending == request)
		return false;
	if (!azjit_id_segment(request->vm_id, "subscriptions", subscription, sizeof(subscription)))
		return false;
	(void)snprintf(scope, sizeof(scope), "/subscriptions/%s", subscription);
	request->refusal = strdup(text);
	if (request->refusal)
		request->call = azjit_pricing_get(request->engine->azure, scope, options, got_plan, request);
	return request->call != NULL;
}
