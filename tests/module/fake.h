// SPDX-License-Identifier: Apache-2.0
// A broker that does what it is told: it answers as a broker would, but for one fault at one place.
#ifndef TESTS_MODULE_FAKE_H
#define TESTS_MODULE_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum fault {
	FAULT_NONE = 0,
	// The broker's process is there.
	FAULT_HANG,           // reads, never answers
	FAULT_QUEUE_FULL,     // listens, never accepts, and nobody else fits into the queue
	FAULT_DRIP,           // a byte of an endless DONE every 20 ms
	FAULT_FLOOD,          // PROGRESS without an end
	FAULT_RESET,          // closes with the request unread
	FAULT_CLOSE,          // reads, then closes
	FAULT_CUT,            // half a DONE, then closes
	FAULT_KILLED,         // reads, then dies
	FAULT_VERSION,        // answers in another version
	FAULT_GARBAGE,        // bytes that are no message
	FAULT_HUGE,           // a well-formed DONE of 1 MiB
	FAULT_NO_RESULT,      // DONE without result=
	FAULT_UNKNOWN_RESULT, // result=OK, which is none
	FAULT_WRONG_VERB,     // COMMIT instead of DONE
	FAULT_TWICE_RESULT,   // result=denied and result=ok in one message
	FAULT_NO_SESSION,     // ok, but without session=
	FAULT_BAD_SESSION,    // session=../x y
	FAULT_LONG_SESSION,   // session= of 65 characters
	FAULT_RESULT,         // plan->result
	FAULT_DEAF,           // answers DONE, and whatever is sent to it afterwards meets a closed end
	FAULT_PROGRESS,       // PROGRESS, plan->delay_ms of silence, then the answer
	FAULT_STRANGER,       // another user listens
	// Something else stands at the path.
	FAULT_ABSENT,
	FAULT_DEAD, // a socket on which nobody listens
	FAULT_FIFO,
	FAULT_DIRECTORY,
	FAULT_SYMLINK, // to a living broker's socket
	FAULT_FILE,
	FAULT_COUNT_,
};

enum phase { PHASE_ACCOUNT = 0, PHASE_OPEN, PHASE_COMMIT, PHASE_CLOSE, PHASE_COUNT_ };

struct plan {
	enum fault fault;
	enum phase phase; // where the fault lies
	const char *result, *reason;
	unsigned delay_ms;
};

struct fake {
	char dir[40], path[64], other[64];
	char passes[64]; // an empty directory
	struct plan plan;
	pid_t pid;
	struct record *record;
};

const char *fault_name(enum fault fault);
const char *phase_name(enum phase phase);
bool fault_is_place(enum fault fault);

// Starts it in a directory of its own. A fault of place is in place at once if its phase is account or
// open; fake_spoil puts it there later. Ends the process if anything fails.
void fake_start(struct fake *ret, const struct plan *plan);
void fake_spoil(struct fake *fake);
void fake_stop(struct fake *fake);

// What it has been asked so far: lines "VERB", "KEY=value" and an empty one for each message; "EOF" when
// a caller left. Waits for the broker to see the end of every connection that was made.
const char *fake_asked(struct fake *fake, unsigned eof_count);
// As it is now.
const char *fake_asked_now(const struct fake *fake);

#endif
