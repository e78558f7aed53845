// SPDX-License-Identifier: Apache-2.0
#include "../cmd/administer.h"
#include "change.h"
#include "survey.h"

static enum azjit_result take_out(struct direct *direct, json_t *policy, const json_t *job)
{
	const json_t *vms = json_object_get(job, "vms");

	for (size_t i = 0; i < json_array_size(vms); i++)
		policy_remove(policy, json_text(json_array_get(vms, i), "id"));
	return AZJIT_OK;
}

static enum azjit_result run(struct direct *direct)
{
	_cleanup_(survey_clear) struct survey survey = {.vms = NULL};
	json_auto_t *picked = NULL, *jobs = NULL;
	enum azjit_result result = survey_read(direct, &survey);

	if (result == AZJIT_OK)
		result = survey_pick(direct, &survey, true, &picked);
	if (result == AZJIT_OK)
		result = survey_jobs(direct, &survey, picked, &jobs);
	return result == AZJIT_OK ? change_all(direct, jobs, survey.vms, take_out) : result;
}

const struct direct_command direct_policy_disable = {
        .cmd = &azjit_cmd_policy_disable,
        .wants = WANTS_WORDS | WANTS_POLICY | WANTS_WRITE,
        .run = run,
};
