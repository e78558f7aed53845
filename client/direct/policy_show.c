// SPDX-License-Identifier: Apache-2.0
#include "../cmd/administer.h"
#include "describe.h"
#include "pick.h"
#include "print.h"
#include "survey.h"

static const struct print_column columns[] = {
        {"policy", "POLICY"}, {"vm", "VM"},       {"port", "PORT"}, {"protocol", "PROTOCOL"},
        {"sources", "FROM"},  {"max", "AT MOST"}, {NULL, NULL}};

static enum azjit_result print(struct direct *direct)
{
	json_auto_t *rows = NULL;

	if (direct->options.json)
		return AZJIT_OK;
	rows = describe_ports(json_object_get(direct->answer, "policies"));
	return rows ? print_table(direct, rows, columns)
	            : azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
}

// As the ports of the VMs that the word names, each in every policy that holds it.
static enum azjit_result show_vm(struct direct *direct, struct survey *survey)
{
	json_auto_t *picked = NULL;
	enum azjit_result result = survey_pick(direct, survey, true, &picked);

	if (result == AZJIT_NOT_FOUND)
		return azjit_fail(&direct->reason, result,
		                  "neither a policy nor a virtual machine of ours fits %s",
		                  direct->options.words[0]);
	return result == AZJIT_OK ? describe_policies(direct, survey->policies, picked) : result;
}

static enum azjit_result run(struct direct *direct)
{
	_cleanup_(survey_clear) struct survey survey = {.vms = NULL};
	json_auto_t *named = json_array();
	enum azjit_result result = survey_read(direct, &survey), found;

	if (result != AZJIT_OK)
		return result;
	found = pick(survey.policies, "policy", direct->options.words[0], named, &direct->reason);
	if (found == AZJIT_NOT_FOUND)
		result = show_vm(direct, &survey);
	else
		result = found == AZJIT_OK ? describe_policies(direct, named, NULL) : found;
	return result == AZJIT_OK ? print(direct) : result;
}

const struct direct_command direct_policy_show = {
        .cmd = &azjit_cmd_policy_show,
        .wants = WANTS_WORD,
        .run = run,
};
