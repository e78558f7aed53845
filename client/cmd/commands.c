// SPDX-License-Identifier: Apache-2.0
#include "commands.h"

#include "config.h"
#include "report.h"

#include <stdio.h>

extern const struct azjit_cmd azjit_cmd_guard;

const struct azjit_cmd *const azjit_commands[] = {
        &azjit_cmd_connect,        &azjit_cmd_ssh,
        &azjit_cmd_match,          &azjit_cmd_request,
        &azjit_cmd_status,         &azjit_cmd_sessions,
        &azjit_cmd_audit_verify,   &azjit_cmd_audit_reconcile,
        &azjit_cmd_audit_refusals, &azjit_cmd_config_check,
        &azjit_cmd_config_show,    &azjit_cmd_guard,
        &azjit_cmd_version,        &azjit_cmd_help,
};
const size_t azjit_command_count = AZJIT_COUNT(azjit_commands);

// How many of argv's words the name takes, 0 if it is another's.
static int words_of(const char *name, int argc, char **argv)
{
	size_t len = strlen(argv[0]);

	if (azjit_streq(name, argv[0]))
		return 1;
	return argc > 1 && strncmp(name, argv[0], len) == 0 && name[len] == ' ' &&
	                       azjit_streq(name + len + 1, argv[1])
	               ? 2
	               : 0;
}

const struct azjit_cmd *azjit_command_find(int argc, char **argv, int *ret_words)
{
	for (size_t i = 0; argc > 0 && i < azjit_command_count; i++) {
		*ret_words = words_of(azjit_commands[i]->name, argc, argv);
		if (*ret_words > 0)
			return azjit_commands[i];
	}
	return NULL;
}

int azjit_command_help(const struct azjit_cmd *cmd)
{
	printf("usage: azjit %s %s\n\n%s\n", cmd->name, cmd->usage, cmd->help);
	return azjit_result_exit(AZJIT_OK);
}
