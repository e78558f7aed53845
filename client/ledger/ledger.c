// SPDX-License-Identifier: Apache-2.0
// Appending. What must hold: a failed append leaves file and head as they were, so that the next one
// continues the same chain; an entry is never written behind a head that somebody took away. The head
// in memory is only a copy: each append reads it again under the write lock and refuses if our newest
// entry is no longer there.
#include "store.h"
#include <azjit/text.h>

static enum azjit_result check_last(struct azjit_ledger *ledger, struct azjit_reason *reason);

static enum azjit_result open_into(struct azjit_ledger *ledger, const char *path, const char *host,
                                   struct azjit_reason *reason)
{
	enum azjit_result result;

	if (!azjit_copy(ledger->host, sizeof(ledger->host), host))
		return azjit_fail(reason, AZJIT_LEDGER, "the host's name is longer than %d bytes",
		                  AZJIT_HOST_CHARS - 1);
	ledger->path = strdup(path);
	if (!ledger->path)
		return AZJIT_NOMEM;
	result = azjit_store_open(ledger, reason);
	if (result == AZJIT_OK)
		result = azjit_store_head(ledger, &ledger->committed, reason);
	ledger->head = ledger->committed;
	return result == AZJIT_OK ? check_last(ledger, reason) : result;
}

enum azjit_result azjit_ledger_open(const char *path, const char *host, struct azjit_reason *reason,
                                    struct azjit_ledger **ret)
{
	struct azjit_ledger *ledger = calloc(1, sizeof(*ledger));
	enum azjit_result result;

	if (!ledger)
		return azjit_fail(reason, AZJIT_NOMEM, "memory ran out");
	result = open_into(ledger, path, host, reason);
	if (result != AZJIT_OK) {
		azjit_ledger_close(ledger);
		return result == AZJIT_NOMEM ? azjit_fail(reason, result, "memory ran out") : result;
	}
	*ret = ledger;
	return AZJIT_OK;
}

void azjit_ledger_close(struct azjit_ledger *ledger)
{
	int saved = errno;

	if (!ledger)
		return;
	azjit_store_close(ledger);
	free(ledger->path);
	free(ledger);
	errno = saved;
}

struct last_check {
	uint8_t previous[AZJIT_DIGEST_BYTES];
	bool computed, fits;
};

static bool judge_last(void *userdata, const struct azjit_stored *stored)
{
	struct last_check *check = userdata;
	uint8_t digest[AZJIT_DIGEST_BYTES];

	check->computed = azjit_chain_digest(check->previous, stored->seq, stored->when, stored->host,
	                                     &stored->entry, digest);
	check->fits =
	        check->computed && !stored->damaged && memcmp(digest, stored->digest, sizeof(digest)) == 0;
	return false;
}

// The newest entry must fit the one before it: continuing a chain that is broken at its end would hide
// where it broke.
static enum azjit_result check_last(struct azjit_ledger *ledger, struct azjit_reason *reason)
{
	struct last_check check = {0};
	enum azjit_result result = AZJIT_OK;

	if (ledger->head.seq == 0)
		return AZJIT_OK;
	if (ledger->head.seq > 1)
		result = azjit_store_digest(ledger, ledger->head.seq - 1, check.previous, reason);
	if (result == AZJIT_OK)
		result = azjit_store_walk(ledger, ledger->head.seq, judge_last, &check, reason);
	if (result == AZJIT_OK && !check.computed)
		return azjit_fail(reason, AZJIT_NOMEM, "memory ran out");
	if (result == AZJIT_NOT_FOUND || (result == AZJIT_OK && !check.fits))
		return azjit_fail(
		        reason, AZJIT_LEDGER,
		        "the newest entry (%llu) of the ledger %s does not fit its digest: somebody changed "
		        "it; keep the file as evidence and move it away",
		        (unsigned long long)ledger->head.seq, ledger->path);
	return result;
}

// Under the write lock: our newest entry is still there, whoever else has appended since.
static enum azjit_result refresh_head(struct azjit_ledger *ledger, struct azjit_reason *reason)
{
	uint8_t digest[AZJIT_DIGEST_BYTES] = {0};
	enum azjit_result result = AZJIT_OK;
	struct azjit_head head;

	if (ledger->head.seq > 0)
		result = azjit_store_digest(ledger, ledger->head.seq, digest, reason);
	if (result == AZJIT_NOT_FOUND ||
	    (result == AZJIT_OK && memcmp(digest, ledger->head.digest, sizeof(digest)) != 0))
		return azjit_fail(
		        reason, AZJIT_LEDGER,
		        "entry %llu of the ledger %s was removed or changed while in use: keep the file as "
		        "evidence and move it away",
		        (unsigned long long)ledger->head.seq, ledger->path);
	if (result == AZJIT_OK)
		result = azjit_store_head(ledger, &head, reason);
	if (result == AZJIT_OK)
		ledger->head = head;
	return result;
}

static enum azjit_result append_one(struct azjit_ledger *ledger, azjit_ticks when,
                                    const struct azjit_entry *entry, struct azjit_head *ret,
                                    struct azjit_reason *reason)
{
	enum azjit_result result = refresh_head(ledger, reason);
	struct azjit_head next;

	if (result != AZJIT_OK)
		return result;
	next.seq = ledger->head.seq + 1;
	if (!azjit_chain_digest(ledger->head.digest, next.seq, when, ledger->host, entry, next.digest))
		return azjit_fail(reason, AZJIT_LEDGER, "the digest of an entry could not be computed");
	result = azjit_store_insert(ledger, next.seq, when, entry, next.digest, reason);
	if (result == AZJIT_OK)
		*ret = next;
	return result;
}

static void undo(struct azjit_ledger *ledger)
{
	if (!sqlite3_get_autocommit(ledger->db))
		(void)sqlite3_exec(ledger->db, "ROLLBACK", NULL, NULL, NULL);
}

static enum azjit_result append_alone(struct azjit_ledger *ledger, azjit_ticks when,
                                      const struct azjit_entry *entry, struct azjit_reason *reason)
{
	enum azjit_result result = azjit_store_exec(ledger, "BEGIN IMMEDIATE", reason);
	struct azjit_head next;

	if (result == AZJIT_OK)
		result = append_one(ledger, when, entry, &next, reason);
	if (result == AZJIT_OK)
		result = azjit_store_exec(ledger, "COMMIT", reason);
	if (result != AZJIT_OK) {
		undo(ledger);
		ledger->head = ledger->committed;
		return result;
	}
	ledger->head = ledger->committed = next;
	return AZJIT_OK;
}

// A savepoint keeps a failed entry's fields out of the transaction that goes on.
static enum azjit_result append_inside(struct azjit_ledger *ledger, azjit_ticks when,
                                       const struct azjit_entry *entry, struct azjit_reason *reason)
{
	struct azjit_head before = ledger->head, next;
	enum azjit_result result;

	if (ledger->broken)
		return azjit_fail(reason, AZJIT_LEDGER, "an earlier write to the ledger %s failed",
		                  ledger->path);
	result = azjit_store_exec(ledger, "SAVEPOINT one", reason);
	if (result == AZJIT_OK)
		result = append_one(ledger, when, entry, &next, reason);
	if (result == AZJIT_OK)
		result = azjit_store_exec(ledger, "RELEASE one", reason);
	if (result == AZJIT_OK) {
		ledger->head = next;
		return AZJIT_OK;
	}
	ledger->head = before;
	ledger->broken =
	        sqlite3_get_autocommit(ledger->db) ||
	        sqlite3_exec(ledger->db, "ROLLBACK TO one; RELEASE one", NULL, NULL, NULL) != SQLITE_OK;
	return result;
}

enum azjit_result azjit_ledger_append(struct azjit_ledger *ledger, azjit_ticks when,
                                      const struct azjit_entry *entry, struct azjit_reason *reason)
{
	enum azjit_result result = azjit_entry_check(entry, reason);

	if (result == AZJIT_OK)
		result = azjit_store_check_place(ledger, reason);
	if (result != AZJIT_OK)
		return result;
	return ledger->in_transaction ? append_inside(ledger, when, entry, reason)
	                              : append_alone(ledger, when, entry, reason);
}

enum azjit_result azjit_ledger_begin(struct azjit_ledger *ledger, struct azjit_reason *reason)
{
	enum azjit_result result;

	if (ledger->in_transaction)
		return azjit_fail(reason, AZJIT_LEDGER, "the ledger is between begin and commit already");
	result = azjit_store_exec(ledger, "BEGIN IMMEDIATE", reason);
	if (result == AZJIT_OK)
		ledger->in_transaction = true;
	return result;
}

enum azjit_result azjit_ledger_commit(struct azjit_ledger *ledger, struct azjit_reason *reason)
{
	enum azjit_result result;

	if (!ledger->in_transaction)
		return azjit_fail(reason, AZJIT_LEDGER, "the ledger has nothing begun to commit");
	if (ledger->broken)
		result = azjit_fail(reason, AZJIT_LEDGER, "an earlier write to the ledger %s failed",
		                    ledger->path);
	else
		result = azjit_store_exec(ledger, "COMMIT", reason);
	if (result != AZJIT_OK) {
		azjit_ledger_rollback(ledger);
		return result;
	}
	ledger->in_transaction = false;
	ledger->committed = ledger->head;
	return AZJIT_OK;
}

void azjit_ledger_rollback(struct azjit_ledger *ledger)
{
	if (!ledger->in_transaction)
		return;
	undo(ledger);
	ledger->in_transaction = ledger->broken = false;
	ledger->head = ledger->committed;
}

void azjit_ledger_head(const struct azjit_ledger *ledger, uint64_t *ret_seq, uint8_t ret_digest[32])
{
	*ret_seq = ledger->head.seq;
	memcpy(ret_digest, ledger->head.digest, AZJIT_DIGEST_BYTES);
}

void azjit_ledger_anchor(const struct azjit_ledger *ledger, char ret_uuid[AZJIT_UUID_CHARS],
                         uint64_t *ret_seq)
{
	azjit_uuid_from_digest(ledger->head.digest, ret_uuid);
	*ret_seq = ledger->head.seq;
}
