// SPDX-License-Identifier: Apache-2.0
#include "store.h"
#include <azjit/rows.h>

#define COLUMNS "SELECT seq, at, kind, event, session, grant_id, host, digest FROM entry "

void azjit_stored_clear(struct azjit_stored *stored)
{
	for (size_t i = 0; i < stored->string_count; i++)
		free(stored->strings[i]);
	stored->string_count = 0;
}

// A column's text, kept by the entry; "" and `damaged` for one that append cannot have written; NULL if
// memory ran out. Read as bytes: SQLite may hand out text without its NUL when it has no memory for it.
static const char *keep_text(struct azjit_stored *stored, sqlite3_stmt *stmt, int column)
{
	const char *bytes = sqlite3_column_blob(stmt, column);
	size_t len = (size_t)sqlite3_column_bytes(stmt, column);
	char *copy;

	if (!bytes && sqlite3_errcode(sqlite3_db_handle(stmt)) == SQLITE_NOMEM)
		return NULL;
	if (sqlite3_column_type(stmt, column) != SQLITE_TEXT || (bytes && memchr(bytes, 0, len)) ||
	    stored->string_count >= AZJIT_COUNT(stored->strings)) {
		stored->damaged = true;
		return "";
	}
	copy = bytes ? strndup(bytes, len) : strdup("");
	if (!copy)
		return NULL;
	stored->strings[stored->string_count++] = copy;
	return copy;
}

static enum azjit_result load_fields(struct azjit_ledger *ledger, sqlite3_stmt *fields,
                                     struct azjit_stored *stored, struct azjit_reason *reason)
{
	int rc;

	(void)sqlite3_bind_int64(fields, 1, (sqlite3_int64)stored->seq);
	while ((rc = sqlite3_step(fields)) == SQLITE_ROW) {
		const char *key, *value;

		if (stored->entry.field_count >= AZJIT_ENTRY_FIELDS) {
			stored->damaged = true;
			continue;
		}
		key = keep_text(stored, fields, 0);
		value = keep_text(stored, fields, 1);
		if (!key || !value) {
			(void)sqlite3_reset(fields);
			return azjit_fail(reason, AZJIT_NOMEM, "memory ran out");
		}
		(void)azjit_entry_put(&stored->entry, key, value);
	}
	(void)sqlite3_reset(fields);
	return rc == SQLITE_DONE ? AZJIT_OK : azjit_store_fail(ledger, "reading", reason);
}

static enum azjit_result load(struct azjit_ledger *ledger, sqlite3_stmt *entries, sqlite3_stmt *fields,
                              struct azjit_stored *stored, struct azjit_reason *reason)
{
	const char *kind, *host;

	stored->seq = (uint64_t)sqlite3_column_int64(entries, 0);
	stored->when = sqlite3_column_int64(entries, 1);
	kind = keep_text(stored, entries, 2);
	stored->entry.event = keep_text(stored, entries, 3);
	stored->entry.session = keep_text(stored, entries, 4);
	stored->entry.grant = keep_text(stored, entries, 5);
	host = keep_text(stored, entries, 6);
	if (!kind || !stored->entry.event || !stored->entry.session || !stored->entry.grant || !host)
		return azjit_fail(reason, AZJIT_NOMEM, "memory ran out");
	stored->host = host;
	stored->entry.kind = azjit_entry_kind_from_name(kind);
	if (stored->entry.kind == AZJIT_ENTRY_NONE || sqlite3_column_bytes(entries, 7) != AZJIT_DIGEST_BYTES)
		stored->damaged = true;
	else
		memcpy(stored->digest, sqlite3_column_blob(entries, 7), AZJIT_DIGEST_BYTES);
	return load_fields(ledger, fields, stored, reason);
}

// An entry and its fields appear together and never change, so reading them by two statements sees no
// half of one.
static enum azjit_result walk(struct azjit_ledger *ledger, sqlite3_stmt *entries, azjit_stored_fn *fn,
                              void *userdata, struct azjit_reason *reason)
{
	_cleanup_stmt_ sqlite3_stmt *fields = azjit_store_prepare(
	        ledger, "SELECT key, value FROM field WHERE seq = ?1 ORDER BY pos", reason);
	int rc;

	if (!fields)
		return AZJIT_LEDGER;
	while ((rc = sqlite3_step(entries)) == SQLITE_ROW) {
		_cleanup_stored_ struct azjit_stored stored = {0};
		enum azjit_result result = load(ledger, entries, fields, &stored, reason);

		if (result != AZJIT_OK)
			return result;
		if (!fn(userdata, &stored))
			return AZJIT_OK;
	}
	return rc == SQLITE_DONE ? AZJIT_OK : azjit_store_fail(ledger, "reading", reason);
}

static enum azjit_result walk_where(struct azjit_ledger *ledger, const char *sql, uint64_t from_seq,
                                    const char *session, const char *grant, azjit_stored_fn *fn,
                                    void *userdata, struct azjit_reason *reason)
{
	_cleanup_stmt_ sqlite3_stmt *entries = azjit_store_prepare(ledger, sql, reason);

	if (!entries)
		return AZJIT_LEDGER;
	// Not every statement has all three: binding one that is not there fails, and may.
	(void)sqlite3_bind_int64(entries, 1, from_seq > INT64_MAX ? INT64_MAX : (sqlite3_int64)from_seq);
	(void)sqlite3_bind_text(entries, 2, session, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(entries, 3, grant, -1, SQLITE_STATIC);
	return walk(ledger, entries, fn, userdata, reason);
}

enum azjit_result azjit_store_walk(struct azjit_ledger *ledger, uint64_t from_seq, azjit_stored_fn *fn,
                                   void *userdata, struct azjit_reason *reason)
{
	return walk_where(ledger, COLUMNS "WHERE seq >= ?1 ORDER BY seq", from_seq, NULL, NULL, fn, userdata,
	                  reason);
}

enum azjit_result azjit_store_walk_asked(struct azjit_ledger *ledger, azjit_ticks from, azjit_stored_fn *fn,
                                         void *userdata, struct azjit_reason *reason)
{
	// The list is the one of index entry_asked, word for word: SQLite uses the index for no other.
	static const char sql[] =
	        COLUMNS "WHERE kind IN ('intent', 'request', 'reconcile') AND at >= ?1 ORDER BY seq";
	_cleanup_stmt_ sqlite3_stmt *entries = azjit_store_prepare(ledger, sql, reason);

	if (!entries)
		return AZJIT_LEDGER;
	(void)sqlite3_bind_int64(entries, 1, from);
	return walk(ledger, entries, fn, userdata, reason);
}

struct reader {
	azjit_entry_fn *fn;
	void *userdata;
	uint64_t damaged_seq;
};

static bool hand_on(void *userdata, const struct azjit_stored *stored)
{
	struct reader *reader = userdata;
	struct azjit_entry_read read = {.seq = stored->seq, .when = stored->when, .entry = &stored->entry};

	if (stored->damaged) {
		reader->damaged_seq = stored->seq;
		return false;
	}
	memcpy(read.digest, stored->digest, sizeof(read.digest));
	return reader->fn(reader->userdata, &read);
}

static enum azjit_result read_where(struct azjit_ledger *ledger, const char *sql, uint64_t from_seq,
                                    const char *session, const char *grant, azjit_entry_fn *fn,
                                    void *userdata, struct azjit_reason *reason)
{
	struct reader reader = {.fn = fn, .userdata = userdata};
	enum azjit_result result =
	        walk_where(ledger, sql, from_seq, session, grant, hand_on, &reader, reason);

	if (result == AZJIT_OK && reader.damaged_seq > 0)
		return azjit_fail(reason, AZJIT_LEDGER,
		                  "entry %llu of the ledger %s is damaged: run `azjit audit verify`",
		                  (unsigned long long)reader.damaged_seq, ledger->path);
	return result;
}

enum azjit_result azjit_ledger_read(struct azjit_ledger *ledger, uint64_t from_seq, const char *session,
                                    const char *grant, azjit_entry_fn *fn, void *userdata,
                                    struct azjit_reason *reason)
{
	// The empty string would miss the partial indexes, and no entry is asked for by it.
	const char *sql = COLUMNS "WHERE seq >= ?1 ORDER BY seq";

	if (session && grant)
		sql = COLUMNS "WHERE seq >= ?1 AND session = ?2 AND session <> '' AND grant_id = ?3"
		              " ORDER BY seq";
	else if (session)
		sql = COLUMNS "WHERE seq >= ?1 AND session = ?2 AND session <> '' ORDER BY seq";
	else if (grant)
		sql = COLUMNS "WHERE seq >= ?1 AND grant_id = ?3 AND grant_id <> '' ORDER BY seq";
	return read_where(ledger, sql, from_seq, session, grant, fn, userdata, reason);
}

enum azjit_result azjit_ledger_timeline(struct azjit_ledger *ledger, const char *session, azjit_entry_fn *fn,
                                        void *userdata, struct azjit_reason *reason)
{
	// A shared grant's own story belongs to each of its sessions; what other people did under it does not.
	static const char sql[] =
	        COLUMNS "WHERE seq >= ?1 AND (session = ?2 AND session <> ''"
	                " OR (grant_id IN (SELECT grant_id FROM entry WHERE session = ?2 AND session <> '')"
	                "     AND grant_id <> '' AND kind IN ('intent', 'request', 'grant', 'reconcile')))"
	                " ORDER BY seq";

	return read_where(ledger, sql, 0, session, NULL, fn, userdata, reason);
}

enum azjit_result azjit_ledger_refusals(struct azjit_ledger *ledger, azjit_ticks from, azjit_entry_fn *fn,
                                        void *userdata, struct azjit_reason *reason)
{
	// The list is the one of index entry_refused, word for word: SQLite uses the index for no other.
	static const char sql[] = COLUMNS "WHERE kind IN ('denial', 'login') AND at >= ?1"
	                                  " AND (kind = 'denial' OR event <> 'allowed') ORDER BY at, seq";
	uint64_t since = from > 0 ? (uint64_t)from : 0;

	return read_where(ledger, sql, since, NULL, NULL, fn, userdata, reason);
}
