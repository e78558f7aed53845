// SPDX-License-Identifier: Apache-2.0
// Threat model: see conn.c. Here: how many connections there may be, and how they end.
#include "conn_private.h"

#include <sys/epoll.h>

static void conn_free(struct conn *conn)
{
	struct conns *conns = conn->conns;

	if (conn->prev)
		conn->prev->next = conn->next;
	else
		conns->first = conn->next;
	if (conn->next)
		conn->next->prev = conn->prev;
	conns->count--;
	conn->io = azjit_source_free(conn->io);
	conn->timer = azjit_source_free(conn->timer);
	(void)close(conn->fd);
	conn_close_fds(conn);
	azjit_buf_free(&conn->in);
	azjit_buf_free(&conn->out);
	free(conn);
}

static void reap(void *userdata)
{
	struct conns *conns = userdata;
	struct conn *next;

	conns->reaping = false;
	for (struct conn *conn = conns->first; conn; conn = next) {
		next = conn->next;
		if (!conn->dead)
			continue;
		conn_let_go(conn);
		conn_free(conn);
	}
}

void conn_drop(struct conn *conn)
{
	struct conns *conns = conn->conns;

	if (conn->dead)
		return;
	conn->dead = true;
	(void)azjit_source_io_events(conn->io, 0);
	if (!conns->reaping && azjit_source_timer(conns->reaper, 0) == AZJIT_OK)
		conns->reaping = true;
}

static bool too_many(const struct conns *conns, uid_t uid)
{
	size_t same = 0;

	if (uid == 0)
		return conns->count >= CONN_TOTAL;
	for (const struct conn *conn = conns->first; conn; conn = conn->next)
		same += conn->peer.uid == uid;
	return same >= CONN_PER_UID || conns->count >= CONN_TOTAL - CONN_ROOT_RESERVE;
}

static void refuse(int fd, enum azjit_result result, const char *reason)
{
	struct azjit_wire_out out;
	size_t len;

	conn_done_begin(&out, result, reason);
	len = azjit_wire_end(&out);
	(void)!send(fd, out.bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)close(fd);
}

static struct conn *conn_new(struct conns *conns, int fd, const struct ucred *peer)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->conns = conns;
	conn->fd = fd;
	conn->peer = *peer;
	conn->in = AZJIT_BUF(peer->uid == 0 ? AZJIT_WIRE_MAX_ROOT_BYTES : AZJIT_WIRE_MAX_BYTES);
	conn->out = AZJIT_BUF(peer->uid == 0 ? CONN_QUEUE_ROOT : CONN_QUEUE_BYTES);
	if (azjit_loop_io(conns->broker->loop, fd, EPOLLIN | EPOLLRDHUP, conn_on_io, conn, &conn->io) ==
	            AZJIT_OK &&
	    azjit_loop_timer(conns->broker->loop, CONN_REQUEST_MS, conn_on_deadline, conn, &conn->timer) ==
	            AZJIT_OK)
		return conn;
	azjit_source_free(conn->io);
	free(conn);
	return NULL;
}

void conns_accept(struct conns *conns, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	struct conn *conn;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || len != sizeof(peer)) {
		(void)close(fd);
		return;
	}
	if (too_many(conns, peer.uid)) {
		refuse(fd, AZJIT_BUSY,
		       "the broker serves as many connections as it may: try again in a moment");
		return;
	}
	conn = conn_new(conns, fd, &peer);
	if (!conn) {
		refuse(fd, AZJIT_NOMEM, "the broker has no memory for one more connection");
		return;
	}
	conn->next = conns->first;
	if (conn->next)
		conn->next->prev = conn;
	conns->first = conn;
	conns->count++;
}

struct conns *conns_new(struct broker *broker)
{
	struct conns *conns = calloc(1, sizeof(*conns));

	if (!conns)
		return NULL;
	conns->broker = broker;
	if (azjit_loop_timer(broker->loop, 0, reap, conns, &conns->reaper) == AZJIT_OK) {
		conns->reaping = true;
		return conns;
	}
	free(conns);
	return NULL;
}

void conns_free(struct conns *conns)
{
	struct conn *next;

	if (!conns)
		return;
	for (struct conn *conn = conns->first; conn; conn = next) {
		next = conn->next;
		conn_let_go(conn);
		conn_free(conn);
	}
	azjit_source_free(conns->reaper);
	free(conns);
}

size_t conns_count(const struct conns *conns)
{
	return conns->count;
}

void conns_stop(struct conns *conns, const char *reason)
{
	for (struct conn *conn = conns->first; conn; conn = conn->next) {
		if (conn->dead)
			continue;
		if (conn->state == CONN_BUSY) {
			conn_let_go(conn);
			conn_done(conn, AZJIT_BROKER_DOWN, reason);
		}
		// A login between open and commit: its record stays, recovery decides by its process.
		conn->gone = NULL;
		conn->work = NULL;
	}
}
