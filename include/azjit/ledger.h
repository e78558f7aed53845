// SPDX-License-Identifier: Apache-2.0
// The ledger: every login, intent, grant, wait, denial, expiry and error is an entry, durable before
// anyone is told, chained by SHA-256, anchored in Azure's Activity Log (docs/design.md §9).
//
// Only ever appended to. An entry's digest is SHA-256 over the previous digest and the entry's
// canonical bytes (described in client/ledger/chain.c); the first entry's previous digest is 32 zero
// bytes. Synchronous: SQLite in WAL mode, synchronous=FULL; one append is one fsync unless it stands
// between begin and commit.
#ifndef AZJIT_LEDGER_H
#define AZJIT_LEDGER_H

#include <azjit/activity.h>
#include <azjit/result.h>
#include <azjit/time.h>

struct azjit_ledger;

enum azjit_entry_kind {
	AZJIT_ENTRY_NONE = 0,
	AZJIT_ENTRY_START,     // the broker started (or came back: what it found)
	AZJIT_ENTRY_LOGIN,     // account: allowed or denied
	AZJIT_ENTRY_SESSION,   // opened, committed, undone, closed, lost
	AZJIT_ENTRY_DENIAL,    // an access rule, the guard or the kill switch refused something
	AZJIT_ENTRY_INTENT,    // a JIT request is about to be sent
	AZJIT_ENTRY_REQUEST,   // what the service answered
	AZJIT_ENTRY_GRANT,     // a grant changed its state
	AZJIT_ENTRY_FLOW,      // a relayed connection: open, first byte, end
	AZJIT_ENTRY_RECONCILE, // a verdict about a request
	AZJIT_ENTRY_ERROR,
	AZJIT_ENTRY_POWER, // a machine that does not run is started for somebody, and what came of it
};

#define AZJIT_ENTRY_FIELDS 24
struct azjit_entry_field {
	const char *key;   // [a-z0-9_]
	const char *value; // UTF-8
};

// An entry to append: borrowed strings; NULL values are left out. Field order is part of the digest.
struct azjit_entry {
	enum azjit_entry_kind kind;
	const char *event;   // "opened", "denied", "sent" …
	const char *session; // NULL or ""
	const char *grant;
	struct azjit_entry_field fields[AZJIT_ENTRY_FIELDS];
	size_t field_count;
};

// The well-known fields: user, uid, host, vm, port, source, until, nonce_end, client_request_id,
// correlation_id, answer_correlation_id, rule, nsg, result, reason, http_status, code, flow, in, out.

// Adds a field (ignored if value is NULL); false if the entry is full.
bool azjit_entry_put(struct azjit_entry *entry, const char *key, const char *value);

// Opens or creates (mode 0600, of this uid). AZJIT_LEDGER with a reason that names the file and mend;
// a file whose last entry does not fit its digest is refused.
enum azjit_result azjit_ledger_open(const char *path, const char *host, struct azjit_reason *reason,
                                    struct azjit_ledger **ret);
void azjit_ledger_close(struct azjit_ledger *ledger);

// Durable when it returns AZJIT_OK (inside begin/commit: when commit does).
enum azjit_result azjit_ledger_append(struct azjit_ledger *ledger, azjit_ticks when,
                                      const struct azjit_entry *entry, struct azjit_reason *reason);
enum azjit_result azjit_ledger_begin(struct azjit_ledger *ledger, struct azjit_reason *reason);
enum azjit_result azjit_ledger_commit(struct azjit_ledger *ledger, struct azjit_reason *reason);
void azjit_ledger_rollback(struct azjit_ledger *ledger);

// The digest of the newest entry and its number (0 and zeroes for an empty ledger).
void azjit_ledger_head(const struct azjit_ledger *ledger, uint64_t *ret_seq, uint8_t ret_digest[32]);

// The anchor for the next JIT request: a UUIDv8 of the head (design §9). The head's number is put into
// the intent by the caller as field `anchor_seq`.
void azjit_ledger_anchor(const struct azjit_ledger *ledger, char ret_uuid[AZJIT_UUID_CHARS],
                         uint64_t *ret_seq);

// An entry read back; strings borrowed until the callback returns.
struct azjit_entry_read {
	uint64_t seq;
	azjit_ticks when;
	const struct azjit_entry *entry;
	uint8_t digest[32];
};
// Return false to stop.
typedef bool azjit_entry_fn(void *userdata, const struct azjit_entry_read *entry);
// In order from `from_seq` on. Empty filters (NULL) match all.
enum azjit_result azjit_ledger_read(struct azjit_ledger *ledger, uint64_t from_seq, const char *session,
                                    const char *grant, azjit_entry_fn *fn, void *userdata,
                                    struct azjit_reason *reason);
// The value of a field of an entry; NULL if absent.
const char *azjit_entry_get(const struct azjit_entry *entry, const char *key);

// --- verify -----------------------------------------------------------------------------------------
struct azjit_verify_report {
	bool ok;
	uint64_t entries;
	uint64_t bad_seq;        // the first entry that does not fit, 0 if none
	uint64_t anchored_seq;   // newest entry witnessed by an outside anchor that was checked
	azjit_ticks anchor_time; // of that anchor, 0 if none
	uint64_t unanchored;     // entries after it
	struct azjit_reason text;
};
// Recomputes the chain. An outside anchor counts only if reconciliation saw an Activity Log event
// whose clientRequestId is the UUID of the digest recorded at anchor_seq (RECONCILE entries hold it).
enum azjit_result azjit_ledger_verify(struct azjit_ledger *ledger, struct azjit_verify_report *ret,
                                      struct azjit_reason *reason);

// The same in steps, for who must not stand still (100,000 entries take more than a second). Entries may
// be appended between steps. The report is whole when a step says done; nothing else may be asked of the
// verification then. It must not outlive the ledger.
struct azjit_verification;
enum azjit_result azjit_verification_new(struct azjit_ledger *ledger, struct azjit_reason *reason,
                                         struct azjit_verification **ret);
enum azjit_result azjit_verification_step(struct azjit_verification *verification, size_t max_entries,
                                          bool *ret_done, struct azjit_reason *reason);
void azjit_verification_report(const struct azjit_verification *verification,
                               struct azjit_verify_report *ret);
void azjit_verification_free(struct azjit_verification *verification);
AZJIT_DEFINE_CLEANUP(struct azjit_verification *, azjit_verification_free);

// --- reconcile --------------------------------------------------------------------------------------
enum azjit_verdict_kind {
	AZJIT_RECONCILE_UNKNOWN = 0, // the fields that would decide are absent
	AZJIT_RECONCILE_MATCHED,
	AZJIT_RECONCILE_PENDING,      // younger than the log's lateness (20 min)
	AZJIT_RECONCILE_MISSING,      // old enough, and no event
	AZJIT_RECONCILE_CONTRADICTED, // an event that says otherwise than we recorded
	AZJIT_RECONCILE_FOREIGN,      // an initiate of our identity that no intent of ours explains
	AZJIT_RECONCILE_OTHER,        // an initiate of another caller
};
const char *azjit_reconcile_name(enum azjit_verdict_kind kind);

struct azjit_reconcile_row {
	enum azjit_verdict_kind verdict;
	uint64_t intent_seq; // 0 for events without an intent
	const char *grant, *correlation_id, *client_request_id, *vm, *caller, *status;
	azjit_ticks when;
	const char *text; // one sentence
};
typedef void azjit_reconcile_fn(void *userdata, const struct azjit_reconcile_row *row);

// Judges the intents of [from, to] against events of the same window, by fields that are present.
// own_caller: the identity's object or app id as events show it ("" if not known). Appends a RECONCILE
// entry for each verdict that is new (MATCHED, MISSING, CONTRADICTED, FOREIGN).
enum azjit_result azjit_ledger_reconcile(struct azjit_ledger *ledger, azjit_ticks from, azjit_ticks to,
                                         azjit_ticks now, const char *own_caller,
                                         const struct azjit_activity_event *events, size_t event_count,
                                         azjit_reconcile_fn *fn, void *userdata, struct azjit_reason *reason);

#endif
