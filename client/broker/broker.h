// SPDX-License-Identifier: Apache-2.0
// azjitd, the broker: what its parts share. Single-threaded on one loop; everything here lives from
// broker_start to broker_free.
#ifndef AZJIT_BROKER_H
#define AZJIT_BROKER_H

#include "report_tally.h"

#include <azjit/grant.h>
#include <azjit/session.h>

struct conns;
struct connects;
struct flows;
struct guard;
struct knock;
struct passes;
struct listener;
struct reconcile;
struct relay_link;

#define BROKER_HOST_CHARS 65

struct broker {
	struct azjit_loop *loop;
	struct azjit_config *config;
	struct azjit_azure *azure;
	struct azjit_inventory *inventory;
	struct azjit_ledger *ledger;
	struct azjit_engine *engine;
	struct azjit_sessions *sessions;
	struct conns *conns;       // conn.h
	struct connects *connects; // connect.h
	struct flows *flows;       // flows.h
	struct guard *guard;       // guard.h
	struct listener *listener; // listen.h
	struct reconcile *reconcile;
	struct relay_link *relay; // relay_link.h
	struct knock *knocks;     // knock.h
	struct passes *passes;    // passes.h; NULL: they are not taken
	struct tallies tallies;   // report_tally.h
	struct azjit_source *on_term, *on_int, *on_hup;
	enum azjit_result inventory_result; // of its newest refresh
	char host[BROKER_HOST_CHARS];
	azjit_ticks since;
};

// Makes every part in the order in which they need each other, recovers from the ledger, listens.
// Takes the configuration over in every case. The reason is for the log.
enum azjit_result broker_start(struct azjit_config *config, struct azjit_reason *reason, struct broker **ret);
// Runs until SIGTERM or SIGINT: those who wait are answered with a sentence first. An exit status.
int broker_run(struct broker *broker);
void broker_free(struct broker *broker);

// True while the root-owned file of the kill switch exists; then nothing is requested and nothing that
// is open is used anew.
bool broker_killed(const struct broker *broker, struct azjit_reason *reason);

#endif
