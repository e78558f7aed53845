// SPDX-License-Identifier: Apache-2.0
#include "parse.h"

#include <azjit/text.h>

#define PRICING "/providers/Microsoft.Security/pricings/VirtualMachines?api-version=2022-03-01"

enum azjit_plan parse_plan(const json_t *pricing)
{
	const json_t *properties = js_member(pricing, "properties");
	const char *tier = js_text(properties, "pricingTier"), *plan = js_text(properties, "subPlan");

	if (azjit_ieq(tier, "Free"))
		return AZJIT_PLAN_FREE;
	if (!azjit_ieq(tier, "Standard"))
		return AZJIT_PLAN_UNKNOWN;
	if (azjit_ieq(plan, "P1"))
		return AZJIT_PLAN_1;
	return azjit_ieq(plan, "P2") ? AZJIT_PLAN_2 : AZJIT_PLAN_UNKNOWN;
}

static void plan_done(const struct call_result *call)
{
	azjit_plan_fn *fn = (azjit_plan_fn *)call->fn;

	fn(call->userdata, call->answer, call->json ? parse_plan(call->json) : AZJIT_PLAN_UNKNOWN);
}

struct azjit_call *azjit_plan_get(struct azjit_azure *azure, const char *scope,
                                  struct azjit_call_options options, azjit_plan_fn *fn, void *userdata)
{
	return call_new(azure, &(struct call_spec){.shape = CALL_OBJECT,
	                                           .id = scope,
	                                           .path = PRICING,
	                                           .options = options,
	                                           .done = plan_done,
	                                           .fn = (void (*)(void))fn,
	                                           .userdata = userdata});
}
