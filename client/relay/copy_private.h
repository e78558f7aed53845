// SPDX-License-Identifier: Apache-2.0
// The inside of azjit/copy.h, shared by copy.c (the loop), copy_up.c and copy_down.c (one step of a
// direction each).
#ifndef AZJIT_RELAY_COPY_PRIVATE_H
#define AZJIT_RELAY_COPY_PRIVATE_H

#include <azjit/copy.h>
#include <azjit/time.h>

#define COPY_BUFFER_BYTES 131072
#define COPY_SPLICE_BYTES 1048576

enum kind { KIND_PIPE, KIND_SOCKET, KIND_REGULAR, KIND_DEVICE };
enum wait { WAIT_SOURCE, WAIT_SINK, WAIT_OTHER };
enum step { STEP_MORE, STEP_WAIT, STEP_DONE, STEP_END };

struct direction {
	enum wait wait;
	bool more;       // its turns ran out before it had to wait
	bool done;       // nothing more will pass
	bool source_eof; // the source has ended; `pending` may be left
	char *bytes;
	size_t start, len; // pending: bytes[start..len)
};

struct azjit_copy {
	int input, output, socket;
	enum kind input_kind, output_kind;
	struct direction up, down; // up: input to socket
	struct azjit_copy_counts *counts;
	azjit_copy_fn *fn;
	void *userdata;
	bool first, login; // events that were told
	bool keeping;      // up.bytes[0..len) is everything ever read from input
	bool output_hung;  // output's reader is gone: nothing could be written
	uint64_t hesitate_until_ms;
	enum azjit_copy_end end;
	int error;
};

// One step of a direction: MORE may follow at once, WAIT for direction->wait, DONE for ever, END: over.
enum step copy_up_step(struct azjit_copy *copy);
enum step copy_down_step(struct azjit_copy *copy);

// What both have in common (copy.c).
void copy_tell(struct azjit_copy *copy, enum azjit_copy_event event);
void copy_count(struct azjit_copy *copy, _Atomic uint64_t *counter, size_t bytes);
enum step copy_finish(struct azjit_copy *copy, enum azjit_copy_end end); // keeps errno
enum step copy_target_failed(struct azjit_copy *copy);                   // by errno
enum step copy_wait(struct direction *direction, enum wait wait);
bool copy_again(void);                           // errno says: later
bool copy_ready(int fd, short events);           // now
bool copy_is_ssh(const char *bytes, size_t len); // begins as an ssh identification does
bool copy_sent_ssh(const struct azjit_copy *copy);
void copy_tell_login(struct azjit_copy *copy); // once

#endif
