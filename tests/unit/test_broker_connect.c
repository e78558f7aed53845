// SPDX-License-Identifier: Apache-2.0
// CONNECT, with the test as caller and as relay.
#include "broker_relay.h"

#include <ifaddrs.h>
#include <poll.h>

#define CONNECT(host, port) "AZJIT/1 CONNECT\nhost=" host "\nport=" port "\n\n"

static int connect_with_std(const struct stage *stage, const char *text)
{
	return say_fds(stage, text, (int[]){STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}, 3);
}

static void ask_connect(const struct stage *stage, const char *text, const char *result, char reason[512])
{
	struct azjit_wire_msg msg;
	int fd = connect_with_std(stage, text);
	const char *why;

	hear_done(fd, &msg);
	assert_string_equal(azjit_wire_get(&msg, "result"), result);
	why = azjit_wire_get(&msg, "reason");
	(void)azjit_copy(reason, 512, why ? why : "");
	(void)close(fd);
}

// Waits for an entry that the broker writes in its own time.
static void await_entries(const struct stage *stage, const char *event, int count)
{
	for (int i = 0; i < 500 && entries(stage, AZJIT_ENTRY_FLOW, event, NULL, NULL) < count; i++)
		(void)usleep(10000);
	assert_int_equal(entries(stage, AZJIT_ENTRY_FLOW, event, NULL, NULL), count);
}

// --- tests --------------------------------------------------------------------------------------------

static void flow_is_recorded_then_handed_over(void **state)
{
	struct stage *stage = *state;
	struct relay relay = {.fd_count = 0};
	struct azjit_wire_msg msg;
	char flow[AZJIT_UUID_CHARS];
	int fd;

	shared->uid = ALICE;
	stage_start_with(stage, &relay);
	fd = connect_with_std(stage, CONNECT("web01", "22"));
	msg = relay_hear(&relay, "FLOW");
	assert_int_equal(entries(stage, AZJIT_ENTRY_FLOW, "start", "flow", azjit_wire_get(&msg, "flow")), 1);
	assert_int_equal(relay.fd_count, 3);
	assert_string_equal(azjit_wire_get(&msg, "addr"), "10.20.1.4");
	assert_string_equal(azjit_wire_get(&msg, "port"), "22");
	assert_string_equal(azjit_wire_get(&msg, "uid"), "1001");
	assert_non_null(azjit_wire_get(&msg, "probe"));
	(void)azjit_copy(flow, sizeof(flow), azjit_wire_get(&msg, "flow"));
	hear_done(fd, &msg);
	assert_string_equal(azjit_wire_get(&msg, "result"), "ok");
	assert_string_equal(azjit_wire_get(&msg, "flow"), flow);
	(void)close(fd);
	assert_int_equal(shared->probe_needs, 1);
	relay_say(&relay, "FLOW-OPEN", flow, "");
	relay_say(&relay, "FLOW-FIRST", flow, "");
	relay_say(&relay, "FLOW-END", flow, "in=5\nout=6\nresult=ok\nreason=closed\n");
	msg = relay_hear(&relay, "GOT");
	assert_string_equal(azjit_wire_get(&msg, "flow"), flow);
	assert_int_equal(entries(stage, AZJIT_ENTRY_FLOW, "open", "flow", flow), 1);
	assert_int_equal(entries(stage, AZJIT_ENTRY_FLOW, "first-byte", "host", "web01"), 1);
	assert_int_equal(entries(stage, AZJIT_ENTRY_FLOW, "end", "in", "5"), 1);
	// Told again: acknowledged, not recorded twice.
	relay_say(&relay, "FLOW-END", flow, "in=5\nout=6\nresult=ok\nreason=closed\nagain=1\n");
	(void)relay_hear(&relay, "GOT");
	assert_int_equal(entries(stage, AZJIT_ENTRY_FLOW, "end", NULL, NULL), 1);
	assert_int_equal(shared->flows_begun, 1);
	assert_int_equal(shared->flows_ended, 1);
	stage_stop(stage);
	relay_close(&relay);
}

static void denied_without_asking_azure(void **state)
{
	struct stage *stage = *state;
	struct relay relay = {.fd_count = 0};
	char reason[512];

	shared->uid = ALICE;
	stage_start_with(stage, &relay);
	ask_connect(stage, CONNECT("db01", "22"), "denied", reason);
	assert_non_null(strstr(reason, "db01"));
	assert_non_null(strstr(reason, "'web'"));
	assert_int_equal(entries(stage, AZJIT_ENTRY_DENIAL, "refused", "host", "db01"), 1);
	shared->uid = BOB;
	ask_connect(stage, CONNECT("10.20.1.4", "22"), "denied", reason);
	assert_int_equal(entries(stage, AZJIT_ENTRY_DENIAL, "refused", "vm", VM_ID("web01")), 1);
	assert_int_equal(shared->needs, 0);
	stage_stop(stage);
	relay_close(&relay);
}

static void forbidden_addresses_are_not_looked_up(void **state)
{
	static const char *const texts[] = {
	        CONNECT("169.254.169.254", "80"),
	        CONNECT("127.0.0.1", "22"),
	        CONNECT("168.63.129.16", "32526"),
	        CONNECT("0.0.0.0", "22"),
	        CONNECT("::1", "22"),
	        CONNECT("::ffff:127.0.0.1", "22"),
	        CONNECT("224.0.0.1", "22"),
	        CONNECT("fe80::1", "22"),
	        CONNECT("255.255.255.255", "22"),
	};
	struct stage *stage = *state;
	struct relay relay = {.fd_count = 0};
	char reason[512];

	shared->uid = 0;
	stage_start_with(stage, &relay);
	for (size_t i = 0; i < AZJIT_COUNT(texts); i++)
		ask_connect(stage, texts[i], "denied", reason);
	assert_int_equal(shared->lookups, 0);
	assert_int_equal(entries(stage, AZJIT_ENTRY_DENIAL, "refused", NULL, NULL), AZJIT_COUNT(texts));
	stage_stop(stage);
	relay_close(&relay);
}

static void unmanaged_hosts_tell_nothing(void **state)
{
	struct stage *stage = *state;
	struct relay relay = {.fd_count = 0};
	char reason[512];

	shared->uid = ALICE;
	stage_start_with(stage, &relay);
	ask_connect(stage, CONNECT("nosuch", "22"), "not-managed", reason);
	ask_connect(stage, CONNECT("web01", "23"), "not-managed", reason);
	assert_null(strstr(reason, "secret"));
	ask_connect(stage, CONNECT("twin", "22"), "ambiguous", reason);
	assert_null(strstr(reason, "secret"));
	ask_connect(stage, CONNECT("tag:a=b", "22"), "ambiguous", reason);
	assert_string_equal(
	        reason, "tag:a=b names several VMs; write the one you mean, of yours: web01@rg, web02@rg");
	ask_connect(stage, CONNECT("tag:a=c", "22"), "not-found", reason);
	assert_string_equal(reason, "no VM whose port 22 is under a JIT policy bears the tag a=c");
	ask_connect(stage, CONNECT("stale", "22"), "config", reason);
	assert_non_null(strstr(reason, "stale is an alias in this jump host's azjit.conf of no virtual"));
	assert_null(strstr(reason, "secret"));
	ask_connect(stage, CONNECT("web01", "0"), "usage", reason);
	assert_int_equal(entries(stage, AZJIT_ENTRY_DENIAL, "refused", NULL, NULL), 0);
	stage_stop(stage);
	relay_close(&relay);
}

static void kill_switch_stops_everything(void **state)
{
	struct stage *stage = *state;
	struct relay relay = {.fd_count = 0};
	char reason[512];
	int fd;

	shared->uid = ALICE;
	stage_start_with(stage, &relay);
	fd = open(stage->kill, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	ask_connect(stage, CONNECT("web01", "22"), "stopped", reason);
	assert_non_null(strstr(reason, stage->kill));
	(void)ask(stage, "AZJIT/1 REQUEST\ntargets=web01\n\n", "stopped");
	assert_int_equal(shared->needs, 0);
	assert_int_equal(entries(stage, AZJIT_ENTRY_DENIAL, "refused", "user", "alice"), 2);
	assert_int_equal(unlink(stage->kill), 0);
	(void)ask(stage, "AZJIT/1 REQUEST\ntargets=web01\n\n", "ok");
	stage_stop(stage);
	relay_close(&relay);
}

static void tag_stops_its_machine(void **state)
{
	struct stage *stage = *state;
	struct relay relay = {.fd_count = 0};
	char reason[512];

	shared->uid = ALICE;
	shared->tagged = true;
	stage_start_with(stage, &relay);
	ask_connect(stage, CONNECT("web01", "22"), "stopped", reason);
	assert_non_null(strstr(reason, "azjit=deny"));
	assert_int_equal(shared->needs, 0);
	assert_int_equal(entries(stage, AZJIT_ENTRY_DENIAL, "refused", "vm", VM_ID("web01")), 1);
	stage_stop(stage);
	relay_close(&relay);
}

// An address of this machine that is not one of those never dialled anywhere; false if it has none.
static bool own_address(char ret_text[AZJIT_ADDR_CHARS])
{
	struct ifaddrs *list, *item;
	struct azjit_addr addr;
	const char *why;
	uint16_t port;
	bool found = false;

	assert_int_equal(getifaddrs(&list), 0);
	for (item = list; item && !found; item = item->ifa_next)
		found = item->ifa_addr && azjit_addr_from_sockaddr(item->ifa_addr, &addr, &port) &&
		        !azjit_addr_forbidden(&addr, &why);
	if (found)
		azjit_addr_format(&addr, ret_text);
	freeifaddrs(list);
	return found;
}

static void own_addresses_are_refused(void **state)
{
	struct stage *stage = *state;
	struct relay relay = {.fd_count = 0};
	char own[AZJIT_ADDR_CHARS], text[128], reason[512];

	if (!own_address(own))
		skip();
	shared->uid = ALICE;
	stage_start_with(stage, &relay);
	(void)snprintf(text, sizeof(text), "AZJIT/1 CONNECT\nhost=%s\nport=22\n\n", own);
	ask_connect(stage, text, "denied", reason);
	assert_int_equal(shared->lookups, 0);
	stage_stop(stage);
	relay_close(&relay);
}

static void failure_is_told_with_its_sentence(void **state)
{
	struct stage *stage = *state;
	struct relay relay = {.fd_count = 0};
	char reason[512];

	shared->uid = ALICE;
	shared->mode = NEED_FAIL;
	stage_start_with(stage, &relay);
	ask_connect(stage, CONNECT("web01", "22"), "rule-missing", reason);
	assert_string_equal(reason, "the rule never came");
	assert_int_equal(entries(stage, AZJIT_ENTRY_FLOW, "start", NULL, NULL), 0);
	(void)ask(stage, CONNECT("web01", "22"), "usage"); // without descriptors
	stage_stop(stage);
	relay_close(&relay);
}

static void without_relay_nothing_is_asked(void **state)
{
	struct stage *stage = *state;
	char reason[512];

	shared->uid = ALICE;
	stage_start(stage);
	ask_connect(stage, CONNECT("web01", "22"), "broker-down", reason);
	assert_non_null(strstr(reason, "azjit-relay"));
	assert_int_equal(shared->needs, 0);
	stage_stop(stage);
}

// Who planted a socket where the relay's should be gets nobody's descriptors.
static void foreign_relay_hears_nothing(void **state)
{
	struct stage *stage = *state;
	struct relay relay = {.fd_count = 0};
	struct pollfd heard_from = {.events = POLLIN};
	char reason[512], byte;

	shared->uid = ALICE;
	shared->foreign_relay = true;
	relay_listen(&relay, stage);
	stage_start(stage);
	ask_connect(stage, CONNECT("web01", "22"), "broker-down", reason);
	relay.fd = accept4(relay.listener, NULL, NULL, SOCK_CLOEXEC);
	heard_from.fd = relay.fd;
	assert_int_equal(poll(&heard_from, 1, ANSWER_MS), 1);
	assert_int_equal(recv(relay.fd, &byte, 1, 0), 0);
	stage_stop(stage);
	relay_close(&relay);
}

// The caller leaves while it waits: its waiter is given up and its descriptors are closed.
static void leaving_cancels(void **state)
{
	struct stage *stage = *state;
	struct relay relay = {.fd_count = 0};
	int ends[2], fd;
	struct pollfd hup = {.events = POLLIN};

	shared->uid = ALICE;
	shared->mode = NEED_NEVER;
	stage_start_with(stage, &relay);
	assert_int_equal(pipe(ends), 0);
	fd = say_fds(stage, CONNECT("web01", "22"), (int[]){ends[1], ends[1], ends[1]}, 3);
	(void)close(ends[1]);
	while (shared->needs == 0)
		(void)usleep(1000);
	hup.fd = ends[0];
	assert_int_equal(poll(&hup, 1, 100), 0);
	(void)close(fd);
	assert_int_equal(poll(&hup, 1, ANSWER_MS), 1);
	assert_int_equal(read(ends[0], &(char){0}, 1), 0);
	assert_int_equal(shared->cancels, 1);
	(void)close(ends[0]);
	stage_stop(stage);
	relay_close(&relay);
}

// kill -9 of the broker: what the relay still has stays open, what it has no more has ended.
static void restart_learns_from_the_relay(void **state)
{
	struct stage *stage = *state;
	struct relay relay = {.fd_count = 0};
	struct azjit_wire_msg msg;
	char flows[2][AZJIT_UUID_CHARS], text[128];
	int fd, len;

	shared->uid = ALICE;
	stage_start_with(stage, &relay);
	for (int i = 0; i < 2; i++) {
		fd = connect_with_std(stage, CONNECT("web01", "22"));
		msg = relay_hear(&relay, "FLOW");
		(void)azjit_copy(flows[i], sizeof(flows[i]), azjit_wire_get(&msg, "flow"));
		for (size_t f = 0; f < relay.fd_count; f++)
			(void)close(relay.fds[f]);
		hear_done(fd, &msg);
		(void)close(fd);
	}
	(void)kill(stage->broker, SIGKILL);
	(void)waitpid(stage->broker, NULL, 0);
	(void)close(relay.fd);
	stage_start(stage);
	relay.fd = accept4(relay.listener, NULL, NULL, SOCK_CLOEXEC);
	(void)relay_hear(&relay, "LIST");
	assert_int_equal(shared->flows_begun, 4); // the new engine is told of both
	assert_int_equal(entries(stage, AZJIT_ENTRY_START, "recovered", "reason",
	                         "0 sessions and 2 connections live on"),
	                 1);
	relay_say(&relay, "FLOW-IS", flows[1], "addr=10.20.1.4\nport=22\nuid=1001\nin=1\nout=2\n");
	len = snprintf(text, sizeof(text), "AZJIT/1 LIST-END\n\n");
	assert_int_equal(send(relay.fd, text, (size_t)len, 0), len);
	msg = relay_hear(&relay, "GOT");
	assert_string_equal(azjit_wire_get(&msg, "flow"), flows[0]);
	await_entries(stage, "end", 1);
	assert_int_equal(entries(stage, AZJIT_ENTRY_FLOW, "end", "flow", flows[0]), 1);
	relay_say(&relay, "FLOW-END", flows[1], "in=9\nout=9\nresult=ok\nreason=closed\n");
	await_entries(stage, "end", 2);
	stage_stop(stage);
	relay.fd_count = 0;
	relay_close(&relay);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        broker_test(flow_is_recorded_then_handed_over),
	        broker_test(denied_without_asking_azure),
	        broker_test(forbidden_addresses_are_not_looked_up),
	        broker_test(unmanaged_hosts_tell_nothing),
	        broker_test(kill_switch_stops_everything),
	        broker_test(tag_stops_its_machine),
	        broker_test(own_addresses_are_refused),
	        broker_test(failure_is_told_with_its_sentence),
	        broker_test(without_relay_nothing_is_asked),
	        broker_test(foreign_relay_hears_nothing),
	        broker_test(leaving_cancels),
	        broker_test(restart_learns_from_the_relay),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
