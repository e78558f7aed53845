// SPDX-License-Identifier: Apache-2.0
// The open sessions: what session.c, session_entry.c, session_recover.c and liveness.c share.
#ifndef AZJIT_ENGINE_SESSION_LIST_H
#define AZJIT_ENGINE_SESSION_LIST_H

#include "session_proc.h"

#include <azjit/session.h>

struct session_item {
	struct azjit_session s;
	struct azjit_sessions *list;
	char scope[SESSION_SCOPE_CHARS];
	char boot[AZJIT_UUID_CHARS];
	int pidfd; // -1: none (then it is looked for like an orphan)
	struct azjit_source *watch;
	bool commit_unwritten;
	bool seen; // by the scan under way
};

struct azjit_sessions {
	struct azjit_loop *loop;
	struct azjit_ledger *ledger;
	azjit_session_end_fn *fn;
	void *userdata;
	struct session_item **items;
	size_t count, alloc;
	char boot[AZJIT_UUID_CHARS];
	struct azjit_source *scan, *commits;
	bool scanning, settling; // their timers are armed
};

struct session_item *session_item_find(struct azjit_sessions *list, const char *id);
// Takes the item over; false if memory ran out (then it is freed).
bool session_item_add(struct azjit_sessions *list, struct session_item *item);
// Out of the list and freed.
void session_item_remove(struct session_item *item);
struct session_item *session_item_new(struct azjit_sessions *list);
// Appends how it ended, tells, removes.
void session_item_end(struct session_item *item, const char *how);

// session_entry.c: the ledger's form of a session, both ways.
enum azjit_result session_entry_append(const struct session_item *item, const char *event,
                                       struct azjit_reason *reason);
// Appends what azjit_session_commit left for later and how `ended` ended (NULL: none did), in one durable
// write; the end alone where that fails.
void session_entry_settle(struct azjit_sessions *list, const struct session_item *ended, const char *how);
// Fills an item from an "opened" entry; false if it is not readable.
bool session_entry_read(const struct azjit_entry *entry, azjit_ticks when, struct session_item *item);

// session_recover.c
enum azjit_result session_recover(struct azjit_sessions *list, struct azjit_reason *reason);

// liveness.c
// Watches the process that opened it; marks it an orphan if that cannot be watched or is gone.
void liveness_watch(struct session_item *item);
void liveness_forget(struct session_item *item);
// Looks once, now, for the processes of all orphans, and ends those that have none.
void liveness_scan(struct azjit_sessions *list);
// Makes the scan's timer; it runs only while there are orphans.
enum azjit_result liveness_start(struct azjit_sessions *list);

#endif
