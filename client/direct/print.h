// SPDX-License-Identifier: Apache-2.0
// What people read; with --json the same goes into direct->answer, and main prints it.
#ifndef AZJIT_DIRECT_PRINT_H
#define AZJIT_DIRECT_PRINT_H

#include "direct.h"

// A line on stderr: "azjit: …".
void print_note(const char *fmt, ...) _printf_(1, 2);

// Rows of policy_changes, as a diff of the ports: "+ web01 port 22 any from * for 3h". Takes `changes` over
// into the answer.
enum azjit_result print_changes(struct direct *direct, const char *policy_id, json_t *changes);

// An array of objects of texts, numbers and arrays of these, as a table whose titles and keys are given,
// ended by a NULL key; printable.
struct print_column {
	const char *key, *title;
};
enum azjit_result print_table(struct direct *direct, const json_t *rows, const struct print_column *columns);

// "10.0.0.0/8, 192.0.2.1" of texts or numbers, and "3h": for rows of tables. NULL if memory ran out.
json_t *print_list(const json_t *items);
json_t *print_duration(int64_t seconds);

#endif
