// SPDX-License-Identifier: Apache-2.0
#include "administer.h"

#include "caller.h"

#include <limits.h>
#include <stdio.h>

// azjit-direct is found from where this program is, which the kernel says: neither the working directory nor
// the environment has a say.
static enum azjit_result find_program(char ret_path[PATH_MAX], struct azjit_reason *reason)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (len < 0)
		return azjit_fail(reason, AZJIT_SYSTEM, "/proc/self/exe cannot be read: %m");
	self[len] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	if (snprintf(ret_path, PATH_MAX, "%s/" AZJIT_LIBEXEC "/azjit-direct", self) >= PATH_MAX)
		return azjit_fail(reason, AZJIT_SYSTEM, "the path of this program is too long");
	return AZJIT_OK;
}

int administer_execute(char **words)
{
	static char name[] = "azjit-direct";
	struct azjit_reason reason;
	char path[PATH_MAX];
	enum azjit_result result = find_program(path, &reason);
	size_t count = 0;
	char **argv;

	if (result != AZJIT_OK)
		return caller_exit(result, &reason);
	while (words[count])
		count++;
	argv = calloc(count + 2, sizeof(*argv));
	if (!argv)
		return caller_exit(azjit_fail(&reason, AZJIT_NOMEM, "out of memory"), &reason);
	argv[0] = name;
	memcpy(argv + 1, words, count * sizeof(*argv));
	(void)execv(path, argv);
	(void)azjit_fail(&reason, AZJIT_SYSTEM,
	                 "%s cannot be executed: %m; the commands that speak to Azure are in it, and `make "
	                 "install` puts it there",
	                 path);
	free(argv);
	return caller_exit(AZJIT_SYSTEM, &reason);
}
