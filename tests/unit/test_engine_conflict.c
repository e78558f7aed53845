// SPDX-License-Identifier: Apache-2.0
// Every position of what is undocumented: does a newer request revoke an older one, and in which form are
// several sources taken in one request?
#include "grant_run.h"

// Two people, one port, two addresses: under every reading of "newer revokes older" and every form of
// the plural, both keep their access where that is possible; where it is not, the first keeps it and
// the newcomer is told.
static void two_sources(struct fake *fake, enum supersede supersede, enum plural plural,
                        enum separate separate)
{
	struct answer a, b;
	bool possible =
	        supersede != SUPERSEDE_SAME_PORT || plural == PLURAL_ACCEPT || separate == SEPARATE_BOTH;

	fake->supersede = supersede;
	fake->plural = plural;
	fake->separate = separate;
	need(fake, "alice", "198.51.100.7", &a);
	assert_true(run_until(fake, &a, NULL));
	assert_int_equal(a.result, AZJIT_OK);
	need(fake, "bob", "203.0.113.9", &b);
	assert_true(run_until(fake, &b, NULL));
	assert_true(run_until_open(fake, "198.51.100.7", 25000)); // watched, and mended
	if (possible)
		assert_true(run_until_open(fake, "203.0.113.9", 25000));
	else
		assert_int_equal(grant_state(fake, "203.0.113.9"), AZJIT_GRANT_FAILED);
	assert_false(fake->too_long); // nobody's rule outlasts the end that was asked for him
}

#define TWO_SOURCES(name, supersede, plural, separate)            \
	static void name(void **state)                            \
	{                                                         \
		two_sources(*state, supersede, plural, separate); \
	}
TWO_SOURCES(never_accept, SUPERSEDE_NEVER, PLURAL_ACCEPT, SEPARATE_BOTH)
TWO_SOURCES(never_refuse, SUPERSEDE_NEVER, PLURAL_REFUSE, SEPARATE_BOTH)
TWO_SOURCES(same_source_drop, SUPERSEDE_SAME_SOURCE, PLURAL_DROP, SEPARATE_BOTH)
TWO_SOURCES(same_port_accept, SUPERSEDE_SAME_PORT, PLURAL_ACCEPT, SEPARATE_BOTH)
TWO_SOURCES(same_port_refuse, SUPERSEDE_SAME_PORT, PLURAL_REFUSE, SEPARATE_BOTH)
TWO_SOURCES(same_port_drop, SUPERSEDE_SAME_PORT, PLURAL_DROP, SEPARATE_BOTH)
TWO_SOURCES(one_only_refuse, SUPERSEDE_SAME_PORT, PLURAL_REFUSE, SEPARATE_REFUSE)
TWO_SOURCES(one_only_last, SUPERSEDE_SAME_PORT, PLURAL_REFUSE, SEPARATE_LAST)
TWO_SOURCES(one_only_drop_last, SUPERSEDE_SAME_PORT, PLURAL_DROP, SEPARATE_LAST)

int main(void)
{
#define WITH_FAKE(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)
	const struct CMUnitTest tests[] = {
	        WITH_FAKE(never_accept),     WITH_FAKE(never_refuse),     WITH_FAKE(same_source_drop),
	        WITH_FAKE(same_port_accept), WITH_FAKE(same_port_refuse), WITH_FAKE(same_port_drop),
	        WITH_FAKE(one_only_refuse),  WITH_FAKE(one_only_last),    WITH_FAKE(one_only_drop_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
