// SPDX-License-Identifier: Apache-2.0
#include "commands.h"

#include <stdio.h>

static int list(void)
{
	printf("azjit opens the ports of Azure VMs just in time: for one person, one address, a limited "
	       "time.\n\n"
	       "usage: azjit COMMAND …\n\n");
	for (size_t i = 0; i < azjit_command_count; i++)
		printf("  %-16s %s\n", azjit_commands[i]->name, azjit_commands[i]->summary);
	printf("\n`azjit help COMMAND` tells more. Exit statuses are those of sysexits.h: see azjit(1).\n");
	return azjit_result_exit(AZJIT_OK);
}

static int run(int argc, char **argv)
{
	const struct azjit_cmd *cmd;
	int words;

	if (argc == 1)
		return list();
	cmd = azjit_command_find(azjit_commands, azjit_command_count, argc - 1, argv + 1, &words);
	if (cmd && words == argc - 1)
		return azjit_command_help(cmd);
	return azjit_command_unknown(azjit_commands, azjit_command_count, argc - 1, argv + 1);
}

const struct azjit_cmd azjit_cmd_help = {
        .name = "help",
        .usage = "[COMMAND]",
        .summary = "list the commands, or explain one",
        .help = "Without COMMAND, lists all commands.",
        .run = run,
};
