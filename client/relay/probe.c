// SPDX-License-Identifier: Apache-2.0
// Asks a target again and again whether packets pass, by the handshake of the connection that will be
// used: one SYN in flight, at the cadence of azjit/relay.h, and for a target that may be far a second one
// beside it that has more time. The second must not replace the first: while it waits for an answer to
// a SYN that the filter dropped, a near target would be found open late. Two handshakes that complete
// before we look are two connections for one need: so the second's SYN leaves halfway between two of the
// first's, and none leaves before the other attempt was looked at.
#include "private.h"

#include <azjit/text.h>
#include <azjit/time.h>
#include <sys/epoll.h>

#define FAR_LIFE_MS 1000

enum lane { LANE_NEAR, LANE_FAR, LANE_COUNT };

struct attempt {
	struct probe *probe;
	enum lane lane;
	int fd; // -1 between attempts
	uint64_t sent_ms;
	struct azjit_source *io, *timer;
};

struct probe {
	struct conn *conn;
	struct probe *next;
	char id[RELAY_ID_CHARS];
	struct target *target;
	bool slow;
	uint64_t started_ms, syns;
	int noted; // errno of the newest PROBE-NOTE
	struct attempt attempts[LANE_COUNT];
	struct held *held; // the winner, until its flow or STOP
};

static const struct {
	uint64_t until_ms, every_ms;
} cadence[] = {{15000, 100}, {60000, 250}, {UINT64_MAX, 1000}};

static uint64_t life_ms(const struct attempt *attempt)
{
	uint64_t age_ms = azjit_time_monotonic_ms() - attempt->probe->started_ms;
	size_t i = 0;

	if (attempt->lane == LANE_FAR)
		return FAR_LIFE_MS;
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
	for (int i = 0; i < LANE_COUNT; i++) {
		azjit_source_free(probe->attempts[i].io);
		azjit_source_free(probe->attempts[i].timer);
	}
	if (probe->held)
		held_orphan(probe->held);
	target_put(relay, probe->target);
	free(probe);
}

static void close_attempt(struct attempt *attempt)
{
	attempt->io = azjit_source_free(attempt->io);
	if (attempt->fd >= 0)
		(void)close(attempt->fd);
	attempt->fd = -1;
}

// The other attempt of a probe that has its winner: given up, or, if it was answered in the same moment,
// kept for the next flow there.
static void retire(struct attempt *attempt)
{
	int error;

	attempt->timer = azjit_source_free(attempt->timer);
	if (attempt->fd < 0)
		return;
	attempt->io = azjit_source_free(attempt->io);
	if (!handshake_abandon(attempt->fd) && handshake_state(attempt->fd, &error) == HANDSHAKE_OPEN)
		held_add_orphan(attempt->probe->conn->relay, STEAL_FD(attempt->fd), attempt->probe->target);
	close_attempt(attempt);
}

static void won(struct attempt *attempt)
{
	struct probe *probe = attempt->probe;
	char bytes[RELAY_MSG_BYTES];
	struct azjit_wire_out out;
	size_t len;

	attempt->io = azjit_source_free(attempt->io);
	held_add(probe->conn->relay, STEAL_FD(attempt->fd), probe->target, &probe->held);
	for (int i = 0; i < LANE_COUNT; i++)
		retire(&probe->attempts[i]);
	azjit_wire_begin(&out, bytes, sizeof(bytes), "PROBE-OPEN");
	azjit_wire_put(&out, "probe", probe->id);
	azjit_wire_put_u64(&out, "elapsed-ms", azjit_time_monotonic_ms() - probe->started_ms);
	azjit_wire_put_u64(&out, "syns", probe->syns);
	len = azjit_wire_end(&out);
	conn_send(probe->conn, bytes, len);
}

static void lost(struct attempt *attempt, int error)
{
	close_attempt(attempt);
	note(attempt->probe, error);
}

static void judge(struct attempt *attempt)
{
	int error = 0;

	switch (handshake_state(attempt->fd, &error)) {
	case HANDSHAKE_PENDING:
		return;
	case HANDSHAKE_OPEN:
		won(attempt);
		return;
	case HANDSHAKE_FAILED:
		lost(attempt, error);
		return;
	}
}

static void on_io(void *userdata, int fd, uint32_t events)
{
	judge(userdata);
}

static void start_attempt(struct attempt *attempt)
{
	struct probe *probe = attempt->probe;

	attempt->fd = handshake_start(&probe->target->addr, probe->target->port);
	attempt->sent_ms = azjit_time_monotonic_ms();
	probe->syns++;
	if (attempt->fd < 0 || azjit_loop_io(probe->conn->relay->loop, attempt->fd, EPOLLOUT, on_io, attempt,
	                                     &attempt->io) != AZJIT_OK)
		lost(attempt, errno);
}

// The attempt under way has had its time: complete or abandoned, never dropped in between.
static void end_attempt(struct attempt *attempt)
{
	if (attempt->fd < 0)
		return;
	if (handshake_abandon(attempt->fd))
		close_attempt(attempt);
	else
		judge(attempt);
}

// How long the far attempt's SYN has to wait for the middle between two of the near one's.
static uint64_t until_middle_ms(const struct probe *probe)
{
	const struct attempt *near = &probe->attempts[LANE_NEAR];
	uint64_t age_ms = near->sent_ms ? azjit_time_monotonic_ms() - near->sent_ms : 0;
	uint64_t middle_ms = life_ms(near) / 2;

	return age_ms < middle_ms ? middle_ms - age_ms : 0;
}

static void on_tick(void *userdata)
{
	struct attempt *attempt = userdata;
	struct attempt *other = &attempt->probe->attempts[attempt->lane == LANE_NEAR ? LANE_FAR : LANE_NEAR];
	uint64_t wait_ms = attempt->lane == LANE_FAR ? until_middle_ms(attempt->probe) : 0;

	if (wait_ms > 0) {
		(void)azjit_source_timer(attempt->timer, wait_ms);
		return;
	}
	end_attempt(attempt);
	if (attempt->timer && other->fd >= 0)
		judge(other);
	if (!attempt->timer)
		return;
	if (attempt->lane == LANE_FAR && !attempt->probe->slow) {
		attempt->timer = azjit_source_free(attempt->timer);
		return;
	}
	start_attempt(attempt);
	(void)azjit_source_timer(attempt->timer, life_ms(attempt));
}

// The far attempt begins with the rule and ends, at its next turn, without it.
static bool begin_attempts(struct probe *probe, bool slow)
{
	struct attempt *far = &probe->attempts[LANE_FAR];

	probe->slow = slow;
	if (!probe->attempts[LANE_NEAR].timer)
		return true; // it has had its winner
	return !slow || far->timer ||
	       azjit_loop_timer(probe->conn->relay->loop, 0, on_tick, far, &far->timer) == AZJIT_OK;
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
	for (int i = 0; i < LANE_COUNT; i++)
		probe->attempts[i] = (struct attempt){.probe = probe, .lane = (enum lane)i, .fd = -1};
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
		(void)begin_attempts(probe, slow); // the near one goes on in any case
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
	if (probe && azjit_loop_timer(conn->relay->loop, 0, on_tick, &probe->attempts[LANE_NEAR],
	                              &probe->attempts[LANE_NEAR].timer) == AZJIT_OK) {
		(void)begin_attempts(probe, slow);
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
	for (int i = 0; i < LANE_COUNT; i++)
		end_attempt(&probe->attempts[i]);
	probe_free(probe);
}

void probe_stop_all(struct conn *conn)
{
	while (conn->probes)
		probe_stop(conn, conn->probes->id);
}
