// SPDX-License-Identifier: Apache-2.0
#include "../cmd/administer.h"
#include "change.h"
#include "survey.h"

static enum azjit_result set(struct direct *direct, json_t *policy, const json_t *job)
{
	const json_t *vms = json_object_get(job, "vms");

	for (size_t i = 0; i < json_array_size(vms); i++) {
		const json_t *vm = json_array_get(vms, i);
		json_t *entry = policy_entry(policy, json_text(vm, "id"));

		if (!entry)
			return azjit_fail(&direct->reason, AZJIT_NOT_MANAGED,
			                  "somebody has just taken %s out of its policy",
			                  json_text(vm, "name"));
		if (!policy_set(entry, &direct->options.wish))
			return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	}
	return AZJIT_OK;
}

static enum azjit_result run(struct direct *direct)
{
	_cleanup_(survey_clear) struct survey survey = {.vms = NULL};
	const struct port_wish *wish = &direct->options.wish;
	json_auto_t *picked = NULL, *jobs = NULL;
	enum azjit_result result;

	if (wish->port_count == 0 && !wish->protocol && !wish->sources && wish->max_s == 0)
		return azjit_fail(&direct->reason, AZJIT_USAGE,
		                  "say what to change: --ports, --protocol, --source or --max");
	result = survey_read(direct, &survey);
	if (result == AZJIT_OK)
		result = survey_pick(direct, &survey, true, &picked);
	if (result == AZJIT_OK)
		result = survey_jobs(direct, &survey, picked, &jobs);
	return result == AZJIT_OK ? change_all(direct, jobs, survey.vms, set) : result;
}

const struct direct_command direct_policy_set = {
        .cmd = &azjit_cmd_policy_set,
        .wants = WANTS_WORDS | WANTS_PORTS | WANTS_POLICY | WANTS_WRITE,
        .run = run,
};
