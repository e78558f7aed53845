// SPDX-License-Identifier: Apache-2.0
// Probing: how soon after the filter opens, and what the target sees of it.
#include "relay_test.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#define RUNS  30
#define BATCH 10

static int compare(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return (x > y) - (x < y);
}

static void begin_probe(int relay, const char *id, int port, const char *slow)
{
	char text[8];

	(void)snprintf(text, sizeof(text), "%d", port);
	relay_say(relay, NULL, 0, "PROBE", "probe", id, "addr", TARGET_ADDR, "port", text, "slow", slow,
	          NULL);
}

// Probes ten ports that open at ten moments, half of them as if they might be far; each winner then
// carries a flow.
static void batch(int relay, long *ret_latency_ms)
{
	char id[BATCH][16], bytes[8];
	struct heard heard;

	for (int i = 0; i < BATCH; i++) {
		(void)snprintf(id[i], sizeof(id[i]), "g%d", PORT_GATED + i);
		begin_probe(relay, id[i], PORT_GATED + i, i % 2 ? "1" : NULL);
		(void)ask_target("open %d %d", PORT_GATED + i, 200 + (int)(now_us() * 7919 % 1500));
	}
	for (int i = 0; i < BATCH; i++) {
		CHECK(relay_hear(relay, "PROBE-OPEN", NULL, 5000, &heard), "probe %d of the batch", i);
		for (int port = PORT_GATED; port < PORT_GATED + BATCH; port++)
			if (azjit_streq(value(&heard, "probe"), id[port - PORT_GATED]))
				ret_latency_ms[port - PORT_GATED] =
				        (long)(now_us() - ask_target("opened %d", port)) / 1000;
	}
	for (int i = 0; i < BATCH; i++) {
		struct call call;

		call_begin(&call, relay, PORT_GATED + i, id[i]);
		relay_say(relay, NULL, 0, "STOP", "probe", id[i], NULL);
		CHECK(relay_hear(relay, "FLOW-OPEN", call.id, 2000, &heard), "port %d", PORT_GATED + i);
		CHECK(write_all(call.in, "hello", 5) && read_for(call.out, bytes, 5, 2000) == 5, "port %d",
		      PORT_GATED + i);
		call_end(&call);
		CHECK(relay_hear(relay, "FLOW-END", call.id, 2000, &heard), "port %d", PORT_GATED + i);
	}
	(void)ask_target("shut");
}

static void latency(void)
{
	long latency_ms[RUNS] = {0};
	int relay = relay_connect();

	for (int run = 0; run < RUNS; run += BATCH) {
		(void)ask_target("reset");
		batch(relay, latency_ms + run);
		for (int port = PORT_GATED; port < PORT_GATED + BATCH; port++) {
			struct stats stats = target_stats(port);

			CHECK(stats.accepts == 1, "port %d: %llu accepts for one flow", port, stats.accepts);
			CHECK(stats.bare == 0, "port %d: %llu bare connects", port, stats.bare);
		}
	}
	qsort(latency_ms, RUNS, sizeof(*latency_ms), compare);
	printf("# connected after the filter opened: median %ld ms, p95 %ld ms, most %ld ms\n",
	       latency_ms[RUNS / 2], latency_ms[RUNS * 95 / 100], latency_ms[RUNS - 1]);
	CHECK(latency_ms[RUNS * 95 / 100] <= 150, "p95 is %ld ms", latency_ms[RUNS * 95 / 100]);
	(void)close(relay);
}

// The relay sleeps while the kernel's second SYN (after 1 s) completes ten handshakes; when it wakes,
// their time is over and they are open, all at once.
static void late_handshakes(void)
{
	int relay = relay_connect();
	struct heard heard;
	char id[16];

	(void)ask_target("reset");
	for (int port = PORT_GATED + 10; port < PORT_GATED + 20; port++) {
		(void)snprintf(id, sizeof(id), "l%d", port);
		begin_probe(relay, id, port, NULL);
	}
	(void)poll(NULL, 0, 250);
	CHECK(kill((pid_t)relay_pid, SIGSTOP) == 0, "stop");
	for (int port = PORT_GATED + 10; port < PORT_GATED + 20; port++)
		(void)ask_target("open %d 0", port);
	(void)poll(NULL, 0, 1500);
	CHECK(kill((pid_t)relay_pid, SIGCONT) == 0, "continue");
	for (int i = 0; i < 10; i++)
		CHECK(relay_hear(relay, "PROBE-OPEN", NULL, 3000, &heard), "probe %d", i);
	(void)poll(NULL, 0, 300);
	for (int port = PORT_GATED + 10; port < PORT_GATED + 20; port++) {
		struct stats stats = target_stats(port);

		CHECK(stats.accepts == 1 && stats.bare == 0, "port %d: %llu accepts, %llu bare", port,
		      stats.accepts, stats.bare);
	}
	(void)ask_target("shut");
	(void)close(relay);
}

// SYNs seen in 2.2 s: one each 100 ms; with slow=1 another each second beside them.
static unsigned long long syns_of(const char *slow)
{
	int relay = relay_connect();
	unsigned long long before = ask_target("syns");

	begin_probe(relay, "cadence", PORT_GATED + 20, slow);
	(void)poll(NULL, 0, 2200);
	relay_say(relay, NULL, 0, "STOP", "probe", "cadence", NULL);
	(void)close(relay);
	return ask_target("syns") - before;
}

static void cadence(void)
{
	unsigned long long fast = syns_of(NULL), slow = syns_of("1");

	CHECK(fast >= 15 && fast <= 23, "%llu SYNs in 2.2 s", fast);
	CHECK(slow >= 17 && slow <= 27, "%llu SYNs in 2.2 s with slow=1", slow);
}

static void refused_then_open(void)
{
	int relay = relay_connect();
	struct heard heard;

	begin_probe(relay, "later", PORT_LATER, NULL);
	CHECK(relay_hear(relay, "PROBE-NOTE", "later", 2000, &heard), "no note");
	CHECK(azjit_streq(value(&heard, "errno"), "ECONNREFUSED"), "%s", value(&heard, "errno"));
	CHECK(!relay_hear(relay, "PROBE-NOTE", "later", 500, &heard), "a second note without a change");
	(void)ask_target("listen");
	CHECK(relay_hear(relay, "PROBE-OPEN", "later", 2000, &heard), "not open although something listens");
	relay_say(relay, NULL, 0, "STOP", "probe", "later", NULL);
	(void)close(relay);
}

// Two SYNs that are sent in one moment to a port that is open both complete, whatever is done with them then.
static void one_handshake(void)
{
	for (int i = 0; i < 10; i++) {
		int relay = relay_connect();
		struct stats stats;
		struct heard heard;
		struct call call;
		char bytes[8];

		(void)ask_target("reset");
		begin_probe(relay, "both", PORT_ECHO, "1");
		CHECK(relay_hear(relay, "PROBE-OPEN", "both", 2000, &heard), "not open");
		call_begin(&call, relay, PORT_ECHO, "both");
		CHECK(write_all(call.in, "hello", 5) && read_for(call.out, bytes, 5, 2000) == 5, "no echo");
		call_end(&call);
		relay_say(relay, NULL, 0, "STOP", "probe", "both", NULL);
		CHECK(relay_hear(relay, "FLOW-END", call.id, 2000, &heard), "the flow does not end");
		(void)close(relay);
		stats = target_stats(PORT_ECHO);
		CHECK(stats.accepts == 1, "%llu accepts for one flow", stats.accepts);
	}
}

// The socket of a stopped probe waits for a flow to the same target; with its broker gone, too.
static void held_for_another(void)
{
	int relay = relay_connect();
	struct heard heard;
	struct call call;
	char bytes[8];

	(void)ask_target("reset");
	begin_probe(relay, "hold", PORT_ECHO, NULL);
	CHECK(relay_hear(relay, "PROBE-OPEN", "hold", 2000, &heard), "not open");
	(void)close(relay);
	relay = relay_connect();
	call_begin(&call, relay, PORT_ECHO, NULL);
	CHECK(write_all(call.in, "hello", 5) && read_for(call.out, bytes, 5, 2000) == 5, "no echo");
	CHECK(target_stats(PORT_ECHO).accepts == 1, "%llu accepts", target_stats(PORT_ECHO).accepts);
	call_end(&call);
	(void)close(relay);
}

// A probe that nobody stops ends with its broker's connection.
static void ends_with_its_broker(void)
{
	int relay = relay_connect();
	unsigned long long before;

	begin_probe(relay, "orphan", PORT_GATED + 21, NULL);
	(void)poll(NULL, 0, 300);
	(void)close(relay);
	(void)poll(NULL, 0, 100);
	before = ask_target("syns");
	(void)poll(NULL, 0, 500);
	CHECK(ask_target("syns") == before, "it goes on");
}

const struct test_case cases_probe[] = {
        {"probe: connected within 150 ms of the filter's opening, accepts are flows", latency},
        {"probe: a handshake that completes late is not dropped", late_handshakes},
        {"probe: one SYN at a time, at its cadence", cadence},
        {"probe: of two SYNs under way one becomes a connection", one_handshake},
        {"probe: refused is noted once, and probing goes on", refused_then_open},
        {"probe: a finished handshake waits for a flow", held_for_another},
        {"probe: ends with its broker", ends_with_its_broker},
        {NULL, NULL},
};
