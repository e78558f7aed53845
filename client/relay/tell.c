// SPDX-License-Identifier: Apache-2.0
// What brokers are told of flows.
#include "private.h"

void tell_flow(const struct flow *flow, const char *verb)
{
	char bytes[RELAY_MSG_BYTES];
	struct azjit_wire_out out;

	azjit_wire_begin(&out, bytes, sizeof(bytes), verb);
	azjit_wire_put(&out, "flow", flow->id);
	conn_broadcast(flow->relay, bytes, azjit_wire_end(&out));
}

void tell_flow_is(struct conn *conn, const struct flow *flow)
{
	char bytes[RELAY_MSG_BYTES], addr[AZJIT_ADDR_CHARS];
	struct azjit_wire_out out;

	azjit_addr_format(&flow->target->addr, addr);
	azjit_wire_begin(&out, bytes, sizeof(bytes), "FLOW-IS");
	azjit_wire_put(&out, "flow", flow->id);
	azjit_wire_put(&out, "addr", addr);
	azjit_wire_put_u64(&out, "port", flow->target->port);
	azjit_wire_put_u64(&out, "uid", flow->uid);
	azjit_wire_put(&out, "session", flow->session[0] ? flow->session : NULL);
	azjit_wire_put_u64(&out, "in", atomic_load(&flow->counts->in));
	azjit_wire_put_u64(&out, "out", atomic_load(&flow->counts->out));
	conn_send(conn, bytes, azjit_wire_end(&out));
}

size_t tell_flow_end(const struct flow *flow, bool repeat, char *bytes, size_t size)
{
	struct azjit_wire_out out;

	azjit_wire_begin(&out, bytes, size, flow->refused ? "ERROR" : "FLOW-END");
	azjit_wire_put(&out, "flow", flow->id);
	if (!flow->refused) {
		azjit_wire_put_u64(&out, "in", atomic_load(&flow->counts->in));
		azjit_wire_put_u64(&out, "out", atomic_load(&flow->counts->out));
	}
	azjit_wire_put(&out, "result", azjit_result_name(flow->result));
	azjit_wire_put(&out, "reason", flow->reason.text);
	azjit_wire_put(&out, "again", repeat ? "1" : NULL);
	return azjit_wire_end(&out);
}
