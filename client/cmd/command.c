// SPDX-License-Identifier: Apache-2.0
#include "command.h"

#include <azjit/text.h>
#include <stdio.h>

// The second word of a name whose first is this one; NULL if it is another's.
static const char *second_word(const char *name, const char *first)
{
	size_t len = strlen(first);

	return strncmp(name, first, len) == 0 && name[len] == ' ' ? name + len + 1 : NULL;
}

// How many of argv's words the name takes, 0 if it is another's.
static int words_of(const char *name, int argc, char **argv)
{
	const char *second = second_word(name, argv[0]);

	if (azjit_streq(name, argv[0]))
		return 1;
	return argc > 1 && second && azjit_streq(second, argv[1]) ? 2 : 0;
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

int azjit_command_unknown(const struct azjit_cmd *const *commands, size_t count, int argc, char **argv)
{
	char first[32], other[32];
	const char *between = argc > 1 ? ": it has " : " needs one more word: ";
	bool known = false;

	azjit_printable(argv[0], first, sizeof(first));
	azjit_printable(argc > 1 ? argv[1] : "", other, sizeof(other));
	for (size_t i = 0; i < count; i++) {
		const char *second = second_word(commands[i]->name, argv[0]);

		if (!second)
			continue;
		if (!known && argc > 1)
			(void)fprintf(stderr, "azjit: there is no '%s' of azjit %s", other, first);
		else if (!known)
			(void)fprintf(stderr, "azjit: azjit %s", first);
		(void)fprintf(stderr, "%s%s", known ? ", " : between, second);
		known = true;
	}
	if (known)
		(void)fputc('\n', stderr);
	else
		(void)fprintf(stderr, "azjit: there is no command '%s': `azjit help` lists them\n", first);
	return azjit_result_exit(AZJIT_USAGE);
}

int azjit_command_help(const struct azjit_cmd *cmd)
{
	printf("usage: azjit %s %s\n\n%s\n", cmd->name, cmd->usage, cmd->help);
	return azjit_result_exit(AZJIT_OK);
}
