// SPDX-License-Identifier: Apache-2.0
// Defender for Cloud: the JIT recommendation of resources, and the plan that pays for it.
#include <azjit/policy.h>

#include "parse.h"

#include <azjit/text.h>

#include <strings.h>

#define ASSESSMENTS "/providers/Microsoft.Security/assessments"
#define KEY         "805651bc-6ecd-4c73-9b55-97a19d0582d0" // azure.md §9
#define LIST        ASSESSMENTS "?api-version=2021-06-01"
#define ONE         ASSESSMENTS "/" KEY "?api-version=2021-06-01"
#define PRICING     "/providers/Microsoft.Security/pricings/VirtualMachines?api-version=2023-01-01"

// --- assessments --------------------------------------------------------------------------------------

// What the JIT assessment of this id is of, with *ret_len; NULL if it is another's. resourceDetails is not
// asked: its form depends on where the resource lives, the id's does not.
static const char *resource_of(const char *id, size_t *ret_len)
{
	static const char tail[] = ASSESSMENTS "/" KEY;
	size_t len = strlen(id);

	if (len <= strlen(tail) || strcasecmp(id + len - strlen(tail), tail) != 0)
		return NULL;
	*ret_len = len - strlen(tail);
	return id;
}

static bool parse_assessment(struct arena *arena, const json_t *item, const char *of, size_t len,
                             struct azjit_assessment *ret)
{
	const json_t *status = js_path(item, "properties", "status");
	char *resource = arena_array(arena, len + 1, 1);

	if (!resource)
		return false;
	memcpy(resource, of, len);
	*ret = (struct azjit_assessment){
	        .resource_id = resource,
	        .code = js_text(status, "code"),
	        .cause = js_text(status, "cause"),
	        .description = js_text(status, "description"),
	};
	return true;
}

const char *parse_assessments(struct arena *arena, const json_t *items, const struct azjit_assessment **ret,
                              size_t *ret_count)
{
	struct azjit_assessment *list = arena_array(arena, js_count(items), sizeof(*list));
	size_t count = 0, len = 0;

	for (size_t i = 0; list && i < js_count(items); i++) {
		const json_t *item = json_array_get(items, i);
		const char *of = resource_of(js_text(item, "id"), &len);

		if (of && !parse_assessment(arena, item, of, len, &list[count++]))
			return PARSE_NOMEM;
	}
	*ret = list;
	*ret_count = count;
	return list ? NULL : PARSE_NOMEM;
}

static void list_done(const struct call_result *call)
{
	azjit_assessments_fn *fn = (azjit_assessments_fn *)call->fn;
	const struct azjit_assessment *list = NULL;
	size_t count = 0;
	bool ok = call->json && parse_ok(call, parse_assessments(call->arena, call->json, &list, &count));

	fn(call->userdata, call->answer, ok ? list : NULL, ok ? count : 0);
}

static void one_done(const struct call_result *call)
{
	azjit_assessments_fn *fn = (azjit_assessments_fn *)call->fn;
	struct azjit_assessment one;
	size_t len = 0;
	const char *of = resource_of(js_text(call->json, "id"), &len), *what = NULL;
	bool ok;

	if (call->json && !of)
		what = "an assessment that is not the one asked for";
	else if (call->json && !parse_assessment(call->arena, call->json, of, len, &one))
		what = PARSE_NOMEM;
	ok = call->json && parse_ok(call, what);
	fn(call->userdata, call->answer, ok ? &one : NULL, ok);
}

struct azjit_call *azjit_assessment_list(struct azjit_azure *azure, const char *subscription,
                                         struct azjit_call_options options, azjit_assessments_fn *fn,
                                         void *userdata)
{
	return call_new(azure, &(struct call_spec){.shape = CALL_LIST,
	                                           .id = subscription,
	                                           .path = LIST,
	                                           .unique = "id",
	                                           .options = options,
	                                           .done = list_done,
	                                           .fn = (void (*)(void))fn,
	                                           .userdata = userdata});
}

struct azjit_call *azjit_assessment_get(struct azjit_azure *azure, const char *vm_id,
                                        struct azjit_call_options options, azjit_assessments_fn *fn,
                                        void *userdata)
{
	return call_new(azure, &(struct call_spec){.shape = CALL_OBJECT,
	                                           .id = vm_id,
	                                           .path = ONE,
	                                           .options = options,
	                                           .done = one_done,
	                                           .fn = (void (*)(void))fn,
	                                           .userdata = userdata});
}

// --- the plan -----------------------------------------------------------------------------------------

static enum azjit_plan plan_of(const char *tier, const char *plan)
{
	if (azjit_ieq(tier, "Free"))
		return AZJIT_PLAN_FREE;
	if (!azjit_ieq(tier, "Standard"))
		return AZJIT_PLAN_UNKNOWN;
	if (azjit_ieq(plan, "P1"))
		return AZJIT_PLAN_1;
	return azjit_ieq(plan, "P2") ? AZJIT_PLAN_2 : AZJIT_PLAN_UNKNOWN;
}

const char *parse_pricing(const json_t *object, struct azjit_pricing *ret)
{
	const json_t *properties = js_member(object, "properties");
	const char *tier = js_text(properties, "pricingTier"), *plan = js_text(properties, "subPlan");

	if (!*tier)
		return "a Defender plan without a tier";
	*ret = (struct azjit_pricing){.plan = plan_of(tier, plan), .tier = tier, .sub_plan = plan};
	return NULL;
}

static void pricing_done(const struct call_result *call)
{
	azjit_pricing_fn *fn = (azjit_pricing_fn *)call->fn;
	struct azjit_pricing pricing;
	bool ok = call->json && parse_ok(call, parse_pricing(call->json, &pricing));

	fn(call->userdata, call->answer, ok ? &pricing : NULL);
}

struct azjit_call *azjit_pricing_get(struct azjit_azure *azure, const char *subscription,
                                     struct azjit_call_options options, azjit_pricing_fn *fn, void *userdata)
{
	return call_new(azure, &(struct call_spec){.shape = CALL_OBJECT,
	                                           .id = subscription,
	                                           .path = PRICING,
	                                           .options = options,
	                                           .done = pricing_done,
	                                           .fn = (void (*)(void))fn,
	                                           .userdata = userdata});
}
