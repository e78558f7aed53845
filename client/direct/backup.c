// SPDX-License-Identifier: Apache-2.0
#include "backup.h"

#include "state.h"

#include <azjit/file.h>
#include <azjit/text.h>
#include <azjit/time.h>
#include <stdio.h>

// GROUP-POLICY-TIME.json: whom it is of, and never the same twice.
static char *own_path(const json_t *policy, struct azjit_reason *reason)
{
	const char *id = json_text(policy, "id");
	_cleanup_free_ char *directory = state_directory(true);
	char group[128], time[AZJIT_TIME_CHARS], *path = NULL;

	if (!directory) {
		(void)azjit_fail(reason, AZJIT_SYSTEM,
		                 "there is no place for the backup below $XDG_STATE_HOME or ~/.local/state "
		                 "(%m): give --backup FILE; nothing was written");
		return NULL;
	}
	if (!azjit_id_segment(id, "resourceGroups", group, sizeof(group)))
		group[0] = '\0';
	azjit_time_format(azjit_time_now(), time);
	if (strchr(azjit_id_name(id), '/') || strchr(group, '/') ||
	    asprintf(&path, "%s/%s-%s-%s.json", directory, group, azjit_id_name(id), time) < 0)
		return NULL;
	return path;
}

enum azjit_result backup_keep(struct direct *direct, const json_t *policy, char **ret_path)
{
	struct azjit_reason *reason = &direct->reason;
	const char *given = direct->options.backup;
	_cleanup_free_ char *text = json_dumps(policy, JSON_INDENT(2)), *path = NULL;
	enum azjit_result result;

	(void)azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	path = given ? strdup(given) : own_path(policy, reason);
	if (!path || !text)
		return AZJIT_SYSTEM;
	if (access(path, F_OK) == 0 || errno != ENOENT)
		return azjit_fail(reason, AZJIT_USAGE,
		                  "the backup %s is there already, or its directory is not: name a new file; "
		                  "nothing was written",
		                  path);
	result = azjit_file_replace(path, text, strlen(text), 0600, reason);
	if (result == AZJIT_OK)
		*ret_path = STEAL(path);
	return result;
}
