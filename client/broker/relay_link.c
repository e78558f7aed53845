// SPDX-License-Identifier: Apache-2.0
// Threat model. Who attacks: whoever plants a socket where the relay's should be, to receive people's
// descriptors; a relay that was taken over and reports what did not happen. What must hold: the peer is
// of our own uid (SO_PEERCRED) before anything is sent; what the relay says moves only flows and probes
// that we started, never a decision.
#include "relay_link.h"

#include "descriptor.h"
#include "flows.h"

#include <azjit/log.h>
#include <azjit/relay.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#define PACKET_BYTES   4096 // of what we send: names are bounded
#define AGAIN_FIRST_MS 100
#define AGAIN_MOST_MS  5000
#define A_TURN         256 // messages read before others get their turn

struct packet {
	struct packet *next;
	int fds[AZJIT_WIRE_MAX_FDS];
	size_t fd_count, len;
	char bytes[];
};

struct relay_link {
	struct broker *broker;
	int fd;
	struct azjit_source *io, *again;
	uint64_t pause_ms;
	bool complained;
	struct packet *first, **last; // not yet sent
};

static void packet_free(struct packet *packet)
{
	for (size_t i = 0; i < packet->fd_count; i++)
		descriptor_close(packet->fds[i]);
	free(packet);
}

static void disconnect(struct relay_link *link)
{
	link->io = azjit_source_free(link->io);
	if (link->fd >= 0)
		(void)close(link->fd);
	link->fd = -1;
	while (link->first) {
		struct packet *packet = link->first;

		link->first = packet->next;
		packet_free(packet);
	}
	link->last = &link->first;
}

static void try_later(struct relay_link *link)
{
	(void)azjit_source_timer(link->again, link->pause_ms);
	link->pause_ms = link->pause_ms * 2 < AGAIN_MOST_MS ? link->pause_ms * 2 : AGAIN_MOST_MS;
}

static void lost(struct relay_link *link, const char *why)
{
	azjit_log(LOG_WARNING, "the connection to azjit-relay is lost: %s", why);
	link->complained = true;
	disconnect(link);
	azjit_engine_probes_lost(link->broker->engine);
	try_later(link);
}

// --- sending ------------------------------------------------------------------------------------------

// 1: sent; 0: the socket is full; -1: lost.
static int send_packet(int fd, const struct packet *packet)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * AZJIT_WIRE_MAX_FDS)];
		struct cmsghdr align;
	} control = {.bytes = {0}};
	struct iovec iov = {(void *)packet->bytes, packet->len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cmsg;

	if (packet->fd_count > 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * packet->fd_count);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * packet->fd_count);
		memcpy(CMSG_DATA(cmsg), packet->fds, sizeof(int) * packet->fd_count);
	}
	while (sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		// ETOOMANYREFS: too many descriptors are on their way; the relay is taking them.
		if (errno == EAGAIN || errno == ETOOMANYREFS)
			return 0;
		if (errno != EINTR)
			return -1;
	}
	return 1;
}

static void flush(struct relay_link *link)
{
	while (link->first) {
		struct packet *packet = link->first;
		int sent = send_packet(link->fd, packet);

		if (sent < 0)
			return lost(link, strerror(errno));
		if (sent == 0)
			break;
		link->first = packet->next;
		if (!link->first)
			link->last = &link->first;
		packet_free(packet);
	}
	(void)azjit_source_io_events(link->io, EPOLLIN | (link->first ? EPOLLOUT : 0));
}

// Takes the descriptors over.
static bool post(struct relay_link *link, struct azjit_wire_out *out, int *fds, size_t fd_count)
{
	size_t len = azjit_wire_end(out);
	struct packet *packet = link->fd >= 0 && len > 0 ? calloc(1, sizeof(*packet) + len) : NULL;

	if (!packet) {
		for (size_t i = 0; i < fd_count; i++) {
			descriptor_close(fds[i]);
			fds[i] = -1;
		}
		return false;
	}
	packet->len = len;
	memcpy(packet->bytes, out->bytes, len);
	for (size_t i = 0; i < fd_count; i++)
		packet->fds[packet->fd_count++] = STEAL_FD(fds[i]);
	*link->last = packet;
	link->last = &packet->next;
	flush(link);
	return link->fd >= 0;
}

void relay_link_probe(struct relay_link *link, const char *probe_id, const struct azjit_addr *addr,
                      uint16_t port, bool slow)
{
	struct azjit_wire_out out;
	char bytes[PACKET_BYTES], text[AZJIT_ADDR_CHARS];

	azjit_addr_format(addr, text);
	azjit_wire_begin(&out, bytes, sizeof(bytes), "PROBE");
	azjit_wire_put(&out, "probe", probe_id);
	azjit_wire_put(&out, "addr", text);
	azjit_wire_put_u64(&out, "port", port);
	azjit_wire_put(&out, "slow", slow ? "1" : NULL);
	(void)post(link, &out, NULL, 0);
}

void relay_link_probe_stop(struct relay_link *link, const char *probe_id)
{
	struct azjit_wire_out out;
	char bytes[PACKET_BYTES];

	azjit_wire_begin(&out, bytes, sizeof(bytes), "STOP");
	azjit_wire_put(&out, "probe", probe_id);
	(void)post(link, &out, NULL, 0);
}

bool relay_link_flow(struct relay_link *link, const struct relay_flow *flow, int fds[AZJIT_WIRE_MAX_FDS])
{
	struct azjit_wire_out out;
	char bytes[PACKET_BYTES], text[AZJIT_ADDR_CHARS];

	azjit_addr_format(flow->addr, text);
	azjit_wire_begin(&out, bytes, sizeof(bytes), "FLOW");
	azjit_wire_put(&out, "flow", flow->flow);
	azjit_wire_put(&out, "addr", text);
	azjit_wire_put_u64(&out, "port", flow->port);
	azjit_wire_put_u64(&out, "uid", flow->uid);
	azjit_wire_put(&out, "probe", flow->probe);
	azjit_wire_put(&out, "session", flow->session);
	azjit_wire_put(&out, "host", flow->host);
	return post(link, &out, fds, AZJIT_WIRE_MAX_FDS);
}

void relay_link_got(struct relay_link *link, const char *flow)
{
	struct azjit_wire_out out;
	char bytes[PACKET_BYTES];

	azjit_wire_begin(&out, bytes, sizeof(bytes), "GOT");
	azjit_wire_put(&out, "flow", flow);
	(void)post(link, &out, NULL, 0);
}

// --- receiving ----------------------------------------------------------------------------------------

static void on_error(struct relay_link *link, const struct azjit_wire_msg *msg)
{
	const char *reason = azjit_wire_get(msg, "reason");

	if (azjit_wire_get(msg, "flow"))
		flows_end(link->broker->flows, msg, "refused");
	else
		azjit_log(LOG_WARNING, "azjit-relay: %s", reason ? reason : "an error without a reason");
}

// The engine appends entries of its own, so the batch of the flows ends before it is told.
static void take_probe(struct broker *broker, const struct azjit_wire_msg *msg)
{
	const char *probe = azjit_wire_get(msg, "probe"), *error = azjit_wire_get(msg, "errno");

	flows_end_batch(broker->flows);
	if (probe && azjit_streq(msg->verb, "PROBE-OPEN"))
		azjit_engine_probe_open(broker->engine, probe);
	else if (probe && error)
		azjit_engine_probe_note(broker->engine, probe, error);
	flows_begin_batch(broker->flows);
}

static void take(struct relay_link *link, const struct azjit_wire_msg *msg)
{
	struct broker *broker = link->broker;

	if (azjit_streq(msg->verb, "PROBE-OPEN") || azjit_streq(msg->verb, "PROBE-NOTE"))
		take_probe(broker, msg);
	else if (azjit_streq(msg->verb, "FLOW-OPEN"))
		flows_event(broker->flows, msg, "open");
	else if (azjit_streq(msg->verb, "FLOW-FIRST"))
		flows_event(broker->flows, msg, "first-byte");
	else if (azjit_streq(msg->verb, "FLOW-IS"))
		flows_is(broker->flows, msg);
	else if (azjit_streq(msg->verb, "FLOW-END"))
		flows_end(broker->flows, msg, "end");
	else if (azjit_streq(msg->verb, "LIST-END"))
		flows_listed(broker->flows);
	else if (azjit_streq(msg->verb, "ERROR"))
		on_error(link, msg);
}

// 1: a message was taken; 0: none now; -1: lost.
static int receive(struct relay_link *link)
{
	char bytes[PACKET_BYTES];
	struct azjit_wire_msg msg;
	size_t used;
	ssize_t n;

	if (link->fd < 0)
		return 0;
	n = recv(link->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n == 0) {
		errno = ECONNRESET;
		return -1;
	}
	if (azjit_wire_parse(bytes, (size_t)n, sizeof(bytes), &msg, &used) == AZJIT_WIRE_MESSAGE)
		take(link, &msg);
	return 1;
}

static void on_io(void *userdata, int fd, uint32_t events)
{
	struct relay_link *link = userdata;
	int got = 1;

	(void)fd;
	if (events & EPOLLOUT)
		flush(link);
	if (link->fd < 0)
		return;
	flows_begin_batch(link->broker->flows);
	for (int i = 0; i < A_TURN && got > 0; i++)
		got = receive(link);
	flows_end_batch(link->broker->flows);
	if (got < 0 && link->fd >= 0)
		lost(link, "it ended");
}

// --- connecting ---------------------------------------------------------------------------------------

static int dial(const char *path)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (fd < 0 || !azjit_copy(sun.sun_path, sizeof(sun.sun_path), path))
		return -1;
	if (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0)
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -1;
	if (peer.uid != geteuid()) {
		errno = EPERM;
		return -1;
	}
	return STEAL_FD(fd);
}

static bool greet(struct relay_link *link)
{
	struct azjit_wire_out out;
	char bytes[64];

	flows_list(link->broker->flows);
	azjit_wire_begin(&out, bytes, sizeof(bytes), "LIST");
	return post(link, &out, NULL, 0);
}

static void try_connect(struct relay_link *link)
{
	const char *path = link->broker->config->relay_socket;

	link->fd = dial(path);
	if (link->fd < 0) {
		if (!link->complained)
			azjit_log(LOG_WARNING, "azjit-relay does not answer at %s: %m", path);
		link->complained = true;
		return try_later(link);
	}
	if (azjit_loop_io(link->broker->loop, link->fd, EPOLLIN, on_io, link, &link->io) != AZJIT_OK) {
		disconnect(link);
		return try_later(link);
	}
	if (!greet(link))
		return;
	link->pause_ms = AGAIN_FIRST_MS;
	if (link->complained)
		azjit_log(LOG_INFO, "azjit-relay is there again");
	link->complained = false;
	azjit_engine_probes_again(link->broker->engine);
}

static void on_again(void *userdata)
{
	struct relay_link *link = userdata;

	if (link->fd < 0)
		try_connect(link);
}

enum azjit_result relay_link_new(struct broker *broker, struct relay_link **ret)
{
	struct relay_link *link = calloc(1, sizeof(*link));
	enum azjit_result result;

	if (!link)
		return AZJIT_NOMEM;
	link->broker = broker;
	link->fd = -1;
	link->last = &link->first;
	link->pause_ms = AGAIN_FIRST_MS;
	result = azjit_loop_timer(broker->loop, AGAIN_MOST_MS, on_again, link, &link->again);
	if (result != AZJIT_OK) {
		free(link);
		return result;
	}
	*ret = link; // before the engine may ask for probes
	try_connect(link);
	return AZJIT_OK;
}

void relay_link_free(struct relay_link *link)
{
	if (!link)
		return;
	disconnect(link);
	azjit_source_free(link->again);
	free(link);
}

bool relay_link_up(const struct relay_link *link)
{
	return link && link->fd >= 0;
}
