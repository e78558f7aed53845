// SPDX-License-Identifier: Apache-2.0
// Threat model. Who attacks: a process of our uid that writes passes which never were, or root's file that
// is not whole. What must hold: only files of root count; each is an entry before it goes, so a crash in
// between makes an entry twice and never none; what cannot be read stays there, and is said at each look.
#include "passes.h"

#include "origin.h"
#include "record.h"

#include <azjit/access.h>
#include <azjit/file.h>
#include <azjit/log.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>

#define AGAIN_MS 5000 // what could not be recorded
#define HIDDEN_S 60   // a file that the module did not finish in so long it never will

struct passes {
	struct broker *broker;
	char dir[PATH_MAX];
	int inotify;
	struct azjit_source *io, *again;
};

static enum azjit_result record(struct broker *broker, const struct azjit_wire_msg *msg,
                                struct azjit_reason *reason)
{
	struct azjit_entry entry = {.kind = AZJIT_ENTRY_LOGIN, .event = "unchecked"};
	struct azjit_addr addr = origin_address(msg);
	static const char *const keys[] = {"user", "service", "tty", "phase", "by", "at", "reason"};
	char from[AZJIT_ADDR_CHARS];

	for (size_t i = 0; i < AZJIT_COUNT(keys); i++)
		(void)azjit_entry_put(&entry, keys[i], azjit_wire_get(msg, keys[i]));
	if (addr.family != AZJIT_FAMILY_NONE) {
		azjit_addr_format(&addr, from);
		(void)azjit_entry_put(&entry, "from", from);
	}
	return record_entry(broker, &entry, reason);
}

// False: nothing more is to be tried now.
static bool take(struct passes *passes, const char *name)
{
	_cleanup_buf_ struct azjit_buf buf = AZJIT_BUF(AZJIT_WIRE_MAX_BYTES);
	struct azjit_wire_msg msg;
	struct azjit_reason reason = {"it is no message of the module"};
	char path[PATH_MAX + NAME_MAX + 2];
	size_t used;

	(void)snprintf(path, sizeof(path), "%s/%s", passes->dir, name);
	if (azjit_file_read_trusted(path, 0, false, &buf, &reason) != AZJIT_OK ||
	    azjit_wire_parse(buf.data, buf.len, AZJIT_WIRE_MAX_BYTES, &msg, &used) != AZJIT_WIRE_MESSAGE ||
	    !azjit_streq(msg.verb, "PASSED")) {
		azjit_log(LOG_WARNING, "%s is not taken: %s", path, reason.text);
		return true;
	}
	if (record(passes->broker, &msg, &reason) != AZJIT_OK)
		return false;
	azjit_log(LOG_WARNING, "a login of %s passed unchecked while the broker could not be asked",
	          azjit_wire_get(&msg, "user") ? azjit_wire_get(&msg, "user") : "(unset)");
	if (unlink(path) < 0)
		azjit_log(LOG_ERR, "%s is in the ledger, and cannot be removed: %m", path);
	return true;
}

static void take_all(void *userdata)
{
	struct passes *passes = userdata;
	DIR *dir = opendir(passes->dir);
	const struct dirent *entry;
	bool all = true;

	while (dir && all && (entry = readdir(dir)))
		all = entry->d_name[0] == '.' || take(passes, entry->d_name);
	if (dir)
		(void)closedir(dir);
	if (!all)
		(void)azjit_source_timer(passes->again, AGAIN_MS);
}

// What a module that was killed over it left. At the start only.
static void remove_hidden(const struct passes *passes)
{
	DIR *dir = opendir(passes->dir);
	const struct dirent *entry;
	struct stat st;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] == '.' &&
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && time(NULL) - st.st_mtime > HIDDEN_S)
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		(void)closedir(dir);
}

static void on_change(void *userdata, int fd, uint32_t events)
{
	char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	(void)events;
	while (read(fd, bytes, sizeof(bytes)) > 0)
		continue;
	take_all(userdata);
}

static bool begin(struct passes *passes)
{
	const char *ledger = passes->broker->config->ledger, *slash = strrchr(ledger, '/');

	(void)snprintf(passes->dir, sizeof(passes->dir), "%.*s/passes", slash ? (int)(slash - ledger) : 1,
	               slash ? ledger : ".");
	if (mkdir(passes->dir, 0700) < 0 && errno != EEXIST)
		return false;
	passes->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	return passes->inotify >= 0 &&
	       inotify_add_watch(passes->inotify, passes->dir, IN_MOVED_TO | IN_ONLYDIR) >= 0 &&
	       azjit_loop_io(passes->broker->loop, passes->inotify, EPOLLIN, on_change, passes,
	                     &passes->io) == AZJIT_OK &&
	       azjit_loop_timer(passes->broker->loop, 0, take_all, passes, &passes->again) == AZJIT_OK;
}

struct passes *passes_new(struct broker *broker)
{
	struct passes *passes = calloc(1, sizeof(*passes));

	if (passes) {
		passes->broker = broker;
		passes->inotify = -1;
	}
	if (passes && begin(passes)) {
		remove_hidden(passes);
		take_all(passes);
		return passes;
	}
	azjit_log(LOG_WARNING, "logins that pass while the broker is down will not be in the ledger: %s: %m",
	          passes ? passes->dir : "passes");
	passes_free(passes);
	return NULL;
}

void passes_free(struct passes *passes)
{
	if (!passes)
		return;
	azjit_source_free(passes->io);
	azjit_source_free(passes->again);
	if (passes->inotify >= 0)
		(void)close(passes->inotify);
	free(passes);
}
