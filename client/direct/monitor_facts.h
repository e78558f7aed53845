// SPDX-License-Identifier: Apache-2.0
// What azjit_monitor_judge judges, read from Azure: one subscription.
#ifndef AZJIT_DIRECT_MONITOR_FACTS_H
#define AZJIT_DIRECT_MONITOR_FACTS_H

#include "keep.h"
#include "survey.h"

#include <azjit/monitor.h>

struct monitor_facts {
	struct azjit_monitor_facts facts; // borrows from the rest
	struct survey survey;
	struct keep keep;
	enum azjit_result result; // of the first part that could not be read; AZJIT_OK: all were
	struct azjit_reason reason;
};
void monitor_facts_clear(struct monitor_facts *facts);

// Every part is asked for, whatever became of the others; a failure only where none could be read: no
// identity, no memory. Narrows direct->subscriptions to `subscription`, which outlives *ret.
enum azjit_result monitor_facts_read(struct direct *direct, const char *subscription,
                                     struct monitor_facts *ret);

#endif
