// SPDX-License-Identifier: Apache-2.0
// The last cases: limits (a second relay is started for them by the script, its socket is the first's
// with ".small" behind it) and the end of the relay itself.
#include "relay_test.h"

#include <poll.h>
#include <signal.h>

static void limit_per_user(void)
{
	struct heard heard = {.msg = {0}};
	struct call calls[4];
	char path[128], got[8];
	int relay;

	(void)snprintf(path, sizeof(path), "%s.small", relay_path);
	relay = relay_connect_to(path);
	for (int i = 0; i < 4; i++)
		call_begin(&calls[i], relay, PORT_ECHO, NULL);
	for (int i = 0; i < 3; i++)
		CHECK(write_all(calls[i].in, "hello", 5) && read_for(calls[i].out, got, 5, 3000) == 5,
		      "call %d", i);
	CHECK(call_hear(&calls[3], NULL, 3000, &heard), "a fourth is let in where three may be");
	CHECK(azjit_streq(value(&heard, "result"), "busy"), "%s", value(&heard, "result"));
	call_end(&calls[0]);
	CHECK(relay_hear(relay, "FLOW-END", calls[0].id, 3000, &heard), "no end");
	call_end(&calls[3]);
	call_begin(&calls[3], relay, PORT_ECHO, NULL);
	CHECK(write_all(calls[3].in, "hello", 5) && read_for(calls[3].out, got, 5, 3000) == 5,
	      "no room after one left");
	for (int i = 1; i < 4; i++)
		call_end(&calls[i]);
	(void)close(relay);
}

static bool is_gone(void *userdata)
{
	return kill((pid_t)relay_pid, 0) < 0;
}

static void stopped(void)
{
	int relay = relay_connect();
	struct heard heard = {.msg = {0}};
	struct call call;
	char got[8];

	call_begin(&call, relay, PORT_ECHO, NULL);
	CHECK(write_all(call.in, "hello", 5) && read_for(call.out, got, 5, 3000) == 5, "no echo");
	CHECK(kill((pid_t)relay_pid, SIGTERM) == 0, "kill");
	CHECK(call_hear(&call, NULL, 3000, &heard), "the caller was not told");
	CHECK(strstr(value(&heard, "reason"), "stopped"), "%s", value(&heard, "reason"));
	CHECK(wait_until(is_gone, NULL, 3000), "the relay is still there");
	CHECK(ask_target("children %ld", relay_pid) == 0, "workers are left");
	CHECK(access(relay_path, F_OK) < 0, "the socket is still there");
	call_end(&call);
	(void)close(relay);
}

const struct test_case cases_last[] = {
        {"limit: flows of one user", limit_per_user},
        {"end: SIGTERM tells every caller and leaves nothing", stopped},
        {NULL, NULL},
};
