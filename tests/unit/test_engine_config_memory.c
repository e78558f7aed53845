// SPDX-License-Identifier: Apache-2.0
// The n-th allocation fails while a configuration is read, for every n.
#include "test_engine_memory.h"

#include <azjit/config.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char text[] =
        "ca_file = \"/etc/azjit/ca.pem\"; subscriptions = [ \"36c3b2ab-3f5f-4b2a-9c6f-06bfc8c0a0a1\" ];\n"
        "aliases = ( { name = \"a\"; vm = \"web01\"; }, { name = \"b\"; vm = \"tag:a=b\"; } );\n"
        "source = { egress = [ \"20.1.2.3\" ]; fleet_source = \"10.1.0.0/28\"; max_prefix = 24;\n"
        " map = ( { from = \"10.8.0.0/16\"; to = \"20.1.2.3\"; } ); };\n"
        "rules = ( { name = \"a\"; users = [ \"alice\", \"bob\" ]; groups = [ \"g\" ]; targets = [ \"web*\" "
        "];\n"
        " source = [ \"20.1.2.0/24\" ]; }, { name = \"b\"; users = [ \"c\" ]; targets = [ \"x\" ]; ports = [ "
        "1 ]; } );";

static void reading_fails_whole_at_every_allocation(void **state)
{
	enum azjit_result result = AZJIT_NOMEM;
	long n = 0;

	while (result != AZJIT_OK) {
		struct azjit_config *config = NULL;
		struct azjit_reason reason = {""};

		allocations_left = ++n;
		result = azjit_config_parse(text, "t", &reason, &config);
		allocations_left = 0;
		if (result != AZJIT_OK) {
			assert_int_equal(result, AZJIT_NOMEM);
			assert_string_equal(reason.text, "t: out of memory");
			assert_null(config);
		}
		azjit_config_free(config);
	}
	assert_true(n > 40);
}

static void defaults_fail_whole_at_every_allocation(void **state)
{
	enum azjit_result result = AZJIT_NOMEM;
	long n = 0;

	while (result != AZJIT_OK) {
		struct azjit_config *config = NULL;

		allocations_left = ++n;
		result = azjit_config_defaults(&config);
		allocations_left = 0;
		assert_true(result == AZJIT_OK ? config != NULL : result == AZJIT_NOMEM && !config);
		azjit_config_free(config);
	}
	assert_true(n > 10);
}

static void showing_what_does_not_fit_fails(void **state)
{
	struct azjit_config *config = NULL;
	size_t whole;
	struct azjit_buf big = AZJIT_BUF(1 << 20);

	assert_int_equal(azjit_config_parse(text, "t", NULL, &config), AZJIT_OK);
	assert_true(azjit_config_show(config, &big));
	whole = big.len;
	for (size_t room = 0; room < whole; room += 97) {
		struct azjit_buf small = AZJIT_BUF(room), json = AZJIT_BUF(room);

		assert_false(azjit_config_show(config, &small));
		assert_true(small.failed);
		if (room < 1000)
			assert_false(azjit_config_show_json(config, &json));
		azjit_buf_free(&small);
		azjit_buf_free(&json);
	}
	azjit_buf_free(&big);
	azjit_config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(reading_fails_whole_at_every_allocation),
	        cmocka_unit_test(defaults_fail_whole_at_every_allocation),
	        cmocka_unit_test(showing_what_does_not_fit_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
