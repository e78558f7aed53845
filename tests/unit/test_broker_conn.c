// SPDX-License-Identifier: Apache-2.0
// What a caller may do to the broker's socket, and what others notice of it: nothing.
#include "broker_stage.h"

#include "conn.h"

#include <poll.h>
#include <sys/resource.h>

static void answers_what_it_does_not_know(void **state)
{
	struct stage *stage = *state;
	struct azjit_wire_msg msg;

	shared->uid = ALICE;
	stage_start(stage);
	msg = ask(stage, "AZJIT/1 DANCE\n\n", "usage");
	assert_non_null(strstr(azjit_wire_get(&msg, "reason"), "DANCE"));
	msg = ask(stage, "AZJIT/2 PING\n\n", "usage");
	assert_non_null(strstr(azjit_wire_get(&msg, "reason"), "version 1"));
	(void)ask(stage, "GET / HTTP/1.1\r\n\r\n", "usage");
	(void)ask(stage, "AZJIT/1 PING\ncolour=red\n\n", "usage");
	(void)ask(stage, "AZJIT/1 MATCH\nhost=web01\n\n", "usage");
	msg = ask(stage, "AZJIT/1 PING\n\n", "ok");
	assert_string_equal(azjit_wire_get(&msg, "version"), AZJIT_VERSION);
	stage_stop(stage);
}

// 8 KiB for people, 64 KiB for root; never cut.
static void long_messages_are_refused_whole(void **state)
{
	struct stage *stage = *state;
	char text[9000];
	size_t head;

	shared->uid = ALICE;
	stage_start(stage);
	head = (size_t)snprintf(text, sizeof(text), "AZJIT/1 REQUEST\ntargets=web01\nreason=");
	memset(text + head, 'x', sizeof(text) - head);
	memcpy(text + sizeof(text) - 3, "\n\n", 3);
	(void)ask(stage, text, "usage");
	assert_int_equal(shared->needs, 0);
	shared->uid = 0;
	head = (size_t)snprintf(
	        text, sizeof(text),
	        "AZJIT/1 SESSION-OPEN\nuser=alice\nservice=sshd\npid=1\nauth-info=publickey ");
	memset(text + head, 'x', sizeof(text) - head);
	memcpy(text + sizeof(text) - 3, "\n\n", 3);
	(void)ask(stage, text, "ok");
	stage_stop(stage);
}

static void pieces_are_put_together(void **state)
{
	static const char text[] = "AZJIT/1 MATCH\nhost=web01\nport=22\n\n";
	struct stage *stage = *state;
	struct azjit_wire_msg msg;
	int fd;

	shared->uid = BOB;
	stage_start(stage);
	fd = say(stage, "");
	for (size_t i = 0; i < strlen(text); i++) {
		assert_int_equal(azjit_wire_send(fd, text + i, 1, NULL, 0, ANSWER_MS), 0);
		(void)usleep(1000);
	}
	hear_done(fd, &msg);
	assert_string_equal(azjit_wire_get(&msg, "result"), "ok");
	(void)close(fd);
	stage_stop(stage);
}

// A byte a second does not keep a connection: the whole request has 5 s.
static void drips_are_dropped(void **state)
{
	struct stage *stage = *state;
	struct azjit_wire_msg msg;
	uint64_t since, took;
	int fd;

	shared->uid = ALICE;
	stage_start(stage);
	since = azjit_time_monotonic_ms();
	fd = say(stage, "AZJIT/1 PI");
	for (int i = 0; i < 20 && recv(fd, &(char){0}, 1, MSG_DONTWAIT | MSG_PEEK) < 0; i++) {
		(void)azjit_wire_send(fd, "N", 1, NULL, 0, ANSWER_MS);
		(void)usleep(500000);
	}
	hear_done(fd, &msg);
	took = azjit_time_monotonic_ms() - since;
	assert_string_equal(azjit_wire_get(&msg, "result"), "usage");
	assert_in_range(took, CONN_REQUEST_MS - 500, CONN_REQUEST_MS + 5000);
	(void)close(fd);
	stage_stop(stage);
}

static int open_files(pid_t pid)
{
	char path[64];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	assert_int_equal(stat(path, &st), 0);
	return (int)st.st_size; // Linux 6.2 and newer: the count
}

static void descriptors_not_asked_for_are_closed(void **state)
{
	struct stage *stage = *state;
	int fds[3] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}, before, fd;
	struct azjit_wire_msg msg;

	shared->uid = ALICE;
	stage_start(stage);
	(void)ask(stage, "AZJIT/1 PING\n\n", "ok");
	before = open_files(stage->broker);
	for (int i = 0; i < 20; i++) {
		fd = say_fds(stage, "AZJIT/1 PING\n\n", fds, 3);
		hear_done(fd, &msg);
		assert_string_equal(azjit_wire_get(&msg, "result"), "usage");
		assert_false(hear(fd, &msg));
		(void)close(fd);
	}
	for (int i = 0; i < 500 && open_files(stage->broker) > before; i++)
		(void)usleep(10000); // some are closed aside
	assert_true(open_files(stage->broker) <= before);
	stage_stop(stage);
}

// Connections that were made while a machine is busy end at their own deadline before all are made: only
// what was made within this time is all there at once.
#define AT_ONCE_MS (CONN_REQUEST_MS - 1000)
#define ATTEMPTS   20

struct crowd {
	int fds[CONN_TOTAL + 1];
	size_t count;
	uint64_t since_ms;
};

static void crowd_add(struct crowd *crowd, const struct stage *stage, int count)
{
	while (count-- > 0)
		crowd->fds[crowd->count++] = connect_to(stage);
}

static void crowd_begin(struct crowd *crowd)
{
	crowd->count = 0;
	crowd->since_ms = azjit_time_monotonic_ms();
}

// Closes all; true if they were there at once.
static bool crowd_end(struct crowd *crowd)
{
	bool at_once = azjit_time_monotonic_ms() - crowd->since_ms < AT_ONCE_MS;

	while (crowd->count > 0)
		(void)close(crowd->fds[--crowd->count]);
	return at_once;
}

// The result of a PING on a new connection. The broker accepts in order: all before it were accepted.
static bool ping_is(const struct stage *stage, const char *result)
{
	struct azjit_wire_msg msg;
	int fd = connect_to(stage);
	bool is;

	in = (struct azjit_wire_in){.bytes = heard, .size = sizeof(heard)};
	(void)azjit_wire_send(fd, "AZJIT/1 PING\n\n", 14, NULL, 0, ANSWER_MS);
	hear_done(fd, &msg);
	is = azjit_streq(azjit_wire_get(&msg, "result"), result);
	(void)close(fd);
	return is;
}

// One uid's connections are limited; another's and root's are not touched by that.
static bool one_uid_is_limited(const struct stage *stage)
{
	struct crowd crowd;
	bool limited, others;

	crowd_begin(&crowd);
	shared->uid = ALICE;
	crowd_add(&crowd, stage, CONN_PER_UID);
	limited = ping_is(stage, "busy");
	shared->uid = BOB;
	others = ping_is(stage, "ok");
	shared->uid = 0;
	others = others && ping_is(stage, "ok");
	if (!crowd_end(&crowd))
		return false;
	assert_true(limited);
	assert_true(others);
	return true;
}

static void one_uid_cannot_fill_the_broker(void **state)
{
	struct stage *stage = *state;
	int attempts = 0;

	stage_start(stage);
	while (!one_uid_is_limited(stage))
		assert_true(++attempts < ATTEMPTS);
	shared->uid = ALICE;
	while (!ping_is(stage, "ok")) // those of the crowd have ended
		(void)usleep(10000);
	stage_stop(stage);
}

// Many users together fill what is theirs; what is root's (logins) is left.
static bool root_has_a_reserve(const struct stage *stage)
{
	struct crowd crowd;
	bool full, left;

	crowd_begin(&crowd);
	for (shared->uid = 2001; shared->uid <= 2004; shared->uid++) {
		crowd_add(&crowd, stage, (CONN_TOTAL - CONN_ROOT_RESERVE) / 4);
		(void)ping_is(stage, "ok"); // before the next uid speaks
	}
	full = ping_is(stage, "busy");
	shared->uid = 0;
	crowd_add(&crowd, stage, CONN_ROOT_RESERVE - 8);
	left = ping_is(stage, "ok");
	if (!crowd_end(&crowd))
		return false;
	assert_true(full);
	assert_true(left);
	return true;
}

static void all_uids_leave_room_for_root(void **state)
{
	struct stage *stage = *state;
	int attempts = 0;

	stage_start(stage);
	while (!root_has_a_reserve(stage))
		assert_true(++attempts < ATTEMPTS);
	stage_stop(stage);
}

static void open_sessions(const struct stage *stage, int count)
{
	shared->uid = 0;
	for (int i = 0; i < count; i++)
		(void)ask(stage, "AZJIT/1 SESSION-OPEN\nuser=alice\nservice=sshd\npid=1\n\n", "ok");
}

// A report that is more than may wait for a caller ends with a sentence, newest first, nothing cut inside.
static void long_reports_say_that_they_end(void **state)
{
	struct stage *stage = *state;
	struct azjit_wire_msg msg;
	int fd, rows = 0;

	stage_start(stage);
	open_sessions(stage, 1000);
	shared->uid = ALICE;
	fd = say(stage, "AZJIT/1 SESSIONS\nall=1\n\n");
	// Nothing is read before the broker has written what it may: it answers one after the other.
	(void)ask(stage, "AZJIT/1 PING\n\n", "ok");
	in = (struct azjit_wire_in){.bytes = heard, .size = sizeof(heard)};
	while (hear(fd, &msg) && azjit_streq(msg.verb, "ROW"))
		rows++;
	assert_string_equal(azjit_wire_get(&msg, "result"), "busy");
	assert_in_range(rows, 300, 999);
	(void)close(fd);
	stage_stop(stage);
}

// Asks and reads nothing: dropped after a while, and nobody waits for it.
static void who_does_not_read_is_dropped(void **state)
{
	struct stage *stage = *state;
	struct pollfd hup = {.events = POLLRDHUP};

	stage_start(stage);
	open_sessions(stage, 1000);
	shared->uid = ALICE;
	(void)ask(stage, "AZJIT/1 PING\n\n", "ok");
	hup.fd = connect_to(stage);
	assert_int_equal(setsockopt(hup.fd, SOL_SOCKET, SO_RCVBUF, &(int){4096}, sizeof(int)), 0);
	assert_int_equal(azjit_wire_send(hup.fd, "AZJIT/1 SESSIONS\nall=1\n\n", 25, NULL, 0, ANSWER_MS), 0);
	(void)ask(stage, "AZJIT/1 PING\n\n", "ok");
	assert_int_equal(poll(&hup, 1, 1000), 0);
	assert_int_equal(poll(&hup, 1, CONN_STALL_MS + 10000), 1);
	(void)close(hup.fd);
	stage_stop(stage);
}

static void stopping_answers_those_who_wait(void **state)
{
	struct stage *stage = *state;
	struct azjit_wire_msg msg;
	int fd;

	shared->uid = ALICE;
	shared->mode = NEED_NEVER;
	stage_start(stage);
	fd = say(stage, "AZJIT/1 REQUEST\ntargets=web01\n\n");
	while (shared->needs == 0)
		(void)usleep(1000);
	stage_stop(stage);
	hear_done(fd, &msg);
	assert_string_equal(azjit_wire_get(&msg, "result"), "broker-down");
	assert_non_null(strstr(azjit_wire_get(&msg, "reason"), "stopped"));
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        broker_test(answers_what_it_does_not_know),
	        broker_test(long_messages_are_refused_whole),
	        broker_test(pieces_are_put_together),
	        broker_test(drips_are_dropped),
	        broker_test(descriptors_not_asked_for_are_closed),
	        broker_test(one_uid_cannot_fill_the_broker),
	        broker_test(all_uids_leave_room_for_root),
	        broker_test(long_reports_say_that_they_end),
	        broker_test(who_does_not_read_is_dropped),
	        broker_test(stopping_answers_those_who_wait),
	};

	struct rlimit files;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
