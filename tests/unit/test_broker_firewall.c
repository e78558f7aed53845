// SPDX-License-Identifier: Apache-2.0
// Machines behind an Azure Firewall: what the relay is told to dial, and what callers read of it.
#include "broker_relay.h"

#define CONNECT "AZJIT/1 CONNECT\nhost=web01\nport=22\n\n"

static int connect_with_std(const struct stage *stage)
{
	return say_fds(stage, CONNECT, (int[]){STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}, 3);
}

static void behind(const char *address, uint16_t port)
{
	shared->uid = ALICE;
	(void)azjit_copy(shared->firewall, sizeof(shared->firewall), address);
	shared->mapped_port = port;
}

static void refused(const struct stage *stage, const char *result, const char *sentence)
{
	struct azjit_wire_msg msg;
	int fd = connect_with_std(stage);

	hear_done(fd, &msg);
	assert_string_equal(azjit_wire_get(&msg, "result"), result);
	if (!strstr(azjit_wire_get(&msg, "reason"), sentence))
		fail_msg("%s", azjit_wire_get(&msg, "reason"));
	(void)close(fd);
}

static void the_relay_dials_the_firewall_s_port(void **state)
{
	struct stage *stage = *state;
	struct relay relay = {.fd_count = 0};
	struct azjit_wire_msg msg;
	int fd;

	behind("20.60.0.9", 50022);
	stage_start_with(stage, &relay);
	fd = connect_with_std(stage);
	msg = relay_hear(&relay, "FLOW");
	assert_string_equal(azjit_wire_get(&msg, "addr"), "20.60.0.9");
	assert_string_equal(azjit_wire_get(&msg, "port"), "50022");
	assert_string_equal(azjit_wire_get(&msg, "host"), "web01");
	assert_int_equal(entries(stage, AZJIT_ENTRY_FLOW, "start", "port", "22"), 1);
	assert_int_equal(entries(stage, AZJIT_ENTRY_FLOW, "start", "dial", "20.60.0.9:50022"), 1);
	hear_done(fd, &msg);
	assert_string_equal(azjit_wire_get(&msg, "result"), "ok");
	(void)close(fd);
	stage_stop(stage);
	relay_close(&relay);
}

static void a_grant_without_a_port_leads_nowhere(void **state)
{
	struct stage *stage = *state;
	struct relay relay = {.fd_count = 0};

	behind("20.60.0.9", 0);
	stage_start_with(stage, &relay);
	refused(stage, "unreachable", "connect again");
	assert_int_equal(entries(stage, AZJIT_ENTRY_FLOW, "start", NULL, NULL), 0);
	stage_stop(stage);
	relay_close(&relay);
}

// A policy that calls this host the firewall would have the relay connect to its own services.
static void this_host_is_no_firewall(void **state)
{
	struct stage *stage = *state;
	struct relay relay = {.fd_count = 0};

	behind("127.0.0.1", 22);
	stage_start_with(stage, &relay);
	refused(stage, "denied", "the address 127.0.0.1, which is this jump host's own");
	assert_int_equal(shared->needs, 0);
	assert_int_equal(entries(stage, AZJIT_ENTRY_DENIAL, "refused", "vm", VM_ID("web01")), 1);
	stage_stop(stage);
	relay_close(&relay);
}

static void a_request_tells_both_addresses(void **state)
{
	static const struct {
		bool unproven;
		const char *stage;
	} table[] = {{false, "open"}, {true, "accepted"}};
	struct stage *stage = *state;

	behind("20.60.0.9", 50022);
	stage_start(stage);
	for (size_t i = 0; i < AZJIT_COUNT(table); i++) {
		struct azjit_wire_msg msg;
		int fd;

		shared->unproven = table[i].unproven;
		fd = say(stage, "AZJIT/1 REQUEST\ntargets=web01:22\n\n");
		while (hear(fd, &msg) && !azjit_wire_get(&msg, "result"))
			continue;
		assert_string_equal(azjit_wire_get(&msg, "stage"), table[i].stage);
		assert_string_equal(azjit_wire_get(&msg, "port"), "22");
		assert_string_equal(azjit_wire_get(&msg, "address"), "10.20.1.4");
		assert_string_equal(azjit_wire_get(&msg, "firewall"), "20.60.0.9");
		assert_string_equal(azjit_wire_get(&msg, "mapped_port"), "50022");
		(void)close(fd);
	}
	stage_stop(stage);
}

static void without_a_firewall_there_is_one_address(void **state)
{
	struct stage *stage = *state;
	struct azjit_wire_msg msg;
	int fd;

	shared->uid = ALICE;
	stage_start(stage);
	fd = say(stage, "AZJIT/1 REQUEST\ntargets=web01:22\n\n");
	while (hear(fd, &msg) && !azjit_wire_get(&msg, "result"))
		continue;
	assert_string_equal(azjit_wire_get(&msg, "address"), "10.20.1.4");
	assert_null(azjit_wire_get(&msg, "firewall"));
	assert_null(azjit_wire_get(&msg, "mapped_port"));
	(void)close(fd);
	stage_stop(stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        broker_test(the_relay_dials_the_firewall_s_port),
	        broker_test(a_grant_without_a_port_leads_nowhere),
	        broker_test(this_host_is_no_firewall),
	        broker_test(a_request_tells_both_addresses),
	        broker_test(without_a_firewall_there_is_one_address),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
