// SPDX-License-Identifier: Apache-2.0
#include "session_proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

// One read: these files are shorter than the buffer, or what is wanted stands at their start.
static bool slurp(int proc, const char *name, char *ret_text, size_t size)
{
	_cleanup_close_ int fd = openat(proc, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, ret_text, size - 1);

	ret_text[n < 0 ? 0 : n] = '\0';
	return n > 0;
}

static const char *field(const char *text, unsigned skip)
{
	while (skip > 0 && *text)
		skip -= *text++ == ' ';
	return text;
}

static bool number(const char *text, uint64_t max, uint64_t *ret)
{
	char digits[24];
	size_t len = strspn(text, "0123456789");

	if (len >= sizeof(digits))
		return false;
	memcpy(digits, text, len);
	digits[len] = '\0';
	return azjit_parse_u64(digits, 0, max, ret) == AZJIT_OK;
}

// The name in parentheses may hold anything, also ") Z 1": the last parenthesis ends it.
static bool read_stat(int proc, struct session_proc *ret)
{
	char text[1024], *end;

	if (!slurp(proc, "stat", text, sizeof(text)))
		return false;
	end = strrchr(text, ')');
	if (!end || end[1] != ' ')
		return false;
	ret->gone = end[2] == 'Z' || end[2] == 'X' || end[2] == 'x';
	return number(field(end + 2, 19), UINT64_MAX, &ret->start);
}

static bool read_uid(int proc, struct session_proc *ret)
{
	char text[2048], *line;
	uint64_t uid;

	if (!slurp(proc, "status", text, sizeof(text)))
		return false;
	line = strstr(text, "\nUid:\t");
	if (!line || !number(line + strlen("\nUid:\t"), UINT32_MAX, &uid))
		return false;
	ret->uid = (uid_t)uid;
	return true;
}

static void read_audit(int proc, struct session_proc *ret)
{
	char text[32];
	uint64_t id;

	ret->audit = SESSION_NO_AUDIT; // also with a kernel without audit
	if (slurp(proc, "sessionid", text, sizeof(text)) && number(text, UINT32_MAX, &id))
		ret->audit = (uint32_t)id;
}

// A service's cgroup is everybody's; only logind's scope belongs to one login.
static void read_scope(int proc, struct session_proc *ret)
{
	char text[4096], *start, *end;

	ret->scope[0] = '\0';
	if (!slurp(proc, "cgroup", text, sizeof(text)))
		return;
	start = strstr(text, "/session-");
	end = start ? strstr(start, ".scope") : NULL;
	if (!end || memchr(start, '\n', (size_t)(end - start)))
		return;
	end[strlen(".scope")] = '\0';
	(void)azjit_copy(ret->scope, sizeof(ret->scope), start + 1);
}

bool session_proc_read(pid_t pid, struct session_proc *ret)
{
	_cleanup_close_ int proc = -1;
	struct session_proc found = {0};
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d", pid);
	proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0 || !read_stat(proc, &found) || !read_uid(proc, &found))
		return false;
	read_audit(proc, &found);
	read_scope(proc, &found);
	*ret = found;
	return true;
}

bool session_proc_boot(char ret_text[AZJIT_UUID_CHARS])
{
	char text[64];

	if (!slurp(AT_FDCWD, "/proc/sys/kernel/random/boot_id", text, sizeof(text)))
		return false;
	text[strcspn(text, "\n")] = '\0';
	return azjit_uuid_valid(text) && azjit_copy(ret_text, AZJIT_UUID_CHARS, text);
}

bool session_proc_blind(void)
{
	struct session_proc init;

	return !session_proc_read(1, &init);
}

bool session_proc_each(session_proc_fn *fn, void *userdata)
{
	DIR *dir = opendir("/proc");
	struct dirent *item;

	if (!dir)
		return false;
	while ((item = readdir(dir))) {
		struct session_proc proc;
		uint64_t pid;

		if (azjit_parse_u64(item->d_name, 1, INT_MAX, &pid) != AZJIT_OK)
			continue;
		if (session_proc_read((pid_t)pid, &proc) && !fn(userdata, (pid_t)pid, &proc))
			break;
	}
	(void)closedir(dir);
	return true;
}
