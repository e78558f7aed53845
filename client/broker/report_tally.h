// SPDX-License-Identifier: Apache-2.0
// The sessions of the ledger, counted. Each entry is read once in the broker's life: any user may ask for
// a report, and the ledger grows without end, so that a pass over all of it for each question would
// keep those who log in waiting.
#ifndef AZJIT_BROKER_REPORT_TALLY_H
#define AZJIT_BROKER_REPORT_TALLY_H

#include <azjit/ledger.h>

struct tally {
	char id[AZJIT_UUID_CHARS];
	char *user, *service, *from, *tty, *auth;
	uint64_t uid;
	char state[16]; // open, closed, lost, undone
	azjit_ticks opened, closed;
	char (*grants)[AZJIT_UUID_CHARS]; // distinct
	size_t grant_count, flow_count, denial_count;
};

struct tallies {
	struct tally **items; // in the order of their opening
	size_t count, alloc;
	void *by_id;       // tsearch(3)
	uint64_t next_seq; // the first entry that was not counted yet
	bool nomem;
};

// Counts what was appended since the last time (everything, the first time). After a failure the
// tallies are empty and begin anew.
enum azjit_result tallies_update(struct azjit_ledger *ledger, struct tallies *tallies,
                                 struct azjit_reason *reason);
void tallies_free(struct tallies *tallies);
// NULL if there is none of that id.
struct tally *tallies_find(const struct tallies *tallies, const char *id);
bool tally_has_grant(const struct tally *tally, const char *grant);

#endif
