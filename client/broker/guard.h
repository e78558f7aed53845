// SPDX-License-Identifier: Apache-2.0
// The broker's half of the guard (docs/design.md §6): which address and port pairs the kernel's table must
// keep from ordinary users, and whether it does. Root's azjit-guard unit does the other half.
//
// The set, at config.guard_set (mode 0644, replaced by rename):
//   azjit-guard 1
//   A.B.C.D PORT           one line for each pair, sorted, each once
//   end COUNT GENERATION   a file without this line is not whole and must not be applied
// The state, at config.guard_state, written by root:
//   generation=G count=N table=ok|missing error=TEXT    (error to the end of the line)
// A generation is larger than every earlier one, also over restarts.
#ifndef AZJIT_BROKER_GUARD_H
#define AZJIT_BROKER_GUARD_H

#include "broker.h"

#define GUARD_SETTLE_MS 500 // so long a new pair waits for the table

enum guard_health { GUARD_UNKNOWN = 0, GUARD_OFF, GUARD_ON };

// What the state file says; false if it is not in its form.
struct guard_state {
	uint64_t generation, count;
	bool table_ok;
	char error[160];
};
bool guard_state_parse(const char *text, struct guard_state *ret);
// Reads back what guard_set_format wrote; the pairs are the caller's to free. False (nothing to free) if it
// is not whole.
bool guard_set_parse(const char *text, struct azjit_managed **ret, size_t *ret_count,
                     uint64_t *ret_generation);
// The set as text, into `out`; false if memory ran out.
bool guard_set_format(const struct azjit_managed *pairs, size_t count, uint64_t generation,
                      struct azjit_buf *out);

enum azjit_result guard_new(struct broker *broker, struct guard **ret);
void guard_free(struct guard *guard);
// Writes the set anew if inventory's managed pairs are others than before. What cannot be written is
// logged and tried again with the next refresh.
void guard_update(struct guard *guard);
// True only if the kernel's table, as last reported, is of a generation that holds this pair.
bool guard_covers(const struct guard *guard, const struct azjit_addr *addr, uint16_t port);
// True while a set that was just written may still be on its way into the table (GUARD_SETTLE_MS).
bool guard_settling(struct guard *guard);
enum guard_health guard_health(const struct guard *guard);

#endif
