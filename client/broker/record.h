// SPDX-License-Identifier: Apache-2.0
// The broker's own entries in the ledger: starts, logins, denials, errors. Durable when a call returns.
#ifndef AZJIT_BROKER_RECORD_H
#define AZJIT_BROKER_RECORD_H

#include "broker.h"

// Appends one entry now. A failure is logged as an error; the caller decides what it means.
enum azjit_result record_entry(struct broker *broker, const struct azjit_entry *entry,
                               struct azjit_reason *reason);

// What was refused to whom. NULL strings are left out.
struct denial {
	const char *event; // NULL: "refused"; "guard" for what the kernel's table refused
	const char *user, *session, *host, *vm, *rule, *reason;
	unsigned uid;
	bool has_uid;
	uint16_t port;  // 0: none
	uint64_t count; // 0: none
};
// A DENIAL entry. One uid gets at most DENIALS_A_MINUTE of them: a loop over refused names must
// neither fill the disk nor hold up others; the entry that reaches the limit says so (field `more`) and
// the log counts the rest. AZJIT_OK: the entry is durable, or one of those that are only counted.
#define DENIALS_A_MINUTE 120
enum azjit_result record_denial(struct broker *broker, const struct denial *denial);

// A LOGIN entry: event is "denied" or "break-glass"; user NULL: a person who does not exist, whose
// name is not written anywhere (all of them share one limit).
struct login_record {
	const char *event, *user, *service, *from, *tty, *rule, *reason;
	unsigned uid;
	bool has_uid;
};
void record_login(struct broker *broker, const struct login_record *login);

// A START entry: event is "started", "recovered" or "stopped".
enum azjit_result record_start(struct broker *broker, const char *event, const char *why,
                               struct azjit_reason *reason);

#endif
