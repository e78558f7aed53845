// SPDX-License-Identifier: Apache-2.0
// What machine.c (one machine, who waits for it, what is recorded of it) and start.c (asking and starting)
// share.
#ifndef AZJIT_ENGINE_MACHINE_H
#define AZJIT_ENGINE_MACHINE_H

#include "grants.h"

#define MACHINE_AGAIN_S 60 // no second start before

struct machine {
	LIST_ENTRY(machine) link;
	struct azjit_engine *engine;
	char *vm_id;
	struct waiters waiters;
	struct azjit_call *power, *post, *watch; // watch: how the operation goes
	struct azjit_source *timer;              // until it is asked again
	char *operation;                         // link, NULL if it is not known or tells no more
	char says[24];                           // its power state, "" if not known
	azjit_ticks sent;               // of the newest start that Azure took, or may have taken; 0: none
	bool ours;                      // sent since we run: for those who wait there is no second one
	char session[AZJIT_UUID_CHARS]; // whose start it is
	unsigned tries;
	struct azjit_reason failure; // of that start, "" while none is known
};

// The one of that id, made where there is none; NULL if memory ran out.
struct machine *machine_of(struct azjit_engine *engine, const char *vm_id);
const char *machine_name(const struct machine *machine);
// Since its newest start.
int64_t machine_age_s(const struct machine *machine);
// Less than MACHINE_AGAIN_S ago.
bool machine_sent_lately(const struct machine *machine);
// It is being asked about, or will be.
bool machine_busy(const struct machine *machine);

// Its newest start was in vain, as who asks within the minute reads, too.
void machine_failed(struct machine *machine, const char *code, const char *message);

// To all who wait for it.
void machine_progress(const struct machine *machine, const char *text);
void machine_fail(struct machine *machine, enum azjit_result result, const struct azjit_reason *reason);
// It runs, or whether it does cannot be read: the port is asked for as ever.
void machine_go_on(struct machine *machine);

// The intent is of the first who waits; durable when it returns AZJIT_OK.
enum azjit_result machine_record_intent(struct machine *machine, const char *client_request_id,
                                        struct azjit_reason *reason);
void machine_record_answer(const struct machine *machine, const char *event,
                           const struct azjit_answer *answer);
void machine_record_failure(const struct machine *machine, const char *code, const char *message);
void machine_record_running(const struct machine *machine);

#endif
