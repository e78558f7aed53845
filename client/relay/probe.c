// SPDX-License-Identifier: Apache-2.0
// Asks a target again and again whether packets pass, by the handshake of the connection that will be
// used: one SYN in flight, at the cadence of azjit/relay.h.
#include "private.h"

#include <azjit/text.h>
#include <azjit/time.h>
#include <sys/epoll.h>

#define SLOW_LIFE_MS 1000

struct probe {
	struct conn *conn;
	struct probe *next;
	char id[RELAY_ID_CHARS];
	struct target *target;
	bool slow;
	uint64_t started_ms, syns;
	int fd;    // the attempt under way, -1 between attempts
	int noted; // errno of the newest PROBE-NOTE
	struct azjit_source *io, *timer;
	struct held *held; // the winner, until its flow or STOP
};

static const struct {
	uint64_t until_ms, every_ms;
} cadence[] = {{15000, 100}, {60000, 250}, {UINT64_MAX, 1000}};

static uint64_t life_ms(const struct probe *probe)
{
	uint64_t age_ms = azjit_time_monotonic_ms() - probe->started_ms;
	size_t i = 0;

	if (probe->slow && probe->syns % 2 == 0)
		return SLOW_LIFE_MS;
	while (age_ms >= cadence[i].until_ms)
		i++;
	return cadence[i].every_ms;
}

static void note(struct probe *probe, int error)
{
	char bytes[RELAY_MSG_BYTES];
	struct azjit_wire_out out;
	size_t len;

	if (probe->noted == error)
		return;
	probe->noted = error;
	azjit_wire_begin(&out, bytes, sizeof(bytes), "PROBE-NOTE");
	azjit_wire_put(&out, "probe", probe->id);
	azjit_wire_put(&out, "errno", strerrorname_np(error));
	len = azjit_wire_end(&out);
	conn_send(probe->conn, bytes, len);
}

static void probe_free(struct probe *probe)
{
	struct relay *relay = probe->conn->relay;
	struct probe **link = &probe->conn->probes;

	while (*link != probe)
		link = &(*link)->next;
	*link = probe->next;
	probe->conn->probe_count--;
	azjit_source_free(probe->io);
	azjit_source_free(probe->timer);
	if (probe->held)
		held_orphan(probe->held);
	target_put(relay, probe->target);
	free(probe);
}

static void won(struct probe *probe)
{
	char bytes[RELAY_MSG_BYTES];
	struct azjit_wire_out out;
	size_t len;

	probe->io = azjit_source_free(probe->io);
	probe->timer = azjit_source_free(probe->timer);
	held_add(probe->conn->relay, probe->fd, probe->target, &probe->held);
	probe->fd = -1;
	azjit_wire_begin(&out, bytes, sizeof(bytes), "PROBE-OPEN");
	azjit_wire_put(&out, "probe", probe->id);
	azjit_wire_put_u64(&out, "elapsed-ms", azjit_time_monotonic_ms() - probe->started_ms);
	azjit_wire_put_u64(&out, "syns", probe->syns);
	len = azjit_wire_end(&out);
	conn_send(probe->conn, bytes, len);
}

static void lost(struct probe *probe, int error)
{
	probe->io = azjit_source_free(probe->io);
	if (probe->fd >= 0)
		(void)close(probe->fd);
	probe->fd = -1;
	note(probe, error);
}

static void judge(struct probe *probe)
{
	int error = 0;

	switch (handshake_state(probe->fd, &error)) {
	case HANDSHAKE_PENDING:
		return;
	case HANDSHAKE_OPEN:
		won(probe);
		return;
	case HANDSHAKE_FAILED:
		lost(probe, error);
		return;
	}
}

static void on_io(void *userdata, int fd, uint32_t events)
{
	judge(userdata);
}

static void attempt(struct probe *probe)
{
	probe->fd = handshake_start(&probe->target->addr, probe->target->port);
	probe->syns++;
	if (probe->fd < 0 || azjit_loop_io(probe->conn->relay->loop, probe->fd, EPOLLOUT, on_io, probe,
	                                   &probe->io) != AZJIT_OK)
		lost(probe, errno);
}

// The attempt under way has had its time: complete or abandoned, never dropped in between.
static void end_attempt(struct probe *probe)
{
	if (probe->fd < 0)
		return;
	if (!handshake_abandon(probe->fd)) {
		judge(probe);
		return;
	}
	probe->io = azjit_source_free(probe->io);
	(void)close(probe->fd);
	probe->fd = -1;
}

static void on_tick(void *userdata)
{
	struct probe *probe = userdata;

	end_attempt(probe);
	if (!probe->timer)
		return;
	attempt(probe);
	(void)azjit_source_timer(probe->timer, life_ms(probe));
}

static struct probe *probe_find(const struct conn *conn, const char *id)
{
	struct probe *probe = conn->probes;

	while (probe && !azjit_streq(probe->id, id))
		probe = probe->next;
	return probe;
}

struct held *probe_held(const struct conn *conn, const char *id)
{
	const struct probe *probe = probe_find(conn, id);

	return probe ? probe->held : NULL;
}

static struct probe *probe_new(struct conn *conn, const char *id, const struct azjit_addr *addr,
                               uint16_t port)
{
	struct probe *probe = calloc(1, sizeof(*probe));

	if (!probe)
		return NULL;
	probe->target = target_get(conn->relay, addr, port);
	if (!probe->target) {
		free(probe);
		return NULL;
	}
	(void)azjit_copy(probe->id, sizeof(probe->id), id);
	probe->conn = conn;
	probe->fd = -1;
	probe->started_ms = azjit_time_monotonic_ms();
	probe->next = conn->probes;
	conn->probes = probe;
	conn->probe_count++;
	return probe;
}

void probe_begin(struct conn *conn, const char *id, const struct azjit_addr *addr, uint16_t port, bool slow)
{
	struct probe *probe = probe_find(conn, id);
	struct azjit_reason reason;

	if (probe) {
		probe->slow = slow;
		return;
	}
	if (target_check(addr, port, &reason) != AZJIT_OK) {
		conn_error(conn, "probe", id, AZJIT_DENIED, reason.text);
		return;
	}
	if (conn->probe_count >= RELAY_PROBES) {
		conn_error(conn, "probe", id, AZJIT_BUSY, "the relay has too many probes under way");
		return;
	}
	probe = probe_new(conn, id, addr, port);
	if (probe && azjit_loop_timer(conn->relay->loop, 0, on_tick, probe, &probe->timer) == AZJIT_OK) {
		probe->slow = slow;
		return;
	}
	if (probe)
		probe_free(probe);
	conn_error(conn, "probe", id, AZJIT_NOMEM, "the relay is out of memory");
}

void probe_stop(struct conn *conn, const char *id)
{
	struct probe *probe = probe_find(conn, id);

	if (!probe)
		return;
	end_attempt(probe);
	probe_free(probe);
}

void probe_stop_all(struct conn *conn)
{
	while (conn->probes)
		probe_stop(conn, conn->probes->id);
}
