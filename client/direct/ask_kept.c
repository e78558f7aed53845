// SPDX-License-Identifier: Apache-2.0
#include "ask_kept.h"

#include "ask.h"

#include <stdio.h>

static const struct azjit_call_options read_options = {.retries = 4};

static void note_memory(struct ask *ask)
{
	if (ask->kept->keep->failed)
		ask->result = azjit_fail(&ask->direct->reason, AZJIT_NOMEM, "out of memory");
}

#define SCOPE_CHARS 128
static void scope_of(const char *subscription, char ret_text[SCOPE_CHARS])
{
	(void)snprintf(ret_text, SCOPE_CHARS, "/subscriptions/%s", subscription);
}

// --- policy assignments ---------------------------------------------------------------------------------

#define ASSIGNMENTS_READ  "Microsoft.Authorization/policyAssignments/read"
#define ASSIGNMENTS_WRITE "Microsoft.Authorization/policyAssignments/write"

static void got_assignments(void *userdata, const struct azjit_answer *answer,
                            const struct azjit_policy_assignment *list, size_t count)
{
	struct ask *ask = userdata;

	if (!ask_take_status(ask, answer))
		return;
	ask->kept->list = keep_assignments(ask->kept->keep, list, count);
	ask->kept->count = count;
	note_memory(ask);
}

enum azjit_result ask_assignments(struct direct *direct, const char *subscription, struct kept *ret)
{
	char scope[SCOPE_CHARS];
	struct ask ask = {.direct = direct,
	                  .what = "the policy assignments",
	                  .scope = scope,
	                  .done_to = "read",
	                  .right = ASSIGNMENTS_READ,
	                  .kept = ret};

	scope_of(subscription, scope);
	return ask_await(&ask, azjit_policy_assignment_list(direct->azure, scope, read_options,
	                                                    got_assignments, &ask));
}

enum azjit_result ask_assignment(struct direct *direct, const char *id, struct keep *keep,
                                 const struct azjit_policy_assignment **ret)
{
	struct kept kept = {.keep = keep};
	struct ask ask = {.direct = direct,
	                  .what = "the state",
	                  .scope = id,
	                  .done_to = "read",
	                  .right = ASSIGNMENTS_READ,
	                  .kept = &kept};
	enum azjit_result result = ask_await(
	        &ask, azjit_policy_assignment_get(direct->azure, id, read_options, got_assignments, &ask));

	if (result == AZJIT_OK)
		*ret = kept.list;
	return result;
}

static void got_write(void *userdata, const struct azjit_answer *answer,
                      const struct azjit_policy_assignment *list, size_t count)
{
	(void)ask_take_status(userdata, answer);
}

enum azjit_result ask_assignment_set(struct direct *direct, const struct azjit_policy_assignment *assignment,
                                     const char *parameter, const char *value, bool *ret_unsure)
{
	const struct azjit_call_options once = {.retries = 0};
	struct ask ask = {.direct = direct,
	                  .what = parameter,
	                  .scope = assignment->id,
	                  .done_to = "written",
	                  .right = ASSIGNMENTS_WRITE};
	enum azjit_result result =
	        ask_await(&ask, azjit_policy_assignment_set(direct->azure, assignment, parameter, value, once,
	                                                    got_write, &ask));

	*ret_unsure = ask.unsure;
	return result;
}

// --- Defender -------------------------------------------------------------------------------------------

static void got_assessments(void *userdata, const struct azjit_answer *answer,
                            const struct azjit_assessment *list, size_t count)
{
	struct ask *ask = userdata;

	if (!ask_take_status(ask, answer))
		return;
	ask->kept->list = keep_assessments(ask->kept->keep, list, count);
	ask->kept->count = count;
	note_memory(ask);
}

enum azjit_result ask_assessments(struct direct *direct, const char *subscription, struct kept *ret)
{
	char scope[SCOPE_CHARS];
	struct ask ask = {.direct = direct,
	                  .what = "the assessments",
	                  .scope = scope,
	                  .done_to = "read",
	                  .right = "Microsoft.Security/assessments/read",
	                  .kept = ret};

	scope_of(subscription, scope);
	return ask_await(&ask,
	                 azjit_assessment_list(direct->azure, scope, read_options, got_assessments, &ask));
}

static void got_pricing(void *userdata, const struct azjit_answer *answer,
                        const struct azjit_pricing *pricing)
{
	struct ask *ask = userdata;
	struct azjit_pricing *copy;

	if (!ask_take_status(ask, answer))
		return;
	copy = keep_array(ask->kept->keep, 1, sizeof(*copy));
	if (copy) {
		copy->plan = pricing->plan;
		copy->tier = keep_text(ask->kept->keep, pricing->tier);
		copy->sub_plan = keep_text(ask->kept->keep, pricing->sub_plan);
	}
	ask->kept->list = copy;
	note_memory(ask);
}

enum azjit_result ask_pricing(struct direct *direct, const char *subscription, struct keep *keep,
                              const struct azjit_pricing **ret)
{
	char scope[SCOPE_CHARS];
	struct kept kept = {.keep = keep};
	struct ask ask = {.direct = direct,
	                  .what = "the Defender plan",
	                  .scope = scope,
	                  .done_to = "read",
	                  .right = "Microsoft.Security/pricings/read",
	                  .kept = &kept};
	enum azjit_result result;

	scope_of(subscription, scope);
	result = ask_await(&ask, azjit_pricing_get(direct->azure, scope, read_options, got_pricing, &ask));
	if (result == AZJIT_OK)
		*ret = kept.list;
	return result;
}

// --- security groups ------------------------------------------------------------------------------------

static void got_nsg(void *userdata, const struct azjit_answer *answer, const struct azjit_nsg *nsg)
{
	struct ask *ask = userdata;

	if (!ask_take_status(ask, answer))
		return;
	ask->kept->list = keep_nsg(ask->kept->keep, nsg);
	note_memory(ask);
}

enum azjit_result ask_nsg(struct direct *direct, const char *id, struct keep *keep,
                          const struct azjit_nsg **ret)
{
	struct kept kept = {.keep = keep};
	struct ask ask = {.direct = direct,
	                  .what = "the rules",
	                  .scope = id,
	                  .done_to = "read",
	                  .right = "Microsoft.Network/networkSecurityGroups/read",
	                  .kept = &kept};
	enum azjit_result result =
	        ask_await(&ask, azjit_nsg_get(direct->azure, id, read_options, got_nsg, &ask));

	if (result == AZJIT_OK)
		*ret = kept.list;
	return result;
}
