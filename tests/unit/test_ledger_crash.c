// SPDX-License-Identifier: Apache-2.0
// A power cut, as far as a process can make one: a writer is killed with SIGKILL in the middle of its
// appends, again and again. Whatever it had acknowledged is there, and the chain holds.
#include "ledger_fixture.h"
#include "ledger_independent.h"
#include <signal.h>
#include <sys/wait.h>

#define ROUNDS 40

// Appends for ever and writes the number of each entry that was acknowledged; batches on odd rounds.
static void write_for_ever(const struct place *place, int out, bool batches)
{
	struct azjit_ledger *ledger = NULL;
	struct azjit_reason reason;

	if (azjit_ledger_open(place->path, "jump", &reason, &ledger) != AZJIT_OK)
		_exit(1);
	for (int number = 0;; number++) {
		char text[24];
		struct azjit_entry entry = note(number, text);
		uint8_t digest[32];
		uint64_t seq;

		if (batches && azjit_ledger_begin(ledger, &reason) != AZJIT_OK)
			_exit(2);
		for (int i = 0; i < (batches ? 3 : 1); i++)
			if (azjit_ledger_append(ledger, T0 + number, &entry, &reason) != AZJIT_OK)
				_exit(3);
		if (batches && azjit_ledger_commit(ledger, &reason) != AZJIT_OK)
			_exit(4);
		azjit_ledger_head(ledger, &seq, digest);
		if (write(out, &seq, sizeof(seq)) != sizeof(seq))
			_exit(5);
	}
}

// Kills the writer after so many acknowledgements and a little of the next append; the last number it
// acknowledged.
static uint64_t kill_a_writer(const struct place *place, int round)
{
	uint64_t seq = 0, got, wanted = (uint64_t)(round % 7);
	int ends[2], status;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		write_for_ever(place, ends[1], round % 2);
	}
	close(ends[1]);
	for (uint64_t i = 0; i <= wanted; i++) {
		assert_int_equal(read(ends[0], &got, sizeof(got)), sizeof(got));
		seq = got;
	}
	for (volatile int spin = 0; spin < (round * 7919) % 60000; spin++)
		continue;
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	while (read(ends[0], &got, sizeof(got)) == sizeof(got))
		seq = got;
	close(ends[0]);
	return seq;
}

static void every_acknowledged_entry_survives(void **state)
{
	const struct place *place = *state;
	uint64_t entries = 0;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t acknowledged = kill_a_writer(place, round);
		unsigned char digest[SHA256_DIGEST_LENGTH];
		struct azjit_ledger *ledger;
		struct azjit_verify_report report;
		bool whole = false;

		assert_true(acknowledged > entries);
		assert_true(independent_verify(place->path, digest, &whole) >= (int64_t)acknowledged);
		assert_true(whole);
		ledger = open_ledger(place);
		report = verify(ledger);
		assert_true(report.ok);
		assert_true(report.entries >= acknowledged);
		if (round % 2) // a batch is there whole or not at all
			assert_int_equal((report.entries - entries) % 3, 0);
		entries = report.entries;
		azjit_ledger_close(ledger);
	}
}

// As after a power cut, the file is read without what the writer's memory knew: the main file and its
// WAL are copied away under a living writer.
static void a_copy_taken_at_any_time_is_a_beginning(void **state)
{
	const struct place *place = *state;
	struct azjit_ledger *ledger = open_ledger(place);
	struct place copy = *place;
	char from[128], to[128];

	(void)snprintf(copy.path, sizeof(copy.path), "%s/copy.db", place->dir);
	for (int round = 1; round <= 10; round++) {
		struct azjit_ledger *other;

		append_notes(ledger, 1);
		copy_file(place->path, copy.path);
		(void)snprintf(from, sizeof(from), "%s-wal", place->path);
		(void)snprintf(to, sizeof(to), "%s-wal", copy.path);
		copy_file(from, to);
		other = open_ledger(&copy);
		assert_true(verify(other).ok);
		assert_int_equal(verify(other).entries, round);
		azjit_ledger_close(other);
		(void)unlink(to);
	}
	azjit_ledger_close(ledger);
}

// A WAL cut at any byte, as a torn write leaves it: some first entries, whole, and a chain that goes on.
static void a_torn_log_costs_only_its_end(void **state)
{
	const struct place *place = *state;
	struct azjit_ledger *ledger = open_ledger(place);
	struct place copy = *place;
	char from[128], to[128];
	struct stat st;
	uint64_t most = 0;

	append_notes(ledger, 6);
	(void)snprintf(copy.path, sizeof(copy.path), "%s/copy.db", place->dir);
	(void)snprintf(from, sizeof(from), "%s-wal", place->path);
	(void)snprintf(to, sizeof(to), "%s-wal", copy.path);
	assert_int_equal(stat(from, &st), 0);
	for (off_t size = st.st_size; size >= 0; size -= 1777) {
		struct azjit_ledger *other;
		struct azjit_verify_report report;

		copy_file(place->path, copy.path);
		copy_file(from, to);
		assert_int_equal(truncate(to, size), 0);
		other = open_ledger(&copy);
		report = verify(other);
		assert_true(report.ok);
		most = report.entries > most ? report.entries : most;
		append_notes(other, 1);
		assert_int_equal(verify(other).entries, report.entries + 1);
		assert_true(verify(other).ok);
		azjit_ledger_close(other);
	}
	assert_int_equal(most, 6);
	azjit_ledger_close(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        ledger_test(every_acknowledged_entry_survives),
	        ledger_test(a_copy_taken_at_any_time_is_a_beginning),
	        ledger_test(a_torn_log_costs_only_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
