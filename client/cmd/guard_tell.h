// SPDX-License-Identifier: Apache-2.0
// From the kernel's set of refusals, by the guard's book, to the broker, which makes them entries of the
// ledger (GUARD-REFUSED, wire.h).
#ifndef AZJIT_CMD_GUARD_TELL_H
#define AZJIT_CMD_GUARD_TELL_H

#include "caller.h"
#include "guard_refused.h"

struct azjit_guard_teller {
	struct caller caller;
	const char *path; // of the book's file
	struct azjit_guard_book book;
	struct azjit_reason unread, unwritten, untold; // said once; empty when all is well
};

// Reads the book of the guard before us, if there was one.
void azjit_guard_teller_load(struct azjit_guard_teller *teller);
// Reads the kernel's set into the book: before the table is replaced, too.
void azjit_guard_teller_read(struct azjit_guard_teller *teller);
// The kernel's set is a new one.
void azjit_guard_teller_restart(struct azjit_guard_teller *teller);
// Tells the broker what is due, and keeps the book. Takes at most a little more than a second, however the
// broker is; ends early when `watch` (a descriptor) becomes readable. `hurry` as azjit_guard_book_next has
// it; -1: no descriptor.
void azjit_guard_teller_tell(struct azjit_guard_teller *teller, int watch, bool hurry);

#endif
