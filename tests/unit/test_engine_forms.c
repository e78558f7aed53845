// SPDX-License-Identifier: Apache-2.0
// Requests for several people that Azure does not take, or not for all of them: nobody who had the port is cut
// off by that, and nothing is learned from a refusal alone.
#include "grant_run.h"

// As if this subscription had been seen to let a newer request revoke older ones.
static void learn(struct fake *fake)
{
	struct azjit_entry entry = {.kind = AZJIT_ENTRY_ERROR, .event = "habit"};
	struct azjit_reason reason;

	azjit_entry_put(&entry, "vm", VM);
	azjit_entry_put(&entry, "supersede", "1");
	azjit_entry_put(&entry, "form", "plural");
	assert_int_equal(azjit_ledger_append(fake->ledger, azjit_time_now(), &entry, &reason), AZJIT_OK);
	fake->supersede = SUPERSEDE_SAME_PORT;
	restart(fake);
}

static void run_for(struct fake *fake, uint64_t ms)
{
	uint64_t end_ms = azjit_time_monotonic_ms() + ms;

	while (azjit_time_monotonic_ms() < end_ms)
		assert_int_equal(azjit_loop_turn(fake->loop, 20), AZJIT_OK);
}

static void open_for(struct fake *fake, const char *user, const char *source, int64_t duration_s)
{
	struct answer a;

	fake->rule.duration_s = duration_s;
	need(fake, user, source, &a);
	assert_true(run_until(fake, &a, NULL));
	assert_int_equal(a.result, AZJIT_OK);
	assert_true(run_until_open(fake, source, 8000));
}

#define ALICE "198.51.100.7"
#define BOB   "203.0.113.9"
#define CAROL "192.0.2.55"

static void ask_for(struct fake *fake, const char *user, const char *source, int64_t duration_s,
                    enum azjit_result result)
{
	struct answer a;

	fake->rule.duration_s = duration_s;
	need(fake, user, source, &a);
	assert_true(run_until(fake, &a, NULL));
	assert_int_equal(a.result, result);
}

// The plural was taken for someone else's address, which took the port away; the separate form is refused.
static void who_lost_the_port_gets_it_back(void **state)
{
	struct fake *fake = *state;

	learn(fake);
	open_for(fake, "alice", ALICE, 600);
	fake->plural = PLURAL_DROP;
	fake->separate = SEPARATE_REFUSE;
	ask_for(fake, "bob", BOB, 600, AZJIT_BUSY);
	assert_true(run_until_open(fake, ALICE, 15000));
}

static void a_third_one_cuts_nobody_off(void **state)
{
	struct fake *fake = *state;

	fake->supersede = SUPERSEDE_SAME_PORT;
	fake->plural = PLURAL_REFUSE;
	open_for(fake, "alice", ALICE, 600);
	ask_for(fake, "bob", BOB, 600, AZJIT_OK); // takes it from her, and both get it
	assert_true(run_until_open(fake, ALICE, 15000));
	assert_true(run_until_open(fake, BOB, 15000));
	fake->separate = SEPARATE_REFUSE;
	ask_for(fake, "carol", CAROL, 600, AZJIT_BUSY);
	assert_true(run_until_open(fake, ALICE, 5000));
	assert_true(run_until_open(fake, BOB, 5000));
}

static void who_waits_is_not_lost_to_a_newcomer(void **state)
{
	struct fake *fake = *state;
	struct answer a, b;

	learn(fake);
	fake->plural = PLURAL_REFUSE;
	fake->separate = SEPARATE_REFUSE;
	need(fake, "alice", ALICE, &a);
	run_for(fake, 150); // taken, its rule is on its way
	need(fake, "bob", BOB, &b);
	assert_true(run_until(fake, &a, &b));
	assert_int_equal(a.result, AZJIT_OK);
	assert_int_equal(b.result, AZJIT_BUSY);
	assert_true(run_until_open(fake, ALICE, 5000));
}

// Her older request is what she has, whatever was refused since.
static void a_restart_forgets_what_was_refused(void **state)
{
	struct fake *fake = *state;

	learn(fake);
	open_for(fake, "alice", ALICE, 600);
	fake->plural = PLURAL_REFUSE;
	fake->separate = SEPARATE_REFUSE;
	ask_for(fake, "bob", BOB, 6, AZJIT_BUSY);
	run_for(fake, 7000);
	restart(fake);
	assert_true(run_until_open(fake, ALICE, 8000));
}

static void refusals_of_a_moment_end_nobody(void **state)
{
	struct fake *fake = *state;

	learn(fake);
	open_for(fake, "alice", ALICE, 60);
	open_for(fake, "carol", CAROL, 60);
	open_for(fake, "bob", BOB, 12);
	fake->refuse_next = 2; // both forms, once
	run_for(fake, 12000);
	assert_true(run_until_open(fake, ALICE, 5000));
	assert_true(run_until_open(fake, CAROL, 5000));
}

static void what_only_one_can_have_the_first_keeps(void **state)
{
	struct fake *fake = *state;

	learn(fake);
	open_for(fake, "alice", ALICE, 60);
	open_for(fake, "carol", CAROL, 60);
	open_for(fake, "bob", BOB, 12);
	fake->plural = PLURAL_REFUSE;
	fake->separate = SEPARATE_REFUSE;
	run_for(fake, 12000);
	assert_true(run_until_open(fake, ALICE, 5000));
	assert_int_equal(grant_state(fake, CAROL), AZJIT_GRANT_FAILED);
}

static void a_lost_answer_that_was_not_for_all_is_no_answer(void **state)
{
	struct fake *fake = *state;
	struct answer b;

	learn(fake);
	open_for(fake, "alice", ALICE, 600);
	fake->plural = PLURAL_DROP;
	fake->lose_answer = true;
	need(fake, "bob", BOB, &b);
	run_for(fake, 300);
	fake->lose_answer = false;
	assert_true(run_until(fake, &b, NULL));
	assert_int_equal(b.result, AZJIT_OK);
	assert_true(run_until_open(fake, ALICE, 15000));
	assert_true(run_until_open(fake, BOB, 15000));
}

static void replacing_leaves_the_port_to_the_newcomer(void **state)
{
	struct fake *fake = *state;

	learn(fake);
	fake->config->conflict_replace = true;
	open_for(fake, "alice", ALICE, 600);
	fake->plural = PLURAL_REFUSE;
	fake->separate = SEPARATE_LAST;
	ask_for(fake, "bob", BOB, 600, AZJIT_OK);
	assert_true(run_until_open(fake, BOB, 8000));
	assert_int_equal(grant_state(fake, ALICE), AZJIT_GRANT_CLOSED);
}

// Whoever has the port keeps it until the newcomer really has it.
static void replacing_that_fails_replaces_nobody(void **state)
{
	struct fake *fake = *state;

	learn(fake);
	fake->config->conflict_replace = true;
	open_for(fake, "alice", ALICE, 600);
	fake->refuse_next = 3;
	ask_for(fake, "bob", BOB, 600, AZJIT_REQUEST_REFUSED);
	assert_true(run_until_open(fake, ALICE, 5000));
}

static void replacing_is_for_the_newcomer_from_the_first_time_on(void **state)
{
	struct fake *fake = *state;

	fake->supersede = SUPERSEDE_SAME_PORT;
	fake->plural = PLURAL_REFUSE;
	fake->separate = SEPARATE_REFUSE;
	fake->config->conflict_replace = true;
	open_for(fake, "alice", ALICE, 600);
	ask_for(fake, "bob", BOB, 600, AZJIT_OK);
	run_for(fake, 5000);
	assert_true(run_until_open(fake, BOB, 8000));
	assert_int_equal(grant_state(fake, ALICE), AZJIT_GRANT_CLOSED);
}

// A request that nobody of ours explains is another's: it is not fought.
static void what_a_stranger_took_is_not_taken_back(void **state)
{
	struct fake *fake = *state;
	unsigned before;

	open_for(fake, "alice", ALICE, 600);
	before = fake->initiates;
	fake->entries[0].revoked = true;
	run_for(fake, 6000);
	assert_int_equal(fake->initiates, before);
	assert_int_equal(grant_state(fake, ALICE), AZJIT_GRANT_CLOSED);
}

int main(void)
{
#define WITH_FAKE(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)
	const struct CMUnitTest tests[] = {
	        WITH_FAKE(who_lost_the_port_gets_it_back),
	        WITH_FAKE(a_third_one_cuts_nobody_off),
	        WITH_FAKE(who_waits_is_not_lost_to_a_newcomer),
	        WITH_FAKE(a_restart_forgets_what_was_refused),
	        WITH_FAKE(refusals_of_a_moment_end_nobody),
	        WITH_FAKE(what_only_one_can_have_the_first_keeps),
	        WITH_FAKE(a_lost_answer_that_was_not_for_all_is_no_answer),
	        WITH_FAKE(replacing_leaves_the_port_to_the_newcomer),
	        WITH_FAKE(replacing_that_fails_replaces_nobody),
	        WITH_FAKE(replacing_is_for_the_newcomer_from_the_first_time_on),
	        WITH_FAKE(what_a_stranger_took_is_not_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
