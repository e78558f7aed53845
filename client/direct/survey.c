// SPDX-License-Identifier: Apache-2.0
#include "survey.h"

#include "ask.h"
#include "change.h"
#include "index.h"
#include "pick.h"

#include <azjit/text.h>
#include <azjit/vm.h>
#include <stdio.h>

#define NOUN         "virtual machine"
#define DEFAULT_NAME "default" // the portal's, which knows no other (azure.md §1.2)

void survey_clear(struct survey *survey)
{
	json_decref(survey->vms);
	json_decref(survey->policies);
}

enum azjit_result survey_read(struct direct *direct, struct survey *survey)
{
	enum azjit_result result = ask_vms(direct, NULL, &survey->vms);

	return result == AZJIT_OK ? ask_policies(direct, NULL, &survey->policies) : result;
}

const json_t *survey_policy_of(const struct survey *survey, const char *vm_id, const char *name,
                               size_t *ret_count)
{
	const json_t *found = NULL;

	*ret_count = 0;
	for (size_t i = 0; i < json_array_size(survey->policies); i++) {
		const json_t *policy = json_array_get(survey->policies, i);

		if (!policy_entry(policy, vm_id) ||
		    (name && !azjit_ieq(azjit_id_name(json_text(policy, "id")), name)))
			continue;
		found = policy;
		++*ret_count;
	}
	return *ret_count == 1 ? found : NULL;
}

// --- picking ------------------------------------------------------------------------------------------

// The VMs, and those that a policy holds though they exist no more.
static json_t *candidates(const struct survey *survey)
{
	json_auto_t *rows = json_copy(survey->vms), *by_id = index_new(survey->vms, "id");

	for (size_t i = 0; rows && by_id && i < json_array_size(survey->policies); i++) {
		const json_t *entries = policy_vms(json_array_get(survey->policies, i));

		for (size_t k = 0; k < json_array_size(entries); k++) {
			const char *id = json_text(json_array_get(entries, k), "id");

			if (!index_first(by_id, id) &&
			    json_array_append_new(
			            rows, json_pack("{s:s, s:s}", "id", id, "name", azjit_id_name(id))) != 0)
				return NULL;
		}
	}
	return rows && by_id ? json_incref(rows) : NULL;
}

static bool add_foreign(json_t *vms, const char *id)
{
	char group[128] = "";

	if (azjit_machine_of(id) == AZJIT_MACHINE_AZURE || json_by_id(vms, id))
		return true;
	(void)azjit_id_segment(id, "resourceGroups", group, sizeof(group));
	return json_array_append_new(vms, json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", id, "name",
	                                            azjit_id_name(id), "group", group, "location", "", "os",
	                                            "")) == 0;
}

enum azjit_result survey_add_foreign(struct direct *direct, struct survey *survey)
{
	for (size_t i = 0; i < json_array_size(survey->policies); i++) {
		const json_t *entries = policy_vms(json_array_get(survey->policies, i));

		for (size_t k = 0; k < json_array_size(entries); k++)
			if (!add_foreign(survey->vms, json_text(json_array_get(entries, k), "id")))
				return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	}
	return AZJIT_OK;
}

static enum azjit_result read_group(struct direct *direct, struct survey *survey, const char *vm_id,
                                    json_t *seen)
{
	char subscription[64], group[128], scope[256];

	if (!azjit_id_segment(vm_id, "subscriptions", subscription, sizeof(subscription)) ||
	    !azjit_id_segment(vm_id, "resourceGroups", group, sizeof(group)))
		return AZJIT_OK;
	(void)snprintf(scope, sizeof(scope), "/subscriptions/%s/resourceGroups/%s", subscription, group);
	if (json_object_get(seen, scope))
		return AZJIT_OK;
	if (json_object_set_new(seen, scope, json_true()) != 0)
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	return ask_group_policies(direct, scope, survey->policies);
}

enum azjit_result survey_read_groups(struct direct *direct, struct survey *survey, const json_t *vms)
{
	json_auto_t *seen = json_object();
	enum azjit_result result = AZJIT_OK;

	for (size_t i = 0; result == AZJIT_OK && i < json_array_size(vms); i++)
		result = read_group(direct, survey, json_text(json_array_get(vms, i), "id"), seen);
	return result;
}

// Keeps of `named` the VMs that some policy holds.
static enum azjit_result keep_managed(struct direct *direct, const struct survey *survey, const char *word,
                                      const json_t *named, json_t *picked)
{
	bool pattern = pick_several(word);
	size_t count, kept = 0;

	for (size_t i = 0; i < json_array_size(named); i++) {
		json_t *row = json_array_get(named, i);

		// Of what a pattern fits, only what --policy names is meant.
		(void)survey_policy_of(survey, json_text(row, "id"), pattern ? direct->options.policy : NULL,
		                       &count);
		if (count == 0)
			continue;
		kept++;
		if (json_array_append(picked, row) != 0)
			return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	}
	if (kept > 0)
		return AZJIT_OK;
	return azjit_fail(&direct->reason, AZJIT_NOT_MANAGED,
	                  pattern ? "no VM that fits %s is under a just-in-time policy"
	                          : "%s is under no just-in-time policy: `azjit policy enable` puts it there",
	                  word);
}

enum azjit_result survey_pick(struct direct *direct, struct survey *survey, bool managed, json_t **ret)
{
	return survey_pick_words(direct, survey, direct->options.words, direct->options.word_count, managed,
	                         ret);
}

enum azjit_result survey_pick_words(struct direct *direct, struct survey *survey, char *const *words,
                                    size_t word_count, bool managed, json_t **ret)
{
	json_auto_t *rows = managed ? candidates(survey) : json_incref(survey->vms), *picked = json_array();
	enum azjit_result result = AZJIT_OK;

	if (!rows || !picked)
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	for (size_t w = 0; result == AZJIT_OK && w < word_count; w++) {
		const char *word = words[w];
		json_auto_t *named = json_array();

		result = pick(rows, NOUN, word, managed ? named : picked, &direct->reason);
		if (result == AZJIT_OK)
			result = survey_read_groups(direct, survey, managed ? named : picked);
		if (result == AZJIT_OK && managed)
			result = keep_managed(direct, survey, word, named, picked);
	}
	if (result == AZJIT_OK)
		*ret = STEAL(picked);
	return result;
}

// --- where to -----------------------------------------------------------------------------------------

static bool in_place(const char *policy_id, const json_t *vm)
{
	char subscription[64], group[128], location[64];

	return azjit_id_segment(policy_id, "subscriptions", subscription, sizeof(subscription)) &&
	       azjit_id_segment(policy_id, "resourceGroups", group, sizeof(group)) &&
	       azjit_id_segment(policy_id, "locations", location, sizeof(location)) &&
	       azjit_ieq(subscription, json_text(vm, "subscription")) &&
	       azjit_ieq(group, json_text(vm, "group")) && azjit_ieq(location, json_text(vm, "location"));
}

enum azjit_result survey_place(struct direct *direct, const struct survey *survey, const json_t *vm,
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

// --- jobs ---------------------------------------------------------------------------------------------

enum azjit_result survey_add_job(struct direct *direct, json_t *jobs, const char *policy_id, json_t *vm)
{
	json_t *job = NULL;
	int failed;

	for (size_t i = 0; i < json_array_size(jobs) && !job; i++)
		if (azjit_ieq(json_text(json_array_get(jobs, i), "policy_id"), policy_id))
			job = json_array_get(jobs, i);
	if (job)
		failed = json_array_append(json_object_get(job, "vms"), vm);
	else
		failed = json_array_append_new(jobs,
		                               json_pack("{s:s, s:[O]}", "policy_id", policy_id, "vms", vm));
	return failed ? azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory") : AZJIT_OK;
}

enum azjit_result survey_not_one(struct direct *direct, const struct survey *survey, const char *vm_id)
{
	_cleanup_buf_ struct azjit_buf list = AZJIT_BUF(4096);
	const char *name = direct->options.policy;

	for (size_t i = 0; i < json_array_size(survey->policies); i++) {
		const json_t *policy = json_array_get(survey->policies, i);

		if (policy_entry(policy, vm_id))
			azjit_buf_printf(&list, "%s%s", list.len ? ", " : "",
			                 policy_label(json_text(policy, "id")).text);
	}
	if (name)
		return azjit_fail(&direct->reason, AZJIT_NOT_FOUND, "%s is in no policy called %s, but in %s",
		                  azjit_id_name(vm_id), name, list.data ? list.data : "none");
	return azjit_fail(&direct->reason, AZJIT_AMBIGUOUS,
	                  "%s is in several policies, %s: say which by --policy", azjit_id_name(vm_id),
	                  list.data ? list.data : "");
}

enum azjit_result survey_jobs(struct direct *direct, const struct survey *survey, const json_t *picked,
                              json_t **ret)
{
	json_auto_t *jobs = json_array();
	enum azjit_result result = AZJIT_OK;

	for (size_t i = 0; jobs && result == AZJIT_OK && i < json_array_size(picked); i++) {
		json_t *vm = json_array_get(picked, i);
		size_t count;
		const json_t *policy =
		        survey_policy_of(survey, json_text(vm, "id"), direct->options.policy, &count);

		result = policy ? survey_add_job(direct, jobs, json_text(policy, "id"), vm)
		                : survey_not_one(direct, survey, json_text(vm, "id"));
	}
	if (result == AZJIT_OK)
		*ret = STEAL(jobs);
	return result;
}
