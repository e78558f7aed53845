// SPDX-License-Identifier: Apache-2.0
// Our requests against Azure's Activity Log (docs/design.md §9): on demand, and by itself every ten
// minutes while there are intents without a final verdict.
#ifndef AZJIT_BROKER_RECONCILE_H
#define AZJIT_BROKER_RECONCILE_H

#include "broker.h"

struct reconcile_run;

typedef void reconcile_done_fn(void *userdata, enum azjit_result result, const char *reason);

enum azjit_result reconcile_new(struct broker *broker, struct reconcile **ret);
void reconcile_free(struct reconcile *reconcile); // runs end, too; nobody is told

// Reads the events of the last `since_s` seconds of every subscription and judges the intents of that
// time. Rows come before `done`; both later, from the loop. A subscription that cannot be read ends it
// with that result, and nothing is judged: what was not seen must not be called missing. NULL: no memory.
struct reconcile_run *reconcile_start(struct reconcile *reconcile, int64_t since_s, azjit_reconcile_fn *row,
                                      reconcile_done_fn *done, void *userdata);
// Accepts NULL; returns NULL.
struct reconcile_run *reconcile_cancel(struct reconcile_run *run);

#endif
