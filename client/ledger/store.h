// SPDX-License-Identifier: Apache-2.0
// Inside the ledger: the handle, the chain's arithmetic, and entries as they come from the store.
// Nothing outside client/ledger includes this (its unit tests do).
#ifndef AZJIT_LEDGER_STORE_H
#define AZJIT_LEDGER_STORE_H

#include <azjit/ledger.h>
#include <sqlite3.h>

#define AZJIT_DIGEST_BYTES    32
#define AZJIT_VALUE_MAX_BYTES 65536 // of one value: all that a message from root can carry
#define AZJIT_HOST_CHARS      256

struct azjit_head {
	uint64_t seq; // 0: no entry yet
	uint8_t digest[AZJIT_DIGEST_BYTES];
};

struct azjit_ledger {
	sqlite3 *db;
	char *path;
	char host[AZJIT_HOST_CHARS];
	dev_t dev; // of the file that was opened: a file put in its place is noticed
	ino_t ino;
	sqlite3_stmt *last, *digest_of, *add_entry, *add_field;
	struct azjit_head head;      // with the entries of an open transaction
	struct azjit_head committed; // without
	bool in_transaction;         // between azjit_ledger_begin and commit or rollback
	int failure; // SQLite's code of the newest failure: its own is gone with the statement
	bool broken; // SQLite gave that transaction up: only rollback helps
};

// An entry as the store holds it; its strings belong to `strings`.
struct azjit_stored {
	uint64_t seq;
	azjit_ticks when;
	const char *host;
	struct azjit_entry entry;
	uint8_t digest[AZJIT_DIGEST_BYTES];
	bool damaged; // it cannot have been written by azjit_ledger_append
	char *strings[2 * AZJIT_ENTRY_FIELDS + 4];
	size_t string_count;
};
void azjit_stored_clear(struct azjit_stored *stored);
#define _cleanup_stored_ _cleanup_(azjit_stored_clear)

// --- entry.c ----------------------------------------------------------------------------------------
// The kind's name, stored and hashed; "" for NONE.
const char *azjit_entry_kind_name(enum azjit_entry_kind kind);
enum azjit_entry_kind azjit_entry_kind_from_name(const char *name);
// AZJIT_LEDGER with the reason why an entry cannot be stored: no kind, no event, a malformed key, a
// value that is too long.
enum azjit_result azjit_entry_check(const struct azjit_entry *entry, struct azjit_reason *reason);

// --- chain.c ----------------------------------------------------------------------------------------
// The digest of an entry that follows `previous`. NULL strings count as empty, fields without a value
// as absent. False only if memory ran out or libcrypto failed.
bool azjit_chain_digest(const uint8_t previous[AZJIT_DIGEST_BYTES], uint64_t seq, azjit_ticks when,
                        const char *host, const struct azjit_entry *entry,
                        uint8_t ret_digest[AZJIT_DIGEST_BYTES]);

// --- sqlite.c ---------------------------------------------------------------------------------------
// Opens or creates the file at ledger->path and brings it to our schema.
enum azjit_result azjit_store_open(struct azjit_ledger *ledger, struct azjit_reason *reason);
void azjit_store_close(struct azjit_ledger *ledger);
// Runs one statement that returns no rows.
enum azjit_result azjit_store_exec(struct azjit_ledger *ledger, const char *sql, struct azjit_reason *reason);
// A statement; NULL on failure.
sqlite3_stmt *azjit_store_prepare(struct azjit_ledger *ledger, const char *sql, struct azjit_reason *reason);
// Writes the sentence for SQLite's newest error; always AZJIT_LEDGER.
enum azjit_result azjit_store_fail(struct azjit_ledger *ledger, const char *doing,
                                   struct azjit_reason *reason);
// AZJIT_LEDGER if the path no longer leads to the file that was opened.
enum azjit_result azjit_store_check_place(const struct azjit_ledger *ledger, struct azjit_reason *reason);
// The newest entry's number and digest (0 and zeroes if there is none).
enum azjit_result azjit_store_head(struct azjit_ledger *ledger, struct azjit_head *ret,
                                   struct azjit_reason *reason);
// The digest of one entry; AZJIT_NOT_FOUND if there is no such entry.
enum azjit_result azjit_store_digest(struct azjit_ledger *ledger, uint64_t seq,
                                     uint8_t ret_digest[AZJIT_DIGEST_BYTES], struct azjit_reason *reason);
enum azjit_result azjit_store_insert(struct azjit_ledger *ledger, uint64_t seq, azjit_ticks when,
                                     const struct azjit_entry *entry,
                                     const uint8_t digest[AZJIT_DIGEST_BYTES], struct azjit_reason *reason);

// --- read.c -----------------------------------------------------------------------------------------
// Return false to stop.
typedef bool azjit_stored_fn(void *userdata, const struct azjit_stored *stored);
// Every entry from a number on, in order, of one state of the store, damaged ones included.
enum azjit_result azjit_store_walk(struct azjit_ledger *ledger, uint64_t from_seq, azjit_stored_fn *fn,
                                   void *userdata, struct azjit_reason *reason);

// Intents, requests and verdicts with a time of `from` or later, in order.
enum azjit_result azjit_store_walk_asked(struct azjit_ledger *ledger, azjit_ticks from, azjit_stored_fn *fn,
                                         void *userdata, struct azjit_reason *reason);

static inline void azjit_stmt_finalizep(sqlite3_stmt **stmt)
{
	sqlite3_finalize(*stmt);
}
#define _cleanup_stmt_ _cleanup_(azjit_stmt_finalizep)

#endif
