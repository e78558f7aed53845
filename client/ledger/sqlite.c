// SPDX-License-Identifier: Apache-2.0
// The SQLite store. Against: another user who plants a file, a symlink or a directory of his own where
// the ledger should be; a file that is put in the place of the open one; a write that fails half-way;
// a power cut. What must hold: an entry is in the file whole or not at all, and is durable once
// acknowledged. Why it holds: one transaction per append, WAL with synchronous=FULL, so a commit
// returns after fsync; directory and file belong to us and nobody else may write them.
//
// Types are checked by typeof(): STRICT tables need SQLite 3.37, and RHEL 9 has 3.34.
#include "store.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define APPLICATION_ID 0x617a6a74 // "azjt"
#define SCHEMA_VERSION 1
#define BUSY_MS        500 // another of our processes holds the write lock for one fsync at most

static const char schema[] =
        "CREATE TABLE entry ("
        " seq INTEGER PRIMARY KEY CHECK (seq > 0),"
        " at INTEGER NOT NULL CHECK (typeof(at) = 'integer'),"
        " kind TEXT NOT NULL CHECK (typeof(kind) = 'text' AND kind <> ''),"
        " event TEXT NOT NULL CHECK (typeof(event) = 'text' AND event <> ''),"
        " session TEXT NOT NULL CHECK (typeof(session) = 'text'),"
        " grant_id TEXT NOT NULL CHECK (typeof(grant_id) = 'text'),"
        " host TEXT NOT NULL CHECK (typeof(host) = 'text'),"
        " digest BLOB NOT NULL CHECK (typeof(digest) = 'blob' AND length(digest) = 32));"
        "CREATE TABLE field ("
        " seq INTEGER NOT NULL REFERENCES entry (seq),"
        " pos INTEGER NOT NULL CHECK (typeof(pos) = 'integer' AND pos >= 0),"
        " key TEXT NOT NULL CHECK (typeof(key) = 'text'),"
        " value TEXT NOT NULL CHECK (typeof(value) = 'text'),"
        " PRIMARY KEY (seq, pos)) WITHOUT ROWID;"
        "CREATE INDEX entry_session ON entry (session, seq) WHERE session <> '';"
        "CREATE INDEX entry_grant ON entry (grant_id, seq) WHERE grant_id <> '';"
        "CREATE INDEX entry_asked ON entry (at) WHERE kind IN ('intent', 'request', 'reconcile');"
        "CREATE TRIGGER entry_fixed BEFORE UPDATE ON entry"
        " BEGIN SELECT RAISE(ABORT, 'entries are only added'); END;"
        "CREATE TRIGGER entry_kept BEFORE DELETE ON entry"
        " BEGIN SELECT RAISE(ABORT, 'entries are only added'); END;"
        "CREATE TRIGGER field_fixed BEFORE UPDATE ON field"
        " BEGIN SELECT RAISE(ABORT, 'entries are only added'); END;"
        "CREATE TRIGGER field_kept BEFORE DELETE ON field"
        " BEGIN SELECT RAISE(ABORT, 'entries are only added'); END;"
        "PRAGMA application_id = 1635412596;"
        "PRAGMA user_version = 1;";
_Static_assert(APPLICATION_ID == 1635412596, "the schema's text states the same number");

// Not part of the version: made where it is missing, and an azjit that does not know it keeps it up to date.
static const char refused_index[] = "CREATE INDEX IF NOT EXISTS entry_refused ON entry (at)"
                                    " WHERE kind IN ('denial', 'login');";

enum azjit_result azjit_store_fail(struct azjit_ledger *ledger, const char *doing,
                                   struct azjit_reason *reason)
{
	const char *mend = "look at the disk and at the broker's journal";

	ledger->failure = sqlite3_errcode(ledger->db) & 0xff;
	switch (ledger->failure) {
	case SQLITE_FULL:
		mend = "make room on its disk";
		break;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		mend = "another process holds it locked: end that process";
		break;
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		mend = "the broker's user must be able to write it and its directory";
		break;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		mend = "it is damaged: keep it as evidence and restore or move it away";
		break;
	case SQLITE_NOMEM:
		mend = "memory ran out";
		break;
	}
	return azjit_fail(reason, AZJIT_LEDGER, "%s the ledger %s failed (%s): %s", doing, ledger->path,
	                  sqlite3_errmsg(ledger->db), mend);
}

enum azjit_result azjit_store_exec(struct azjit_ledger *ledger, const char *sql, struct azjit_reason *reason)
{
	if (sqlite3_exec(ledger->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return azjit_store_fail(ledger, "writing", reason);
	return AZJIT_OK;
}

sqlite3_stmt *azjit_store_prepare(struct azjit_ledger *ledger, const char *sql, struct azjit_reason *reason)
{
	sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v2(ledger->db, sql, -1, &stmt, NULL) != SQLITE_OK) {
		(void)azjit_store_fail(ledger, "reading", reason);
		return NULL;
	}
	return stmt;
}

// --- the place --------------------------------------------------------------------------------------

static enum azjit_result check_directory(const char *path, int *ret_fd, struct azjit_reason *reason)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return azjit_fail(
		        reason, AZJIT_LEDGER,
		        "the ledger's directory %s cannot be opened (%s): create it for the broker's user",
		        path, strerror(errno));
	if ((st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & 022))
		return azjit_fail(
		        reason, AZJIT_LEDGER,
		        "the ledger's directory %s must belong to the broker's user (or root) and be "
		        "writable by no other: chown it and chmod go-w",
		        path);
	*ret_fd = STEAL_FD(fd);
	return AZJIT_OK;
}

// Looks at the file by O_PATH: closing any other descriptor of it would drop the locks that a connection
// of this process holds (fcntl(2), and sqlite.org/howtocorrupt.html §2.2).
static enum azjit_result check_file(struct azjit_ledger *ledger, int dir, const char *name,
                                    struct azjit_reason *reason)
{
	_cleanup_close_ int made =
	        openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (made < 0 && errno != EEXIST)
		return azjit_fail(
		        reason, AZJIT_LEDGER,
		        "the ledger %s cannot be created (%s): the broker's user must be able to write "
		        "its directory",
		        ledger->path, strerror(errno));
	fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 077) || st.st_nlink != 1)
		return azjit_fail(
		        reason, AZJIT_LEDGER,
		        "the ledger %s must be a regular file of the broker's user with mode 0600 and one "
		        "name: chown and chmod it, or move it away",
		        ledger->path);
	// The directory's entry must outlive a power cut, too.
	if (made >= 0 && fsync(dir) != 0)
		return azjit_fail(reason, AZJIT_LEDGER, "the directory of the ledger %s cannot be synced: %s",
		                  ledger->path, strerror(errno));
	ledger->dev = st.st_dev;
	ledger->ino = st.st_ino;
	return AZJIT_OK;
}

// Checks directory and file; ledger->path becomes the path without symlinks, since SQLite refuses one
// anywhere in it (SQLITE_OPEN_NOFOLLOW).
static enum azjit_result prepare_place(struct azjit_ledger *ledger, struct azjit_reason *reason)
{
	const char *slash = strrchr(ledger->path, '/');
	_cleanup_free_ char *parent =
	        slash ? strndup(ledger->path, (size_t)(slash - ledger->path)) : strdup(".");
	_cleanup_free_ char *real = NULL;
	_cleanup_close_ int dir = -1;
	const char *name = slash ? slash + 1 : ledger->path;
	enum azjit_result result;
	char *path = NULL;

	if (!parent)
		return AZJIT_NOMEM;
	real = realpath(*parent ? parent : "/", NULL);
	if (!real)
		return azjit_fail(
		        reason, AZJIT_LEDGER,
		        "the ledger's directory %s cannot be opened (%s): create it for the broker's user",
		        parent, strerror(errno));
	result = check_directory(real, &dir, reason);
	if (result == AZJIT_OK)
		result = check_file(ledger, dir, name, reason);
	if (result != AZJIT_OK)
		return result;
	if (asprintf(&path, "%s/%s", azjit_streq(real, "/") ? "" : real, name) < 0)
		return AZJIT_NOMEM;
	free(ledger->path);
	ledger->path = path;
	return AZJIT_OK;
}

enum azjit_result azjit_store_check_place(const struct azjit_ledger *ledger, struct azjit_reason *reason)
{
	struct stat st;

	if (lstat(ledger->path, &st) == 0 && st.st_dev == ledger->dev && st.st_ino == ledger->ino)
		return AZJIT_OK;
	return azjit_fail(
	        reason, AZJIT_LEDGER,
	        "the ledger %s was moved, removed or replaced while in use: put it back, or restart "
	        "the broker and audit what is missing",
	        ledger->path);
}

// --- opening ----------------------------------------------------------------------------------------

static enum azjit_result pragma_number(struct azjit_ledger *ledger, const char *sql, int64_t *ret,
                                       struct azjit_reason *reason)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = azjit_store_prepare(ledger, sql, reason);

	if (!stmt)
		return AZJIT_LEDGER;
	if (sqlite3_step(stmt) != SQLITE_ROW)
		return azjit_store_fail(ledger, "reading", reason);
	*ret = sqlite3_column_int64(stmt, 0);
	return AZJIT_OK;
}

static enum azjit_result set_wal(struct azjit_ledger *ledger, struct azjit_reason *reason)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = azjit_store_prepare(ledger, "PRAGMA journal_mode = WAL", reason);
	const char *mode;

	if (!stmt)
		return AZJIT_LEDGER;
	if (sqlite3_step(stmt) != SQLITE_ROW)
		return azjit_store_fail(ledger, "opening", reason);
	mode = (const char *)sqlite3_column_text(stmt, 0);
	if (!mode || !azjit_streq(mode, "wal"))
		return azjit_fail(
		        reason, AZJIT_LEDGER,
		        "the ledger %s is on a file system that cannot share memory (WAL): use a local disk",
		        ledger->path);
	return AZJIT_OK;
}

// AZJIT_NOT_FOUND: an empty database.
static enum azjit_result check_schema(struct azjit_ledger *ledger, struct azjit_reason *reason)
{
	int64_t id = 0, version = 0, tables = 0;
	enum azjit_result result = pragma_number(ledger, "PRAGMA application_id", &id, reason);

	if (result == AZJIT_OK)
		result = pragma_number(ledger, "PRAGMA user_version", &version, reason);
	if (result == AZJIT_OK)
		result = pragma_number(ledger, "SELECT count(*) FROM sqlite_master", &tables, reason);
	if (result != AZJIT_OK)
		return result;
	if (id == 0 && version == 0 && tables == 0)
		return AZJIT_NOT_FOUND;
	if (id != APPLICATION_ID)
		return azjit_fail(reason, AZJIT_LEDGER,
		                  "%s is a database, but no ledger of azjit: move it away", ledger->path);
	if (version != SCHEMA_VERSION)
		return azjit_fail(
		        reason, AZJIT_LEDGER,
		        "the ledger %s has version %lld, this azjit writes %d: install the azjit that wrote "
		        "it, or move it away",
		        ledger->path, (long long)version, SCHEMA_VERSION);
	return AZJIT_OK;
}

// Two processes may find the database empty at once: the one that gets the lock second looks again.
static enum azjit_result create_schema(struct azjit_ledger *ledger, struct azjit_reason *reason)
{
	enum azjit_result result = azjit_store_exec(ledger, "BEGIN IMMEDIATE", reason);

	if (result != AZJIT_OK)
		return result;
	result = check_schema(ledger, reason);
	if (result == AZJIT_NOT_FOUND)
		result = azjit_store_exec(ledger, schema, reason);
	if (result == AZJIT_OK)
		result = azjit_store_exec(ledger, "COMMIT", reason);
	if (!sqlite3_get_autocommit(ledger->db))
		(void)sqlite3_exec(ledger->db, "ROLLBACK", NULL, NULL, NULL);
	return result;
}

static enum azjit_result prepare_statements(struct azjit_ledger *ledger, struct azjit_reason *reason)
{
	const struct {
		sqlite3_stmt **stmt;
		const char *sql;
	} all[] = {
	        {&ledger->last, "SELECT seq, digest FROM entry ORDER BY seq DESC LIMIT 1"},
	        {&ledger->digest_of, "SELECT digest FROM entry WHERE seq = ?1"},
	        {&ledger->add_entry,
	         "INSERT INTO entry (seq, at, kind, event, session, grant_id, host, digest)"
	         " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
	        {&ledger->add_field, "INSERT INTO field (seq, pos, key, value) VALUES (?1, ?2, ?3, ?4)"},
	};

	for (size_t i = 0; i < AZJIT_COUNT(all); i++) {
		*all[i].stmt = azjit_store_prepare(ledger, all[i].sql, reason);
		if (!*all[i].stmt)
			return AZJIT_LEDGER;
	}
	return AZJIT_OK;
}

enum azjit_result azjit_store_open(struct azjit_ledger *ledger, struct azjit_reason *reason)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX;
	enum azjit_result result = prepare_place(ledger, reason);
	bool empty;

	if (result != AZJIT_OK)
		return result;
	if (sqlite3_open_v2(ledger->path, &ledger->db, flags, NULL) != SQLITE_OK)
		return ledger->db ? azjit_store_fail(ledger, "opening", reason) : AZJIT_NOMEM;
	(void)sqlite3_busy_timeout(ledger->db, BUSY_MS);
	(void)sqlite3_db_config(ledger->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	result = check_schema(ledger, reason);
	if (result != AZJIT_OK && result != AZJIT_NOT_FOUND)
		return result;
	empty = result == AZJIT_NOT_FOUND;
	result = set_wal(ledger, reason);
	if (result == AZJIT_OK)
		result = azjit_store_exec(ledger,
		                          "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
		                          "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;",
		                          reason);
	if (result == AZJIT_OK && empty)
		result = create_schema(ledger, reason);
	if (result == AZJIT_OK)
		result = azjit_store_exec(ledger, refused_index, reason);
	if (result == AZJIT_OK)
		result = prepare_statements(ledger, reason);
	return result;
}

void azjit_store_close(struct azjit_ledger *ledger)
{
	sqlite3_finalize(ledger->last);
	sqlite3_finalize(ledger->digest_of);
	sqlite3_finalize(ledger->add_entry);
	sqlite3_finalize(ledger->add_field);
	(void)sqlite3_close_v2(ledger->db);
}

// --- entries ----------------------------------------------------------------------------------------

enum azjit_result azjit_store_head(struct azjit_ledger *ledger, struct azjit_head *ret,
                                   struct azjit_reason *reason)
{
	struct azjit_head head = {0};
	int rc = sqlite3_step(ledger->last);

	if (rc == SQLITE_ROW && sqlite3_column_bytes(ledger->last, 1) == AZJIT_DIGEST_BYTES) {
		head.seq = (uint64_t)sqlite3_column_int64(ledger->last, 0);
		memcpy(head.digest, sqlite3_column_blob(ledger->last, 1), AZJIT_DIGEST_BYTES);
	} else if (rc == SQLITE_ROW) {
		rc = SQLITE_CORRUPT;
	}
	(void)sqlite3_reset(ledger->last);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return azjit_store_fail(ledger, "reading", reason);
	*ret = head;
	return AZJIT_OK;
}

enum azjit_result azjit_store_digest(struct azjit_ledger *ledger, uint64_t seq,
                                     uint8_t ret_digest[AZJIT_DIGEST_BYTES], struct azjit_reason *reason)
{
	enum azjit_result result = AZJIT_NOT_FOUND;
	int rc;

	(void)sqlite3_bind_int64(ledger->digest_of, 1, (sqlite3_int64)seq);
	rc = sqlite3_step(ledger->digest_of);
	if (rc == SQLITE_ROW && sqlite3_column_bytes(ledger->digest_of, 0) == AZJIT_DIGEST_BYTES) {
		memcpy(ret_digest, sqlite3_column_blob(ledger->digest_of, 0), AZJIT_DIGEST_BYTES);
		result = AZJIT_OK;
	} else if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
		result = azjit_store_fail(ledger, "reading", reason);
	}
	(void)sqlite3_reset(ledger->digest_of);
	return result;
}

static int bind_text(sqlite3_stmt *stmt, int at, const char *text)
{
	return sqlite3_bind_text(stmt, at, text ? text : "", -1, SQLITE_STATIC);
}

static int insert_entry(struct azjit_ledger *ledger, uint64_t seq, azjit_ticks when,
                        const struct azjit_entry *entry, const uint8_t digest[AZJIT_DIGEST_BYTES])
{
	sqlite3_stmt *stmt = ledger->add_entry;
	int rc = sqlite3_bind_int64(stmt, 1, (sqlite3_int64)seq);

	rc = rc ? rc : sqlite3_bind_int64(stmt, 2, when);
	rc = rc ? rc : bind_text(stmt, 3, azjit_entry_kind_name(entry->kind));
	rc = rc ? rc : bind_text(stmt, 4, entry->event);
	rc = rc ? rc : bind_text(stmt, 5, entry->session);
	rc = rc ? rc : bind_text(stmt, 6, entry->grant);
	rc = rc ? rc : bind_text(stmt, 7, ledger->host);
	rc = rc ? rc : sqlite3_bind_blob(stmt, 8, digest, AZJIT_DIGEST_BYTES, SQLITE_STATIC);
	rc = rc ? rc : sqlite3_step(stmt);
	(void)sqlite3_reset(stmt);
	(void)sqlite3_clear_bindings(stmt);
	return rc;
}

static int insert_field(struct azjit_ledger *ledger, uint64_t seq, size_t pos,
                        const struct azjit_entry_field *field)
{
	sqlite3_stmt *stmt = ledger->add_field;
	int rc = sqlite3_bind_int64(stmt, 1, (sqlite3_int64)seq);

	rc = rc ? rc : sqlite3_bind_int64(stmt, 2, (sqlite3_int64)pos);
	rc = rc ? rc : bind_text(stmt, 3, field->key);
	rc = rc ? rc : bind_text(stmt, 4, field->value);
	rc = rc ? rc : sqlite3_step(stmt);
	(void)sqlite3_reset(stmt);
	(void)sqlite3_clear_bindings(stmt);
	return rc;
}

enum azjit_result azjit_store_insert(struct azjit_ledger *ledger, uint64_t seq, azjit_ticks when,
                                     const struct azjit_entry *entry,
                                     const uint8_t digest[AZJIT_DIGEST_BYTES], struct azjit_reason *reason)
{
	if (insert_entry(ledger, seq, when, entry, digest) != SQLITE_DONE)
		return azjit_store_fail(ledger, "writing", reason);
	for (size_t i = 0; i < entry->field_count; i++)
		if (entry->fields[i].value && insert_field(ledger, seq, i, &entry->fields[i]) != SQLITE_DONE)
			return azjit_store_fail(ledger, "writing", reason);
	return AZJIT_OK;
}
