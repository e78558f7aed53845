// SPDX-License-Identifier: Apache-2.0
// Requests at login: who waits for what, and for how long.
#include "broker_stage.h"

#define OPEN(user, service) "AZJIT/1 SESSION-OPEN\nuser=" user "\nservice=" service "\npid=1\n\n"

static void login_waits_until_open(void **state)
{
	struct stage *stage = *state;
	struct azjit_wire_msg msg;
	int fd;

	stage_start(stage);
	fd = say(stage, OPEN("carol", "sshd"));
	assert_true(hear(fd, &msg));
	assert_string_equal(msg.verb, "PROGRESS");
	hear_done(fd, &msg);
	assert_string_equal(azjit_wire_get(&msg, "result"), "ok");
	assert_non_null(azjit_wire_get(&msg, "session"));
	assert_null(azjit_wire_get(&msg, "reason"));
	assert_int_equal(shared->needs, 1);
	assert_int_equal(shared->probe_needs, 0); // nothing connects merely to look
	assert_int_equal(shared->cancels, 0);
	(void)close(fd);
	stage_stop(stage);
}

static void commit(int fd, const struct azjit_wire_msg *opened)
{
	struct azjit_wire_msg msg;
	char text[96];

	(void)snprintf(text, sizeof(text), "AZJIT/1 COMMIT\nsession=%s\n\n",
	               azjit_wire_get(opened, "session"));
	assert_int_equal(azjit_wire_send(fd, text, strlen(text), NULL, 0, ANSWER_MS), 0);
	hear_done(fd, &msg);
	assert_string_equal(azjit_wire_get(&msg, "result"), "ok");
}

// The wait ends, the login goes on, and so does the request.
static void login_waits_no_longer_than_its_rule(void **state)
{
	struct stage *stage = *state;
	uint64_t since, took;
	struct azjit_wire_msg msg;
	int fd;

	shared->mode = NEED_NEVER;
	stage_start(stage);
	since = azjit_time_monotonic_ms();
	fd = say(stage, OPEN("carol", "sshd"));
	hear_done(fd, &msg);
	took = azjit_time_monotonic_ms() - since;
	assert_in_range(took, 1900, 7000);
	assert_string_equal(azjit_wire_get(&msg, "result"), "ok");
	assert_non_null(azjit_wire_get(&msg, "reason"));
	assert_int_equal(shared->cancels, 0);
	commit(fd, &msg);
	(void)close(fd);
	stage_stop(stage);
}

static void leaving_undoes_the_login_only(void **state)
{
	struct stage *stage = *state;
	int fd;

	shared->mode = NEED_NEVER;
	stage_start(stage);
	fd = say(stage, OPEN("carol", "sshd"));
	while (shared->needs == 0)
		(void)usleep(1000);
	(void)close(fd);
	for (int i = 0; i < 500 && entries(stage, AZJIT_ENTRY_SESSION, "undone", NULL, NULL) == 0; i++)
		(void)usleep(10000);
	assert_int_equal(entries(stage, AZJIT_ENTRY_SESSION, "undone", "user", "carol"), 1);
	assert_int_equal(shared->cancels, 0);
	stage_stop(stage);
}

// And waits until so many needs were asked for.
static void log_in(struct stage *stage, const char *open, int needs)
{
	uint64_t give_up_ms = azjit_time_monotonic_ms() + 5000;
	struct azjit_wire_msg msg;
	int fd = say(stage, open);

	hear_done(fd, &msg);
	assert_string_equal(azjit_wire_get(&msg, "result"), "ok");
	commit(fd, &msg);
	(void)close(fd);
	while (shared->needs < needs && azjit_time_monotonic_ms() < give_up_ms)
		(void)usleep(5000);
	assert_int_equal(shared->needs, needs);
}

static void rule_without_wait_holds_nobody_up(void **state)
{
	struct stage *stage = *state;
	struct azjit_wire_msg msg;
	int fd;

	shared->mode = NEED_NEVER;
	stage_start(stage);
	fd = say(stage, OPEN("dave", "sshd"));
	hear_done(fd, &msg);
	assert_int_equal(shared->needs, 0); // nothing before the login is committed
	(void)close(fd);
	log_in(stage, OPEN("dave", "sshd"), 1);
	log_in(stage, OPEN("dave", "xrdp"), 1);  // a service that the rule does not name
	log_in(stage, OPEN("alice", "sshd"), 1); // a rule at connect
	log_in(stage, OPEN("dave", "sshd"),
	       2); // and what the two before asked for would have been seen by now
	stage_stop(stage);
}

static void refusal_lets_the_login_pass(void **state)
{
	struct stage *stage = *state;

	shared->tagged = true;
	stage_start(stage);
	(void)ask(stage, OPEN("carol", "sshd"), "ok");
	assert_int_equal(shared->needs, 0);
	assert_int_equal(entries(stage, AZJIT_ENTRY_DENIAL, "refused", "user", "carol"), 1);
	stage_stop(stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        broker_test(login_waits_until_open),        broker_test(login_waits_no_longer_than_its_rule),
	        broker_test(leaving_undoes_the_login_only), broker_test(rule_without_wait_holds_nobody_up),
	        broker_test(refusal_lets_the_login_pass),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
