// SPDX-License-Identifier: Apache-2.0
// The chain and its anchors, held against a verifier that shares no code with them.
#include "ledger_fixture.h"
#include "ledger_independent.h"

static void assert_independent(const struct place *place, int64_t entries)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	bool whole = false;

	assert_int_equal(independent_verify(place->path, digest, &whole), entries);
	assert_true(whole);
}

static void an_empty_ledger_has_a_zero_head(void **state)
{
	struct azjit_ledger *ledger = open_ledger(*state);
	uint8_t digest[32], zero[32] = {0};
	uint64_t seq = 99;

	azjit_ledger_head(ledger, &seq, digest);
	assert_int_equal(seq, 0);
	assert_memory_equal(digest, zero, sizeof(zero));
	azjit_ledger_close(ledger);
}

static void entries_verify_by_both_verifiers(void **state)
{
	struct azjit_ledger *ledger = open_ledger(*state);
	struct azjit_verify_report report;

	append_notes(ledger, 25);
	report = verify(ledger);
	assert_true(report.ok);
	assert_int_equal(report.entries, 25);
	assert_int_equal(report.bad_seq, 0);
	assert_int_equal(report.anchored_seq, 0);
	assert_int_equal(report.unanchored, 25);
	assert_independent(*state, 25);
	azjit_ledger_close(ledger);
}

// The bytes are a promise to verifiers elsewhere: this digest was computed with sha256sum over bytes
// written by hand from the description.
static void the_bytes_are_those_described(void **state)
{
	static const char expected[] = "6d3d4f71ab3b103d2dac1e85edc10a5b193f81f0c752e19eb61f241b6330715e";
	struct azjit_ledger *ledger = open_ledger(*state);
	struct azjit_entry entry = {
	        .kind = AZJIT_ENTRY_INTENT, .event = "sending", .session = NULL, .grant = "g-1"};
	uint8_t digest[32];
	char text[65];
	uint64_t seq;

	(void)azjit_entry_put(&entry, "vm", "web01");
	(void)azjit_entry_put(&entry, "absent", NULL);
	(void)azjit_entry_put(&entry, "port", "22");
	append(ledger, &entry, 1);
	azjit_ledger_head(ledger, &seq, digest);
	for (int i = 0; i < 32; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
	assert_string_equal(text, expected);
	assert_int_equal(seq, 1);
	azjit_ledger_close(ledger);
}

static void a_reopened_ledger_goes_on(void **state)
{
	struct azjit_ledger *ledger = open_ledger(*state);
	uint8_t before[32], after[32];
	uint64_t seq;

	append_notes(ledger, 3);
	azjit_ledger_head(ledger, &seq, before);
	azjit_ledger_close(ledger);
	ledger = open_ledger(*state);
	azjit_ledger_head(ledger, &seq, after);
	assert_int_equal(seq, 3);
	assert_memory_equal(before, after, 32);
	append_notes(ledger, 2);
	assert_true(verify(ledger).ok);
	azjit_ledger_close(ledger);
	assert_independent(*state, 5);
}

static void anchors_are_the_heads_first_bits(void **state)
{
	struct azjit_ledger *ledger = open_ledger(*state);
	char uuid[AZJIT_UUID_CHARS], expected[37], previous[AZJIT_UUID_CHARS] = "";

	for (int i = 0; i < 20; i++) {
		uint8_t digest[32];
		uint64_t seq, anchor_seq;

		azjit_ledger_head(ledger, &seq, digest);
		azjit_ledger_anchor(ledger, uuid, &anchor_seq);
		assert_int_equal(seq, anchor_seq);
		independent_anchor(digest, expected);
		assert_string_equal(uuid, expected);
		assert_string_not_equal(uuid, previous);
		memcpy(previous, uuid, sizeof(previous));
		append_notes(ledger, 1);
	}
	azjit_ledger_close(ledger);
}

// Two readings of the same bytes must not exist: moving a boundary changes the digest.
static void boundaries_are_part_of_the_digest(void **state)
{
	static const char *const pairs[][2] = {{"ab", "c"}, {"a", "bc"}, {"abc", ""}, {"", "abc"}};
	uint8_t digests[4][32];

	for (size_t i = 0; i < 4; i++) {
		struct place place = *(struct place *)*state;
		struct azjit_entry entry = {.kind = AZJIT_ENTRY_ERROR, .event = "x"};
		struct azjit_ledger *ledger;
		uint64_t seq;

		(void)snprintf(place.path, sizeof(place.path), "%s/%zu.db", place.dir, i);
		ledger = open_ledger(&place);
		entry.session = pairs[i][0];
		entry.grant = pairs[i][1];
		append(ledger, &entry, T0);
		azjit_ledger_head(ledger, &seq, digests[i]);
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(digests[i], digests[j], 32);
		azjit_ledger_close(ledger);
	}
}

struct seen_value {
	const char *expected;
	int seen;
};

static bool compare_value(void *userdata, const struct azjit_entry_read *read)
{
	struct seen_value *seen = userdata;

	assert_string_equal(azjit_entry_get(read->entry, "reason"), seen->expected);
	seen->seen++;
	return true;
}

// 4 KiB of every byte but NUL, invalid UTF-8 and what would be SQL or a separator among them.
static void any_bytes_come_back_as_they_went(void **state)
{
	struct azjit_ledger *ledger = open_ledger(*state);
	struct azjit_entry entry = {.kind = AZJIT_ENTRY_ERROR, .event = "odd"};
	struct seen_value seen;
	struct azjit_reason reason;
	char value[4097];

	for (size_t i = 0; i < 4096; i++)
		value[i] = (char)(1 + i % 255);
	value[4096] = '\0';
	seen = (struct seen_value){value, 0};
	(void)azjit_entry_put(&entry, "reason", value);
	append(ledger, &entry, T0);
	assert_true(verify(ledger).ok);
	assert_int_equal(azjit_ledger_read(ledger, 0, NULL, NULL, compare_value, &seen, &reason), AZJIT_OK);
	assert_int_equal(seen.seen, 1);
	azjit_ledger_close(ledger);
	assert_independent(*state, 1);
}

static void what_is_no_entry_is_refused(void **state)
{
	struct azjit_ledger *ledger = open_ledger(*state);
	struct azjit_reason reason;
	char *huge = calloc(1, 65538);
	struct azjit_entry entries[] = {
	        {.kind = AZJIT_ENTRY_NONE, .event = "x"},
	        {.kind = AZJIT_ENTRY_ERROR, .event = NULL},
	        {.kind = AZJIT_ENTRY_ERROR, .event = ""},
	        {.kind = AZJIT_ENTRY_ERROR, .event = "x", .fields = {{"Upper", "v"}}, .field_count = 1},
	        {.kind = AZJIT_ENTRY_ERROR, .event = "x", .fields = {{"", "v"}}, .field_count = 1},
	        {.kind = AZJIT_ENTRY_ERROR, .event = "x", .fields = {{"key", huge}}, .field_count = 1},
	};
	uint8_t digest[32];
	uint64_t seq;

	memset(huge, 'a', 65537);
	for (size_t i = 0; i < AZJIT_COUNT(entries); i++)
		assert_int_equal(azjit_ledger_append(ledger, T0, &entries[i], &reason), AZJIT_LEDGER);
	azjit_ledger_head(ledger, &seq, digest);
	assert_int_equal(seq, 0);
	azjit_ledger_close(ledger);
	free(huge);
}

static void a_full_entry_takes_no_more(void **state)
{
	struct azjit_entry entry = {.kind = AZJIT_ENTRY_ERROR, .event = "x"};

	(void)state;
	for (int i = 0; i < AZJIT_ENTRY_FIELDS; i++)
		assert_true(azjit_entry_put(&entry, "k", "v"));
	assert_false(azjit_entry_put(&entry, "k", "v"));
	assert_true(azjit_entry_put(&entry, "k", NULL));
	assert_int_equal(entry.field_count, AZJIT_ENTRY_FIELDS);
	assert_null(azjit_entry_get(&entry, "other"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        ledger_test(an_empty_ledger_has_a_zero_head),  ledger_test(entries_verify_by_both_verifiers),
	        ledger_test(the_bytes_are_those_described),    ledger_test(a_reopened_ledger_goes_on),
	        ledger_test(anchors_are_the_heads_first_bits), ledger_test(boundaries_are_part_of_the_digest),
	        ledger_test(any_bytes_come_back_as_they_went), ledger_test(what_is_no_entry_is_refused),
	        ledger_test(a_full_entry_takes_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
