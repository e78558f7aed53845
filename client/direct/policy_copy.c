// SPDX-License-Identifier: Apache-2.0
#include "../cmd/administer.h"
#include "change.h"
#include "pick.h"
#include "print.h"
#include "survey.h"

#include <azjit/text.h>
#include <stdio.h>

static enum azjit_result copy(struct direct *direct, json_t *policy, const json_t *job)
{
	const json_t *vms = json_object_get(job, "vms");

	for (size_t i = 0; i < json_array_size(vms); i++) {
		const json_t *vm = json_array_get(vms, i);

		if (!policy_copy(policy, json_text(vm, "id"), json_object_get(vm, "ports")))
			return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	}
	return AZJIT_OK;
}

// --- from which VM ------------------------------------------------------------------------------------

// Its row, and its ports as Azure wrote them; borrowed from the survey and from *ret_picked.
static enum azjit_result source_of(struct direct *direct, struct survey *survey, json_t **ret_picked,
                                   const json_t **ret_ports)
{
	const char *word = direct->options.words[0], *id;
	const json_t *policy;
	size_t count;
	enum azjit_result result;

	if (pick_several(word))
		return azjit_fail(&direct->reason, AZJIT_USAGE,
		                  "the ports are those of one VM: name it, not %s", word);
	result = survey_pick_words(direct, survey, direct->options.words, 1, true, ret_picked);
	if (result != AZJIT_OK)
		return result;
	id = json_text(json_array_get(*ret_picked, 0), "id");
	policy = survey_policy_of(survey, id, NULL, &count);
	if (count > 1)
		policy = survey_policy_of(survey, id, direct->options.policy, &count);
	if (!policy)
		return survey_not_one(direct, survey, id);
	*ret_ports = json_object_get(policy_entry(policy, id), "ports");
	return AZJIT_OK;
}

// --- to which -----------------------------------------------------------------------------------------

static enum azjit_result add_tagged(struct direct *direct, struct survey *survey, json_t *targets)
{
	_cleanup_free_ char *tag = NULL;
	json_auto_t *tagged = NULL;
	enum azjit_result result;

	if (asprintf(&tag, PICK_TAG "%s", direct->options.to_tag) < 0) {
		tag = NULL;
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	}
	result = survey_pick_words(direct, survey, (char *const[]){tag}, 1, false, &tagged);
	if (result == AZJIT_OK && json_array_extend(targets, tagged) != 0)
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	return result;
}

// One that is named by its name and by the tag is there twice, and gets the same ports twice.
static enum azjit_result targets_of(struct direct *direct, struct survey *survey, json_t **ret)
{
	const struct direct_options *options = &direct->options;
	enum azjit_result result;

	if (options->word_count == 1 && !options->to_tag)
		return azjit_fail(&direct->reason, AZJIT_USAGE,
		                  "to which VMs? name them after %s, or say --to-tag NAME=VALUE",
		                  options->words[0]);
	result = survey_pick_words(direct, survey, options->words + 1, options->word_count - 1, false, ret);
	return result == AZJIT_OK && options->to_tag ? add_tagged(direct, survey, *ret) : result;
}

// Into the policy that holds the VM; into that of its group and region if none does.
static enum azjit_result policy_of(struct direct *direct, const struct survey *survey, const json_t *vm,
                                   char **ret)
{
	const char *id = json_text(vm, "id");
	size_t count;
	const json_t *policy = survey_policy_of(survey, id, NULL, &count);

	if (count == 0)
		return survey_place(direct, survey, vm, ret);
	if (count > 1)
		policy = survey_policy_of(survey, id, direct->options.policy, &count);
	if (!policy)
		return survey_not_one(direct, survey, id);
	*ret = strdup(json_text(policy, "id"));
	return *ret ? AZJIT_OK : azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
}

static enum azjit_result jobs_for(struct direct *direct, const struct survey *survey, const char *from,
                                  const json_t *ports, const json_t *targets, json_t *jobs)
{
	enum azjit_result result = AZJIT_OK;

	for (size_t i = 0; result == AZJIT_OK && i < json_array_size(targets); i++) {
		json_t *vm = json_array_get(targets, i);
		_cleanup_free_ char *policy_id = NULL;

		if (azjit_ieq(json_text(vm, "id"), from))
			continue;
		if (json_object_set(vm, "ports", (json_t *)(uintptr_t)ports) != 0)
			return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
		result = policy_of(direct, survey, vm, &policy_id);
		if (result == AZJIT_OK)
			result = survey_add_job(direct, jobs, policy_id, vm);
	}
	if (result == AZJIT_OK && json_array_size(jobs) == 0)
		return azjit_fail(&direct->reason, AZJIT_USAGE, "the ports of %s would be copied to it alone",
		                  azjit_id_name(from));
	return result;
}

static enum azjit_result run(struct direct *direct)
{
	_cleanup_(survey_clear) struct survey survey = {.vms = NULL};
	json_auto_t *from = NULL, *targets = NULL, *jobs = json_array();
	const json_t *ports = NULL;
	enum azjit_result result = survey_read(direct, &survey);

	if (result == AZJIT_OK)
		result = source_of(direct, &survey, &from, &ports);
	if (result == AZJIT_OK)
		result = targets_of(direct, &survey, &targets);
	if (result == AZJIT_OK)
		result = jobs_for(direct, &survey, json_text(json_array_get(from, 0), "id"), ports, targets,
		                  jobs);
	return result == AZJIT_OK ? change_all(direct, jobs, survey.vms, copy) : result;
}

const struct direct_command direct_policy_copy = {
        .cmd = &azjit_cmd_policy_copy,
        .wants = WANTS_WORDS | WANTS_POLICY | WANTS_WRITE | WANTS_TO_TAG,
        .run = run,
};
