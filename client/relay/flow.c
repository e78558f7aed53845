// SPDX-License-Identifier: Apache-2.0
// A flow's life: RECEIVING (its worker takes and examines the descriptors), QUEUED (too many young ones
// at the target), DIALING, OPEN, ENDING (its worker is told to go), and gone when the worker is.
#include "private.h"

#include <azjit/text.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

struct flow *flow_find(const struct relay *relay, const char *id)
{
	struct flow *flow = relay->flows;

	while (flow && !(azjit_streq(flow->id, id) && !flow->announced))
		flow = flow->next;
	return flow;
}

void flow_list(struct conn *conn)
{
	for (const struct flow *flow = conn->relay->flows; flow; flow = flow->next)
		if (!flow->announced)
			tell_flow_is(conn, flow);
}

// The limits, and what must not be dialled. The caller is told through control once it has come.
static void judge(struct flow *flow)
{
	const struct relay *relay = flow->relay;
	unsigned all = 0, same = 0;

	for (const struct flow *other = relay->flows; other; other = other->next) {
		all++;
		same += other->uid == flow->uid;
	}
	flow->result = target_check(&flow->target->addr, flow->target->port, &flow->reason);
	if (flow->result == AZJIT_OK && relay->stopping)
		flow->result = azjit_fail(&flow->reason, AZJIT_CANCELED, "the relay is being stopped");
	if (flow->result == AZJIT_OK && all > relay->flows_max)
		flow->result =
		        azjit_fail(&flow->reason, AZJIT_BUSY,
		                   "the relay carries %u connections and takes no more", relay->flows_max);
	if (flow->result == AZJIT_OK && same > relay->flows_per_uid)
		flow->result =
		        azjit_fail(&flow->reason, AZJIT_BUSY,
		                   "you have %u connections through the relay, as many as one user may have",
		                   relay->flows_per_uid);
	flow->refused = flow->result != AZJIT_OK;
}

static struct flow *flow_new(struct relay *relay, const struct flow_request *request)
{
	struct flow *flow = calloc(1, sizeof(*flow));
	char addr[AZJIT_ADDR_CHARS], host[200];

	if (!flow)
		return NULL;
	*flow = (struct flow){.relay = relay,
	                      .uid = request->uid,
	                      .tcp = -1,
	                      .control = -1,
	                      .creator_fd = -1,
	                      .worker_fd = -1,
	                      .channel = -1};
	flow->target = target_get(relay, &request->addr, request->port);
	(void)azjit_copy(flow->id, sizeof(flow->id), request->id);
	(void)azjit_copy(flow->session, sizeof(flow->session), request->session);
	azjit_addr_format(&request->addr, addr);
	azjit_printable(request->host ? request->host : "", host, sizeof(host));
	(void)snprintf(flow->name, sizeof(flow->name), host[0] ? "%s (%s) port %u" : "%s%s port %u", host,
	               addr, request->port);
	flow->next = relay->flows;
	relay->flows = flow;
	return flow;
}

bool flow_begin(struct conn *conn, const struct flow_request *request, struct azjit_reason *reason)
{
	struct flow *flow = NULL;

	if (flow_find(conn->relay, request->id)) {
		(void)azjit_fail(reason, AZJIT_USAGE, "there already is a flow of this name");
		return false;
	}
	flow = flow_new(conn->relay, request);
	if (!flow || !flow->target || !flow_fork(conn, flow)) {
		(void)azjit_fail(reason, AZJIT_BUSY, "the relay cannot start a process for the connection");
		if (flow)
			flow_free(flow);
		return false;
	}
	judge(flow);
	flow->tcp = flow->refused ? -1 : held_take(conn->relay, request->held, flow->target);
	flow->counted = flow->tcp >= 0;
	flow->receiving_from = conn;
	conn->receiving = flow;
	return true;
}

void flow_connect(struct flow *flow)
{
	if (flow->tcp >= 0)
		flow_connected(flow);
	else
		dial_begin(flow);
}

static void on_old(void *userdata)
{
	flow_grown(userdata);
}

void flow_connected(struct flow *flow)
{
	bool handed = channel_send(flow->channel, &(struct worker_msg){.kind = WORKER_GO}, flow->tcp);

	(void)close(flow->tcp);
	flow->tcp = -1;
	flow->state = FLOW_OPEN;
	if (!handed || (!flow->young_timer && azjit_loop_timer(flow->relay->loop, RELAY_YOUNG_MS, on_old,
	                                                       flow, &flow->young_timer) != AZJIT_OK)) {
		flow_end(flow, AZJIT_SYSTEM, "the relay's process for this connection ended");
		return;
	}
	if (flow->connected)
		return;
	flow->connected = true;
	control_progress(flow, "connected", NULL);
	tell_flow(flow, "FLOW-OPEN");
}

void flow_grown(struct flow *flow)
{
	flow->young_timer = azjit_source_free(flow->young_timer);
	if (!flow->counted)
		return;
	flow->counted = false;
	target_leave(flow->relay, flow->target);
}

// The socket that its worker never got: a handshake that is done waits for another flow.
static void give_back(struct flow *flow)
{
	int fd = STEAL_FD(flow->tcp), error;

	dial_cancel(flow);
	if (fd < 0)
		return;
	if (!handshake_abandon(fd) && handshake_state(fd, &error) == HANDSHAKE_OPEN)
		held_add_orphan(flow->relay, fd, flow->target);
	else
		(void)close(fd);
}

static void on_stuck(void *userdata)
{
	flow_announce(userdata);
}

void flow_end(struct flow *flow, enum azjit_result result, const char *fmt, ...)
{
	char text[sizeof(flow->reason.text)];
	va_list args;

	if (flow->state == FLOW_ENDING)
		return;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	flow->result = azjit_fail(&flow->reason, result, "%s", text);
	if (flow->state == FLOW_QUEUED)
		target_unqueue(flow->target, flow);
	flow->state = FLOW_ENDING;
	give_back(flow);
	flow_grown(flow);
	(void)kill(flow->worker, SIGKILL);
	(void)azjit_loop_timer(flow->relay->loop, RELAY_KILL_MS, on_stuck, flow, &flow->kill_timer);
}

void flow_end_all(struct relay *relay, const char *reason)
{
	for (struct flow *flow = relay->flows; flow; flow = flow->next)
		flow_end(flow, AZJIT_CANCELED, "%s", reason);
}

void flow_announce(struct flow *flow)
{
	if (flow->announced)
		return;
	flow->announced = true;
	ended_add(flow);
	control_done(flow);
	control_detach(flow);
}

void flow_free(struct flow *flow)
{
	struct relay *relay = flow->relay;
	struct flow **link = &relay->flows;

	while (*link != flow)
		link = &(*link)->next;
	*link = flow->next;
	control_detach(flow);
	dial_cancel(flow);
	azjit_source_free(flow->young_timer);
	azjit_source_free(flow->kill_timer);
	azjit_source_free(flow->worker_io);
	azjit_source_free(flow->channel_io);
	if (flow->worker_fd >= 0)
		(void)close(flow->worker_fd);
	if (flow->channel >= 0)
		(void)close(flow->channel);
	if (flow->counts)
		(void)munmap(flow->counts, sizeof(*flow->counts));
	if (flow->target)
		target_put(relay, flow->target);
	free(flow);
	if (relay->stopping && !relay->flows)
		azjit_loop_exit(relay->loop, EXIT_SUCCESS);
}
