// SPDX-License-Identifier: Apache-2.0
// The test as azjit-relay. Included once, instead of broker_stage.h.
#ifndef AZJIT_TESTS_BROKER_RELAY_H
#define AZJIT_TESTS_BROKER_RELAY_H

#include "broker_stage.h"

#include <poll.h>

struct relay {
	int listener, fd;
	char bytes[8192];
	int fds[8];
	size_t fd_count;
};

static inline void relay_listen(struct relay *relay, const struct stage *stage)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	relay->fd = -1;
	relay->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_true(azjit_copy(sun.sun_path, sizeof(sun.sun_path), stage->relay));
	assert_int_equal(bind(relay->listener, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(relay->listener, 4), 0);
}

static inline void take_fds(struct relay *relay, struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	relay->fd_count = 0;
	if (!c)
		return;
	relay->fd_count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(relay->fds, CMSG_DATA(c), relay->fd_count * sizeof(int));
}

static inline struct azjit_wire_msg relay_hear(struct relay *relay, const char *verb)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * 8)];
		struct cmsghdr align;
	} control;
	struct iovec iov = {relay->bytes, sizeof(relay->bytes)};
	struct msghdr msg = {.msg_iov = &iov,
	                     .msg_iovlen = 1,
	                     .msg_control = control.bytes,
	                     .msg_controllen = sizeof(control.bytes)};
	struct pollfd pfd = {.fd = relay->fd, .events = POLLIN};
	struct azjit_wire_msg parsed;
	size_t used;
	ssize_t n;

	assert_int_equal(poll(&pfd, 1, ANSWER_MS), 1);
	n = recvmsg(relay->fd, &msg, MSG_CMSG_CLOEXEC);
	assert_true(n > 0);
	take_fds(relay, &msg);
	assert_int_equal(azjit_wire_parse(relay->bytes, (size_t)n, sizeof(relay->bytes), &parsed, &used),
	                 AZJIT_WIRE_MESSAGE);
	assert_string_equal(parsed.verb, verb);
	return parsed;
}

static inline void relay_say(struct relay *relay, const char *verb, const char *flow, const char *rest)
{
	char text[512];
	int len = snprintf(text, sizeof(text), "AZJIT/1 %s\nflow=%s\n%s\n", verb, flow, rest);

	assert_int_equal(send(relay->fd, text, (size_t)len, MSG_NOSIGNAL), len);
}

// The broker's connection, greeted, with an empty list.
static inline void relay_accept(struct relay *relay)
{
	static const char end[] = "AZJIT/1 LIST-END\n\n";

	relay->fd = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(relay->fd >= 0);
	(void)relay_hear(relay, "LIST");
	assert_int_equal(send(relay->fd, end, strlen(end), MSG_NOSIGNAL), strlen(end));
}

static inline void relay_close(struct relay *relay)
{
	for (size_t i = 0; i < relay->fd_count; i++)
		(void)close(relay->fds[i]);
	relay->fd_count = 0;
	(void)close(relay->fd);
	(void)close(relay->listener);
}

static inline void stage_start_with(struct stage *stage, struct relay *relay)
{
	relay_listen(relay, stage);
	stage_start(stage);
	relay_accept(relay);
}

#endif
