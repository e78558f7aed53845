// SPDX-License-Identifier: Apache-2.0
// A machine that does not run, and somebody whose rule lets her start it: one start for all who ask, also over
// a restart, and every way in which it fails has its own sentence.
#include "grant_run.h"

#include <time.h>

#define SOURCE "203.0.113.7"

static azjit_ticks ahead; // of the real clock

azjit_ticks azjit_time_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (azjit_ticks)now.tv_sec * AZJIT_TICKS_PER_S + now.tv_nsec / 100 + ahead;
}

static int start_setup(void **state)
{
	struct fake *fake;
	int r = fake_setup(state);

	ahead = 0;
	fake = *state;
	fake->start = true;
	fake->power = "deallocated";
	fake->start_ms = 1000;
	fake->rule.start = true;
	return r;
}

static void ask(struct fake *fake, struct answer *a)
{
	need(fake, "alice", SOURCE, a);
	assert_true(run_until(fake, a, NULL));
}

static void says(const struct answer *a, enum azjit_result result, const char *sentence)
{
	assert_int_equal(a->result, result);
	if (!strstr(a->reason, sentence))
		fail_msg("%s", a->reason);
}

static unsigned entries(struct fake *fake, const char *event)
{
	return count_entries(fake, AZJIT_ENTRY_POWER, event);
}

static bool by_whom(void *userdata, const struct azjit_entry_read *read)
{
	if (read->entry->kind == AZJIT_ENTRY_POWER && azjit_streq(read->entry->event, "starting")) {
		assert_string_equal(azjit_entry_get(read->entry, "user"), "alice");
		assert_string_equal(azjit_entry_get(read->entry, "rule"), "test");
		assert_string_equal(azjit_entry_get(read->entry, "vm"), VM);
		assert_string_equal(azjit_entry_get(read->entry, "power"), "deallocated");
		*(unsigned *)userdata += 1;
	}
	return true;
}

static void one_start_is_for_all(void **state)
{
	struct fake *fake = *state;
	struct answer a, b, c;
	unsigned found = 0;

	fake->start_shown = true;
	need(fake, "alice", SOURCE, &a);
	need(fake, "bob", SOURCE, &b);
	need(fake, "carol", "203.0.113.8", &c);
	assert_int_equal(fake->power_calls, 1);
	assert_true(run_until(fake, &a, &b));
	assert_true(run_until(fake, &c, NULL));
	says(&a, AZJIT_OK, "");
	says(&b, AZJIT_OK, "");
	says(&c, AZJIT_OK, "");
	assert_int_equal(fake->starts, 1);
	assert_int_equal(fake->intents_at_start, 1); // durable before it left
	assert_int_equal(entries(fake, "accepted"), 1);
	assert_int_equal(entries(fake, "running"), 1);
	assert_int_equal(fake->initiates, 2);
	assert_int_equal(azjit_ledger_read(fake->ledger, 1, NULL, NULL, by_whom, &found, NULL), AZJIT_OK);
	assert_int_equal(found, 1);
}

static void what_runs_or_is_not_known_is_not_started(void **state)
{
	static const char *const states[] = {"running", "hibernated", "", NULL};
	struct fake *fake = *state;
	struct answer a;

	for (size_t i = 0; i < AZJIT_COUNT(states); i++) {
		fake->power = states[i];
		ask(fake, &a);
		says(&a, AZJIT_OK, "");
		assert_int_equal(fake->power_calls, i + 1);
	}
	assert_int_equal(fake->starts, 0);
	fake->start = false;
	fake->power = "deallocated";
	ask(fake, &a);
	assert_int_equal(fake->starts, 0);
	assert_int_equal(fake->power_calls, AZJIT_COUNT(states));
}

static void one_that_stops_is_told(void **state)
{
	static const char *const states[] = {"stopping", "deallocating"};
	struct fake *fake = *state;
	struct answer a;

	for (size_t i = 0; i < AZJIT_COUNT(states); i++) {
		fake->power = states[i];
		ask(fake, &a);
		says(&a, AZJIT_NOT_RUNNING, "web01 is being stopped (Azure says ");
		says(&a, AZJIT_NOT_RUNNING, states[i]);
	}
	assert_int_equal(fake->starts + fake->initiates, 0);
}

static void a_refusal_names_what_is_missing(void **state)
{
	struct fake *fake = *state;
	struct answer a;

	fake->start_status = 403;
	ask(fake, &a);
	says(&a, AZJIT_FORBIDDEN,
	     "web01 does not run (Azure says deallocated), and this host's identity may not start it: it "
	     "needs the "
	     "action Microsoft.Compute/virtualMachines/start/action");
	fake->start_status = 409;
	ask(fake, &a);
	says(&a, AZJIT_REQUEST_REFUSED,
	     "Azure refused to start web01 (409 AllocationFailed): refused by the test");
	assert_int_equal(fake->starts, 2); // neither was taken
	assert_int_equal(entries(fake, "refused"), 2);
	assert_int_equal(fake->initiates, 0);
	fake->start_status = 0;
	ask(fake, &a);
	says(&a, AZJIT_OK, "");
}

static void what_was_not_taken_is_tried_again(void **state)
{
	struct fake *fake = *state;
	struct answer a;

	fake->start_status = 429;
	need(fake, "alice", SOURCE, &a);
	while (fake->starts < 2)
		assert_int_equal(azjit_loop_turn(fake->loop, 20), AZJIT_OK);
	fake->start_status = 0;
	assert_true(run_until(fake, &a, NULL));
	says(&a, AZJIT_OK, "");
	assert_true(fake->starts <= 3);
}

static void a_start_that_fails_later_is_told_to_all_within_a_minute(void **state)
{
	struct fake *fake = *state;
	struct answer a, b;

	fake->start_fails = "AllocationFailed";
	need(fake, "alice", SOURCE, &a);
	need(fake, "bob", SOURCE, &b);
	assert_true(run_until(fake, &a, &b));
	says(&a, AZJIT_REQUEST_FAILED,
	     "Azure took the start of web01 and failed it later (AllocationFailed): no room");
	says(&b, AZJIT_REQUEST_FAILED, "AllocationFailed");
	ask(fake, &a);
	says(&a, AZJIT_REQUEST_FAILED, "(AllocationFailed): no room; it is tried again ");
	restart(fake);
	ask(fake, &a);
	says(&a, AZJIT_REQUEST_FAILED, "(AllocationFailed): no room; it is tried again ");
	assert_int_equal(fake->starts, 1);
	assert_int_equal(fake->initiates, 0);
}

static void one_that_never_runs_is_told_at_the_deadline(void **state)
{
	struct fake *fake = *state;
	struct answer a;
	uint64_t begin = azjit_time_monotonic_ms();

	fake->start_ms = 600000;
	fake->start_shown = true;
	fake->deadline_ms = 3000;
	ask(fake, &a);
	says(&a, AZJIT_NOT_RUNNING, "Azure took the start of web01 ");
	says(&a, AZJIT_NOT_RUNNING,
	     "it does not run yet (Azure says starting): it goes on starting, so try again");
	assert_true(azjit_time_monotonic_ms() - begin < 4000);
	fake->start_shown = false; // shown as if nothing had happened
	ask(fake, &a);
	says(&a, AZJIT_NOT_RUNNING, "Azure took the start of web01 ");
	assert_int_equal(fake->starts, 1);
}

static void wait_for_polls(struct fake *fake, unsigned more)
{
	unsigned until = fake->power_calls + more;

	while (fake->power_calls < until)
		assert_int_equal(azjit_loop_turn(fake->loop, 20), AZJIT_OK);
}

// Shown as if nothing had happened, for longer than a minute: only who asks anew has it started again.
static void a_minute_is_no_reason_for_another(void **state)
{
	struct fake *fake = *state;
	struct answer a;

	fake->start_ms = 600000;
	need(fake, "alice", SOURCE, &a);
	wait_for_polls(fake, 2);
	ahead = 61 * AZJIT_TICKS_PER_S;
	wait_for_polls(fake, 2);
	assert_int_equal(fake->starts, 1);
	restart(fake);
	need(fake, "alice", SOURCE, &a);
	wait_for_polls(fake, 2);
	assert_int_equal(fake->starts, 2);
	ahead = 59 * AZJIT_TICKS_PER_S; // a clock that is set right a little
	restart(fake);
	need(fake, "alice", SOURCE, &a);
	wait_for_polls(fake, 2);
	assert_int_equal(fake->starts, 2);
	ahead = -600 * AZJIT_TICKS_PER_S; // one that was set back keeps nobody out
	restart(fake);
	need(fake, "alice", SOURCE, &a);
	wait_for_polls(fake, 2);
	assert_int_equal(fake->starts, 3);
}

static void an_answer_that_is_lost_is_no_reason_for_another(void **state)
{
	struct fake *fake = *state;
	struct answer a;

	fake->start_status = 504;
	fake->start_ms = 3000;
	ask(fake, &a);
	says(&a, AZJIT_OK, "");
	assert_int_equal(fake->starts, 1);
	assert_int_equal(entries(fake, "unknown"), 1);
	assert_int_equal(entries(fake, "running"), 1);
}

static void without_the_operation_the_power_state_tells(void **state)
{
	struct fake *fake = *state;
	struct answer a;

	fake->operation_unread = true;
	ask(fake, &a);
	says(&a, AZJIT_OK, "");
	assert_int_equal(fake->starts, 1);
}

// Killed before the answer of Azure, and after it.
static void a_restart_starts_nothing_twice(void **state)
{
	struct fake *fake = *state;
	struct answer a;

	fake->start_ms = 2500;
	for (unsigned i = 0; i < 2; i++) {
		fake->power = "deallocated";
		need(fake, "alice", i ? "203.0.113.9" : SOURCE, &a);
		while (fake->starts == i || (i && entries(fake, "accepted") < 1))
			assert_int_equal(azjit_loop_turn(fake->loop, 20), AZJIT_OK);
		restart(fake);
		if (!i) // the call died with us; Azure has it
			fake->start_due_ms = azjit_time_monotonic_ms() + fake->start_ms;
		need(fake, "alice", i ? "203.0.113.9" : SOURCE, &a);
		assert_true(run_until(fake, &a, NULL));
		says(&a, AZJIT_OK, "");
		assert_int_equal(fake->starts, i + 1);
		assert_int_equal(entries(fake, "running"), i + 1);
	}
}

static void what_would_be_refused_starts_nothing(void **state)
{
	struct fake *fake = *state;
	struct answer a = {.done = false};
	struct azjit_need wanted = {.target = fake_target(),
	                            .rule = &fake->rule,
	                            .start = true,
	                            .duration_s = 100000,
	                            .deadline_ms = 30000,
	                            .sources = {.count = 1, .kind = AZJIT_SOURCE_CLIENT}};

	assert_int_equal(azjit_prefix_parse(SOURCE, &wanted.sources.items[0]), AZJIT_OK);
	assert_non_null(azjit_engine_need(fake->engine, &wanted, NULL, need_done, &a));
	assert_true(run_until(fake, &a, NULL));
	assert_int_not_equal(a.result, AZJIT_OK);
	assert_int_equal(fake->starts + fake->power_calls, 0);
}

static void what_is_stopped_by_hand_stays_so(void **state)
{
	struct fake *fake = *state;
	struct answer a;

	fake->killed = true;
	ask(fake, &a);
	says(&a, AZJIT_STOPPED, "stopped by the test");
	fake->power = "running";
	ask(fake, &a);
	says(&a, AZJIT_STOPPED, "stopped by the test");
	assert_int_equal(fake->starts + fake->initiates, 0);
	assert_int_equal(entries(fake, "starting"), 0);
}

static void who_leaves_is_told_nothing(void **state)
{
	struct fake *fake = *state;
	struct answer a = {.done = false}, b;
	struct azjit_need wanted = {.target = fake_target(),
	                            .rule = &fake->rule,
	                            .start = true,
	                            .deadline_ms = 30000,
	                            .sources = {.count = 1, .kind = AZJIT_SOURCE_CLIENT}};
	struct azjit_waiter *waiter;

	assert_int_equal(azjit_prefix_parse(SOURCE, &wanted.sources.items[0]), AZJIT_OK);
	waiter = azjit_engine_need(fake->engine, &wanted, NULL, need_done, &a);
	while (fake->starts == 0)
		assert_int_equal(azjit_loop_turn(fake->loop, 20), AZJIT_OK);
	azjit_waiter_cancel(waiter);
	ask(fake, &b); // the start goes on, and this one joins it
	says(&b, AZJIT_OK, "");
	assert_false(a.done);
	assert_int_equal(fake->starts, 1);
}

// The one who was waited for has left, and how the operation goes is still being asked.
static void who_comes_while_only_the_operation_is_asked_is_served(void **state)
{
	struct fake *fake = *state;
	struct answer a = {.done = false}, b;
	struct azjit_need wanted = {.target = fake_target(),
	                            .rule = &fake->rule,
	                            .start = true,
	                            .deadline_ms = 30000,
	                            .sources = {.count = 1, .kind = AZJIT_SOURCE_CLIENT}};
	struct azjit_waiter *waiter;
	uint64_t left;

	fake->operation_hangs = true;
	fake->start_ms = 100;
	fake->start_fails = "AllocationFailed"; // it does not run, so it is asked again
	assert_int_equal(azjit_prefix_parse(SOURCE, &wanted.sources.items[0]), AZJIT_OK);
	waiter = azjit_engine_need(fake->engine, &wanted, NULL, need_done, &a);
	while (fake->power_calls < 2)
		assert_int_equal(azjit_loop_turn(fake->loop, 20), AZJIT_OK);
	azjit_waiter_cancel(waiter);
	left = azjit_time_monotonic_ms() + 200; // the power state comes, to nobody
	while (azjit_time_monotonic_ms() < left)
		assert_int_equal(azjit_loop_turn(fake->loop, 20), AZJIT_OK);
	fake->power = "running";
	fake->deadline_ms = 5000;
	ask(fake, &b);
	says(&b, AZJIT_OK, "");
	assert_int_equal(fake->starts, 1);
}

static void the_sentence_without_it_names_it_where_the_rule_permits(void **state)
{
	struct fake *fake = *state;
	struct answer a;

	fake->start = false;
	fake->probe = true;
	ask(fake, &a);
	says(&a, AZJIT_NOT_RUNNING,
	     "web01 does not run (Azure says deallocated): start it, then connect again");
	fake->config->rules = calloc(1, sizeof(*fake->config->rules));
	fake->config->rules[0] = (struct azjit_access_rule){.name = strdup("test"), .start = true};
	fake->config->rule_count = 1;
	ask(fake, &a);
	says(&a, AZJIT_NOT_RUNNING, "(Azure says deallocated): azjit connect --start starts it first");
}

int main(void)
{
#define WITH_FAKE(test) cmocka_unit_test_setup_teardown(test, start_setup, fake_teardown)
	const struct CMUnitTest tests[] = {
	        WITH_FAKE(one_start_is_for_all),
	        WITH_FAKE(what_runs_or_is_not_known_is_not_started),
	        WITH_FAKE(one_that_stops_is_told),
	        WITH_FAKE(a_refusal_names_what_is_missing),
	        WITH_FAKE(what_was_not_taken_is_tried_again),
	        WITH_FAKE(a_start_that_fails_later_is_told_to_all_within_a_minute),
	        WITH_FAKE(one_that_never_runs_is_told_at_the_deadline),
	        WITH_FAKE(a_minute_is_no_reason_for_another),
	        WITH_FAKE(an_answer_that_is_lost_is_no_reason_for_another),
	        WITH_FAKE(without_the_operation_the_power_state_tells),
	        WITH_FAKE(a_restart_starts_nothing_twice),
	        WITH_FAKE(what_would_be_refused_starts_nothing),
	        WITH_FAKE(what_is_stopped_by_hand_stays_so),
	        WITH_FAKE(who_leaves_is_told_nothing),
	        WITH_FAKE(who_comes_while_only_the_operation_is_asked_is_served),
	        WITH_FAKE(the_sentence_without_it_names_it_where_the_rule_permits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
