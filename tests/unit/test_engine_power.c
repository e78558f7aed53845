// SPDX-License-Identifier: Apache-2.0
// A handshake that does not come though the rules allow it: does the machine run, and is there a gate at
// all? And a request that is refused: is it the plan?
#include "grant_run.h"

// Returns how long the wait took.
static uint64_t wait_in_vain(struct fake *fake, struct answer *a)
{
	uint64_t begin = azjit_time_monotonic_ms();

	fake->probe = true;
	need(fake, "alice", "203.0.113.7", a);
	assert_true(run_until(fake, a, NULL));
	assert_true(fake->probes > 0);
	return azjit_time_monotonic_ms() - begin;
}

static void a_machine_that_does_not_run_is_told_at_once(void **state)
{
	static const char *const down[] = {"stopped", "deallocated", "deallocating", "stopping"};
	struct fake *fake = *state;
	struct answer a;

	for (size_t i = 0; i < AZJIT_COUNT(down); i++) {
		fake->power = down[i];
		assert_true(wait_in_vain(fake, &a) < 3000);
		assert_int_equal(a.result, AZJIT_NOT_RUNNING);
		assert_non_null(strstr(a.reason, "web01 does not run (Azure says "));
		assert_non_null(strstr(a.reason, down[i]));
		assert_int_equal(fake->power_calls, i + 1);
	}
}

static void a_machine_that_runs_or_starts_is_waited_for(void **state)
{
	static const char *const up[] = {"running", "starting", "hibernating", "", NULL};
	struct fake *fake = *state;
	struct answer a;

	fake->config->deadline_s = 2;
	for (size_t i = 0; i < AZJIT_COUNT(up); i++) {
		fake->power = up[i];
		assert_true(wait_in_vain(fake, &a) >= 2000);
		assert_int_equal(a.result, AZJIT_PORT_CLOSED);
		assert_non_null(
		        strstr(a.reason, i ? "is it running, and" : "web01 runs and does not answer"));
		assert_int_equal(fake->power_calls, i + 1);
	}
}

static void a_machine_without_group_and_firewall_is_told(void **state)
{
	struct fake *fake = *state;
	struct answer a;

	fake->no_group = true;
	fake->power = "running";
	assert_true(wait_in_vain(fake, &a) < 3000);
	assert_int_equal(a.result, AZJIT_UNSUPPORTED);
	assert_non_null(
	        strstr(a.reason, "web01 has no security group, neither at its interface nor at its subnet"));
	fake->power = "stopped";
	(void)wait_in_vain(fake, &a);
	assert_int_equal(a.result, AZJIT_NOT_RUNNING);
	fake->config->deadline_s = 2;
	fake->power = NULL;
	assert_true(wait_in_vain(fake, &a) >= 2000);
	assert_int_equal(a.result, AZJIT_UNSUPPORTED);
	fake->firewall = true;
	fake->power = "running";
	assert_true(wait_in_vain(fake, &a) >= 2000);
	assert_int_equal(a.result, AZJIT_PORT_CLOSED);
}

static bool first_grant(void *userdata, const struct azjit_grant_view *view)
{
	azjit_copy(userdata, AZJIT_UUID_CHARS, view->id);
	return false;
}

// Its state is of no interest any more, and the answer finds nobody.
static void a_handshake_that_comes_ends_the_question(void **state)
{
	struct fake *fake = *state;
	char id[AZJIT_UUID_CHARS] = "";
	struct answer a;

	fake->power = "stopped";
	fake->probe = true;
	need(fake, "alice", "203.0.113.7", &a);
	while (fake->power_calls == 0)
		assert_int_equal(azjit_loop_turn(fake->loop, 20), AZJIT_OK);
	azjit_engine_grants(fake->engine, first_grant, id);
	azjit_engine_probe_open(fake->engine, id);
	assert_int_equal(fake->probe_stops, 1); // the relay is not left with a probe that has won
	assert_true(run_until(fake, &a, NULL));
	assert_int_equal(a.result, AZJIT_OK);
	assert_int_equal(grant_state(fake, "203.0.113.7"), AZJIT_GRANT_OPEN);
}

static void a_refusal_for_want_of_the_plan_says_so(void **state)
{
	static const struct {
		enum azjit_plan plan;
		bool unread;
		enum azjit_result result;
		const char *sentence;
	} table[] = {
	        {AZJIT_PLAN_2, false, AZJIT_REQUEST_REFUSED, "refused by the test"},
	        {AZJIT_PLAN_UNKNOWN, true, AZJIT_REQUEST_REFUSED, "refused by the test"},
	        {AZJIT_PLAN_UNKNOWN, false, AZJIT_REQUEST_REFUSED,
	         "refused by the test; just-in-time access needs Defender for Servers plan 2, and Azure does "
	         "not tell whether its subscription has it"},
	        {AZJIT_PLAN_1, false, AZJIT_UNSUPPORTED,
	         "refused by the test; its subscription has Defender for Servers plan 1, and just-in-time "
	         "access needs plan 2"},
	        {AZJIT_PLAN_FREE, false, AZJIT_UNSUPPORTED,
	         "refused by the test; its subscription has no Defender for Servers, and just-in-time access "
	         "needs plan 2"},
	};
	struct fake *fake = *state;
	struct answer a;

	fake->refuse = 409;
	for (size_t i = 0; i < AZJIT_COUNT(table); i++) {
		const char *end;

		fake->plan = table[i].plan;
		fake->plan_unread = table[i].unread;
		need(fake, "alice", "203.0.113.7", &a);
		assert_true(run_until(fake, &a, NULL));
		assert_int_equal(a.result, table[i].result);
		end = strstr(a.reason, "refused by the test");
		assert_non_null(end);
		assert_string_equal(end, table[i].sentence);
	}
	assert_int_equal(count_entries(fake, AZJIT_ENTRY_REQUEST, "refused"), AZJIT_COUNT(table));
}

int main(void)
{
#define WITH_FAKE(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)
	const struct CMUnitTest tests[] = {
	        WITH_FAKE(a_machine_that_does_not_run_is_told_at_once),
	        WITH_FAKE(a_machine_that_runs_or_starts_is_waited_for),
	        WITH_FAKE(a_machine_without_group_and_firewall_is_told),
	        WITH_FAKE(a_refusal_for_want_of_the_plan_says_so),
	        WITH_FAKE(a_handshake_that_comes_ends_the_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
