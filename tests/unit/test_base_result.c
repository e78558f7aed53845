// SPDX-License-Identifier: Apache-2.0
#include <azjit/result.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void every_result_has_a_name_of_its_own(void **state)
{
	for (int a = 0; a < AZJIT_RESULT_COUNT_; a++) {
		assert_int_equal(azjit_result_from_name(azjit_result_name((enum azjit_result)a)), a);
		for (const char *p = azjit_result_name((enum azjit_result)a); *p; p++)
			assert_true((*p >= 'a' && *p <= 'z') || *p == '-');
	}
}

static void what_is_no_name_is_a_denial(void **state)
{
	assert_int_equal(azjit_result_from_name("OK"), AZJIT_DENIED);
	assert_int_equal(azjit_result_from_name(""), AZJIT_DENIED);
	assert_int_equal(azjit_result_from_name("ok "), AZJIT_DENIED);
	assert_int_equal(azjit_result_from_name(NULL), AZJIT_DENIED);
	assert_string_equal(azjit_result_name((enum azjit_result)999), "denied");
}

static void only_ok_exits_with_zero(void **state)
{
	for (int i = 0; i <= AZJIT_RESULT_COUNT_; i++) {
		int status = azjit_result_exit((enum azjit_result)i);

		assert_true((status == 0) == (i == AZJIT_OK));
		assert_true(status == 0 || (status >= 64 && status <= 78));
	}
	assert_int_not_equal(azjit_result_exit((enum azjit_result)999), 0);
}

// What a wait can end with must be told apart by a script.
static void causes_at_the_deadline_have_statuses_of_their_own(void **state)
{
	static const struct {
		enum azjit_result result;
		int status;
	} causes[] = {
	        {AZJIT_REQUEST_REFUSED, 65}, {AZJIT_PORT_CLOSED, 69}, {AZJIT_BROKER_DOWN, 71},
	        {AZJIT_REQUEST_FAILED, 73},  {AZJIT_UNREACHABLE, 74}, {AZJIT_RULE_MISSING, 75},
	        {AZJIT_PROTOCOL, 76},        {AZJIT_DENIED, 77},      {AZJIT_RULE_SHADOWED, 78},
	        {AZJIT_NOT_RUNNING, 69},     {AZJIT_UNSUPPORTED, 78},
	};

	for (size_t i = 0; i < AZJIT_COUNT(causes); i++)
		assert_int_equal(azjit_result_exit(causes[i].result), causes[i].status);
}

static void a_reason_is_whole_printable_and_terminated(void **state)
{
	struct azjit_reason reason;
	char longer[2000];

	assert_int_equal(azjit_fail(&reason, AZJIT_CONFIG, "line %d: %s", 7, "no\nsuch\x1b[31m key"),
	                 AZJIT_CONFIG);
	assert_string_equal(reason.text, "line 7: no\\x0asuch\\x1b[31m key");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	memcpy(longer + sizeof(reason.text) - 2, "\xc3\xa9", 2); // would be cut in the middle
	(void)azjit_fail(&reason, AZJIT_CONFIG, "%s", longer);
	assert_int_equal(strlen(reason.text), sizeof(reason.text) - 2);
}

static void a_reason_may_be_wrapped_into_itself(void **state)
{
	struct azjit_reason reason;

	(void)azjit_fail(&reason, AZJIT_SYSTEM, "inner");
	(void)azjit_fail(&reason, AZJIT_SYSTEM, "outer: %s", reason.text);
	assert_string_equal(reason.text, "outer: inner");
	assert_int_equal(azjit_fail(NULL, AZJIT_BUSY, "%s", "nobody asked"), AZJIT_BUSY);
}

static void a_reason_keeps_errno(void **state)
{
	struct azjit_reason reason;

	errno = ENOENT;
	(void)azjit_fail(&reason, AZJIT_SYSTEM, "%m");
	assert_string_equal(reason.text, "No such file or directory");
	assert_int_equal(errno, ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_result_has_a_name_of_its_own),
	        cmocka_unit_test(what_is_no_name_is_a_denial),
	        cmocka_unit_test(only_ok_exits_with_zero),
	        cmocka_unit_test(causes_at_the_deadline_have_statuses_of_their_own),
	        cmocka_unit_test(a_reason_is_whole_printable_and_terminated),
	        cmocka_unit_test(a_reason_may_be_wrapped_into_itself),
	        cmocka_unit_test(a_reason_keeps_errno),
	};

	return cmocka_run_group_tests_name("base/result", tests, NULL, NULL);
}
