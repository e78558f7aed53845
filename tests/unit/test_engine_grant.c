// SPDX-License-Identifier: Apache-2.0
// The engine against a small Azure in memory: entries and rules. The functions of jit.h, network.h and
// inventory.h that the engine calls are replaced here; ledger, verdict and loop are the real ones.
#include "grant_run.h"

static void joins_and_reuses(void **state)
{
	struct fake *fake = *state;
	struct answer a, b, c;

	need(fake, "alice", "198.51.100.7", &a);
	need(fake, "bob", "198.51.100.7", &b);
	assert_true(run_until(fake, &a, &b));
	assert_int_equal(a.result, AZJIT_OK);
	assert_int_equal(b.result, AZJIT_OK);
	assert_int_equal(fake->initiates, 1);
	assert_string_equal(a.grant, b.grant);
	need(fake, "carol", "198.51.100.7", &c);
	assert_true(run_until(fake, &c, NULL));
	assert_int_equal(fake->initiates, 1);
	assert_int_equal(count_entries(fake, AZJIT_ENTRY_INTENT, "sending"), 1);
	assert_int_equal(count_entries(fake, AZJIT_ENTRY_GRANT, "open"), 1);
}

static void the_intent_is_durable_before_the_post(void **state)
{
	struct fake *fake = *state;
	struct answer a;

	need(fake, "alice", "198.51.100.7", &a);
	assert_true(run_until(fake, &a, NULL));
	assert_int_equal(fake->intents_at_post, 1); // as the ledger stood when the POST left
	assert_true(azjit_uuid_valid(fake->last_client_request_id));
	assert_int_equal(fake->last_client_request_id[14], '8'); // an anchor (RFC 9562 version 8)
}

static void a_rule_that_never_comes_is_named(void **state)
{
	struct fake *fake = *state;
	struct answer a;

	fake->rule_never = true;
	need(fake, "alice", "198.51.100.7", &a);
	assert_true(run_until(fake, &a, NULL));
	assert_int_equal(a.result, AZJIT_RULE_MISSING);
	assert_non_null(strstr(a.reason, "jit-deny-web01"));
}

static void a_shadowing_rule_is_named(void **state)
{
	struct fake *fake = *state;
	struct answer a;

	fake->shadow = true;
	need(fake, "alice", "198.51.100.7", &a);
	assert_true(run_until(fake, &a, NULL));
	assert_int_equal(a.result, AZJIT_RULE_SHADOWED);
	assert_non_null(strstr(a.reason, "block-all"));
	assert_non_null(strstr(a.reason, "90"));
}

static void a_subnet_that_was_not_read_is_never_open(void **state)
{
	struct fake *fake = *state;
	struct answer a;

	fake->subnet_unread = true;
	need(fake, "alice", "198.51.100.7", &a);
	assert_true(run_until(fake, &a, NULL));
	assert_int_equal(a.result, AZJIT_DEADLINE);
	assert_non_null(strstr(a.reason, "subnet"));
}

static void a_later_failure_gives_its_reason(void **state)
{
	struct fake *fake = *state;
	struct answer a;

	fake->fail_later = "NSGRulesQuotaReached";
	need(fake, "alice", "198.51.100.7", &a);
	assert_true(run_until(fake, &a, NULL));
	assert_int_equal(a.result, AZJIT_REQUEST_FAILED);
	assert_non_null(strstr(a.reason, "NSGRulesQuotaReached"));
}

static void a_refusal_is_passed_on(void **state)
{
	struct fake *fake = *state;
	struct answer a;

	fake->refuse = 409;
	need(fake, "alice", "198.51.100.7", &a);
	assert_true(run_until(fake, &a, NULL));
	assert_int_equal(a.result, AZJIT_REQUEST_REFUSED);
	assert_non_null(strstr(a.reason, "ScopeLocked"));
	assert_int_equal(fake->initiates, 1);
}

static void an_unknown_outcome_is_looked_for_first(void **state)
{
	struct fake *fake = *state;
	struct answer a;

	fake->lose_answer = true; // it arrived, but the 202 was lost
	need(fake, "alice", "198.51.100.7", &a);
	assert_true(run_until(fake, &a, NULL));
	assert_int_equal(a.result, AZJIT_OK);
	assert_int_equal(fake->initiates, 1);
}

static void an_echo_of_something_else_opens_nothing(void **state)
{
	struct fake *fake = *state;
	struct answer a;

	fake->wrong_echo = true;
	need(fake, "alice", "198.51.100.7", &a);
	assert_true(run_until(fake, &a, NULL));
	assert_int_equal(a.result, AZJIT_PROTOCOL);
	assert_int_equal(count_entries(fake, AZJIT_ENTRY_GRANT, "open"), 0);
}

static void a_restart_finds_the_grant_again(void **state)
{
	struct fake *fake = *state;
	struct answer a, b;

	need(fake, "alice", "198.51.100.7", &a);
	assert_true(run_until(fake, &a, NULL));
	restart(fake);
	need(fake, "bob", "198.51.100.7", &b);
	assert_true(run_until(fake, &b, NULL));
	assert_int_equal(b.result, AZJIT_OK);
	assert_string_equal(a.grant, b.grant);
	assert_int_equal(fake->initiates, 1);
}

// Azure did not answer when the broker started: who needs the port knows the machine.
static void a_restart_without_azure_finds_the_grant_again(void **state)
{
	struct fake *fake = *state;
	struct answer a, b;

	need(fake, "alice", "198.51.100.7", &a);
	assert_true(run_until(fake, &a, NULL));
	fake->inventory_down = true;
	restart(fake);
	need(fake, "bob", "198.51.100.7", &b);
	assert_true(run_until(fake, &b, NULL));
	assert_int_equal(b.result, AZJIT_OK);
	assert_string_equal(a.grant, b.grant);
	assert_int_equal(fake->initiates, 1);
}

// The same when the search for the machine was given up before she came.
static void a_grant_given_up_at_a_restart_is_found_again(void **state)
{
	struct fake *fake = *state;
	struct answer a, b;
	int turns = 0;

	need(fake, "alice", "198.51.100.7", &a);
	assert_true(run_until(fake, &a, NULL));
	fake->inventory_down = true;
	restart(fake);
	while (!fake->inventory_failed && turns++ < 1000)
		(void)run_until_open(fake, "192.0.2.1", 5); // of nobody: only lets the loop run
	assert_true(fake->inventory_failed);
	need(fake, "bob", "198.51.100.7", &b);
	assert_true(run_until(fake, &b, NULL));
	assert_int_equal(b.result, AZJIT_OK);
	assert_string_equal(a.grant, b.grant);
	assert_int_equal(fake->initiates, 1);
}

int main(void)
{
#define WITH_FAKE(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)
	const struct CMUnitTest tests[] = {
	        WITH_FAKE(joins_and_reuses),
	        WITH_FAKE(the_intent_is_durable_before_the_post),
	        WITH_FAKE(a_rule_that_never_comes_is_named),
	        WITH_FAKE(a_shadowing_rule_is_named),
	        WITH_FAKE(a_subnet_that_was_not_read_is_never_open),
	        WITH_FAKE(a_later_failure_gives_its_reason),
	        WITH_FAKE(a_refusal_is_passed_on),
	        WITH_FAKE(an_unknown_outcome_is_looked_for_first),
	        WITH_FAKE(an_echo_of_something_else_opens_nothing),
	        WITH_FAKE(a_restart_finds_the_grant_again),
	        WITH_FAKE(a_restart_without_azure_finds_the_grant_again),
	        WITH_FAKE(a_grant_given_up_at_a_restart_is_found_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
