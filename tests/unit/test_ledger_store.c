// SPDX-License-Identifier: Apache-2.0
// The store: whom it trusts, what a failed write leaves, what a reader sees meanwhile.
#include "ledger_faults.h"
#include "ledger_fixture.h"
#include "ledger_independent.h"

// --- places -----------------------------------------------------------------------------------------

static void expect_refusal(const struct place *place, const char *part)
{
	struct azjit_ledger *ledger = NULL;
	struct azjit_reason reason = {0};

	assert_int_equal(azjit_ledger_open(place->path, "jump", &reason, &ledger), AZJIT_LEDGER);
	assert_null(ledger);
	assert_non_null(strstr(reason.text, place->path));
	if (!strstr(reason.text, part))
		fail_msg("the reason lacks '%s': %s", part, reason.text);
}

static void the_file_is_ours_alone(void **state)
{
	const struct place *place = *state;
	mode_t before = umask(0);
	struct azjit_ledger *ledger = open_ledger(place);
	static const char *const suffixes[] = {"", "-wal", "-shm"};

	append_notes(ledger, 1);
	for (size_t i = 0; i < AZJIT_COUNT(suffixes); i++) {
		char path[128];
		struct stat st;

		(void)snprintf(path, sizeof(path), "%s%s", place->path, suffixes[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
	azjit_ledger_close(ledger);
	umask(before);
}

static void a_symlink_is_refused(void **state)
{
	const struct place *place = *state;
	char target[128];

	(void)snprintf(target, sizeof(target), "%s/elsewhere", place->dir);
	close(open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_int_equal(symlink(target, place->path), 0);
	expect_refusal(place, "regular file");
}

static void a_dangling_symlink_creates_nothing(void **state)
{
	const struct place *place = *state;
	char target[128];

	(void)snprintf(target, sizeof(target), "%s/planted", place->dir);
	assert_int_equal(symlink(target, place->path), 0);
	expect_refusal(place, "regular file");
	assert_int_equal(access(target, F_OK), -1);
}

static void a_fifo_is_refused_at_once(void **state)
{
	const struct place *place = *state;

	assert_int_equal(mkfifo(place->path, 0600), 0);
	expect_refusal(place, "regular file");
}

static void a_file_with_a_second_name_is_refused(void **state)
{
	const struct place *place = *state;
	char other[128];

	azjit_ledger_close(open_ledger(place));
	(void)snprintf(other, sizeof(other), "%s/second", place->dir);
	assert_int_equal(link(place->path, other), 0);
	expect_refusal(place, "one name");
}

static void a_file_that_others_read_is_refused(void **state)
{
	const struct place *place = *state;

	azjit_ledger_close(open_ledger(place));
	assert_int_equal(chmod(place->path, 0640), 0);
	expect_refusal(place, "0600");
}

static void a_directory_that_others_write_is_refused(void **state)
{
	const struct place *place = *state;
	struct azjit_ledger *ledger = NULL;
	struct azjit_reason reason;

	assert_int_equal(chmod(place->dir, 0770), 0);
	assert_int_equal(azjit_ledger_open(place->path, "jump", &reason, &ledger), AZJIT_LEDGER);
	assert_non_null(strstr(reason.text, "chmod go-w"));
}

static void a_directory_by_symlink_is_followed_once(void **state)
{
	const struct place *place = *state;
	struct place linked = *place;
	struct azjit_ledger *ledger;
	char name[128];

	(void)snprintf(name, sizeof(name), "%s/link", place->dir);
	assert_int_equal(symlink(place->dir, name), 0);
	(void)snprintf(linked.path, sizeof(linked.path), "%s/link/ledger.db", place->dir);
	ledger = open_ledger(&linked);
	append_notes(ledger, 1);
	azjit_ledger_close(ledger);
	ledger = open_ledger(place);
	assert_int_equal(verify(ledger).entries, 1);
	azjit_ledger_close(ledger);
}

static void what_is_no_ledger_is_refused(void **state)
{
	const struct place *place = *state;
	sqlite3 *db = NULL;
	int fd;

	assert_int_equal(sqlite3_open(place->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE t (x)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(chmod(place->path, 0600), 0);
	expect_refusal(place, "no ledger of azjit");

	fd = open(place->path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	for (int i = 0; i < 200; i++)
		assert_int_equal(write(fd, "this is a text file, not a database\n", 36), 36);
	close(fd);
	expect_refusal(place, "damaged");
}

static void another_version_is_refused(void **state)
{
	const struct place *place = *state;
	sqlite3 *db = NULL;

	azjit_ledger_close(open_ledger(place));
	assert_int_equal(sqlite3_open(place->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 2", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	expect_refusal(place, "version 2");
}

static void our_own_statements_cannot_change_entries(void **state)
{
	const struct place *place = *state;
	struct azjit_ledger *ledger = open_ledger(place);
	static const char *const statements[] = {
	        "UPDATE entry SET event = 'x'",
	        "DELETE FROM entry",
	        "UPDATE field SET value = 'x'",
	        "DELETE FROM field",
	        "INSERT OR REPLACE INTO entry SELECT * FROM entry",
	        "INSERT INTO entry VALUES (9, 'x', 'start', 'e', '', '', '', zeroblob(32))",
	        "INSERT INTO entry VALUES (9, 1, 'start', 'e', '', '', '', zeroblob(31))",
	        "INSERT INTO field VALUES (77, 0, 'k', 'v')"};
	sqlite3 *db = NULL;

	append_notes(ledger, 2);
	azjit_ledger_close(ledger);
	assert_int_equal(sqlite3_open(place->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON", NULL,
	                              NULL, NULL),
	                 SQLITE_OK);
	for (size_t i = 0; i < AZJIT_COUNT(statements); i++)
		if (sqlite3_exec(db, statements[i], NULL, NULL, NULL) != SQLITE_CONSTRAINT)
			fail_msg("not refused: %s", statements[i]);
	sqlite3_close(db);
}

// --- failures ---------------------------------------------------------------------------------------

// One append with the n-th operation of a kind failing. True while n is reached.
static bool append_with_fault(const struct place *place, enum fault kind, int nth, bool lasting, int round)
{
	struct azjit_ledger *ledger = open_ledger(place);
	struct azjit_reason reason = {0};
	char text[24], anchor[AZJIT_UUID_CHARS], after[AZJIT_UUID_CHARS];
	struct azjit_entry entry = note(round, text);
	enum azjit_result result;
	uint64_t seq, seq_after;
	bool hit;

	append_notes(ledger, 1);
	azjit_ledger_anchor(ledger, anchor, &seq);
	faults_arm(kind, nth, lasting);
	result = azjit_ledger_append(ledger, T0, &entry, &reason);
	hit = faults_disarm();
	azjit_ledger_anchor(ledger, after, &seq_after);
	if (result == AZJIT_OK) {
		assert_int_equal(seq_after, seq + 1);
	} else {
		assert_int_equal(result, AZJIT_LEDGER);
		assert_non_null(strstr(reason.text, "ledger"));
		assert_int_equal(seq_after, seq);
		assert_string_equal(anchor, after);
	}
	append_notes(ledger, 1); // the next one goes on where the last good one ended
	if (!verify(ledger).ok)
		fail_msg("fault %d, operation %d: the chain broke", kind, nth);
	azjit_ledger_close(ledger);
	return hit;
}

static void a_failed_append_leaves_the_chain(void **state)
{
	const struct place *place = *state;
	unsigned char digest[SHA256_DIGEST_LENGTH];
	int rounds = 0;
	bool whole;

	faults_install();
	for (int kind = 0; kind < FAULT_KINDS; kind++)
		for (int lasting = 0; lasting < 2; lasting++) {
			int nth = 1;

			while (append_with_fault(place, (enum fault)kind, nth, lasting, rounds++))
				nth++;
			// Reads are from memory in an append that nobody disturbed.
			if (kind != FAULT_READ)
				assert_true(nth > 1);
		}
	assert_true(independent_verify(place->path, digest, &whole) > 0);
	assert_true(whole);
}

static void a_full_disk_is_named(void **state)
{
	struct azjit_ledger *ledger;
	struct azjit_reason reason = {0};
	char text[24];
	struct azjit_entry entry = note(1, text);

	faults_install();
	ledger = open_ledger(*state);
	append_notes(ledger, 1);
	faults_arm(FAULT_FULL, 1, true);
	assert_int_equal(azjit_ledger_append(ledger, T0, &entry, &reason), AZJIT_LEDGER);
	assert_non_null(strstr(reason.text, "make room"));
	assert_true(faults_disarm());
	azjit_ledger_close(ledger);
}

static void a_failure_inside_a_transaction_costs_what_it_must(void **state)
{
	struct azjit_reason reason = {0};
	struct azjit_ledger *ledger;
	char text[24], head[AZJIT_UUID_CHARS], after[AZJIT_UUID_CHARS];
	struct azjit_entry entry = note(1, text), bad = {.kind = AZJIT_ENTRY_NONE, .event = "x"};
	uint64_t seq;

	faults_install();
	ledger = open_ledger(*state);
	append_notes(ledger, 2);
	azjit_ledger_anchor(ledger, head, &seq);
	assert_int_equal(azjit_ledger_begin(ledger, &reason), AZJIT_OK);
	append(ledger, &entry, T0);
	assert_int_equal(azjit_ledger_append(ledger, T0, &bad, &reason), AZJIT_LEDGER);
	append(ledger, &entry, T0); // a refused entry does not spoil the others
	faults_arm(FAULT_SYNC, 1, true);
	assert_int_equal(azjit_ledger_commit(ledger, &reason), AZJIT_LEDGER);
	assert_true(faults_disarm());
	azjit_ledger_anchor(ledger, after, &seq);
	assert_string_equal(head, after);
	assert_int_equal(seq, 2);
	append_notes(ledger, 1);
	assert_int_equal(verify(ledger).entries, 3);
	assert_true(verify(ledger).ok);
	azjit_ledger_close(ledger);
}

static void transactions_commit_or_vanish_whole(void **state)
{
	struct azjit_ledger *ledger = open_ledger(*state);
	struct azjit_reason reason;
	uint8_t digest[32];
	uint64_t seq;

	assert_int_equal(azjit_ledger_begin(ledger, &reason), AZJIT_OK);
	assert_int_equal(azjit_ledger_begin(ledger, &reason), AZJIT_LEDGER);
	append_notes(ledger, 3);
	azjit_ledger_head(ledger, &seq, digest);
	assert_int_equal(seq, 3);
	azjit_ledger_rollback(ledger);
	azjit_ledger_head(ledger, &seq, digest);
	assert_int_equal(seq, 0);
	assert_int_equal(azjit_ledger_commit(ledger, &reason), AZJIT_LEDGER);
	assert_int_equal(azjit_ledger_begin(ledger, &reason), AZJIT_OK);
	append_notes(ledger, 3);
	assert_int_equal(azjit_ledger_commit(ledger, &reason), AZJIT_OK);
	assert_int_equal(verify(ledger).entries, 3);
	azjit_ledger_close(ledger);
}

static void a_locked_ledger_says_so_and_goes_on(void **state)
{
	const struct place *place = *state;
	struct azjit_ledger *ledger = open_ledger(place), *other = open_ledger(place);
	struct azjit_reason reason = {0};
	char text[24];
	struct azjit_entry entry = note(1, text);

	assert_int_equal(azjit_ledger_begin(other, &reason), AZJIT_OK);
	assert_int_equal(azjit_ledger_append(ledger, T0, &entry, &reason), AZJIT_LEDGER);
	assert_non_null(strstr(reason.text, "another process"));
	append_notes(other, 2);
	assert_int_equal(azjit_ledger_commit(other, &reason), AZJIT_OK);
	append_notes(ledger, 2); // behind the other's entries
	append_notes(other, 1);
	assert_true(verify(ledger).ok);
	assert_int_equal(verify(ledger).entries, 5);
	azjit_ledger_close(other);
	azjit_ledger_close(ledger);
}

static void a_file_put_in_the_place_of_the_open_one_is_noticed(void **state)
{
	const struct place *place = *state;
	struct azjit_ledger *ledger = open_ledger(place);
	struct azjit_reason reason = {0};
	char text[24], other[128];
	struct azjit_entry entry = note(1, text);

	append_notes(ledger, 2);
	(void)snprintf(other, sizeof(other), "%s/moved", place->dir);
	assert_int_equal(rename(place->path, other), 0);
	assert_int_equal(azjit_ledger_append(ledger, T0, &entry, &reason), AZJIT_LEDGER);
	assert_non_null(strstr(reason.text, "replaced"));
	copy_file(other, place->path);
	assert_int_equal(azjit_ledger_append(ledger, T0, &entry, &reason), AZJIT_LEDGER);
	assert_int_equal(rename(other, place->path), 0);
	append_notes(ledger, 1);
	azjit_ledger_close(ledger);
}

static void entries_taken_away_under_us_stop_the_ledger(void **state)
{
	const struct place *place = *state;
	struct azjit_ledger *ledger = open_ledger(place);
	struct azjit_reason reason = {0};
	char text[24];
	struct azjit_entry entry = note(1, text);

	append_notes(ledger, 5);
	tamper(place, "DELETE FROM field WHERE seq > 3; DELETE FROM entry WHERE seq > 3");
	assert_int_equal(azjit_ledger_append(ledger, T0, &entry, &reason), AZJIT_LEDGER);
	assert_non_null(strstr(reason.text, "entry 5"));
	assert_false(verify(ledger).ok);
	assert_non_null(strstr(verify(ledger).text.text, "is gone"));
	azjit_ledger_close(ledger);
}

static void a_newest_entry_rewritten_under_us_stops_the_ledger(void **state)
{
	const struct place *place = *state;
	struct azjit_ledger *ledger = open_ledger(place);
	struct azjit_reason reason = {0};
	char text[24];
	struct azjit_entry entry = note(1, text);

	append_notes(ledger, 5);
	tamper(place, "UPDATE entry SET digest = zeroblob(32) WHERE seq = 5");
	assert_int_equal(azjit_ledger_append(ledger, T0, &entry, &reason), AZJIT_LEDGER);
	assert_non_null(strstr(reason.text, "entry 5"));
	azjit_ledger_close(ledger);
}

// --- readers ----------------------------------------------------------------------------------------

struct pages {
	struct azjit_ledger *writer;
	uint64_t last;
	int seen;
};

static bool write_while_reading(void *userdata, const struct azjit_entry_read *read)
{
	struct pages *pages = userdata;

	assert_int_equal(read->seq, pages->last + 1);
	assert_string_equal(azjit_entry_get(read->entry, "user"), "alice");
	assert_non_null(azjit_entry_get(read->entry, "number"));
	pages->last = read->seq;
	pages->seen++;
	append_notes(pages->writer, 1);
	return true;
}

static void a_reader_sees_one_state_while_the_writer_writes(void **state)
{
	const struct place *place = *state;
	struct azjit_ledger *writer = open_ledger(place), *reader = open_ledger(place);
	struct pages pages = {.writer = writer};
	struct azjit_reason reason = {0};

	append_notes(writer, 30);
	assert_int_equal(azjit_ledger_read(reader, 0, NULL, NULL, write_while_reading, &pages, &reason),
	                 AZJIT_OK);
	assert_int_equal(pages.seen, 30);
	assert_int_equal(verify(reader).entries, 60);
	azjit_ledger_close(reader);
	append_notes(writer, 1); // closing the reader took no lock of the writer away
	assert_true(verify(writer).ok);
	azjit_ledger_close(writer);
}

static bool count_entry(void *userdata, const struct azjit_entry_read *read)
{
	(void)read;
	return ++*(int *)userdata < 100;
}

static int count_read(struct azjit_ledger *ledger, uint64_t from, const char *session, const char *grant)
{
	struct azjit_reason reason = {0};
	int count = 0;

	assert_int_equal(azjit_ledger_read(ledger, from, session, grant, count_entry, &count, &reason),
	                 AZJIT_OK);
	return count;
}

static void filters_pick(void **state)
{
	struct azjit_ledger *ledger = open_ledger(*state);
	static const char *const where[][2] = {{"s1", NULL}, {"s1", "g1"}, {"s2", "g1"},
	                                       {NULL, "g1"}, {NULL, NULL}, {"s2", "g2"}};

	for (size_t i = 0; i < AZJIT_COUNT(where); i++) {
		struct azjit_entry entry = {.kind = AZJIT_ENTRY_GRANT,
		                            .event = "open",
		                            .session = where[i][0],
		                            .grant = where[i][1]};

		append(ledger, &entry, T0);
	}
	assert_int_equal(count_read(ledger, 0, NULL, NULL), 6);
	assert_int_equal(count_read(ledger, 4, NULL, NULL), 3);
	assert_int_equal(count_read(ledger, 7, NULL, NULL), 0);
	assert_int_equal(count_read(ledger, 0, "s1", NULL), 2);
	assert_int_equal(count_read(ledger, 0, NULL, "g1"), 3);
	assert_int_equal(count_read(ledger, 0, "s2", "g1"), 1);
	assert_int_equal(count_read(ledger, 4, "s2", NULL), 1);
	assert_int_equal(count_read(ledger, 0, "", NULL), 0);
	assert_int_equal(count_read(ledger, 0, "s1' OR '1'='1", NULL), 0);
	azjit_ledger_close(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        ledger_test(the_file_is_ours_alone),
	        ledger_test(a_symlink_is_refused),
	        ledger_test(a_dangling_symlink_creates_nothing),
	        ledger_test(a_fifo_is_refused_at_once),
	        ledger_test(a_file_with_a_second_name_is_refused),
	        ledger_test(a_file_that_others_read_is_refused),
	        ledger_test(a_directory_that_others_write_is_refused),
	        ledger_test(a_directory_by_symlink_is_followed_once),
	        ledger_test(what_is_no_ledger_is_refused),
	        ledger_test(another_version_is_refused),
	        ledger_test(our_own_statements_cannot_change_entries),
	        ledger_test(transactions_commit_or_vanish_whole),
	        ledger_test(a_locked_ledger_says_so_and_goes_on),
	        ledger_test(a_file_put_in_the_place_of_the_open_one_is_noticed),
	        ledger_test(entries_taken_away_under_us_stop_the_ledger),
	        ledger_test(a_newest_entry_rewritten_under_us_stops_the_ledger),
	        ledger_test(a_reader_sees_one_state_while_the_writer_writes),
	        ledger_test(filters_pick),
	        ledger_test(a_failed_append_leaves_the_chain),
	        ledger_test(a_full_disk_is_named),
	        ledger_test(a_failure_inside_a_transaction_costs_what_it_must),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
