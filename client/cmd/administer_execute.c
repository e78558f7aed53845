// SPDX-License-Identifier: Apache-2.0
#include "administer.h"

#include "caller.h"

#define PROGRAM AZJIT_LIBEXECDIR "/azjit-direct"

int administer_execute(char **words)
{
	static char name[] = "azjit-direct";
	struct azjit_reason reason;
	size_t count = 0;
	char **argv;

	while (words[count])
		count++;
	argv = calloc(count + 2, sizeof(*argv));
	if (!argv)
		return caller_exit(azjit_fail(&reason, AZJIT_NOMEM, "out of memory"), &reason);
	argv[0] = name;
	memcpy(argv + 1, words, count * sizeof(*argv));
	(void)execv(PROGRAM, argv);
	(void)azjit_fail(&reason, AZJIT_SYSTEM,
	                 "%s cannot be executed: %m; the commands that speak to Azure are in it, and `make "
	                 "install` puts it there",
	                 PROGRAM);
	free(argv);
	return caller_exit(AZJIT_SYSTEM, &reason);
}
