// SPDX-License-Identifier: Apache-2.0
// trick HOW ADDRESS PORT: tries to reach a port behind the guard's back, as an ordinary user. Prints
// "reached" (exit 0) if a TCP connection came about, else why not (exit 1).
//   plain           connect
//   again ADDR PORT connect to ADDR:PORT first, dissolve that with AF_UNSPEC, connect again
//   mapped          an IPv6 socket to the v4-mapped address
//   fastopen        data in the SYN
//   mptcp           a Multipath TCP socket
//   bound LPORT     from a given local port, as a flow of someone else's may use
//   steal PID       every socket of that process by pidfd_getfd: prints "inet" if one is TCP/IP
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int report(const char *what)
{
	printf("%s\n", what);
	return strcmp(what, "reached") == 0 || strcmp(what, "inet") == 0 ? 0 : 1;
}

static struct sockaddr_in in4(const char *addr, const char *port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
	                          .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};

	if (inet_pton(AF_INET, addr, &sin.sin_addr) != 1)
		exit(64);
	return sin;
}

// Waits at most 2 s for a connection that was begun.
static int finish(int fd, int rc)
{
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);

	if (rc < 0 && errno != EINPROGRESS)
		return report(strerror(errno));
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int err = 0;
	socklen_t err_len = sizeof(err);

	if (poll(&p, 1, 2000) == 0)
		return report("timeout");
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &err_len) < 0 || err)
		return report(strerror(err));
	if (getpeername(fd, (struct sockaddr *)&peer, &len) < 0)
		return report(strerror(errno));
	return report("reached");
}

static int again(int fd, const struct sockaddr_in *target, const struct sockaddr_in *first)
{
	struct sockaddr none = {.sa_family = AF_UNSPEC};

	if (connect(fd, (const struct sockaddr *)first, sizeof(*first)) < 0 && errno != EINPROGRESS)
		return report("the first connection failed");
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	if (poll(&p, 1, 2000) != 1 || (p.revents & (POLLERR | POLLHUP)))
		return report("the first connection failed");
	if (connect(fd, &none, sizeof(none)) < 0)
		return report("AF_UNSPEC failed");
	return finish(fd, connect(fd, (const struct sockaddr *)target, sizeof(*target)));
}

static int mapped(const struct sockaddr_in *target)
{
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6, .sin6_port = target->sin_port};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);

	memcpy(sin6.sin6_addr.s6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
	memcpy(sin6.sin6_addr.s6_addr + 12, &target->sin_addr, 4);
	return finish(fd, connect(fd, (struct sockaddr *)&sin6, sizeof(sin6)));
}

static int fastopen(int fd, const struct sockaddr_in *target)
{
	ssize_t n = sendto(fd, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (const struct sockaddr *)target,
	                   sizeof(*target));

	return finish(fd, n < 0 ? -1 : 0);
}

static int bound(int fd, const struct sockaddr_in *target, const char *port)
{
	struct sockaddr_in local = in4("0.0.0.0", port);
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&local, sizeof(local)) < 0)
		return report(strerror(errno));
	return finish(fd, connect(fd, (const struct sockaddr *)target, sizeof(*target)));
}

static int steal(const char *pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)strtol(pid, NULL, 10), 0), seen = 0;

	if (pidfd < 0)
		return report(strerror(errno));
	for (int n = 0; n < 64; n++) {
		int fd = (int)syscall(SYS_pidfd_getfd, pidfd, n, 0), domain = 0;
		socklen_t len = sizeof(domain);

		if (fd < 0)
			continue;
		seen++;
		if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
		    (domain == AF_INET || domain == AF_INET6))
			return report("inet");
	}
	printf("%d descriptors, ", seen);
	return report(seen ? "none of TCP/IP" : "none could be had");
}

int main(int argc, char **argv)
{
	struct sockaddr_in target, first;
	int fd;

	if (argc == 3 && strcmp(argv[1], "steal") == 0)
		return steal(argv[2]);
	if (argc < 4)
		return 64;
	target = in4(argv[2], argv[3]);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, strcmp(argv[1], "mptcp") == 0 ? IPPROTO_MPTCP : 0);
	if (fd < 0)
		return report(strerror(errno));
	if (strcmp(argv[1], "plain") == 0 || strcmp(argv[1], "mptcp") == 0)
		return finish(fd, connect(fd, (struct sockaddr *)&target, sizeof(target)));
	if (strcmp(argv[1], "mapped") == 0)
		return mapped(&target);
	if (strcmp(argv[1], "fastopen") == 0)
		return fastopen(fd, &target);
	if (strcmp(argv[1], "bound") == 0 && argc == 5)
		return bound(fd, &target, argv[4]);
	if (strcmp(argv[1], "again") != 0 || argc != 6)
		return 64;
	first = in4(argv[4], argv[5]);
	return again(fd, &target, &first);
}
