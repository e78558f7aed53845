// SPDX-License-Identifier: Apache-2.0
/*
 * The whole emulator's state. There is one, it is touched by one thread only, and every file that
 * answers a request gets it by pointer.
 */
#ifndef AZSIM_SIM_H
#define AZSIM_SIM_H

#include <jansson.h>
#include <stdio.h>

#include "clock.h"
#include "timer.h"

struct resource;
struct principal;
struct jit_request;
struct fault;
struct key;
struct enforcer;
struct tenant;

enum service { SERVICE_ARM, SERVICE_LOGIN, SERVICE_IMDS, SERVICE_CONTROL, SERVICE_COUNT };

struct options {
	const char *scenario, *tls_dir, *record, *enforce;
	const char *tls_priority;          // GnuTLS priority string
	const char *listen[SERVICE_COUNT]; // as given; NULL for no such listener
	const char *tls_names[64];
	size_t tls_name_count;
	int ready_fd; // -1: none
	bool manual;
};

struct sim {
	struct options opt;
	struct clock clock;
	struct timers timers; // simulator clock, ticks
	struct timers wall;   // monotonic clock, ms
	bool stop;
	bool building; // the scenario is being built: changes are not changes yet

	json_t *scenario; // as read, for reset
	const char *tenant, *tenant_name;
	const char *subscription, *rg, *location; // defaults of the scenario
	uint64_t seed, draws;

	struct resource *resources, **resources_tail;
	struct resource **slots; // of store.c: by id
	size_t slot_count, resource_count;
	struct tenant *generated; // of generate.c; NULL: none
	struct principal *principals;
	struct jit_request *requests, **requests_tail;
	json_t *switches, *delays, *locks;
	struct key *key; // signs tokens

	json_t *activity;       // events, oldest first
	json_t *changes;        // of NSGs
	json_t *operations;     // long-running: id -> {"done": ticks, "body": …}
	json_t *assertions;     // whose jti were presented: "APP JTI"
	json_t *devices;        // of device.c: codes that were given
	json_t *refresh_tokens; // and the tokens that are good
	json_t *counters, *exchanges;
	json_t *buckets; // of throttle.c and arm_graph.c
	json_t *graph;   // of arm_graph.c; NULL: the resources as they are
	uint64_t exchange_seq, fault_seq;
	struct fault *faults;
	struct enforcer *enforcer;
	FILE *record;
	char *arc_key, *arc_path; // of the newest challenge
	unsigned turns;           // of caller_address
	unsigned spent[4];        // rate-limit headers: reads, writes, deletes, resource requests
	int ports[SERVICE_COUNT]; // as bound
};

// A GUID that is a function of the seed and `what`.
char *guid_for(const struct sim *sim, const char *what);
// A GUID that differs at each call, in an order the seed fixes.
char *guid_next(struct sim *sim);
// The next number of the seeded sequence.
uint64_t draw(struct sim *sim);

// Runs every timer due on either clock.
void run_timers(struct sim *sim);
// Moves the clock, running what falls due in order, each at its own moment. False: `to` is in the past.
bool advance_to(struct sim *sim, ticks to);

#endif
