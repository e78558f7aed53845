// SPDX-License-Identifier: Apache-2.0
// What stands behind Defender's recommendation "management ports should be protected with just-in-time
// network access control": the policy assignments of a subscription, the recommendation of each VM, and
// the Defender plan. Facts: azure.md §9, §1.7; Microsoft.Authorization 2024-04-01/policyAssignments.json,
// Microsoft.Security 2021-06-01/assessments.json and 2023-01-01/pricings.json.
#ifndef AZJIT_POLICY_H
#define AZJIT_POLICY_H

#include <azjit/azure.h>

// The initiative that Defender assigns by default, its parameter, and what that may be (azure.md §9).
#define AZJIT_POLICY_BENCHMARK \
	"/providers/Microsoft.Authorization/policySetDefinitions/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"
#define AZJIT_POLICY_BENCHMARK_V2 \
	"/providers/Microsoft.Authorization/policySetDefinitions/e3ec7e09-768c-4b64-882c-fcada3772047"
#define AZJIT_POLICY_PARAMETER "jitNetworkAccessMonitoringEffect"
#define AZJIT_POLICY_ON        "AuditIfNotExists"
#define AZJIT_POLICY_OFF       "Disabled"

struct azjit_policy_parameter {
	const char *name;
	const char *value; // the text, or the JSON of what is no text; "" if it has no value
	bool text;         // false: value is JSON, or there is none
};

struct azjit_policy_assignment {
	const char *id, *name, *display_name, *scope, *definition_id; // "" if absent
	const char *enforcement_mode; // "Default", "DoNotEnforce", "" if absent
	const char *const *not_scopes;
	size_t not_scope_count;
	const struct azjit_policy_parameter *parameters; // none: unmodified, every default holds
	size_t parameter_count;
	bool overridden;  // has overrides[]: effects may be others than the parameters say
	const char *json; // the whole as Azure answered it, for azjit_policy_assignment_set
};

typedef void azjit_policy_assignments_fn(void *userdata, const struct azjit_answer *answer,
                                         const struct azjit_policy_assignment *assignments, size_t count);

// Those that apply to a subscription ("/subscriptions/ID"): its own, those of what it contains, and those
// of the management groups that it is in.
struct azjit_call *azjit_policy_assignment_list(struct azjit_azure *azure, const char *subscription,
                                                struct azjit_call_options options,
                                                azjit_policy_assignments_fn *fn, void *userdata);
// count is 1 on success. One of a management group cannot be asked: AZJIT_USAGE.
struct azjit_call *azjit_policy_assignment_get(struct azjit_azure *azure, const char *id,
                                               struct azjit_call_options options,
                                               azjit_policy_assignments_fn *fn, void *userdata);

// PUT of `assignment` as it was read, with one parameter set to a text: every other parameter and member
// goes back as it came, but for those that are read-only. Read it right before: a PUT replaces the whole
// and Azure gives no etag, so what another wrote since is lost. Sent at most once. After maybe_done, read
// again and compare before anything else: a second PUT might undo what another did meanwhile. What was
// stored is given back, count is 1.
struct azjit_call *azjit_policy_assignment_set(struct azjit_azure *azure,
                                               const struct azjit_policy_assignment *assignment,
                                               const char *parameter, const char *value,
                                               struct azjit_call_options options,
                                               azjit_policy_assignments_fn *fn, void *userdata);

// The JIT recommendation on one resource.
struct azjit_assessment {
	const char *resource_id;
	const char *code;  // "Healthy", "Unhealthy", "NotApplicable"; free text, "" if absent
	const char *cause; // "OffByPolicy" …, "" if absent
	const char *description;
};
typedef void azjit_assessments_fn(void *userdata, const struct azjit_answer *answer,
                                  const struct azjit_assessment *assessments, size_t count);
// Of everything in a subscription ("/subscriptions/ID"): all its assessments are read, this one is kept.
struct azjit_call *azjit_assessment_list(struct azjit_azure *azure, const char *subscription,
                                         struct azjit_call_options options, azjit_assessments_fn *fn,
                                         void *userdata);
// Of one VM: count is 1 on success; AZJIT_NOT_FOUND if it has none.
struct azjit_call *azjit_assessment_get(struct azjit_azure *azure, const char *vm_id,
                                        struct azjit_call_options options, azjit_assessments_fn *fn,
                                        void *userdata);

// The Defender plan for servers: just-in-time access needs plan 2. The plan of a paid tier may be absent,
// which says nothing (azure.md §1.7).
enum azjit_plan { AZJIT_PLAN_UNKNOWN = 0, AZJIT_PLAN_FREE, AZJIT_PLAN_1, AZJIT_PLAN_2 };
struct azjit_pricing {
	enum azjit_plan plan;
	const char *tier;
	const char *sub_plan; // "" if absent: not known
};
// pricing is NULL on failure.
typedef void azjit_pricing_fn(void *userdata, const struct azjit_answer *answer,
                              const struct azjit_pricing *pricing);
struct azjit_call *azjit_pricing_get(struct azjit_azure *azure, const char *subscription,
                                     struct azjit_call_options options, azjit_pricing_fn *fn, void *userdata);

#endif
