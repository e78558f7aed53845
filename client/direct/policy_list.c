// SPDX-License-Identifier: Apache-2.0
#include "../cmd/administer.h"
#include "ask.h"
#include "describe.h"
#include "print.h"

static const struct print_column columns[] = {{"name", "POLICY"},  {"group", "GROUP"}, {"location", "REGION"},
                                              {"vm_names", "VMS"}, {"state", "STATE"}, {NULL, NULL}};

static enum azjit_result run(struct direct *direct)
{
	json_auto_t *policies = NULL, *rows = NULL;
	enum azjit_result result = ask_policies(direct, direct->options.group, &policies);

	if (result == AZJIT_OK)
		result = describe_policies(direct, policies, NULL);
	if (result != AZJIT_OK || direct->options.json)
		return result;
	rows = describe_lines(json_object_get(direct->answer, "policies"));
	if (!rows)
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	if (json_array_size(rows) == 0)
		print_note("there is no just-in-time policy: `azjit policy enable VM` makes one");
	return print_table(direct, rows, columns);
}

const struct direct_command direct_policy_list = {
        .cmd = &azjit_cmd_policy_list,
        .wants = WANTS_GROUP,
        .run = run,
};
