// SPDX-License-Identifier: Apache-2.0
#include "state.h"

#include <stdio.h>
#include <sys/stat.h>

static bool make_all(char *directory)
{
	for (char *slash = strchr(directory + 1, '/');; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		if (mkdir(directory, 0700) < 0 && errno != EEXIST)
			return false;
		if (!slash)
			return true;
		*slash = '/';
	}
}

char *state_directory(bool make)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	_cleanup_free_ char *directory = NULL;

	if (!(state && state[0] == '/') && !(home && home[0] == '/')) {
		errno = ENOENT;
		return NULL;
	}
	if (asprintf(&directory, "%s%s/azjit", state && state[0] == '/' ? state : home,
	             state && state[0] == '/' ? "" : "/.local/state") < 0) {
		directory = NULL;
		errno = ENOMEM;
		return NULL;
	}
	return make && !make_all(directory) ? NULL : STEAL(directory);
}
