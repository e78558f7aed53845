// SPDX-License-Identifier: Apache-2.0
// Reports (rows.h): who sees what, and the rows that several verbs send.
#ifndef AZJIT_BROKER_REPORT_H
#define AZJIT_BROKER_REPORT_H

#include "conn.h"

// Whose things the caller may see: "" for uid 0 (everyone's), else her name. AZJIT_DENIED for a uid that
// has no name.
enum azjit_result report_viewer(const struct conn *conn, char ret_user[256], struct azjit_reason *reason);

// "10.20.0.4,10.20.0.5"; "" for none.
void report_sources(const struct azjit_sources *sources, char *ret_text, size_t size);

// The keys address, firewall and mapped_port: where the machine itself is, and, where an Azure Firewall is in
// front, where one connects to (mapped_port 0: not known).
void report_way(struct azjit_wire_out *out, const struct azjit_target *target, uint16_t mapped_port);

struct report_filter {
	const char *user; // "": everyone's
	const char *id;   // NULL: the living ones, or with `all` the ended ones, too
	bool all;
};
// Sends the session rows, newest first. AZJIT_NOT_FOUND if `id` names none that may be seen.
enum azjit_result report_sessions(struct conn *conn, const struct report_filter *filter,
                                  struct azjit_reason *reason);

#endif
