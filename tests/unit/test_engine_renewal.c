// SPDX-License-Identifier: Apache-2.0
// A request for several people ends with the first of them, and is renewed for those who go on.
#include "grant_run.h"

// Alice and bob share a combined request, which ends with bob; hers is renewed just before.
static void share_until_bob_ends(struct fake *fake)
{
	struct answer a, b;

	fake->supersede = SUPERSEDE_SAME_PORT;
	fake->rule.duration_s = 26;
	need(fake, "alice", "198.51.100.7", &a);
	assert_true(run_until(fake, &a, NULL));
	fake->rule.duration_s = 14;
	need(fake, "bob", "203.0.113.9", &b);
	assert_true(run_until(fake, &b, NULL));
	assert_true(run_until_open(fake, "198.51.100.7", 8000));
	assert_true(run_until_open(fake, "203.0.113.9", 8000));
}

static void run_past_bob(struct fake *fake)
{
	uint64_t give_up = azjit_time_monotonic_ms() + 20000;

	while (grant_state(fake, "203.0.113.9") == AZJIT_GRANT_OPEN && azjit_time_monotonic_ms() < give_up)
		assert_int_equal(azjit_loop_turn(fake->loop, 20), AZJIT_OK);
}

static void a_refused_renewal_is_tried_again(void **state)
{
	struct fake *fake = *state;
	unsigned before;

	share_until_bob_ends(fake);
	before = fake->initiates;
	fake->refuse_next = 1;
	run_past_bob(fake);
	assert_true(run_until_open(fake, "198.51.100.7", 5000));
	assert_int_equal(fake->initiates, before + 2);
	assert_false(fake->too_long);
}

static void a_renewal_that_stays_refused_ends_the_grant(void **state)
{
	struct fake *fake = *state;

	share_until_bob_ends(fake);
	fake->refuse_next = 1000;
	run_past_bob(fake);
	assert_int_equal(grant_state(fake, "198.51.100.7"), AZJIT_GRANT_FAILED);
}

static void a_renewal_whose_answer_is_lost_is_looked_for(void **state)
{
	struct fake *fake = *state;
	unsigned before;

	share_until_bob_ends(fake);
	before = fake->initiates;
	fake->lose_answer = true;
	run_past_bob(fake);
	assert_true(run_until_open(fake, "198.51.100.7", 5000));
	assert_int_equal(fake->initiates, before + 1);
}

int main(void)
{
#define WITH_FAKE(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)
	const struct CMUnitTest tests[] = {
	        WITH_FAKE(a_refused_renewal_is_tried_again),
	        WITH_FAKE(a_renewal_that_stays_refused_ends_the_grant),
	        WITH_FAKE(a_renewal_whose_answer_is_lost_is_looked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
