// SPDX-License-Identifier: Apache-2.0
// Threat model: a caller sends any three descriptors it could open, or that somebody sent it. What must
// hold: nothing is read or written with the relay's rights that the caller could not do itself (files of
// the kernel's own file systems judge the writer, not the opener), and nothing is taken that has no
// stream of bytes. This runs in the flow's worker: fstat and fstatfs can block on a file system that
// its owner wrote.
#include "private.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

static int socket_option(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) < 0 ? -1 : value;
}

static bool is_connected(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	return getpeername(fd, (struct sockaddr *)&sa, &len) == 0;
}

bool vet_control(int control)
{
	return socket_option(control, SO_DOMAIN) == AF_UNIX &&
	       socket_option(control, SO_TYPE) == SOCK_STREAM && is_connected(control);
}

static const char *vet_socket(int fd)
{
	int domain = socket_option(fd, SO_DOMAIN);

	if (socket_option(fd, SO_TYPE) != SOCK_STREAM)
		return "a socket without a stream";
	if (domain != AF_UNIX && domain != AF_INET && domain != AF_INET6)
		return "a socket of an unusual family";
	return is_connected(fd) ? NULL : "a socket that is not connected";
}

static const char *vet_file_system(int fd)
{
	static const long kernels[] = {PROC_SUPER_MAGIC,    SYSFS_MAGIC,      CGROUP_SUPER_MAGIC,
	                               CGROUP2_SUPER_MAGIC, SECURITYFS_MAGIC, SELINUX_MAGIC,
	                               DEBUGFS_MAGIC,       TRACEFS_MAGIC,    BPF_FS_MAGIC,
	                               SMACK_MAGIC,         EFIVARFS_MAGIC};
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return "unreadable";
	for (size_t i = 0; i < AZJIT_COUNT(kernels); i++)
		if ((long)fs.f_type == kernels[i])
			return "a file of the kernel's own";
	return NULL;
}

// NULL, or what it is that a flow does not take.
static const char *vet_stream(int fd, int wrong_access)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (flags < 0 || (flags & O_PATH) != 0)
		return "not open";
	if ((flags & O_ACCMODE) == wrong_access)
		return wrong_access == O_WRONLY ? "not open for reading" : "not open for writing";
	if (fstat(fd, &st) < 0)
		return "unreadable";
	switch (st.st_mode & S_IFMT) {
	case S_IFSOCK:
		return vet_socket(fd);
	case S_IFREG:
	case S_IFCHR:
	case S_IFIFO:
		return vet_file_system(fd);
	case S_IFDIR:
		return "a directory";
	default:
		return "neither a pipe, a socket, a terminal nor a file";
	}
}

static bool same_file(int a, int b)
{
	struct stat sta, stb;

	return fstat(a, &sta) < 0 || fstat(b, &stb) < 0 ||
	       (sta.st_dev == stb.st_dev && sta.st_ino == stb.st_ino);
}

bool vet_descriptors(int input, int output, int control, char *ret_text, size_t size)
{
	const char *why = vet_stream(input, O_WRONLY), *which = "stdin";

	if (!why) {
		why = vet_stream(output, O_RDONLY);
		which = "stdout";
	}
	if (!why && same_file(input, control)) {
		why = "the control socket";
		which = "stdin";
	}
	if (!why && same_file(output, control))
		why = "the control socket";
	if (why)
		(void)snprintf(ret_text, size, "%s is %s: give a pipe, a socket, a terminal or a file", which,
		               why);
	return !why;
}
