// SPDX-License-Identifier: Apache-2.0
// What a broker may ask for. Every value is checked here, once.
#include "private.h"

#include <azjit/text.h>

// An id is the broker's, and goes into messages and logs.
static const char *id_of(const struct azjit_wire_msg *msg, const char *key)
{
	const char *id = azjit_wire_get(msg, key);
	size_t len = id ? strnlen(id, RELAY_ID_CHARS) : 0;

	if (len == 0 || len >= RELAY_ID_CHARS)
		return NULL;
	for (size_t i = 0; i < len; i++)
		if (id[i] <= ' ' || id[i] > '~')
			return NULL;
	return id;
}

static bool target_of(const struct azjit_wire_msg *msg, struct azjit_addr *ret_addr, uint16_t *ret_port)
{
	const char *addr = azjit_wire_get(msg, "addr"), *port = azjit_wire_get(msg, "port");

	return addr && port && azjit_addr_parse(addr, ret_addr) == AZJIT_OK &&
	       azjit_parse_port(port, ret_port) == AZJIT_OK;
}

static void usage(struct conn *conn, const char *kind, const char *id, const char *what)
{
	conn_error(conn, id ? kind : NULL, id, AZJIT_USAGE, what);
}

static enum command run_probe(struct conn *conn, const struct azjit_wire_msg *msg)
{
	const char *id = id_of(msg, "probe"), *slow = azjit_wire_get(msg, "slow");
	struct azjit_addr addr;
	uint16_t port;

	if (!id || !target_of(msg, &addr, &port))
		usage(conn, "probe", id, "PROBE takes probe, addr and port");
	else
		probe_begin(conn, id, &addr, port, slow && azjit_streq(slow, "1"));
	return COMMAND_TAKEN;
}

static enum command run_stop(struct conn *conn, const struct azjit_wire_msg *msg)
{
	const char *id = id_of(msg, "probe");

	if (id)
		probe_stop(conn, id);
	else
		usage(conn, "probe", id, "STOP takes probe");
	return COMMAND_TAKEN;
}

static enum command run_flow(struct conn *conn, const struct azjit_wire_msg *msg)
{
	const char *probe = azjit_wire_get(msg, "probe"), *session = azjit_wire_get(msg, "session");
	const char *uid = azjit_wire_get(msg, "uid"), *host = azjit_wire_get(msg, "host");
	struct flow_request request = {
	        .id = id_of(msg, "flow"), .session = session ? session : "", .host = host};
	struct azjit_reason reason;
	uint64_t number;

	if (!request.id || !target_of(msg, &request.addr, &request.port) || !uid ||
	    azjit_parse_u64(uid, 0, UINT32_MAX - 1, &number) != AZJIT_OK ||
	    (session && !id_of(msg, "session"))) {
		usage(conn, "flow", request.id, "FLOW takes flow, addr, port, uid and three descriptors");
		return COMMAND_TAKEN;
	}
	request.uid = (unsigned)number;
	request.held = probe ? probe_held(conn, probe) : NULL;
	if (flow_begin(conn, &request, &reason))
		return COMMAND_IN_WORKER;
	conn_error(conn, "flow", request.id, AZJIT_BUSY, reason.text);
	return COMMAND_TAKEN;
}

static enum command run_end(struct conn *conn, const struct azjit_wire_msg *msg)
{
	const char *id = id_of(msg, "flow"), *text = azjit_wire_get(msg, "text");
	struct flow *flow = id ? flow_find(conn->relay, id) : NULL;

	if (flow)
		flow_end(flow, AZJIT_CANCELED, "%s", text ? text : "the connection was ended by the broker");
	else
		usage(conn, "flow", id, "there is no such flow");
	return COMMAND_TAKEN;
}

static enum command run_got(struct conn *conn, const struct azjit_wire_msg *msg)
{
	const char *id = id_of(msg, "flow");

	if (id)
		ended_got(conn->relay, id);
	return COMMAND_TAKEN;
}

static enum command run_list(struct conn *conn, const struct azjit_wire_msg *msg)
{
	char bytes[RELAY_MSG_BYTES];
	struct azjit_wire_out out;

	flow_list(conn);
	azjit_wire_begin(&out, bytes, sizeof(bytes), "LIST-END");
	conn_send(conn, bytes, azjit_wire_end(&out));
	return COMMAND_TAKEN;
}

enum command command_run(struct conn *conn, const struct azjit_wire_msg *msg)
{
	static const struct {
		const char *verb;
		enum command (*run)(struct conn *, const struct azjit_wire_msg *);
	} commands[] = {{"PROBE", run_probe}, {"STOP", run_stop}, {"FLOW", run_flow},
	                {"END", run_end},     {"GOT", run_got},   {"LIST", run_list}};

	for (size_t i = 0; i < AZJIT_COUNT(commands); i++)
		if (azjit_streq(msg->verb, commands[i].verb))
			return commands[i].run(conn, msg);
	usage(conn, NULL, NULL, "the relay does not know this verb");
	return COMMAND_TAKEN;
}
