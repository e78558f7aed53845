// SPDX-License-Identifier: Apache-2.0
#include "../cmd/administer.h"
#include "change.h"
#include "print.h"
#include "survey.h"

#include <azjit/text.h>
#include <stdio.h>

#define DEFAULT_NAME "default" // the portal's, which knows no other (azure.md §1.2)

static enum azjit_result wish_for(struct direct *direct, const json_t *vm, struct port_wish *ret)
{
	const char *os = json_text(vm, "os");

	*ret = direct->options.wish;
	if (ret->port_count > 0)
		return AZJIT_OK;
	if (!*os)
		return azjit_fail(&direct->reason, AZJIT_USAGE,
		                  "Azure does not say whether %s runs Linux or Windows: name its --ports",
		                  json_text(vm, "name"));
	ret->ports[0] = azjit_ieq(os, "Windows") ? 3389 : 22;
	ret->port_count = 1;
	return AZJIT_OK;
}

// Who is in by the time of this read stays as he is.
static enum azjit_result add(struct direct *direct, json_t *policy, const json_t *job)
{
	const json_t *vms = json_object_get(job, "vms");
	enum azjit_result result = AZJIT_OK;

	for (size_t i = 0; result == AZJIT_OK && i < json_array_size(vms); i++) {
		const json_t *vm = json_array_get(vms, i);
		struct port_wish wish;

		if (policy_entry(policy, json_text(vm, "id")))
			continue;
		result = wish_for(direct, vm, &wish);
		if (result == AZJIT_OK && !policy_add(policy, json_text(vm, "id"), &wish))
			result = azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	}
	return result;
}

static bool in_place(const char *policy_id, const json_t *vm)
{
	char subscription[64], group[128], location[64];

	return azjit_id_segment(policy_id, "subscriptions", subscription, sizeof(subscription)) &&
	       azjit_id_segment(policy_id, "resourceGroups", group, sizeof(group)) &&
	       azjit_id_segment(policy_id, "locations", location, sizeof(location)) &&
	       azjit_ieq(subscription, json_text(vm, "subscription")) &&
	       azjit_ieq(group, json_text(vm, "group")) && azjit_ieq(location, json_text(vm, "location"));
}

// The policy of the VM's group and region: the one called as --policy says, the only one, or `default`.
static enum azjit_result policy_for(struct direct *direct, const struct survey *survey, const json_t *vm,
                                    char **ret)
{
	const char *name = direct->options.policy, *found = NULL;
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(survey->policies); i++) {
		const char *id = json_text(json_array_get(survey->policies, i), "id");

		if (!in_place(id, vm) || (name && !azjit_ieq(azjit_id_name(id), name)))
			continue;
		if (!found || azjit_ieq(azjit_id_name(id), DEFAULT_NAME))
			found = id;
		count++;
	}
	if (count > 1 && !azjit_ieq(azjit_id_name(found), DEFAULT_NAME))
		return azjit_fail(&direct->reason, AZJIT_AMBIGUOUS,
		                  "group %s has %zu policies in %s and none is called " DEFAULT_NAME
		                  ": say by --policy to which %s is added",
		                  json_text(vm, "group"), count, json_text(vm, "location"),
		                  json_text(vm, "name"));
	if (found)
		*ret = strdup(found);
	else if (asprintf(ret,
	                  "/subscriptions/%s/resourceGroups/%s/providers/Microsoft.Security/locations/%s/"
	                  "jitNetworkAccessPolicies/%s",
	                  json_text(vm, "subscription"), json_text(vm, "group"), json_text(vm, "location"),
	                  name ? name : DEFAULT_NAME) < 0)
		*ret = NULL;
	if (!*ret)
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	return AZJIT_OK;
}

static bool is_in_one(const struct survey *survey, const json_t *vm)
{
	size_t count;

	(void)survey_policy_of(survey, json_text(vm, "id"), NULL, &count);
	if (count > 0)
		print_note("%s is under just-in-time access already, and left as it is: `azjit policy set` "
		           "changes its ports",
		           json_text(vm, "name"));
	return count > 0;
}

static enum azjit_result jobs_for(struct direct *direct, const struct survey *survey, const json_t *picked,
                                  json_t *jobs)
{
	enum azjit_result result = AZJIT_OK;

	for (size_t i = 0; result == AZJIT_OK && i < json_array_size(picked); i++) {
		json_t *vm = json_array_get(picked, i);
		_cleanup_free_ char *policy_id = NULL;

		if (is_in_one(survey, vm))
			continue;
		result = policy_for(direct, survey, vm, &policy_id);
		if (result == AZJIT_OK)
			result = survey_add_job(direct, jobs, policy_id, vm);
	}
	return result;
}

static enum azjit_result run(struct direct *direct)
{
	_cleanup_(survey_clear) struct survey survey = {.vms = NULL};
	json_auto_t *picked = NULL, *jobs = json_array();
	enum azjit_result result = survey_read(direct, &survey);

	if (result == AZJIT_OK)
		result = survey_pick(direct, &survey, false, &picked);
	if (result == AZJIT_OK)
		result = jobs_for(direct, &survey, picked, jobs);
	return result == AZJIT_OK ? change_all(direct, jobs, survey.vms, add) : result;
}

const struct direct_command direct_policy_enable = {
        .cmd = &azjit_cmd_policy_enable,
        .wants = WANTS_WORDS | WANTS_PORTS | WANTS_POLICY | WANTS_WRITE,
        .run = run,
};
