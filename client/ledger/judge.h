// SPDX-License-Identifier: Apache-2.0
// Reconciliation as a pure function: what the ledger says we asked, what Azure's Activity Log says was
// asked, and the verdict (azure.md §4, §12.10).
#ifndef AZJIT_LEDGER_JUDGE_H
#define AZJIT_LEDGER_JUDGE_H

#include <azjit/ledger.h>

// What we recorded of Azure's answer to an intent.
enum azjit_answered {
	AZJIT_ANSWERED_NOT = 0, // no answer was recorded, or no final one
	AZJIT_ANSWERED_ACCEPTED,
	AZJIT_ANSWERED_REFUSED,
	AZJIT_ANSWERED_UNSENT, // the POST never left
};

struct azjit_asked {
	uint64_t seq;
	azjit_ticks when;
	// "" where not recorded
	const char *grant, *session, *vm;
	const char *client_request_id, *correlation_id, *answer_correlation_id;
	const char *anchor_seq;
	enum azjit_answered answered;
};

struct azjit_judge_input {
	azjit_ticks from, to, now;
	const char *own_caller;    // ids of our identity, separated by commas or spaces; "" if not known
	const char *former_caller; // what an earlier reconciliation saw as ours; used if nothing else tells
	const struct azjit_asked *asked; // may reach back before `from`: these explain events only
	size_t asked_count;
	const struct azjit_activity_event *events;
	size_t event_count;
};

struct azjit_judged {
	struct azjit_reconcile_row row;
	const struct azjit_asked *asked; // NULL for an event without an intent
	const char *event_data_id;       // of the event that decided, "" if none
	azjit_ticks event_time;          // 0 if none
	bool witnessed;                  // the event carries our client request id: it is an anchor's witness
};
typedef void azjit_judged_fn(void *userdata, const struct azjit_judged *judged);

// Calls `fn` for each verdict: first the intents of [from, to] in their order (one whose POST never left
// and that no event contradicts has none), then the requests that no intent explains.
enum azjit_result azjit_judge(const struct azjit_judge_input *input, azjit_judged_fn *fn, void *userdata);

#endif
