// SPDX-License-Identifier: Apache-2.0
#include "command.h"

#include <stdio.h>

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

const struct azjit_cmd *azjit_command_find(const struct azjit_cmd *const *commands, size_t count, int argc,
                                           char **argv, int *ret_words)
{
	for (size_t i = 0; argc > 0 && i < count; i++) {
		*ret_words = words_of(commands[i]->name, argc, argv);
		if (*ret_words > 0)
			return commands[i];
	}
	return NULL;
}

int azjit_command_help(const struct azjit_cmd *cmd)
{
	printf("usage: azjit %s %s\n\n%s\n", cmd->name, cmd->usage, cmd->help);
	return azjit_result_exit(AZJIT_OK);
}
