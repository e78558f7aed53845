// SPDX-License-Identifier: Apache-2.0
// A directory for a ledger and ways to write it, for the tests of the ledger.
#ifndef AZJIT_TESTS_LEDGER_FIXTURE_H
#define AZJIT_TESTS_LEDGER_FIXTURE_H

#include <azjit/ledger.h>
#include <azjit/text.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#define T0 INT64_C(16374528000000000) // 2021-11-21T00:00:00Z in ticks

struct place {
	char dir[64];
	char path[80];
};

static inline int place_setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	(void)snprintf(place->dir, sizeof(place->dir), "%s", "/tmp/azjit-ledger.XXXXXX");
	if (!mkdtemp(place->dir))
		return -1;
	(void)snprintf(place->path, sizeof(place->path), "%s/ledger.db", place->dir);
	*state = place;
	return 0;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int place_teardown(void **state)
{
	struct place *place = *state;

	(void)nftw(place->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(place);
	return 0;
}

#define ledger_test(fn) cmocka_unit_test_setup_teardown(fn, place_setup, place_teardown)

static inline struct azjit_ledger *open_ledger(const struct place *place)
{
	struct azjit_ledger *ledger = NULL;
	struct azjit_reason reason = {0};

	if (azjit_ledger_open(place->path, "jump", &reason, &ledger) != AZJIT_OK)
		fail_msg("the ledger does not open: %s", reason.text);
	return ledger;
}

static inline struct azjit_entry note(int number, char text[24])
{
	struct azjit_entry entry = {.kind = AZJIT_ENTRY_SESSION, .event = "opened", .session = "s-1"};

	(void)snprintf(text, 24, "%d", number);
	(void)azjit_entry_put(&entry, "user", "alice");
	(void)azjit_entry_put(&entry, "number", text);
	return entry;
}

static inline void append(struct azjit_ledger *ledger, const struct azjit_entry *entry, azjit_ticks when)
{
	struct azjit_reason reason = {0};

	if (azjit_ledger_append(ledger, when, entry, &reason) != AZJIT_OK)
		fail_msg("an append failed: %s", reason.text);
}

static inline void append_notes(struct azjit_ledger *ledger, int count)
{
	for (int i = 1; i <= count; i++) {
		char text[24];
		struct azjit_entry entry = note(i, text);

		append(ledger, &entry, T0 + i * AZJIT_TICKS_PER_S);
	}
}

// What an attacker with write access does: the triggers go first.
static inline void tamper(const struct place *place, const char *sql)
{
	static const char *const triggers =
	        "DROP TRIGGER IF EXISTS entry_fixed; DROP TRIGGER IF EXISTS entry_kept;"
	        "DROP TRIGGER IF EXISTS field_fixed; DROP TRIGGER IF EXISTS field_kept;";
	sqlite3 *db = NULL;
	char *error = NULL;

	assert_int_equal(sqlite3_open(place->path, &db), SQLITE_OK);
	if (sqlite3_exec(db, triggers, NULL, NULL, &error) != SQLITE_OK ||
	    sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", sql, error);
	assert_true(sqlite3_changes(db) > 0);
	sqlite3_close(db);
}

static inline struct azjit_verify_report verify(struct azjit_ledger *ledger)
{
	struct azjit_verify_report report = {0};
	struct azjit_reason reason = {0};

	if (azjit_ledger_verify(ledger, &report, &reason) != AZJIT_OK)
		fail_msg("verification did not run: %s", reason.text);
	return report;
}

static inline void copy_file(const char *from, const char *to)
{
	_cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char bytes[65536];
	ssize_t got;

	assert_true(in >= 0 && out >= 0);
	while ((got = read(in, bytes, sizeof(bytes))) > 0)
		assert_int_equal(write(out, bytes, (size_t)got), got);
	assert_int_equal(got, 0);
}

#endif
