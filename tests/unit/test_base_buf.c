// SPDX-License-Identifier: Apache-2.0
#include <azjit/buf.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void appends_up_to_its_cap(void **state)
{
	_cleanup_buf_ struct azjit_buf buf = AZJIT_BUF(10);

	assert_true(azjit_buf_str(&buf, "12345"));
	assert_true(azjit_buf_printf(&buf, "%s", "67890"));
	assert_string_equal(buf.data, "1234567890");
	assert_int_equal(buf.len, 10);
	assert_true(azjit_buf_add(&buf, "", 0));
}

static void what_does_not_fit_fails_for_good(void **state)
{
	_cleanup_buf_ struct azjit_buf buf = AZJIT_BUF(10);

	assert_true(azjit_buf_str(&buf, "12345"));
	assert_false(azjit_buf_str(&buf, "678901"));
	assert_false(azjit_buf_str(&buf, "6"));
	assert_false(azjit_buf_printf(&buf, "6"));
	assert_true(buf.failed);
	assert_null(azjit_buf_steal(&buf));
	assert_null(buf.data);
}

static void printf_that_does_not_fit_leaves_no_shorter_string(void **state)
{
	_cleanup_buf_ struct azjit_buf buf = AZJIT_BUF(10);

	assert_true(azjit_buf_str(&buf, "12345"));
	assert_false(azjit_buf_printf(&buf, "%s", "678901"));
	assert_string_equal(buf.data, "12345");
}

static void grows_over_many_sizes(void **state)
{
	_cleanup_buf_ struct azjit_buf buf = AZJIT_BUF(100000);

	for (int i = 0; i < 100000; i++)
		assert_true(azjit_buf_add(&buf, "x", 1));
	assert_int_equal(strlen(buf.data), 100000);
	assert_false(azjit_buf_add(&buf, "x", 1));
}

static void consumes_from_the_front(void **state)
{
	_cleanup_buf_ struct azjit_buf buf = AZJIT_BUF(10);

	assert_true(azjit_buf_str(&buf, "abcdef"));
	azjit_buf_consume(&buf, 4);
	assert_string_equal(buf.data, "ef");
	assert_true(azjit_buf_str(&buf, "ghijklmn"));
	azjit_buf_consume(&buf, 10);
	assert_int_equal(buf.len, 0);
	assert_string_equal(buf.data, "");
}

static void reset_forgets_the_failure(void **state)
{
	_cleanup_buf_ struct azjit_buf buf = AZJIT_BUF(3);

	assert_false(azjit_buf_str(&buf, "1234"));
	azjit_buf_reset(&buf);
	assert_true(azjit_buf_str(&buf, "123"));
	azjit_buf_reset(&buf);
	assert_string_equal(buf.data, "");
}

static void steal_hands_over_and_leaves_an_empty_buffer(void **state)
{
	_cleanup_buf_ struct azjit_buf buf = AZJIT_BUF(3);
	_cleanup_free_ char *text = NULL, *empty = NULL;

	empty = azjit_buf_steal(&buf);
	assert_string_equal(empty, "");
	assert_true(azjit_buf_str(&buf, "123"));
	text = azjit_buf_steal(&buf);
	assert_string_equal(text, "123");
	assert_int_equal(buf.len, 0);
	assert_true(azjit_buf_str(&buf, "456"));
}

static void a_length_near_the_end_of_memory_is_refused(void **state)
{
	_cleanup_buf_ struct azjit_buf buf = AZJIT_BUF(SIZE_MAX);

	assert_true(azjit_buf_str(&buf, "1"));
	assert_false(azjit_buf_add(&buf, "x", SIZE_MAX - 1));
	assert_true(buf.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(appends_up_to_its_cap),
	        cmocka_unit_test(what_does_not_fit_fails_for_good),
	        cmocka_unit_test(printf_that_does_not_fit_leaves_no_shorter_string),
	        cmocka_unit_test(grows_over_many_sizes),
	        cmocka_unit_test(consumes_from_the_front),
	        cmocka_unit_test(reset_forgets_the_failure),
	        cmocka_unit_test(steal_hands_over_and_leaves_an_empty_buffer),
	        cmocka_unit_test(a_length_near_the_end_of_memory_is_refused),
	};

	return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
