// SPDX-License-Identifier: Apache-2.0
// What the scanners pass over in the policy assignments. Mends are commands of ours where one value of an
// assignment changes (the Azure CLI replaces all parameters), and of the Azure CLI elsewhere.
#include "monitor_private.h"

#include <azjit/text.h>
#include <stdio.h>

#include <strings.h>

static const struct finding_kind
        unassigned = {"unassigned", AZJIT_SEVERITY_HIGH,
                      "Nothing judges whether VMs have just-in-time access, and CloudSploit passes all the "
                      "same."},
        renamed = {"renamed", AZJIT_SEVERITY_LOW,
                   "Scanners look for 'ASC Default' in the display name and find nothing."},
        off = {"off", AZJIT_SEVERITY_HIGH, "Defender does not judge whether VMs have just-in-time access."},
        audit = {"audit", AZJIT_SEVERITY_MEDIUM,
                 "CloudSploit takes 'Audit' for on, but the definition allows AuditIfNotExists and Disabled "
                 "only."},
        odd_value = {"value", AZJIT_SEVERITY_MEDIUM,
                     "The definition allows AuditIfNotExists and Disabled only, so what is in force is not "
                     "known."},
        no_parameter = {"no-parameter", AZJIT_SEVERITY_MEDIUM,
                        "The initiative has no parameter for just-in-time access, so nothing of it is "
                        "monitored, and CloudSploit assumes the default of another."},
        other_definition = {"definition", AZJIT_SEVERITY_MEDIUM,
                            "It is called ASC Default but assigns something else than the benchmark, whose "
                            "default the scanners assume."},
        overrides = {"overrides", AZJIT_SEVERITY_MEDIUM,
                     "An override changes effects past the parameters, which is all that the scanners read."},
        not_enforced = {"not-enforced", AZJIT_SEVERITY_MEDIUM,
                        "With DoNotEnforce the policy's effect is not enforced when resources are made or "
                        "changed, and neither scanner looks at it."},
        not_scopes =
                {"not-scopes", AZJIT_SEVERITY_MEDIUM,
                 "The policy does not hold for VMs in an excluded scope, and neither scanner looks at it."},
        several = {"several", AZJIT_SEVERITY_MEDIUM,
                   "CloudSploit reads the first of the list only: what it says may not be what is in force."};

static bool of_management_group(const struct azjit_policy_assignment *one)
{
	return strncasecmp(one->id, "/subscriptions/", strlen("/subscriptions/")) != 0;
}

static void find_value(struct findings *findings, const struct azjit_policy_assignment *one)
{
	const char *const enable[] = {"azjit", "monitor", "enable", "--subscription", findings->subscription,
	                              NULL};
	const char *const *words = of_management_group(one) ? NULL : enable;
	const char *where = words ? "" : " of a management group";
	const char *value = azjit_monitor_value(one);

	if (azjit_streq(value, AZJIT_POLICY_ON))
		return;
	if (azjit_streq(value, AZJIT_POLICY_OFF))
		finding_add(findings, &off, words,
		            "policy assignment '%s'%s turns the monitoring of just-in-time access off",
		            one->name, where);
	else
		finding_add(findings, azjit_streq(value, "Audit") ? &audit : &odd_value, words,
		            "policy assignment '%s'%s sets " AZJIT_POLICY_PARAMETER " to '%.100s'", one->name,
		            where, value);
}

static void find_definition(struct findings *findings, const struct azjit_policy_assignment *one)
{
	if (azjit_ieq(one->definition_id, AZJIT_POLICY_BENCHMARK_V2))
		finding_add(
		        findings, &no_parameter, NULL,
		        "policy assignment '%s' assigns version 2 of the Microsoft cloud security benchmark",
		        one->name);
	else if (!assignment_of_benchmark(one) && !assignment_parameter(one))
		finding_add(findings, &other_definition, NULL, "policy assignment '%s' assigns '%.200s'",
		            one->name, azjit_id_name(one->definition_id));
	else
		find_value(findings, one);
	if (one->overridden)
		finding_add(findings, &overrides, NULL, "policy assignment '%s' has overrides", one->name);
}

static void find_reach(struct findings *findings, const struct azjit_policy_assignment *one)
{
	const char *const enforce[] = {
	        "az",      "policy",   "assignment",         "update",  "--name", one->name,
	        "--scope", one->scope, "--enforcement-mode", "Default", NULL};
	const char *const include[] = {"az",      "policy",   "assignment",   "update", "--name", one->name,
	                               "--scope", one->scope, "--not-scopes", "",       NULL};

	if (azjit_ieq(one->enforcement_mode, "DoNotEnforce"))
		finding_add(findings, &not_enforced, enforce,
		            "policy assignment '%s' has the enforcement mode DoNotEnforce", one->name);
	if (one->not_scope_count)
		finding_add(findings, &not_scopes, include,
		            "policy assignment '%s' leaves out %zu scope%s, '%.300s'%s", one->name,
		            one->not_scope_count, one->not_scope_count == 1 ? "" : "s", one->not_scopes[0],
		            one->not_scope_count == 1 ? "" : " first");
}

// Every one after the first.
static void find_another(struct findings *findings, const struct azjit_policy_assignment *first,
                         const struct azjit_policy_assignment *one)
{
	const char *const look[] = {"az",      "policy",  "assignment", "show", "--name",
	                            one->name, "--scope", one->scope,   NULL};

	finding_add(findings, &several, look,
	            "besides '%s' there is another ASC Default policy assignment, '%s' at '%.200s'",
	            first->name, one->name, one->scope);
}

static void find_none(struct findings *findings, const struct azjit_monitor_facts *facts)
{
	char scope[128], title[128];
	const char *const assign[] = {"az",
	                              "policy",
	                              "assignment",
	                              "create",
	                              "--name",
	                              "SecurityCenterBuiltIn",
	                              "--display-name",
	                              title,
	                              "--scope",
	                              scope,
	                              "--policy-set-definition",
	                              azjit_id_name(AZJIT_POLICY_BENCHMARK),
	                              NULL};

	(void)snprintf(scope, sizeof(scope), "/subscriptions/%s", findings->subscription);
	(void)snprintf(title, sizeof(title), "ASC Default (subscription: %s)", findings->subscription);
	for (size_t i = 0; i < facts->assignment_count; i++)
		if (assignment_of_benchmark(&facts->assignments[i])) {
			finding_add(findings, &renamed, NULL,
			            "the benchmark is assigned as '%s', whose display name is '%.200s'",
			            facts->assignments[i].name, facts->assignments[i].display_name);
			return;
		}
	finding_add(findings, &unassigned, assign, "subscription %s has no ASC Default policy assignment",
	            findings->subscription);
}

void find_assignments(struct findings *findings, const struct azjit_monitor_facts *facts)
{
	const struct azjit_policy_assignment *first = NULL;

	if (facts->assignments_read.state != AZJIT_READ_OK)
		return;
	for (size_t i = 0; i < facts->assignment_count; i++) {
		const struct azjit_policy_assignment *one = &facts->assignments[i];

		if (!azjit_monitor_asc_default(one))
			continue;
		if (first)
			find_another(findings, first, one);
		first = first ? first : one;
		find_definition(findings, one);
		find_reach(findings, one);
	}
	if (!first)
		find_none(findings, facts);
}
