// SPDX-License-Identifier: Apache-2.0
// The relay's socket. Threat model: a user who plants a socket, a directory or a link where ours should
// be. A directory that others may write to is refused; the socket is only for our own uid from its first
// moment on (and conn.c asks the kernel who connects).
#include "private.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

static enum azjit_result check_directory(const char *path, struct azjit_reason *reason)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = slash && slash > path ? strndup(path, (size_t)(slash - path)) : NULL;
	struct stat st;

	if (!dir || path[0] != '/')
		return azjit_fail(reason, AZJIT_USAGE, "%s is no socket path: give an absolute one", path);
	if (lstat(dir, &st) < 0)
		return azjit_fail(reason, AZJIT_SYSTEM, "%s: %s; make the directory first", dir,
		                  strerror(errno));
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return azjit_fail(
		        reason, AZJIT_SYSTEM,
		        "%s must be a directory of the relay's own user that nobody else may write to", dir);
	return AZJIT_OK;
}

// True if somebody listens there. A socket that nobody listens on is a dead relay's, and removed.
static bool is_taken(const struct sockaddr_un *sun)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0)
		return true;
	if (errno == ECONNREFUSED)
		(void)unlink(sun->sun_path);
	return false;
}

static enum azjit_result listen_at(struct relay *relay, struct azjit_reason *reason)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -1;
	mode_t mask;
	int r;

	if (strlen(relay->path) >= sizeof(sun.sun_path))
		return azjit_fail(reason, AZJIT_USAGE, "%s is too long for a socket path", relay->path);
	memcpy(sun.sun_path, relay->path, strlen(relay->path));
	if (is_taken(&sun))
		return azjit_fail(reason, AZJIT_SYSTEM, "%s: a relay is running already", relay->path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(S_IXUSR | S_IRWXG | S_IRWXO);
	r = fd < 0 ? -1 : bind(fd, (const struct sockaddr *)&sun, sizeof(sun));
	(void)umask(mask);
	if (r < 0 || listen(fd, SOMAXCONN) < 0)
		return azjit_fail(reason, AZJIT_SYSTEM, "%s: %s", relay->path, strerror(errno));
	relay->own_socket = true;
	relay->listen_fd = STEAL_FD(fd);
	return AZJIT_OK;
}

enum azjit_result relay_listen(struct relay *relay, struct azjit_reason *reason)
{
	int count = sd_listen_fds(1);
	enum azjit_result result = AZJIT_OK;

	if (count > 0) {
		if (count != 1 || sd_is_socket(SD_LISTEN_FDS_START, AF_UNIX, SOCK_SEQPACKET, 1) <= 0)
			return azjit_fail(reason, AZJIT_CONFIG,
			                  "the service manager must pass one listening socket: "
			                  "ListenSequentialPacket= in the socket unit");
		relay->listen_fd = SD_LISTEN_FDS_START;
	} else {
		result = check_directory(relay->path, reason);
		if (result == AZJIT_OK)
			result = listen_at(relay, reason);
	}
	if (result != AZJIT_OK)
		return result;
	return azjit_loop_io(relay->loop, relay->listen_fd, EPOLLIN, conn_accept, relay, &relay->listener);
}

void relay_listen_end(struct relay *relay)
{
	relay->listener = azjit_source_free(relay->listener);
	if (relay->listen_fd >= 0)
		(void)close(relay->listen_fd);
	relay->listen_fd = -1;
	if (relay->own_socket)
		(void)unlink(relay->path);
	relay->own_socket = false;
}
