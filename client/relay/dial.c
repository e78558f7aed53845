// SPDX-License-Identifier: Apache-2.0
// One attempt of RELAY_DIAL_MS to connect a flow that no probe's socket waits for.
#include "private.h"

#include <sys/epoll.h>

void dial_cancel(struct flow *flow)
{
	flow->dial_io = azjit_source_free(flow->dial_io);
	flow->dial_timer = azjit_source_free(flow->dial_timer);
}

static void failed(struct flow *flow, int error)
{
	if (error == ECONNREFUSED)
		flow_end(flow, AZJIT_PORT_CLOSED, "%s refuses the connection: nothing listens there",
		         flow->name);
	else
		flow_end(flow, AZJIT_PORT_CLOSED, "%s cannot be reached: %s", flow->name, strerror(error));
}

// True: decided.
static bool judge(struct flow *flow)
{
	int error = 0;

	switch (handshake_state(flow->tcp, &error)) {
	case HANDSHAKE_PENDING:
		return false;
	case HANDSHAKE_OPEN:
		dial_cancel(flow);
		flow_connected(flow);
		return true;
	case HANDSHAKE_FAILED:
		failed(flow, error);
		return true;
	}
	return false;
}

static void on_io(void *userdata, int fd, uint32_t events)
{
	(void)judge(userdata);
}

static void on_timeout(void *userdata)
{
	struct flow *flow = userdata;

	if (handshake_abandon(flow->tcp) || !judge(flow))
		flow_end(flow, AZJIT_DEADLINE, "%s did not answer within %d s", flow->name,
		         RELAY_DIAL_MS / 1000);
}

// Not while whoever waited for a turn is being let in: an attempt that fails at once would let in the
// next one, and so on.
static void on_begin(void *userdata)
{
	struct flow *flow = userdata;

	dial_cancel(flow);
	flow->tcp = handshake_start(&flow->target->addr, flow->target->port);
	if (flow->tcp < 0)
		failed(flow, errno);
	else if (azjit_loop_io(flow->relay->loop, flow->tcp, EPOLLOUT, on_io, flow, &flow->dial_io) !=
	                 AZJIT_OK ||
	         azjit_loop_timer(flow->relay->loop, RELAY_DIAL_MS, on_timeout, flow, &flow->dial_timer) !=
	                 AZJIT_OK)
		flow_end(flow, AZJIT_NOMEM, "the relay is out of memory");
}

static void begin_in(struct flow *flow, uint64_t delay_ms)
{
	flow->state = FLOW_DIALING;
	if (azjit_loop_timer(flow->relay->loop, delay_ms, on_begin, flow, &flow->dial_timer) != AZJIT_OK)
		flow_end(flow, AZJIT_NOMEM, "the relay is out of memory");
}

void dial_begin(struct flow *flow)
{
	begin_in(flow, 0);
}

void dial_repeat(struct flow *flow)
{
	flow->repeated = true;
	begin_in(flow, RELAY_REPEAT_MS);
}
