// SPDX-License-Identifier: Apache-2.0
// Threat model: the directory is the broker's, who is less than root; whoever took it over would have root
// write elsewhere, or hold up logins. So nothing in there is followed, opened or replaced: a new file is
// made under a new name, small, and only so many of them. Nobody else may write there.
#include "passed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int open_directory(const char *path, unsigned owner)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), error;
	struct stat st;

	if (fd < 0)
		return -errno;
	error = fstat(fd, &st) < 0                             ? errno
	        : (st.st_uid != owner && st.st_uid != 0)       ? EPERM
	        : (st.st_mode & (S_IWGRP | S_IWOTH | S_ISVTX)) ? EPERM
	                                                       : 0;
	if (error == 0)
		return fd;
	(void)close(fd);
	return -error;
}

static bool has_room(int fd, unsigned most)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	unsigned count = 0;

	if (!dir) {
		if (copy >= 0)
			(void)close(copy);
		return false;
	}
	while (count < most + 2 && readdir(dir)) // "." and ".." are among them
		count++;
	(void)closedir(dir);
	return count < most + 2;
}

static int write_new(int dir, const char *name, const char *bytes, size_t len)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644), error = 0;

	if (fd < 0)
		return errno;
	if (write(fd, bytes, len) != (ssize_t)len || fchmod(fd, 0644) < 0)
		error = errno ? errno : EIO;
	if (close(fd) < 0 && error == 0)
		error = errno;
	if (error)
		(void)unlinkat(dir, name, 0);
	return error;
}

int passed_keep(const char *path, unsigned owner, unsigned most, const char *bytes, size_t len)
{
	int dir = open_directory(path, owner), error;
	char name[64], hidden[sizeof(name) + 1];
	struct timespec now;

	if (dir < 0)
		return -dir;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)snprintf(name, sizeof(name), "%lld.%09ld.%d", (long long)now.tv_sec, now.tv_nsec,
	               (int)getpid());
	(void)snprintf(hidden, sizeof(hidden), ".%s", name);
	error = has_room(dir, most) ? write_new(dir, hidden, bytes, len) : EDQUOT;
	// The broker takes what has no dot: a file is whole when it sees it.
	if (error == 0 && renameat(dir, hidden, dir, name) < 0) {
		error = errno;
		(void)unlinkat(dir, hidden, 0);
	}
	(void)close(dir);
	return error;
}
