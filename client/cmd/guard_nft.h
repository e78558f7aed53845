// SPDX-License-Identifier: Apache-2.0
// Running nft: a fixed path, an empty environment, the script on standard input, one transaction.
#ifndef AZJIT_CMD_GUARD_NFT_H
#define AZJIT_CMD_GUARD_NFT_H

#include <azjit/buf.h>
#include <azjit/result.h>

#define AZJIT_GUARD_TABLE_FILE "/usr/share/azjit/azjit-guard.nft"

// Applies a script as one transaction: all of it or nothing. AZJIT_SYSTEM with nft's first line.
enum azjit_result azjit_guard_nft(const struct azjit_buf *script, struct azjit_reason *reason);

// Is the guard's table in the kernel, with the rules that judge? (A table that someone flushed is not.)
bool azjit_guard_table_present(void);

// The set `attempts` as JSON. AZJIT_NOT_FOUND if there is no table.
enum azjit_result azjit_guard_list_attempts(struct azjit_buf *ret_json, struct azjit_reason *reason);
enum azjit_result azjit_guard_flush_attempts(struct azjit_reason *reason);

// Prints the table's attempts and counters as nft does, to standard output.
enum azjit_result azjit_guard_print_table(struct azjit_reason *reason);

#endif
