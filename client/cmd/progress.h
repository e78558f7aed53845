// SPDX-License-Identifier: Apache-2.0
// Progress on stderr: on a terminal one live line that rewrites itself and leaves no trace; elsewhere a
// line whenever something new is said. Never on stdout.
#ifndef AZJIT_CMD_PROGRESS_H
#define AZJIT_CMD_PROGRESS_H

#include <azjit/result.h>
#include <azjit/wire.h>

struct progress {
	bool terminal;
	char text[300]; // what is shown, printable; "" for nothing
	uint64_t started_ms;
};

void progress_begin(struct progress *progress);
// Shows the `text` of a PROGRESS (its `vm` in front, if it has one).
void progress_show(struct progress *progress, const struct azjit_wire_msg *msg);
// How long a wait may last before progress_tick should be called; -1: for ever.
int progress_tick_ms(const struct progress *progress);
void progress_tick(struct progress *progress);
void progress_end(struct progress *progress);

#endif
