// SPDX-License-Identifier: Apache-2.0
// listener FIRST LAST: accepts on every port of the range, greets as sshd does, echoes what it gets.
// One line a connection when it ends, on standard output:
//   SECONDS.MICROSECONDS PORT PEER:PORT IN OUT
// with the time of its accept. A connection that brought no byte was a bare connect.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define GREETING "SSH-2.0-lab\r\n"

struct conn {
	int fd;
	unsigned short port; // 0: this is the listener itself
	struct sockaddr_in peer;
	struct timespec accepted;
	unsigned long in, out;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void watch(int epoll, struct conn *conn)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, conn->fd, &event) < 0)
		die("epoll_ctl");
}

static void listen_on(int epoll, unsigned short port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct conn *conn = calloc(1, sizeof(*conn));
	int on = 1;

	if (!conn || (conn->fd = socket(AF_INET, SOCK_STREAM, 0)) < 0 ||
	    setsockopt(conn->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(conn->fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 || listen(conn->fd, 128) < 0)
		die("listen");
	watch(epoll, conn);
}

static void accept_one(int epoll, int listener)
{
	struct conn *conn = calloc(1, sizeof(*conn));
	struct sockaddr_in local;
	socklen_t len = sizeof(conn->peer), local_len = sizeof(local);

	if (!conn)
		die("memory");
	conn->fd = accept(listener, (struct sockaddr *)&conn->peer, &len);
	clock_gettime(CLOCK_REALTIME, &conn->accepted);
	if (conn->fd < 0 || getsockname(conn->fd, (struct sockaddr *)&local, &local_len) < 0)
		die("accept");
	conn->port = ntohs(local.sin_port);
	if (send(conn->fd, GREETING, strlen(GREETING), MSG_NOSIGNAL) > 0)
		conn->out = strlen(GREETING);
	watch(epoll, conn);
}

static void end(struct conn *conn)
{
	char peer[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &conn->peer.sin_addr, peer, sizeof(peer));
	printf("%lld.%06ld %u %s:%u %lu %lu\n", (long long)conn->accepted.tv_sec,
	       conn->accepted.tv_nsec / 1000, conn->port, peer, ntohs(conn->peer.sin_port), conn->in,
	       conn->out);
	fflush(stdout);
	close(conn->fd);
	free(conn);
}

static void serve(struct conn *conn)
{
	char bytes[65536];
	ssize_t n = recv(conn->fd, bytes, sizeof(bytes), 0), done = 0;

	if (n <= 0) {
		end(conn);
		return;
	}
	conn->in += (unsigned long)n;
	while (done < n) {
		ssize_t sent = send(conn->fd, bytes + done, (size_t)(n - done), MSG_NOSIGNAL);

		if (sent <= 0)
			break;
		done += sent;
	}
	conn->out += (unsigned long)done;
}

int main(int argc, char **argv)
{
	struct rlimit files = {4096, 4096};
	struct epoll_event events[64];
	int epoll = epoll_create1(0);

	if (argc != 3)
		return 64;
	setrlimit(RLIMIT_NOFILE, &files);
	for (unsigned long port = strtoul(argv[1], NULL, 10); port <= strtoul(argv[2], NULL, 10); port++)
		listen_on(epoll, (unsigned short)port);
	printf("listening\n");
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(epoll, events, 64, -1);

		if (n < 0 && errno != EINTR)
			die("epoll_wait");
		for (int i = 0; i < n; i++) {
			struct conn *conn = events[i].data.ptr;

			if (conn->port)
				serve(conn);
			else
				accept_one(epoll, conn->fd);
		}
	}
}
