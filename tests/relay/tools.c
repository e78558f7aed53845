// SPDX-License-Identifier: Apache-2.0
// The driver's tools: speaking with relay, control and target.
#include "relay_test.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/un.h>

int target_socket = -1;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

void new_id(char *ret, size_t size)
{
	static unsigned count;

	(void)snprintf(ret, size, "f%d-%u", (int)getpid(), ++count);
}

int relay_connect_to(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		die(path);
	return fd;
}

int relay_connect(void)
{
	return relay_connect_to(relay_path);
}

void ask_target_text(char *ret, size_t size, const char *fmt, ...)
{
	char question[128];
	va_list args;
	ssize_t n;

	va_start(args, fmt);
	(void)vsnprintf(question, sizeof(question), fmt, args);
	va_end(args);
	if (send(target_socket, question, strlen(question), 0) < 0)
		die("target");
	n = recv(target_socket, ret, size - 1, 0);
	ret[n > 0 ? n : 0] = '\0';
}

int ask_target_file(const char *question)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
	                     .msg_iovlen = 1,
	                     .msg_control = control.bytes,
	                     .msg_controllen = sizeof(control)};
	int fd = -1;

	if (send(target_socket, question, strlen(question), 0) < 0 ||
	    recvmsg(target_socket, &msg, MSG_CMSG_CLOEXEC) < 0)
		die("target");
	if (CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

unsigned long long ask_target(const char *fmt, ...)
{
	char question[128], text[256];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(question, sizeof(question), fmt, args);
	va_end(args);
	ask_target_text(text, sizeof(text), "%s", question);
	return strtoull(text, NULL, 10);
}

struct stats target_stats(int port)
{
	struct stats stats;
	unsigned long long *const fields[] = {&stats.accepts, &stats.bare, &stats.most,
	                                      &stats.bytes,   &stats.open, &stats.sum};
	char text[256], *at = text;

	ask_target_text(text, sizeof(text), "stats %d", port);
	for (size_t i = 0; i < AZJIT_COUNT(fields); i++)
		*fields[i] = strtoull(at, &at, 10);
	return stats;
}

const char *value(const struct heard *heard, const char *key)
{
	const char *text = azjit_wire_get(&heard->msg, key);

	return text ? text : "";
}

void relay_say(int fd, const int *fds, size_t fd_count, const char *verb, ...)
{
	char bytes[4096];
	struct azjit_wire_out out;
	const char *key;
	va_list args;

	azjit_wire_begin(&out, bytes, sizeof(bytes), verb);
	va_start(args, verb);
	while ((key = va_arg(args, const char *)))
		azjit_wire_put(&out, key, va_arg(args, const char *));
	va_end(args);
	CHECK(azjit_wire_send(fd, bytes, azjit_wire_end(&out), fds, fd_count, 5000) == 0, "%s", verb);
}

static bool is_of(const struct heard *heard, const char *verb, const char *id)
{
	return azjit_streq(heard->msg.verb, verb) &&
	       (!id || azjit_streq(value(heard, "flow"), id) || azjit_streq(value(heard, "probe"), id));
}

bool relay_hear(int fd, const char *verb, const char *id, int timeout_ms, struct heard *ret)
{
	uint64_t until = now_us() + (uint64_t)timeout_ms * 1000;

	for (uint64_t now; (now = now_us()) < until;) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		size_t used;
		ssize_t n;

		if (poll(&pfd, 1, (int)((until - now) / 1000) + 1) <= 0)
			return false;
		n = recv(fd, ret->bytes, sizeof(ret->bytes), 0);
		if (n <= 0)
			return false;
		if (azjit_wire_parse(ret->bytes, (size_t)n, sizeof(ret->bytes), &ret->msg, &used) ==
		            AZJIT_WIRE_MESSAGE &&
		    is_of(ret, verb, id))
			return true;
	}
	return false;
}

void call_begin_with(struct call *call, int relay, const char *addr, int port, int in, int out)
{
	char port_text[8], uid[16];
	int pair[2];

	new_id(call->id, sizeof(call->id));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		die("socketpair");
	call->in = call->out = -1;
	call->control = pair[0];
	call->control_in =
	        (struct azjit_wire_in){.bytes = call->control_bytes, .size = sizeof(call->control_bytes)};
	(void)snprintf(port_text, sizeof(port_text), "%d", port);
	(void)snprintf(uid, sizeof(uid), "%u", (unsigned)getuid());
	relay_say(relay, (int[]){in, out, pair[1]}, 3, "FLOW", "flow", call->id, "addr", addr, "port",
	          port_text, "uid", uid, "session", "s1", "host", "web01", NULL);
	(void)close(pair[1]);
}

void call_begin(struct call *call, int relay, int port, const char *probe)
{
	char port_text[8], uid[16];
	int in[2], out[2], pair[2];

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		die("pipe");
	new_id(call->id, sizeof(call->id));
	call->in = in[1];
	call->out = out[0];
	call->control = pair[0];
	call->control_in =
	        (struct azjit_wire_in){.bytes = call->control_bytes, .size = sizeof(call->control_bytes)};
	(void)snprintf(port_text, sizeof(port_text), "%d", port);
	(void)snprintf(uid, sizeof(uid), "%u", (unsigned)getuid());
	relay_say(relay, (int[]){in[0], out[1], pair[1]}, 3, "FLOW", "flow", call->id, "addr", TARGET_ADDR,
	          "port", port_text, "uid", uid, "probe", probe, NULL);
	(void)close(in[0]);
	(void)close(out[1]);
	(void)close(pair[1]);
}

bool call_hear(struct call *call, const char *stage, int timeout_ms, struct heard *ret)
{
	uint64_t deadline_ms = now_us() / 1000 + (uint64_t)timeout_ms;

	for (;;) {
		if (azjit_wire_receive(call->control, &call->control_in, deadline_ms, &ret->msg) != 1)
			return false;
		if (stage ? azjit_streq(value(ret, "stage"), stage) : azjit_streq(ret->msg.verb, "DONE"))
			return true;
	}
}

void call_end(struct call *call)
{
	if (call->in >= 0)
		(void)close(call->in);
	if (call->out >= 0)
		(void)close(call->out);
	if (call->control >= 0)
		(void)close(call->control);
	call->in = call->out = call->control = -1;
}

bool write_all(int fd, const void *bytes, size_t len)
{
	for (const char *p = bytes; len > 0;) {
		ssize_t n = write(fd, p, len);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

size_t read_for(int fd, void *bytes, size_t len, int timeout_ms)
{
	uint64_t until = now_us() + (uint64_t)timeout_ms * 1000;
	size_t got = 0;

	for (uint64_t now; got < len && (now = now_us()) < until;) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		ssize_t n;

		if (poll(&pfd, 1, (int)((until - now) / 1000) + 1) <= 0)
			break;
		n = read(fd, (char *)bytes + got, len - got);
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return got;
}

bool at_eof(int fd, int timeout_ms)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	char byte;

	return poll(&pfd, 1, timeout_ms) > 0 && read(fd, &byte, 1) == 0;
}

bool wait_until(bool (*fn)(void *), void *userdata, int timeout_ms)
{
	uint64_t until = now_us() + (uint64_t)timeout_ms * 1000;

	while (!fn(userdata)) {
		if (now_us() > until)
			return false;
		(void)poll(NULL, 0, 10);
	}
	return true;
}
