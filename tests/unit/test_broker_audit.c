// SPDX-License-Identifier: Apache-2.0
// AUDIT-RECONCILE: every subscription is read, and nothing is judged by half of the log.
#include "broker_stage.h"

static int verdicts(const struct stage *stage, const char *result)
{
	struct azjit_wire_msg msg;
	int rows = 0, fd = say(stage, "AZJIT/1 AUDIT-RECONCILE\nsince=3600\n\n");

	while (hear(fd, &msg) && azjit_streq(msg.verb, "ROW"))
		rows += azjit_streq(azjit_wire_get(&msg, "type"), "verdict");
	assert_string_equal(azjit_wire_get(&msg, "result"), result);
	(void)close(fd);
	return rows;
}

static void all_subscriptions_are_read(void **state)
{
	struct stage *stage = *state;

	stage_start(stage);
	assert_int_equal(verdicts(stage, "ok"), 2); // one foreign request in each
	assert_int_equal(shared->log_reads, 2);
	stage_stop(stage);
}

static void half_a_log_judges_nothing(void **state)
{
	struct stage *stage = *state;

	shared->log_down = true;
	stage_start(stage);
	assert_int_equal(verdicts(stage, "throttled"), 0);
	assert_int_equal(entries(stage, AZJIT_ENTRY_RECONCILE, "foreign", NULL, NULL), 0);
	stage_stop(stage);
}

static void leaving_ends_the_run(void **state)
{
	struct stage *stage = *state;
	int fd;

	stage_start(stage);
	fd = say(stage, "AZJIT/1 AUDIT-RECONCILE\n\n");
	while (shared->log_reads == 0)
		(void)usleep(1000);
	(void)close(fd);
	(void)ask(stage, "AZJIT/1 PING\n\n", "ok");
	(void)ask(stage, "AZJIT/1 AUDIT-RECONCILE\nsince=0\n\n", "usage");
	(void)ask(stage, "AZJIT/1 AUDIT-RECONCILE\nsince=99999999\n\n", "usage");
	stage_stop(stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        broker_test(all_subscriptions_are_read),
	        broker_test(half_a_log_judges_nothing),
	        broker_test(leaving_ends_the_run),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
