// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include <string.h>

#include "policy_builtin.h"
#include "scenario.h"
#include "util.h"

#define JIT_ASSESSMENT "805651bc-6ecd-4c73-9b55-97a19d0582d0"

static json_t *parameters_new(const json_t *values)
{
	json_t *parameters = json_object(), *v;
	const char *k;

	json_object_foreach((json_t *)values, k, v) jset(parameters, k, jnew("{s:O}", "value", v));
	return parameters;
}

static json_t *assignment_new(const json_t *entry, const char *id, const char *name, const char *scope,
                              const char *subscription)
{
	const json_t *not_scopes = json_object_get(entry, "not_scopes"),
	             *metadata = json_object_get(entry, "metadata");
	_cleanup_free_ char *title = xasprintf("ASC Default (subscription: %s)", subscription);

	return jnew("{s:{s:s s:s s:s s:o s:o s:o s:s} s:s s:s s:s}", "properties", "displayName",
	            jstr(entry, "display_name", title), "policyDefinitionId",
	            jstr(entry, "definition", POLICY_BENCHMARK_ID), "scope", scope, "notScopes",
	            not_scopes ? json_deep_copy(not_scopes) : json_array(), "parameters",
	            parameters_new(json_object_get(entry, "parameters")), "metadata",
	            metadata ? json_deep_copy(metadata) : json_object(), "enforcementMode",
	            jstr(entry, "enforcement", "Default"), "id", id, "type", TYPE_ASSIGNMENT, "name", name);
}

static void add_assignment(struct sim *sim, const json_t *entry)
{
	const char *name = jstr(entry, "name", "SecurityCenterBuiltIn"),
	           *sub = jstr(entry, "subscription", sim->subscription);
	const json_t *body = json_object_get(entry, "body");
	_cleanup_free_ char *whole = xasprintf("/subscriptions/%s", sub);
	const char *scope = jstr(entry, "scope", whole);
	_cleanup_free_ char *id = xasprintf("%s/providers/" TYPE_ASSIGNMENT "/%s", scope, name);

	store_put(sim, TYPE_ASSIGNMENT, id,
	          body ? json_deep_copy(body) : assignment_new(entry, id, name, scope, sub));
}

static json_t *assessment_new(const json_t *entry, const char *id, const char *name, const char *of)
{
	static const char *const words[] = {"cause", "description"};
	json_t *status = jnew("{s:s}", "code", jstr(entry, "code", "Healthy"));

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (jstr(entry, words[i], NULL))
			jsets(status, words[i], jstr(entry, words[i], NULL));
	return jnew("{s:s s:s s:s s:{s:{s:s s:s} s:s s:o}}", "id", id, "name", name, "type", TYPE_ASSESSMENT,
	            "properties", "resourceDetails", "source", "Azure", "id", of, "displayName",
	            jstr(entry, "display_name",
	                 "Management ports of virtual machines should be protected with "
	                 "just-in-time network access control"),
	            "status", status);
}

static void add_assessment(struct sim *sim, const json_t *entry)
{
	const char *vm = jstr(entry, "vm", NULL), *name = jstr(entry, "name", JIT_ASSESSMENT);
	const json_t *body = json_object_get(entry, "body");

	if (!vm)
		scenario_wrong("assessments", "an entry has no vm");
	_cleanup_free_ char *of = id_named(sim, entry, TYPE_VM, vm);
	_cleanup_free_ char *id = xasprintf("%s/providers/" TYPE_ASSESSMENT "/%s", of, name);

	store_put(sim, TYPE_ASSESSMENT, id,
	          body ? json_deep_copy(body) : assessment_new(entry, id, name, of));
}

void scenario_policy(struct sim *sim)
{
	size_t i;
	json_t *entry;

	policy_builtin_put(sim);
	if (!json_object_get(sim->scenario, "policy_assignments"))
		add_assignment(sim, NULL);
	json_array_foreach(json_object_get(sim->scenario, "policy_assignments"), i, entry)
	        add_assignment(sim, entry);
	json_array_foreach(json_object_get(sim->scenario, "assessments"), i, entry)
	        add_assessment(sim, entry);
}
