// SPDX-License-Identifier: Apache-2.0
// The relayed connections that this broker, or the one before it, handed to the relay: who, through which
// grant, and their entries in the ledger.
#ifndef AZJIT_BROKER_FLOWS_H
#define AZJIT_BROKER_FLOWS_H

#include "broker.h"

#include <azjit/wire.h>

struct flow {
	struct flow *next;
	char id[AZJIT_UUID_CHARS], grant[AZJIT_UUID_CHARS], session[AZJIT_UUID_CHARS];
	char user[256], host[256];
	uint16_t port;
	char dial[AZJIT_ADDR_CHARS +
	          8]; // address:port on the Azure Firewall that leads there, "" if none does
	bool unseen;  // the relay was asked what it has, and did not name this one
	bool unknown; // not ours (or ended already): only to be acknowledged
};

// Recovers those without an end from the ledger, and tells the engine that they use their grants.
enum azjit_result flows_new(struct broker *broker, struct azjit_reason *reason, struct flows **ret);
void flows_free(struct flows *flows);
// How many there are; how many of them use a grant, of this user.
size_t flows_count(const struct flows *flows);
size_t flows_of(const struct flows *flows, const char *grant, const char *user);

// The entry that must be durable before the flow is handed over ("start").
enum azjit_result flow_record_start(struct broker *broker, const struct flow *flow,
                                    struct azjit_reason *reason);
// A copy is kept; the grant counts one more user.
bool flows_add(struct flows *flows, const struct flow *flow);

// What the relay reports, inside a batch. Of flows that are not known nothing is recorded. flows_end takes
// FLOW-END and ERROR, which are acknowledged when the batch is durable.
void flows_event(struct flows *flows, const struct azjit_wire_msg *msg, const char *event);
void flows_end(struct flows *flows, const struct azjit_wire_msg *msg, const char *event);
// LIST was sent; a flow it has; the list is whole: those not named have ended unheard.
void flows_list(struct flows *flows);
void flows_is(struct flows *flows, const struct azjit_wire_msg *msg);
void flows_listed(struct flows *flows);
// Entries between these share one transaction; nothing else may append in between.
void flows_begin_batch(struct flows *flows);
void flows_end_batch(struct flows *flows);

#endif
