// SPDX-License-Identifier: Apache-2.0
// How flows live and end: callers, brokers, targets that die; queues and many at once.
#include "relay_test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define MANY   500
#define LOGINS 30

static bool echoes(struct call *call)
{
	char got[8] = "";

	return write_all(call->in, "hello", 5) && read_for(call->out, got, 5, 5000) == 5 &&
	       azjit_streq(got, "hello");
}

static bool nothing_open(void *userdata)
{
	return target_stats(*(int *)userdata).open == 0;
}

// A caller in a process of its own, which tells its flow's id on a pipe and waits to be killed.
static pid_t caller_process(int relay, int port, char id[40])
{
	int tell[2];
	pid_t pid;

	CHECK(pipe2(tell, O_CLOEXEC) == 0, "pipe");
	pid = fork();
	if (pid == 0) {
		struct call call;
		struct heard heard;

		call_begin(&call, relay, port, NULL);
		_exit(call_hear(&call, "connected", 5000, &heard) && echoes(&call) &&
		                      write_all(tell[1], call.id, 40) && poll(NULL, 0, 60000) == 0
		              ? 0
		              : 1);
	}
	(void)close(tell[1]);
	CHECK(read_for(tell[0], id, 40, 10000) == 40, "the caller did not get its flow");
	(void)close(tell[0]);
	return pid;
}

static void caller_killed(void)
{
	int relay = relay_connect(), port = PORT_ECHO;
	struct heard heard;
	char id[40] = "";
	pid_t pid;

	(void)ask_target("reset");
	pid = caller_process(relay, port, id);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	CHECK(relay_hear(relay, "FLOW-END", id, 2000, &heard), "the flow lives on");
	CHECK(azjit_streq(value(&heard, "result"), "canceled"), "%s", value(&heard, "result"));
	CHECK(wait_until(nothing_open, &port, 2000), "the target's connection is still open");
	(void)close(relay);
}

// The caller sends control's other end along as its stdin: nobody would ever see an end of file.
static void caller_hides_its_death(void)
{
	int relay = relay_connect(), port = PORT_ECHO;
	struct heard heard;
	pid_t pid;

	(void)ask_target("reset");
	pid = fork();
	if (pid == 0) {
		int pair[2], out[2];
		char uid[16];

		(void)snprintf(uid, sizeof(uid), "%u", (unsigned)getuid());
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || pipe(out) < 0)
			_exit(1);
		relay_say(relay, (int[]){pair[0], out[1], pair[1]}, 3, "FLOW", "flow", "hidden", "addr",
		          TARGET_ADDR, "port", "7001", "uid", uid, NULL);
		(void)poll(NULL, 0, 500);
		_exit(0);
	}
	CHECK(relay_hear(relay, "FLOW-OPEN", "hidden", 3000, &heard), "not open");
	(void)waitpid(pid, NULL, 0);
	CHECK(relay_hear(relay, "FLOW-END", "hidden", 2000, &heard), "the flow outlives its caller");
	CHECK(wait_until(nothing_open, &port, 2000), "the target's connection is still open");
	(void)close(relay);
}

static void broker_comes_back(void)
{
	static unsigned char bytes[1 << 16];
	int relay = relay_connect();
	struct heard heard;
	struct call call, other;
	unsigned long long moved = 0;

	call_begin(&call, relay, PORT_ECHO, NULL);
	call_begin(&other, relay, PORT_ECHO, NULL);
	CHECK(relay_hear(relay, "FLOW-OPEN", other.id, 3000, &heard) && echoes(&call) && echoes(&other),
	      "not open");
	(void)close(relay);
	for (int i = 0; i < 160; i++)
		if (write_all(call.in, bytes, sizeof(bytes)))
			moved += read_for(call.out, bytes, sizeof(bytes), 5000);
	CHECK(moved == 160 * sizeof(bytes), "%llu bytes moved without a broker", moved);
	call_end(&other);
	(void)poll(NULL, 0, 300);
	relay = relay_connect();
	CHECK(relay_hear(relay, "FLOW-END", other.id, 2000, &heard), "its end was never told");
	CHECK(azjit_streq(value(&heard, "again"), "1"), "not marked as told again");
	relay_say(relay, NULL, 0, "GOT", "flow", other.id, NULL);
	relay_say(relay, NULL, 0, "LIST", NULL);
	CHECK(relay_hear(relay, "FLOW-IS", call.id, 2000, &heard), "LIST does not know it");
	CHECK(azjit_streq(value(&heard, "in"), "10485765") && azjit_streq(value(&heard, "addr"), TARGET_ADDR),
	      "in %s", value(&heard, "in"));
	CHECK(relay_hear(relay, "LIST-END", NULL, 2000, &heard), "LIST has no end");
	(void)close(relay);
	relay = relay_connect();
	CHECK(!relay_hear(relay, "FLOW-END", other.id, 300, &heard), "told again although a broker has it");
	call_end(&call);
	CHECK(relay_hear(relay, "FLOW-END", call.id, 2000, &heard), "no end");
	(void)close(relay);
}

static void ended_by_broker(void)
{
	int relay = relay_connect();
	struct heard heard = {.msg = {0}};
	struct call call;

	call_begin(&call, relay, PORT_ECHO, NULL);
	CHECK(echoes(&call), "no echo");
	relay_say(relay, NULL, 0, "END", "flow", call.id, "text", "the time is over", NULL);
	CHECK(call_hear(&call, NULL, 2000, &heard), "no DONE");
	CHECK(azjit_streq(value(&heard, "reason"), "the time is over"), "%s", value(&heard, "reason"));
	CHECK(at_eof(call.out, 1000), "stdout is still open");
	call_end(&call);
	(void)close(relay);
}

static void reader_leaves(void)
{
	int relay = relay_connect();
	struct heard heard;
	struct call call;

	call_begin(&call, relay, PORT_SOURCE, NULL);
	CHECK(write_all(call.in, "1000000000\n", 11), "write");
	(void)close(STEAL_FD(call.out));
	CHECK(call_hear(&call, NULL, 3000, &heard), "the flow goes on without a reader");
	call_end(&call);
	(void)close(relay);
}

static void turned_away_once(void)
{
	int relay = relay_connect();
	struct heard heard;
	struct call call;
	char got[32] = "";

	(void)ask_target("reset");
	call_begin(&call, relay, PORT_TURN_ONCE, NULL);
	CHECK(write_all(call.in, "SSH-2.0-client\r\n", 16), "write");
	CHECK(call_hear(&call, "again", 3000, &heard), "not dialled again");
	CHECK(read_for(call.out, got, 30, 5000) == 30 &&
	              azjit_streq(got, "SSH-2.0-test\r\nSSH-2.0-client\r\n"),
	      "'%s'", got);
	CHECK(target_stats(PORT_TURN_ONCE).accepts == 2, "%llu accepts",
	      target_stats(PORT_TURN_ONCE).accepts);
	call_end(&call);
	(void)close(relay);
}

static void turned_away(int port, const char *words, unsigned accepts)
{
	int relay = relay_connect();
	struct heard heard = {.msg = {0}};
	struct call call;

	(void)ask_target("reset");
	call_begin(&call, relay, port, NULL);
	CHECK(write_all(call.in, words, strlen(words)), "write");
	CHECK(call_hear(&call, NULL, 5000, &heard), "no DONE");
	CHECK(azjit_streq(value(&heard, "result"), "port-closed"), "%s", value(&heard, "result"));
	CHECK(strstr(value(&heard, "reason"), "MaxStartups"), "%s", value(&heard, "reason"));
	CHECK(target_stats(port).accepts == accepts, "%llu accepts", target_stats(port).accepts);
	CHECK(at_eof(call.out, 1000), "something was written to stdout");
	call_end(&call);
	(void)close(relay);
}

static void turned_away_always(void)
{
	turned_away(PORT_TURN_ALWAYS, "SSH-2.0-client\r\n", 2);
	turned_away(PORT_STARTUPS, "SSH-2.0-client\r\n", 2);
}

// What is not ssh might have been obeyed: it is not said twice.
static void never_said_twice(void)
{
	int relay = relay_connect();
	struct heard heard;
	struct call call;

	(void)ask_target("reset");
	call_begin(&call, relay, PORT_RESET, NULL);
	CHECK(write_all(call.in, "pay 100\n", 8), "write");
	CHECK(call_hear(&call, NULL, 5000, &heard), "no DONE");
	CHECK(target_stats(PORT_RESET).accepts == 1, "%llu accepts", target_stats(PORT_RESET).accepts);
	call_end(&call);
	(void)close(relay);
}

static void young_ones_queue(void)
{
	static struct call calls[LOGINS];
	int relay = relay_connect();
	unsigned queued = 0;
	struct heard heard;
	struct stats stats;
	char line[16];

	(void)ask_target("reset");
	for (int i = 0; i < LOGINS; i++)
		call_begin(&calls[i], relay, PORT_LOGIN, NULL);
	for (int i = 0; i < LOGINS; i++) {
		CHECK(write_all(calls[i].in, "SSH-2.0-client\r\n", 16), "write");
		CHECK(read_for(calls[i].out, line, 14, 10000) == 14, "call %d was never let in", i);
	}
	for (int i = 0; i < LOGINS; i++)
		queued += call_hear(&calls[i], "queued", 1, &heard);
	stats = target_stats(PORT_LOGIN);
	CHECK(stats.most <= 8, "%llu were logging in at once", stats.most);
	CHECK(stats.most >= 4, "only %llu were logging in at once", stats.most);
	CHECK(stats.accepts == LOGINS, "%llu accepts", stats.accepts);
	CHECK(queued >= 10, "%u were told that they wait", queued);
	for (int i = 0; i < LOGINS; i++)
		call_end(&calls[i]);
	(void)close(relay);
}

static bool no_workers(void *userdata)
{
	return ask_target("children %ld", relay_pid) == 0;
}

static void many_at_once(void)
{
	static struct call calls[MANY];
	int relay = relay_connect(), echoed = 0;
	unsigned long long before, after;

	CHECK(wait_until(no_workers, NULL, 5000), "workers of earlier flows are left");
	before = ask_target("fds %ld", relay_pid);
	for (int i = 0; i < MANY; i++) {
		call_begin(&calls[i], relay, PORT_SSH, NULL);
		(void)fcntl(calls[i].out, F_SETFL, O_NONBLOCK);
	}
	for (int i = 0; i < MANY; i++) {
		static char bytes[8192];

		CHECK(write_all(calls[i].in, bytes, 4000), "write");
		echoed += read_for(calls[i].out, bytes, 4014, 20000) == 4014;
	}
	CHECK(echoed == MANY, "%d of %d echoed", echoed, MANY);
	CHECK(ask_target("children %ld", relay_pid) == MANY, "not one worker for each flow");
	for (int i = 0; i < MANY; i++)
		call_end(&calls[i]);
	CHECK(wait_until(no_workers, NULL, 10000), "%llu workers are left",
	      ask_target("children %ld", relay_pid));
	after = ask_target("fds %ld", relay_pid);
	CHECK(after == before, "descriptors: %llu before, %llu after", before, after);
	(void)close(relay);
}

const struct test_case cases_life[] = {
        {"life: kill -9 of the caller ends the flow", caller_killed},
        {"life: a caller cannot hide its death", caller_hides_its_death},
        {"life: the broker comes back: data moved, ends told until GOT, LIST", broker_comes_back},
        {"life: the broker ends a flow with a sentence", ended_by_broker},
        {"life: the reader of stdout leaves", reader_leaves},
        {"life: turned away once, dialled again, greeting repeated", turned_away_once},
        {"life: turned away twice, explained", turned_away_always},
        {"life: what is not ssh is never said twice", never_said_twice},
        {"life: at most 8 log in at once, the rest queue", young_ones_queue},
        {"life: 500 flows at once, nothing left of them", many_at_once},
        {NULL, NULL},
};
