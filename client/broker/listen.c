// SPDX-License-Identifier: Apache-2.0
// Threat model. Who attacks: a user who plants a socket, a link or a directory where callers look for
// the broker. What must hold: our own socket stands in a directory that only we and root can change,
// and a living broker is never displaced. (Callers check the peer's uid besides.)
#include "listen.h"

#include "conn.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#define BACKLOG         1024
#define ACCEPT_A_TURN   64
#define ACCEPT_AGAIN_MS 100

struct listener {
	struct broker *broker;
	int fd;
	char *made; // the path, if we made it
	struct azjit_source *io, *again;
};

static void on_again(void *userdata)
{
	struct listener *listener = userdata;

	(void)azjit_source_io_events(listener->io, EPOLLIN);
}

// No descriptor is left: those that end make room, so look again a little later.
static void rest(struct listener *listener)
{
	if (azjit_source_timer(listener->again, ACCEPT_AGAIN_MS) == AZJIT_OK)
		(void)azjit_source_io_events(listener->io, 0);
}

static void on_connect(void *userdata, int fd, uint32_t events)
{
	struct listener *listener = userdata;

	(void)events;
	for (int i = 0; i < ACCEPT_A_TURN; i++) {
		int caller = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (caller >= 0)
			conns_accept(listener->broker->conns, caller);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			return rest(listener);
		else if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

static enum azjit_result from_systemd(int *ret_fd, struct azjit_reason *reason)
{
	int count = sd_listen_fds(1);

	if (count < 0)
		return azjit_fail(reason, AZJIT_SYSTEM, "what systemd passed cannot be taken: %s",
		                  strerror(-count));
	if (count == 0)
		return AZJIT_OK;
	if (count != 1 || sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, NULL, 0) <= 0)
		return azjit_fail(reason, AZJIT_CONFIG,
		                  "systemd passed %d descriptors; azjitd takes one listening stream socket",
		                  count);
	*ret_fd = SD_LISTEN_FDS_START;
	return AZJIT_OK;
}

static enum azjit_result check_directory(const char *path, struct azjit_reason *reason)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)], *slash;
	struct stat st;

	if (!azjit_copy(dir, sizeof(dir), path))
		return azjit_fail(reason, AZJIT_CONFIG, "the socket's path %s is too long", path);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return azjit_fail(reason, AZJIT_CONFIG, "the socket %s needs a directory of its own", path);
	*slash = '\0';
	if (lstat(dir, &st) < 0)
		return azjit_fail(reason, AZJIT_SYSTEM, "the directory %s cannot be examined: %m", dir);
	if (!S_ISDIR(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != 0) ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)))
		return azjit_fail(
		        reason, AZJIT_CONFIG,
		        "%s must be a directory of ours that nobody else may write to: install -d -o %u "
		        "-m 755 %s",
		        dir, (unsigned)geteuid(), dir);
	return AZJIT_OK;
}

static enum azjit_result address(const char *path, struct sockaddr_un *ret, struct azjit_reason *reason)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (!azjit_copy(ret->sun_path, sizeof(ret->sun_path), path))
		return azjit_fail(reason, AZJIT_CONFIG, "the socket's path %s is too long", path);
	return AZJIT_OK;
}

// Removes a socket at which nobody listens any more.
static enum azjit_result clear(const struct sockaddr_un *sun, struct azjit_reason *reason)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (lstat(sun->sun_path, &st) < 0 && errno == ENOENT)
		return AZJIT_OK;
	if (!S_ISSOCK(st.st_mode))
		return azjit_fail(reason, AZJIT_CONFIG, "%s is in the way and is no socket: remove it",
		                  sun->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return azjit_fail(reason, AZJIT_SYSTEM, "no socket can be made: %m");
	if (connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 || errno != ECONNREFUSED)
		return azjit_fail(reason, AZJIT_BUSY, "another broker serves %s already", sun->sun_path);
	if (unlink(sun->sun_path) < 0)
		return azjit_fail(reason, AZJIT_SYSTEM, "the old socket %s cannot be removed: %m",
		                  sun->sun_path);
	return AZJIT_OK;
}

static enum azjit_result make(const char *path, int *ret_fd, struct azjit_reason *reason)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_un sun;
	enum azjit_result result = check_directory(path, reason);

	if (result == AZJIT_OK)
		result = address(path, &sun, reason);
	if (result == AZJIT_OK)
		result = clear(&sun, reason);
	if (result != AZJIT_OK)
		return result;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0 || chmod(path, 0666) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return azjit_fail(reason, AZJIT_SYSTEM, "the socket %s cannot be made: %m", path);
	*ret_fd = STEAL_FD(fd);
	return AZJIT_OK;
}

static enum azjit_result open_socket(struct listener *listener, const char *path, struct azjit_reason *reason)
{
	enum azjit_result result = from_systemd(&listener->fd, reason);

	if (result != AZJIT_OK || listener->fd >= 0)
		return result;
	result = make(path, &listener->fd, reason);
	if (result != AZJIT_OK)
		return result;
	listener->made = strdup(path);
	return listener->made ? AZJIT_OK : azjit_fail(reason, AZJIT_NOMEM, "no memory to listen");
}

enum azjit_result listener_new(struct broker *broker, const char *path, struct azjit_reason *reason,
                               struct listener **ret)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	enum azjit_result result;

	if (!listener)
		return azjit_fail(reason, AZJIT_NOMEM, "no memory to listen");
	listener->broker = broker;
	listener->fd = -1;
	result = open_socket(listener, path, reason);
	if (result == AZJIT_OK && fcntl(listener->fd, F_SETFL, O_NONBLOCK) < 0)
		result = azjit_fail(reason, AZJIT_SYSTEM, "the socket cannot be made non-blocking: %m");
	if (result == AZJIT_OK) {
		result = azjit_loop_io(broker->loop, listener->fd, EPOLLIN, on_connect, listener,
		                       &listener->io);
		if (result == AZJIT_OK)
			result = azjit_loop_timer(broker->loop, 0, on_again, listener, &listener->again);
		if (result != AZJIT_OK)
			(void)azjit_fail(reason, result, "the socket cannot be watched: %m");
	}
	if (result != AZJIT_OK) {
		listener_free(listener);
		return result;
	}
	*ret = listener;
	return AZJIT_OK;
}

void listener_free(struct listener *listener)
{
	if (!listener)
		return;
	azjit_source_free(listener->io);
	azjit_source_free(listener->again);
	if (listener->fd >= 0)
		(void)close(listener->fd);
	if (listener->made)
		(void)unlink(listener->made);
	free(listener->made);
	free(listener);
}
