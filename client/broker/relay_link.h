// SPDX-License-Identifier: Apache-2.0
// The broker's end of the relay's protocol (azjit/relay.h). Keeps one connection, made again with growing
// pauses when it is lost; what the relay reports goes to the engine (probes) and to flows.h.
#ifndef AZJIT_BROKER_RELAY_LINK_H
#define AZJIT_BROKER_RELAY_LINK_H

#include "broker.h"

#include <azjit/wire.h>

// Tries to connect at once; not being able to is no error.
enum azjit_result relay_link_new(struct broker *broker, struct relay_link **ret);
void relay_link_free(struct relay_link *link);
bool relay_link_up(const struct relay_link *link);

// No-ops without a connection: when it is back the engine is told to start its probes again.
void relay_link_probe(struct relay_link *link, const char *probe_id, const struct azjit_addr *addr,
                      uint16_t port, bool slow);
void relay_link_probe_stop(struct relay_link *link, const char *probe_id);

// A flow to hand over. Descriptors are taken over in every case (a slot is -1 afterwards). False without
// a connection.
struct relay_flow {
	const char *flow, *probe, *session, *host; // probe, session NULL: none
	const struct azjit_addr *addr;
	uint16_t port;
	unsigned uid;
};
bool relay_link_flow(struct relay_link *link, const struct relay_flow *flow, int fds[AZJIT_WIRE_MAX_FDS]);
// The flow's end is in the ledger.
void relay_link_got(struct relay_link *link, const char *flow);

#endif
