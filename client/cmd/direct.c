// SPDX-License-Identifier: Apache-2.0
#include "direct.h"

#include <azjit/address.h>
#include <azjit/copy.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define CONNECT_MS 30000 // for one address

void direct_close_output(void)
{
	_cleanup_close_ int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct stat out, err;

	if (fstat(STDOUT_FILENO, &out) == 0 && S_ISSOCK(out.st_mode) && fstat(STDERR_FILENO, &err) == 0 &&
	    (out.st_dev != err.st_dev || out.st_ino != err.st_ino))
		(void)shutdown(STDOUT_FILENO, SHUT_WR);
	if (null >= 0)
		(void)dup2(null, STDOUT_FILENO);
}

static void on_event(void *userdata, enum azjit_copy_event event)
{
	if (event == AZJIT_COPY_TARGET_EOF)
		direct_close_output();
}

// 0, or what kept this address from being reached.
static int await(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLOUT};
	int error = 0, r;
	socklen_t len = sizeof(error);

	do
		r = poll(&pfd, 1, CONNECT_MS);
	while (r < 0 && errno == EINTR);
	if (r <= 0)
		return r < 0 ? errno : ETIMEDOUT;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? errno : error;
}

static int dial(const struct addrinfo *ai, int *ret_fd)
{
	_cleanup_close_ int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC, ai->ai_protocol);
	int error = 0;

	if (fd < 0 || azjit_copy_prepare(fd) != AZJIT_OK)
		return errno;
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) < 0)
		error = errno == EINPROGRESS ? await(fd) : errno;
	if (error == 0)
		*ret_fd = STEAL_FD(fd);
	return error;
}

// Why a resolved address is never dialled, or NULL. The caller could dial it without us; but where
// azjit is all that an account may run, a name must not lead to the host itself or to IMDS.
static const char *forbidden(const struct addrinfo *ai)
{
	_cleanup_close_ int fd = socket(ai->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage local;
	const char *why = NULL;
	struct azjit_addr addr;
	uint16_t port;
	socklen_t len;

	if (!azjit_addr_from_sockaddr(ai->ai_addr, &addr, &port))
		return "of an unknown family";
	if (azjit_addr_forbidden(&addr, &why))
		return why;
	// Only an address of this host can be bound.
	len = azjit_addr_to_sockaddr(&addr, 0, &local);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&local, len) == 0)
		return "this host itself";
	return NULL;
}

static enum azjit_result dial_any(const char *host, const char *port, int *ret_fd,
                                  struct azjit_reason *reason)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
	                               .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG};
	struct addrinfo *all = NULL;
	int r = getaddrinfo(host, port, &hints, &all), error = EHOSTUNREACH;
	const char *why = NULL;

	if (r != 0)
		return azjit_fail(reason, AZJIT_NOT_FOUND,
		                  "%s is under no JIT policy, and no host of that name: %s", host,
		                  r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
	for (const struct addrinfo *ai = all; ai && error != 0 && !why; ai = ai->ai_next) {
		why = forbidden(ai);
		if (!why)
			error = dial(ai, ret_fd);
	}
	freeaddrinfo(all);
	if (why)
		return azjit_fail(reason, AZJIT_DENIED,
		                  "%s leads to an address of this kind: %s; azjit never connects there", host,
		                  why);
	if (error != 0)
		return azjit_fail(reason, AZJIT_PORT_CLOSED,
		                  "%s is under no JIT policy, and port %s of it: %s", host, port,
		                  strerror(error));
	return AZJIT_OK;
}

enum azjit_result direct_connect(const char *host, const char *port, struct azjit_reason *reason)
{
	_cleanup_(azjit_copy_freep) struct azjit_copy *copy = NULL;
	struct azjit_copy_counts counts = {0};
	_cleanup_close_ int fd = -1;
	enum azjit_result result = dial_any(host, port, &fd, reason);

	if (result != AZJIT_OK)
		return result;
	if (azjit_copy_new(STDIN_FILENO, STDOUT_FILENO, &counts, on_event, NULL, &copy) != AZJIT_OK)
		return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	switch (azjit_copy_run(copy, fd)) {
	case AZJIT_COPY_BOTH_ENDED:
		return AZJIT_OK;
	case AZJIT_COPY_TURNED_AWAY:
		return azjit_fail(reason, AZJIT_PORT_CLOSED, "%s port %s closed the connection at once", host,
		                  port);
	case AZJIT_COPY_TARGET_LOST:
		return azjit_fail(reason, AZJIT_SYSTEM, "the connection to %s was lost: %s", host,
		                  strerror(errno));
	case AZJIT_COPY_OUTPUT_GONE:
		return azjit_fail(reason, AZJIT_CANCELED, "nobody reads stdout any more");
	case AZJIT_COPY_LOCAL_ERROR:
		return azjit_fail(reason, AZJIT_SYSTEM, "stdin or stdout failed: %s", strerror(errno));
	}
	return AZJIT_DENIED;
}
