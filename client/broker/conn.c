// SPDX-License-Identifier: Apache-2.0
// Threat model. Who attacks: any user of this machine, and any program that may open the socket. What
// must hold: nobody is taken for another (the kernel's SO_PEERCRED, read once; nothing a message says);
// nobody can keep others from being served (connections per uid and in total, memory per connection,
// time per request and per answer are bounded, and root has a reserve, since logins go through here); a
// descriptor that nobody asked for is closed; what is not exactly one message is refused whole.
#include "conn_private.h"

#include "descriptor.h"
#include "verbs.h"

#include <sys/epoll.h>

static char scratch[AZJIT_WIRE_MAX_ROOT_BYTES];

void conn_close_fds(struct conn *conn)
{
	while (conn->fd_count > 0)
		descriptor_close(conn->fds[--conn->fd_count]);
}

void conn_let_go(struct conn *conn)
{
	conn_gone_fn *gone = STEAL(conn->gone);
	void *work = STEAL(conn->work);

	if (gone)
		gone(conn, work);
}

static void watch(struct conn *conn)
{
	uint32_t events = EPOLLRDHUP;

	if (conn->dead)
		return;
	if (conn->state == CONN_READING)
		events |= EPOLLIN;
	if (conn->state == CONN_DRAINING)
		events = 0;
	if (conn->out.len > 0)
		events |= EPOLLOUT;
	if (azjit_source_io_events(conn->io, events) != AZJIT_OK)
		conn_drop(conn);
}

static void deadline(struct conn *conn, uint64_t delay_ms)
{
	if (azjit_source_timer(conn->timer, delay_ms) != AZJIT_OK)
		conn_drop(conn);
}

// Writes what the socket takes of the queue; the stall clock starts anew with each byte taken.
static void flush(struct conn *conn)
{
	while (conn->out.len > 0) {
		ssize_t n = send(conn->fd, conn->out.data, conn->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			conn_drop(conn);
		if (n < 0)
			break;
		azjit_buf_consume(&conn->out, (size_t)n);
		if (conn->state != CONN_READING)
			deadline(conn, CONN_STALL_MS);
	}
	if (conn->out.len == 0 && conn->state == CONN_DRAINING)
		conn_drop(conn);
	watch(conn);
}

void conn_on_deadline(void *userdata)
{
	struct conn *conn = userdata;

	if (conn->state == CONN_BUSY && conn->out.len == 0)
		return;
	if (conn->state == CONN_READING && !conn->work)
		conn_done(conn, AZJIT_USAGE, "the request was not complete within 5 s");
	conn_drop(conn);
}

// --- reading ------------------------------------------------------------------------------------------

static void keep_fd(struct conn *conn, int fd, bool *ret_many)
{
	if (conn->fd_count < AZJIT_WIRE_MAX_FDS) {
		conn->fds[conn->fd_count++] = fd;
		return;
	}
	descriptor_close(fd);
	*ret_many = true;
}

// False if there were more than a message may carry.
static bool keep_fds(struct conn *conn, struct msghdr *msg)
{
	bool many = (msg->msg_flags & MSG_CTRUNC) != 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			keep_fd(conn, fd, &many);
		}
	}
	return !many;
}

// 1: bytes came; 0: none now; -1: end of file or a fault.
static int receive(struct conn *conn)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * AZJIT_WIRE_MAX_FDS)];
		struct cmsghdr align;
	} control;
	char bytes[4096];
	struct iovec iov = {bytes, sizeof(bytes)};
	// Not CMSG_SPACE: its padding would let one more descriptor in.
	struct msghdr msg = {.msg_iov = &iov,
	                     .msg_iovlen = 1,
	                     .msg_control = control.bytes,
	                     .msg_controllen = CMSG_LEN(sizeof(int) * AZJIT_WIRE_MAX_FDS)};
	ssize_t n = recvmsg(conn->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (!keep_fds(conn, &msg)) {
		conn_refuse(conn, AZJIT_USAGE, "more than three descriptors came with the request");
		return 0;
	}
	if (n == 0)
		return -1;
	if (!azjit_buf_add(&conn->in, bytes, (size_t)n)) {
		conn_refuse(conn, AZJIT_USAGE, "the request is longer than a message may be");
		return 0;
	}
	return 1;
}

static void dispatch(struct conn *conn)
{
	struct azjit_wire_msg msg = {0};
	size_t used = 0;

	switch (azjit_wire_parse(conn->in.data, conn->in.len, conn->in.max_bytes, &msg, &used)) {
	case AZJIT_WIRE_MORE:
		return;
	case AZJIT_WIRE_MESSAGE:
		verbs_dispatch(conn, &msg);
		explicit_bzero(conn->in.data, used); // auth-info names keys
		azjit_buf_consume(&conn->in, used);
		return;
	case AZJIT_WIRE_VERSION:
		conn_refuse(conn, AZJIT_USAGE, "this broker speaks version 1 of the protocol (AZJIT/1)");
		return;
	case AZJIT_WIRE_BAD:
		break;
	}
	conn_refuse(conn, AZJIT_USAGE, "the request is not a message of azjit's protocol");
}

void conn_on_io(void *userdata, int fd, uint32_t events)
{
	struct conn *conn = userdata;
	int got = 1;

	if (conn->dead)
		return;
	if (events & EPOLLOUT)
		flush(conn);
	while (conn->state == CONN_READING && !conn->dead && got > 0) {
		got = receive(conn);
		if (got > 0)
			dispatch(conn);
	}
	if (got < 0 || (events & (EPOLLHUP | EPOLLERR)))
		conn_drop(conn);
	else if (conn->state == CONN_BUSY && (events & EPOLLRDHUP))
		conn_drop(conn);
}

// --- what verbs use -----------------------------------------------------------------------------------

struct broker *conn_broker(const struct conn *conn)
{
	return conn->conns->broker;
}

const struct ucred *conn_peer(const struct conn *conn)
{
	return &conn->peer;
}

size_t conn_fd_count(const struct conn *conn)
{
	return conn->fd_count;
}

void conn_take_fds(struct conn *conn, int ret_fds[AZJIT_WIRE_MAX_FDS])
{
	for (size_t i = 0; i < AZJIT_WIRE_MAX_FDS; i++)
		ret_fds[i] = i < conn->fd_count ? conn->fds[i] : -1;
	conn->fd_count = 0;
}

static void hold(struct conn *conn, enum conn_state state, void *work, conn_gone_fn *gone)
{
	conn->state = state;
	conn->work = work;
	conn->gone = gone;
	watch(conn);
}

void conn_busy(struct conn *conn, void *work, conn_gone_fn *gone)
{
	hold(conn, CONN_BUSY, work, gone);
}

void conn_expect(struct conn *conn, void *work, conn_gone_fn *gone)
{
	hold(conn, CONN_READING, work, gone);
	deadline(conn, CONN_REQUEST_MS);
}

void *conn_work(const struct conn *conn)
{
	return conn->work;
}

char *conn_scratch(size_t *ret_size)
{
	*ret_size = sizeof(scratch);
	return scratch;
}

void conn_begin(struct azjit_wire_out *out, const char *verb)
{
	azjit_wire_begin(out, scratch, sizeof(scratch), verb);
}

void conn_send(struct conn *conn, struct azjit_wire_out *out)
{
	size_t len = azjit_wire_end(out);
	bool was_empty = conn->out.len == 0;

	if (conn->dead)
		return;
	if (len == 0 || !azjit_buf_add(&conn->out, out->bytes, len)) {
		conn_drop(conn);
		return;
	}
	flush(conn);
	if (was_empty && conn->out.len > 0 && conn->state == CONN_BUSY)
		deadline(conn, CONN_STALL_MS);
}

bool conn_crowded(const struct conn *conn)
{
	return conn->out.len > conn->out.max_bytes / 2;
}

void conn_progress(struct conn *conn, const char *stage, const char *text)
{
	struct azjit_wire_out out;

	conn_begin(&out, "PROGRESS");
	azjit_wire_put(&out, "stage", stage);
	azjit_wire_put(&out, "text", text);
	conn_send(conn, &out);
}

void conn_done_begin(struct azjit_wire_out *out, enum azjit_result result, const char *reason)
{
	conn_begin(out, "DONE");
	azjit_wire_put(out, "result", azjit_result_name(result));
	azjit_wire_put(out, "reason", reason && reason[0] ? reason : NULL);
}

void conn_finish(struct conn *conn, struct azjit_wire_out *out)
{
	conn->work = NULL;
	conn->gone = NULL;
	conn_close_fds(conn);
	conn->state = CONN_DRAINING;
	conn_send(conn, out);
	if (!conn->dead)
		deadline(conn, CONN_STALL_MS);
}

void conn_done(struct conn *conn, enum azjit_result result, const char *reason)
{
	struct azjit_wire_out out;

	conn_done_begin(&out, result, reason);
	conn_finish(conn, &out);
}

void conn_refuse(struct conn *conn, enum azjit_result result, const char *reason)
{
	conn_let_go(conn);
	conn_done(conn, result, reason);
}
