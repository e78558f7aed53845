// SPDX-License-Identifier: Apache-2.0
// The verbs of wire.h: who may say them, which keys they have, who answers.
#ifndef AZJIT_BROKER_VERBS_H
#define AZJIT_BROKER_VERBS_H

#include "conn.h"

#define VERB_KEYS 12

// A handler ends with conn_done or conn_finish, or goes on later (conn_busy, conn_expect). The message
// is borrowed until it returns; its required keys are there and nothing but its keys is.
typedef void verb_fn(struct conn *conn, const struct azjit_wire_msg *msg);

struct verb {
	const char *name;
	bool root_only;
	const char *command;             // that says it, for the sentence to others than root
	size_t fd_count;                 // exactly so many descriptors
	const char *required[VERB_KEYS]; // NULL-terminated
	const char *optional[VERB_KEYS];
	verb_fn *run;
};

// Judges the message by the table and runs its verb, or answers DONE usage or denied.
void verbs_dispatch(struct conn *conn, const struct azjit_wire_msg *msg);

// One file each.
verb_fn verb_account;                                                 // account.c
verb_fn verb_session_open, verb_commit, verb_session_close;           // login.c
verb_fn verb_connect;                                                 // connect.c
verb_fn verb_match;                                                   // match.c
verb_fn verb_request;                                                 // request.c
verb_fn verb_status;                                                  // report_status.c
verb_fn verb_sessions;                                                // report_sessions.c
verb_fn verb_audit_verify, verb_audit_reconcile, verb_audit_refusals; // report_audit.c
verb_fn verb_guard_refused;                                           // refused.c

#endif
