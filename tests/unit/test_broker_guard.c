// SPDX-License-Identifier: Apache-2.0
// The guard's two files.
#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void set_is_read_back(void **state)
{
	_cleanup_buf_ struct azjit_buf out = AZJIT_BUF(4096);
	_cleanup_free_ struct azjit_managed *back = NULL;
	struct azjit_managed pairs[2] = {{.port = 22}, {.port = 3389}};
	size_t count = 0;
	uint64_t generation = 0;

	(void)state;
	assert_int_equal(azjit_addr_parse("10.20.1.4", &pairs[0].addr), AZJIT_OK);
	assert_int_equal(azjit_addr_parse("198.51.100.4", &pairs[1].addr), AZJIT_OK);
	assert_true(guard_set_format(pairs, 2, 77, &out));
	assert_string_equal(out.data, "azjit-guard 1\n10.20.1.4 22\n198.51.100.4 3389\nend 2 77\n");
	assert_true(guard_set_parse(out.data, &back, &count, &generation));
	assert_int_equal(count, 2);
	assert_int_equal(generation, 77);
	assert_true(azjit_addr_equal(&back[1].addr, &pairs[1].addr));
	assert_int_equal(back[1].port, 3389);
}

// A set that is not whole, or says other things than its end, is none.
static void broken_sets_are_none(void **state)
{
	static const char *const texts[] = {
	        "",
	        "azjit-guard 1\n",
	        "azjit-guard 2\nend 0 1\n",
	        "azjit-guard 1\n10.20.1.4 22\n",
	        "azjit-guard 1\n10.20.1.4 22\nend 2 1\n",
	        "azjit-guard 1\n10.20.1.4 22\nend 1 0\n",
	        "azjit-guard 1\n10.20.1.4 22\nend 1 1",
	        "azjit-guard 1\n10.20.1.4  22\nend 1 1\n",
	        "azjit-guard 1\n10.20.1.400 22\nend 1 1\n",
	        "azjit-guard 1\nweb01 22\nend 1 1\n",
	        "azjit-guard 1\n10.20.1.4 0\nend 1 1\n",
	        "azjit-guard 1\n10.20.1.4 22 tcp\nend 1 1\n",
	};

	(void)state;
	for (size_t i = 0; i < AZJIT_COUNT(texts); i++) {
		struct azjit_managed *pairs = NULL;
		size_t count;
		uint64_t generation;

		if (guard_set_parse(texts[i], &pairs, &count, &generation))
			fail_msg("taken for a set: %s", texts[i]);
		assert_null(pairs);
	}
}

static void state_is_read(void **state)
{
	struct guard_state s;

	(void)state;
	assert_true(guard_state_parse("generation=1795380070719 count=6 table=ok error=\n", &s));
	assert_int_equal(s.generation, 1795380070719);
	assert_int_equal(s.count, 6);
	assert_true(s.table_ok);
	assert_true(
	        guard_state_parse("generation=1 count=0 table=missing error=generation=9 table=ok\n", &s));
	assert_int_equal(s.generation, 1);
	assert_false(s.table_ok);
	assert_string_equal(s.error, "generation=9 table=ok");
	assert_false(guard_state_parse("", &s));
	assert_false(guard_state_parse("generation=1 count=0\n", &s));
	assert_false(guard_state_parse("generation=-1 count=0 table=ok error=\n", &s));
	assert_false(guard_state_parse("xgeneration=1 count=0 table=ok error=\n", &s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(set_is_read_back),
	        cmocka_unit_test(broken_sets_are_none),
	        cmocka_unit_test(state_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
