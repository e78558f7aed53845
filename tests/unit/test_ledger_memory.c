// SPDX-License-Identifier: Apache-2.0
// Memory that runs out is not evidence: whichever allocation of SQLite or OpenSSL fails, nobody is accused
// of having changed the ledger, and nothing is lost.
#include "ledger_fixture.h"

#include <openssl/crypto.h>

static sqlite3_mem_methods real_sqlite;
static long left = -1; // allocations until one fails; -1: none does
static bool hit;

static bool runs_out(void)
{
	if (left < 0 || left-- > 0)
		return false;
	hit = true;
	return true;
}

static void *sqlite_malloc(int size)
{
	return runs_out() ? NULL : real_sqlite.xMalloc(size);
}

static void *sqlite_realloc(void *old, int size)
{
	return runs_out() ? NULL : real_sqlite.xRealloc(old, size);
}

static void *crypto_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return runs_out() ? NULL : malloc(size);
}

static void *crypto_realloc(void *old, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return runs_out() ? NULL : realloc(old, size);
}

static void crypto_free(void *old, const char *file, int line)
{
	(void)file;
	(void)line;
	free(old);
}

// Before either library allocates anything.
static void stand_between(void)
{
	sqlite3_mem_methods ours;

	assert_int_equal(CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free), 1);
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_sqlite), SQLITE_OK);
	ours = real_sqlite;
	ours.xMalloc = sqlite_malloc;
	ours.xRealloc = sqlite_realloc;
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &ours), SQLITE_OK);
	// Every allocation counts, none comes from a pool.
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK);
}

static void append_intent(struct azjit_ledger *ledger)
{
	struct azjit_entry entry = {.kind = AZJIT_ENTRY_INTENT, .event = "sending"};
	char anchor[AZJIT_UUID_CHARS], number[24];
	uint64_t seq;

	azjit_ledger_anchor(ledger, anchor, &seq);
	(void)snprintf(number, sizeof(number), "%llu", (unsigned long long)seq);
	(void)azjit_entry_put(&entry, "client_request_id", anchor);
	(void)azjit_entry_put(&entry, "anchor_seq", number);
	append(ledger, &entry, T0);
}

static bool look(void *userdata, const struct azjit_entry_read *read)
{
	(void)read;
	++*(int *)userdata;
	return true;
}

// Opens, reads and verifies with the n-th allocation failing; true while n is reached.
static bool audit(const struct place *place, long n)
{
	struct azjit_verify_report report = {.ok = true};
	struct azjit_ledger *ledger = NULL;
	struct azjit_reason reason = {.text = ""};
	enum azjit_result result;
	int seen = 0;

	hit = false;
	left = n;
	result = azjit_ledger_open(place->path, "jump", &reason, &ledger);
	if (result == AZJIT_OK)
		result = azjit_ledger_read(ledger, 0, NULL, NULL, look, &seen, &reason);
	if (result == AZJIT_OK)
		result = azjit_ledger_verify(ledger, &report, &reason);
	left = -1;
	azjit_ledger_close(ledger);
	if (result == AZJIT_OK && (seen != 6 || !report.ok))
		fail_msg("allocation %ld: %d entries read, verified: %s", n, seen, report.text.text);
	if (result != AZJIT_OK && result != AZJIT_NOMEM && result != AZJIT_LEDGER)
		fail_msg("allocation %ld: %s: %s", n, azjit_result_name(result), reason.text);
	if (result != AZJIT_OK && (!reason.text[0] || strstr(reason.text, "changed")))
		fail_msg("allocation %ld: the reason is '%s'", n, reason.text);
	return hit;
}

static void no_failed_allocation_accuses(void **state)
{
	const struct place *place = *state;
	struct azjit_ledger *ledger = open_ledger(place);
	long n = 0;

	for (int i = 0; i < 3; i++) {
		append_notes(ledger, 1);
		append_intent(ledger);
	}
	azjit_ledger_close(ledger);
	while (audit(place, n))
		n++;
	assert_true(n > 100);
}

static void no_failed_allocation_breaks_the_chain(void **state)
{
	struct azjit_ledger *ledger = open_ledger(*state);
	uint64_t entries = 0, seq;
	uint8_t digest[32];
	long n = 0;

	do {
		char text[24];
		struct azjit_entry entry = note((int)n, text);
		enum azjit_result result;

		hit = false;
		left = n++;
		result = azjit_ledger_append(ledger, T0, &entry, NULL);
		left = -1;
		entries += result == AZJIT_OK;
		azjit_ledger_head(ledger, &seq, digest);
		assert_int_equal(seq, entries);
	} while (hit);
	assert_int_equal(verify(ledger).entries, entries);
	assert_true(verify(ledger).ok);
	azjit_ledger_close(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        ledger_test(no_failed_allocation_accuses),
	        ledger_test(no_failed_allocation_breaks_the_chain),
	};

	stand_between();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
