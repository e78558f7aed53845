// SPDX-License-Identifier: Apache-2.0
#include "commands.h"

#include <stdio.h>

static int run(int argc, char **argv)
{
	if (argc > 1) {
		(void)fprintf(stderr, "azjit: version takes no arguments\n");
		return azjit_result_exit(AZJIT_USAGE);
	}
	printf("azjit %s\n", AZJIT_VERSION);
	return azjit_result_exit(AZJIT_OK);
}

const struct azjit_cmd azjit_cmd_version = {
        .name = "version",
        .usage = "",
        .summary = "print the version",
        .help = "Prints the version of this program; `azjit status` shows the broker's.",
        .run = run,
};
