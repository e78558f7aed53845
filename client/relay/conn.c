// SPDX-License-Identifier: Apache-2.0
// Connections of brokers. Threat model: another user of the machine who gets at the socket (only our own
// uid is served); a broker that dies, hangs or does not read (what is queued for it is bounded, and it
// loses its connection, never a flow).
//
// A packet is looked at before it is taken (MSG_PEEK without room for descriptors), so that descriptors
// of callers are received by a worker and never here; what is not a FLOW is then taken without room for
// descriptors, which drops any that came with it.
#include "private.h"

#include <azjit/log.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define PACKETS_A_TURN 32
#define OUT_MAX_BYTES  (4u << 20)

struct packet {
	struct packet *next;
	size_t len;
	char bytes[];
};

static void conn_free(struct conn *conn)
{
	struct relay *relay = conn->relay;
	struct conn **link = &relay->conns;

	conn->dead = true;
	probe_stop_all(conn);
	for (struct flow *flow = relay->flows; flow; flow = flow->next)
		if (flow->receiving_from == conn)
			flow->receiving_from = NULL;
	while (*link != conn)
		link = &(*link)->next;
	*link = conn->next;
	azjit_source_free(conn->io);
	azjit_source_free(conn->reaper);
	(void)close(conn->fd);
	for (struct packet *packet = conn->out, *next; packet; packet = next) {
		next = packet->next;
		free(packet);
	}
	free(conn);
}

void conn_free_all(struct relay *relay)
{
	while (relay->conns)
		conn_free(relay->conns);
}

static void on_reap(void *userdata)
{
	conn_free(userdata);
}

// Freed in a later turn of the loop: callers up the stack may still hold it.
void conn_end(struct conn *conn)
{
	if (conn->dead)
		return;
	conn->dead = true;
	conn->io = azjit_source_free(conn->io);
	if (azjit_loop_timer(conn->relay->loop, 0, on_reap, conn, &conn->reaper) != AZJIT_OK)
		azjit_log(LOG_ERR, "out of memory: a broker's connection cannot be ended");
}

static void set_events(struct conn *conn)
{
	uint32_t events = (conn->receiving ? 0 : EPOLLIN) | (conn->out ? EPOLLOUT : 0);

	if (!conn->dead && azjit_source_io_events(conn->io, events) != AZJIT_OK)
		conn_end(conn);
}

static void flush(struct conn *conn)
{
	while (conn->out) {
		struct packet *packet = conn->out;

		if (send(conn->fd, packet->bytes, packet->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
			if (errno != EAGAIN && errno != EINTR)
				conn_end(conn);
			break;
		}
		conn->out = packet->next;
		if (!conn->out)
			conn->out_tail = &conn->out;
		conn->out_bytes -= packet->len;
		free(packet);
	}
	set_events(conn);
}

void conn_send(struct conn *conn, const char *bytes, size_t len)
{
	struct packet *packet;

	if (conn->dead || len == 0)
		return;
	packet = conn->out_bytes + len > OUT_MAX_BYTES ? NULL : malloc(sizeof(*packet) + len);
	if (!packet) {
		azjit_log(LOG_WARNING, "a broker does not read what the relay tells it: its connection ends");
		conn_end(conn);
		return;
	}
	packet->next = NULL;
	packet->len = len;
	memcpy(packet->bytes, bytes, len);
	*conn->out_tail = packet;
	conn->out_tail = &packet->next;
	conn->out_bytes += len;
	flush(conn);
}

void conn_broadcast(struct relay *relay, const char *bytes, size_t len)
{
	for (struct conn *conn = relay->conns; conn; conn = conn->next)
		conn_send(conn, bytes, len);
}

void conn_error(struct conn *conn, const char *kind, const char *id, enum azjit_result result,
                const char *reason)
{
	char bytes[RELAY_MSG_BYTES];
	struct azjit_wire_out out;

	azjit_wire_begin(&out, bytes, sizeof(bytes), "ERROR");
	if (kind)
		azjit_wire_put(&out, kind, id);
	azjit_wire_put(&out, "result", azjit_result_name(result));
	azjit_wire_put(&out, "reason", reason);
	conn_send(conn, bytes, azjit_wire_end(&out));
}

// Takes the packet that was looked at; its descriptors are dropped.
static void discard(struct conn *conn)
{
	char byte;

	(void)recv(conn->fd, &byte, 1, MSG_DONTWAIT);
}

static void dispatch(struct conn *conn, char *bytes, size_t len)
{
	struct azjit_wire_msg msg;
	size_t used = 0;
	enum azjit_wire_parse parse = AZJIT_WIRE_BAD;

	if (len <= AZJIT_WIRE_MAX_ROOT_BYTES)
		parse = azjit_wire_parse(bytes, len, AZJIT_WIRE_MAX_ROOT_BYTES, &msg, &used);
	if (parse == AZJIT_WIRE_MESSAGE && used == len) {
		if (command_run(conn, &msg) == COMMAND_TAKEN)
			discard(conn);
		return;
	}
	discard(conn);
	conn_error(conn, NULL, NULL, AZJIT_USAGE,
	           parse == AZJIT_WIRE_VERSION ? "the relay speaks version 1 of the protocol"
	                                       : "the relay got a packet that is not one message");
}

static void on_io(void *userdata, int fd, uint32_t events)
{
	static char bytes[AZJIT_WIRE_MAX_ROOT_BYTES + 1];
	struct conn *conn = userdata;

	if ((events & EPOLLOUT) != 0)
		flush(conn);
	for (unsigned i = 0; i < PACKETS_A_TURN && !conn->dead && !conn->receiving; i++) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0)
			conn_end(conn);
		else
			dispatch(conn, bytes, (size_t)n);
	}
	if ((events & (EPOLLHUP | EPOLLERR)) != 0 && conn->receiving)
		conn_end(conn);
}

void conn_received(struct conn *conn)
{
	conn->receiving = NULL;
	set_events(conn);
}

static bool is_ours(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && cred.uid == geteuid();
}

void conn_accept(void *userdata, int fd, uint32_t events)
{
	struct relay *relay = userdata;
	_cleanup_close_ int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct conn *conn;
	size_t count = 0;

	if (peer < 0)
		return;
	for (conn = relay->conns; conn; conn = conn->next)
		count++;
	if (!is_ours(peer) || count >= RELAY_CONNS) {
		azjit_log(LOG_WARNING, "a connection to the relay's socket is refused: %s",
		          count >= RELAY_CONNS ? "too many" : "another user's");
		return;
	}
	conn = calloc(1, sizeof(*conn));
	if (!conn || azjit_loop_io(relay->loop, peer, EPOLLIN, on_io, conn, &conn->io) != AZJIT_OK) {
		free(conn);
		return;
	}
	conn->relay = relay;
	conn->fd = STEAL_FD(peer);
	conn->out_tail = &conn->out;
	conn->next = relay->conns;
	relay->conns = conn;
	ended_repeat(conn);
}
