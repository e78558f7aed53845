// SPDX-License-Identifier: Apache-2.0
// What the guard reads of nft's list, and its book of told and untold. The commands' objects are in no
// library, so the files under test are included.
#include "../../client/cmd/guard_attempts.c"
#include "../../client/cmd/guard_refused.c"

#include "guard_list.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

// --- nft's list -------------------------------------------------------------------------------------

static void lists_of_nft_are_read(void **state)
{
	_cleanup_free_ struct azjit_guard_attempt *list = NULL, *none = NULL;
	static const char text[] = SET(", \"elem\": [" ELEM(BOB_WEB, "3") ", " ELEM(
	        "\"root\", \"169.254.169.254\", 80", "9") ", " ELEM("\"no such name!\", \"10.0.0.1\", 1",
	                                                            "1") ", " ELEM("4294967295, "
	                                                                           "\"10.0.0.1\", 65535",
	                                                                           "1") "]");
	struct azjit_reason reason = {""};
	size_t count = 99;

	(void)state;
	assert_int_equal(azjit_guard_attempts_parse(text, strlen(text), &list, &count, &reason), AZJIT_OK);
	assert_int_equal(count, 3);
	assert_int_equal(list[0].uid, 2002);
	assert_int_equal(list[0].addr.bytes[3], 4);
	assert_int_equal(list[0].port, 22);
	assert_int_equal(list[0].packets, 3);
	assert_int_equal(list[1].uid, 0);
	assert_int_equal(list[2].uid, UINT32_MAX);
	assert_int_equal(azjit_guard_attempts_parse(SET(""), strlen(SET("")), &none, &count, &reason),
	                 AZJIT_OK);
	assert_int_equal(count, 0);
}

static void odd_lists_are_refused_whole(void **state)
{
	static const char *const texts[] = {
	        "",
	        "{",
	        "[]",
	        "{\"nftables\": []}",
	        "{\"nftables\": [{\"set\": {\"name\": \"attempts\", \"table\": \"other\"}}]}",
	        "{\"nftables\": [{\"set\": {\"name\": \"attempts\", \"table\": \"azjit_guard\"}}, "
	        "{\"set\": {\"name\": \"attempts\", \"table\": \"azjit_guard\"}}]}",
	        SET(", \"elem\": {}"),
	        SET(", \"elem\": [], \"elem\": []"),
	        SET(", \"elem\": [7]"),
	        SET(", \"elem\": [{\"concat\": [" BOB_WEB "]}]"),
	        SET(", \"elem\": [{\"elem\": {\"val\": {\"concat\": [" BOB_WEB "]}}}]"),
	        SET(", \"elem\": [" ELEM(BOB_WEB, "1") ", " ELEM("1, \"10.0.0.1\"", "1") "]"),
	        ONE("-1, \"10.0.0.1\", 22", "1"),
	        ONE("4294967296, \"10.0.0.1\", 22", "1"),
	        ONE("1.5, \"10.0.0.1\", 22", "1"),
	        ONE("null, \"10.0.0.1\", 22", "1"),
	        ONE("1, \"10.0.0.1/8\", 22", "1"),
	        ONE("1, \"::ffff:10.0.0.1\", 22", "1"),
	        ONE("1, \"web01\", 22", "1"),
	        ONE("1, 10, 22", "1"),
	        ONE("1, \"10.0.0.1\", 65536", "1"),
	        ONE("1, \"10.0.0.1\", \"ssh\"", "1"),
	        ONE("1, \"10.0.0.1\", 22, 1", "1"),
	        ONE(BOB_WEB, "-1"),
	        ONE(BOB_WEB, "\"1\""),
	        ONE(BOB_WEB, "99999999999999999999"),
	};

	(void)state;
	for (size_t i = 0; i < AZJIT_COUNT(texts); i++) {
		struct azjit_guard_attempt *list = NULL;
		struct azjit_reason reason = {""};
		size_t count = 99;

		if (azjit_guard_attempts_parse(texts[i], strlen(texts[i]), &list, &count, &reason) !=
		    AZJIT_PROTOCOL)
			fail_msg("taken: %s", texts[i]);
		assert_null(list);
		assert_int_equal(count, 99);
		assert_non_null(strstr(reason.text, "nft's list of what the guard refused: "));
	}
}

// --- the book ---------------------------------------------------------------------------------------

static struct azjit_guard_book book;

static int clear_book(void **state)
{
	(void)state;
	azjit_guard_book_clear(&book);
	return 0;
}

static struct azjit_guard_attempt attempt(uint32_t uid, uint16_t port, uint64_t packets)
{
	return (struct azjit_guard_attempt){
	        .uid = uid, .addr = {AZJIT_IPV4, {10, 20, 1, 4}}, .port = port, .packets = packets};
}

static void note(uint64_t packets, uint64_t now_ms)
{
	struct azjit_guard_attempt list = attempt(2002, 22, packets);

	assert_true(azjit_guard_book_note(&book, &list, 1, now_ms));
}

// What would be told at this time, 0: nothing.
static uint64_t due(uint64_t now_ms)
{
	const struct azjit_guard_refusal *item;

	azjit_guard_book_turn(&book);
	item = azjit_guard_book_next(&book, now_ms, false);
	return item ? item->untold : 0;
}

static void tell(uint64_t now_ms)
{
	struct azjit_guard_refusal *item;

	azjit_guard_book_turn(&book);
	item = azjit_guard_book_next(&book, now_ms, true);
	assert_non_null(item);
	azjit_guard_book_told(&book, item, now_ms);
}

static void only_growth_is_told_and_at_most_once_a_minute(void **state)
{
	(void)state;
	assert_int_equal(due(1000), 0);
	note(3, 1000);
	assert_int_equal(due(1000), 3);
	tell(1000);
	note(3, 6000);
	assert_int_equal(due(6000), 0);
	note(4, 11000);
	note(7, 16000);
	assert_int_equal(due(60999), 0);
	assert_int_equal(due(61000), 4);
	azjit_guard_book_turn(&book);
	assert_non_null(azjit_guard_book_next(&book, 16000, true)); // at the guard's end
}

static void what_is_not_taken_stays(void **state)
{
	(void)state;
	note(3, 1000);
	azjit_guard_book_turn(&book);
	azjit_guard_book_failed(&book, azjit_guard_book_next(&book, 1000, false), 1000);
	assert_int_equal(due(6000), 3);
	note(5, 6000);
	assert_int_equal(due(6000), 5);
}

static void a_new_table_counts_from_nothing(void **state)
{
	(void)state;
	note(5, 1000);
	tell(1000);
	// Seen to have shrunk: somebody else's doing.
	note(2, 70000);
	assert_int_equal(due(70000), 2);
	tell(70000);
	// Known to be new: more than before is all new.
	azjit_guard_book_restart(&book);
	note(9, 140000);
	assert_int_equal(due(140000), 9);
	tell(140000);
	// Gone from the set, and back with the same count.
	assert_true(azjit_guard_book_note(&book, NULL, 0, 150000));
	note(9, 210000);
	assert_int_equal(due(210000), 9);
	tell(210000);
	assert_true(azjit_guard_book_note(&book, NULL, 0, 290000));
	assert_int_equal(book.count, 0);
}

static void what_was_not_told_outlives_its_table(void **state)
{
	(void)state;
	note(5, 1000);
	azjit_guard_book_restart(&book);
	assert_true(azjit_guard_book_note(&book, NULL, 0, 2000));
	assert_int_equal(due(2000), 5);
	note(1, 3000);
	assert_int_equal(due(3000), 6);
}

static void a_turn_is_bounded_and_everybody_has_one(void **state)
{
	struct azjit_guard_attempt list[1000];
	struct azjit_guard_refusal *item;
	size_t turns = 0;

	(void)state;
	for (size_t i = 0; i < 999; i++)
		list[i] = attempt(2001, (uint16_t)(i + 1), 1);
	assert_true(azjit_guard_book_note(&book, list, 999, 1000));
	list[999] = attempt(2002, 22, 1);
	assert_true(azjit_guard_book_note(&book, list, 1000, 6000));
	azjit_guard_book_turn(&book);
	while ((item = azjit_guard_book_next(&book, 6000, false)) != NULL) {
		assert_int_equal(item->uid, turns == 1 ? 2002 : 2001);
		azjit_guard_book_told(&book, item, 6000);
		turns++;
	}
	assert_int_equal(turns, AZJIT_GUARD_TOLD_PER_TURN);
	// Of one user's the one that waited longest.
	list[999].packets = 2;
	list[998].packets = 2;
	assert_true(azjit_guard_book_note(&book, list, 1000, 70000));
	azjit_guard_book_turn(&book);
	item = azjit_guard_book_next(&book, 70000, false);
	assert_non_null(item);
	assert_int_equal(item->since_ms, 1000);
	azjit_guard_book_failed(&book, item, 70000);
	assert_ptr_not_equal(azjit_guard_book_next(&book, 70000, false), item);
}

static void a_full_book_takes_the_rest_later(void **state)
{
	static struct azjit_guard_attempt list[AZJIT_GUARD_BOOK_MAX + 1];

	(void)state;
	for (size_t i = 0; i < AZJIT_COUNT(list); i++)
		list[i] = attempt(2001, (uint16_t)(AZJIT_COUNT(list) - i), 1);
	assert_false(azjit_guard_book_note(&book, list, AZJIT_COUNT(list), 1000));
	assert_int_equal(book.count, AZJIT_GUARD_BOOK_MAX);
	tell(1000);
	// Room is made after a list was taken, so the next one finds it.
	assert_false(azjit_guard_book_note(&book, &list[AZJIT_GUARD_BOOK_MAX], 1, 70000));
	assert_true(azjit_guard_book_note(&book, &list[AZJIT_GUARD_BOOK_MAX], 1, 75000));
	for (size_t i = 1; i < book.count; i++)
		assert_true(compare(&book.items[i - 1], &book.items[i]) < 0);
}

static void the_book_is_read_back(void **state)
{
	_cleanup_buf_ struct azjit_buf text = AZJIT_BUF(AZJIT_GUARD_BOOK_MAX_BYTES);
	struct azjit_guard_attempt list[] = {attempt(2002, 22, 3), attempt(2001, 80, 7)};
	struct azjit_guard_book other = {0};
	struct azjit_reason reason = {""};

	(void)state;
	assert_true(azjit_guard_book_note(&book, list, 2, 1000));
	tell(1000);
	assert_true(azjit_guard_book_format(&book, &text));
	assert_string_equal(text.data,
	                    "azjit-refused 1\n2001 10.20.1.4 80 7 0\n2002 10.20.1.4 22 3 3\nend 2\n");
	assert_int_equal(azjit_guard_book_parse(text.data, &other, 5, &reason), AZJIT_OK);
	azjit_guard_book_clear(&book);
	book = other;
	assert_true(azjit_guard_book_note(&book, list, 2, 6000));
	assert_int_equal(due(6000), 3);
	tell(6000);
	assert_int_equal(due(6000), 0);
}

static void broken_books_are_none(void **state)
{
	static const char *const texts[] = {
	        "",
	        "azjit-refused 1",
	        "azjit-refused 1\n",
	        "azjit-refused 2\nend 0\n",
	        "end 0\n",
	        "azjit-refused 1\nend 1\n",
	        "azjit-refused 1\nend 0\nend 0\n",
	        "azjit-refused 1\nend 0",
	        "azjit-refused 1\n2002 10.20.1.4 22 1\nend 1\n",
	        "azjit-refused 1\n2002 10.20.1.4 22 1 1 1\nend 1\n",
	        "azjit-refused 1\n2002  10.20.1.4 22 1 1\nend 1\n",
	        "azjit-refused 1\n-1 10.20.1.4 22 1 1\nend 1\n",
	        "azjit-refused 1\n2002 ::1 22 1 1\nend 1\n",
	        "azjit-refused 1\n2002 10.20.1.4 0 1 1\nend 1\n",
	        "azjit-refused 1\n2002 10.20.1.4 22 x 1\nend 1\n",
	        "azjit-refused 1\n2 10.20.1.4 22 1 1\n2 10.20.1.4 22 1 1\nend 2\n",
	        "azjit-refused 1\n3 10.20.1.4 22 1 1\n2 10.20.1.4 22 1 1\nend 2\n",
	};

	(void)state;
	for (size_t i = 0; i < AZJIT_COUNT(texts); i++) {
		struct azjit_reason reason = {""};

		if (azjit_guard_book_parse(texts[i], &book, 1, &reason) != AZJIT_PROTOCOL)
			fail_msg("taken: %s", texts[i]);
		assert_null(book.items);
		assert_non_null(strstr(reason.text, "of the guard's book: "));
	}
}

#define book_test(fn) cmocka_unit_test_setup_teardown(fn, clear_book, clear_book)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(lists_of_nft_are_read),
	        cmocka_unit_test(odd_lists_are_refused_whole),
	        book_test(only_growth_is_told_and_at_most_once_a_minute),
	        book_test(what_is_not_taken_stays),
	        book_test(a_new_table_counts_from_nothing),
	        book_test(what_was_not_told_outlives_its_table),
	        book_test(a_turn_is_bounded_and_everybody_has_one),
	        book_test(a_full_book_takes_the_rest_later),
	        book_test(the_book_is_read_back),
	        book_test(broken_books_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
