// SPDX-License-Identifier: Apache-2.0
// Requests as the Activity Log shows them: its events (two to four a request) put together.
#ifndef AZJIT_LEDGER_SEEN_H
#define AZJIT_LEDGER_SEEN_H

#include <azjit/activity.h>

#define AZJIT_SEEN_NONE SIZE_MAX

// One request, by one caller. Strings are the events', "" where no event has them.
struct azjit_seen {
	const char *correlation_id, *client_request_id, *caller, *event_data_id;
	const char *status; // of the event that ended it, else of the newest
	const char *vm;     // the resource of an event on a VM
	azjit_ticks time;   // of the earliest event that has one
	azjit_ticks status_time;
	bool initiate;  // some event names the operation: without one it may be something else
	bool on_policy; // some event is about the policy (the request itself), not about the VM
	bool ended, failed, succeeded;
	size_t asked;                                     // index of the intent, AZJIT_SEEN_NONE if none
	size_t next_correlation, next_client, next_asked; // chains of this file and of judge.c
};

struct azjit_seen_list {
	struct azjit_seen *items;
	size_t count;
};

// False if memory ran out.
bool azjit_seen_collect(const struct azjit_activity_event *events, size_t count, struct azjit_seen_list *ret);
void azjit_seen_clear(struct azjit_seen_list *list);

#endif
