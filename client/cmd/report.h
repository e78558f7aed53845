// SPDX-License-Identifier: Apache-2.0
// What status, sessions and audit have in common: they ask the broker one thing, gather the rows
// (azjit/rows.h) and print them, aligned for people or as one JSON object.
//
// The object: a member per kind of row ("broker", "azure" and "verify" are objects, "operations", "grants", "sessions",
// "entries", "verdicts" and "refusals" arrays), then "result" and "reason" of the answer. Numbers and booleans are
// JSON's own; a key that this program does not know is a string. What is unknown is absent.
#ifndef AZJIT_CMD_REPORT_H
#define AZJIT_CMD_REPORT_H

#include "caller.h"

#include <azjit/cmd.h>
#include <jansson.h>
#include <stdio.h>

extern const struct azjit_cmd azjit_cmd_status;
extern const struct azjit_cmd azjit_cmd_sessions;
extern const struct azjit_cmd azjit_cmd_audit_verify;
extern const struct azjit_cmd azjit_cmd_audit_reconcile;
extern const struct azjit_cmd azjit_cmd_audit_refusals;

struct report {
	json_t *rows; // an array of objects of strings, as they came; all printable
	enum azjit_result result;
	struct azjit_reason reason;
	bool failed; // memory ran out
};

bool report_init(struct report *report);
void report_clear(struct report *report);
#define _cleanup_report_ _cleanup_(report_clear)

// Takes a ROW message; others are ignored.
void report_take(struct report *report, const struct azjit_wire_msg *msg);

// Options that these commands share, and whom to ask.
struct report_options {
	struct caller caller;
	bool json, all, azure;
	const char *since;   // as written
	const char *operand; // the one operand, NULL if none
};
enum report_wants { REPORT_ALL = 1, REPORT_SINCE = 2, REPORT_OPERAND = 4, REPORT_AZURE = 8 };
// False if the command is over: *ret_status is its exit status (usage or --help, printed).
bool report_options(int argc, char **argv, const struct azjit_cmd *cmd, unsigned wants,
                    struct report_options *ret, int *ret_status);

// Asks the broker and gathers its rows until DONE; report->result and reason are its answer, or say why
// there is none. Pairs with a NULL value are left out.
void report_ask(struct report *report, const struct caller *caller, const char *verb,
                const struct azjit_wire_pair *pairs, size_t pair_count);

// Says on stderr why the answer is not whole, if it is not; the exit status for it.
int report_end(const struct report *report);
// What an audit ends with that found something to look into.
#define REPORT_EXIT_FOUND 1

// The value of a key, "" if it is absent.
const char *report_get(const json_t *row, const char *key);
bool report_is(const json_t *row, const char *type);
size_t report_count(const struct report *report, const char *type);

// One column of a table for people. A key of the form time is cut to seconds ("2026-11-22 20:00:01Z").
struct report_column {
	const char *key;
	const char *title;
	size_t max; // in characters; longer values end with "…"; 0: as long as they are
};
// Prints the rows of a type under their titles, nothing if there are none. Columns that are empty in
// every row are left out; the last one is not padded.
void report_table(const struct report *report, const char *type, const struct report_column *columns,
                  size_t column_count, FILE *out);
// "2026-11-22 20:00:01Z", with `ms` "2026-11-22 20:00:01.123Z"; other texts as they are.
void report_time(const char *time, bool ms, char ret_text[32]);

// One member of the JSON object.
struct report_member {
	const char *type; // of its rows
	const char *name;
	bool many; // an array; else the first row, absent if there is none
};
// Prints the object; false if it could not be written. `more` (may be NULL) is merged into it.
bool report_json(const struct report *report, const struct report_member *members, size_t member_count,
                 json_t *more, FILE *out);

#endif
