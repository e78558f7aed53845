// SPDX-License-Identifier: Apache-2.0
// The guard's book: what the broker was told of the kernel's refusals, and what not yet.
//
// On disk (root's own directory), so that a guard that comes back tells nothing twice and forgets nothing:
//   azjit-refused 1
//   UID ADDRESS PORT SEEN UNTOLD     any number of them, in order
//   end COUNT
#ifndef AZJIT_CMD_GUARD_REFUSED_H
#define AZJIT_CMD_GUARD_REFUSED_H

#include "guard_attempts.h"

#include <azjit/buf.h>

#define AZJIT_GUARD_BOOK_MAX       8192 // twice the kernel's set
#define AZJIT_GUARD_BOOK_MAX_BYTES (1 << 20)
#define AZJIT_GUARD_TOLD_PER_TURN  16
#define AZJIT_GUARD_TELL_PAUSE_MS  60000 // the same uid, address and port again

struct azjit_guard_refusal {
	uint32_t uid;
	struct azjit_addr addr;
	uint16_t port;
	uint64_t seen;     // the kernel's count when it was read last
	uint64_t untold;   // of it and of earlier tables, what the broker has not taken
	uint64_t since_ms; // since when something is untold, or when telling it failed
	uint64_t told_ms;  // 0: never
	bool listed;       // in the kernel's set when it was read last
};

// Zeroes are an empty book.
struct azjit_guard_book {
	struct azjit_guard_refusal *items; // in order of uid, address, port
	size_t count;
	uint32_t turn_uids[AZJIT_GUARD_TOLD_PER_TURN]; // who was told of in this turn
	size_t turn_count;
	bool changed; // since it was written
};

void azjit_guard_book_clear(struct azjit_guard_book *book);

// Takes the kernel's counts. A count that is smaller than before is of a new element: all of it counts.
// False if there was no room for something: it is taken when there is, if the kernel still has it.
bool azjit_guard_book_note(struct azjit_guard_book *book, const struct azjit_guard_attempt *list,
                           size_t count, uint64_t now_ms);
// The kernel's counts begin at 0 again.
void azjit_guard_book_restart(struct azjit_guard_book *book);

// A turn: at most AZJIT_GUARD_TOLD_PER_TURN of next and its told or failed. NULL: nothing more is to be told
// now. Those that waited longest come first, but nobody's second before another's first: who tries
// a thousand ports holds nobody else up. `hurry`: also what was told less than a minute ago.
void azjit_guard_book_turn(struct azjit_guard_book *book);
struct azjit_guard_refusal *azjit_guard_book_next(struct azjit_guard_book *book, uint64_t now_ms, bool hurry);
void azjit_guard_book_told(struct azjit_guard_book *book, struct azjit_guard_refusal *item, uint64_t now_ms);
// The broker did not take it: it goes behind the others, which may do better.
void azjit_guard_book_failed(struct azjit_guard_book *book, struct azjit_guard_refusal *item,
                             uint64_t now_ms);

// False if memory ran out.
bool azjit_guard_book_format(const struct azjit_guard_book *book, struct azjit_buf *out);
// Into an empty book. AZJIT_PROTOCOL with line number and fault if anything differs from the form above.
enum azjit_result azjit_guard_book_parse(const char *text, struct azjit_guard_book *ret, uint64_t now_ms,
                                         struct azjit_reason *reason);

#endif
