// SPDX-License-Identifier: Apache-2.0
#include "../cmd/administer.h"
#include "change.h"
#include "print.h"
#include "survey.h"

#include <azjit/text.h>

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
		result = survey_place(direct, survey, vm, &policy_id);
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
