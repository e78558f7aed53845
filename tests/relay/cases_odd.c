// SPDX-License-Identifier: Apache-2.0
// What the relay refuses, and what must not hurt it.
#include "relay_test.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

static void check_alive(void)
{
	int relay = relay_connect();
	struct call call;
	char got[8];

	call_begin(&call, relay, PORT_ECHO, NULL);
	CHECK(write_all(call.in, "hello", 5) && read_for(call.out, got, 5, 3000) == 5,
	      "the relay is no longer there");
	call_end(&call);
	(void)close(relay);
}

static void forbidden_addresses(void)
{
	static const char *const addrs[] = {
	        "127.0.0.1",       "127.8.9.1",       "0.0.0.0",       "169.254.169.254", "224.0.0.1",
	        "255.255.255.255", "240.0.0.1",       "168.63.129.16", JUMP_ADDR,         "::1",
	        "fe80::1",         "::ffff:127.0.0.1"};
	int relay = relay_connect(), null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (size_t i = 0; i < AZJIT_COUNT(addrs); i++) {
		struct heard heard = {.msg = {0}};
		struct call call;

		call_begin_with(&call, relay, addrs[i], 22, null, null);
		CHECK(relay_hear(relay, "ERROR", call.id, 2000, &heard), "%s: not refused", addrs[i]);
		CHECK(azjit_streq(value(&heard, "result"), "denied"), "%s: %s", addrs[i],
		      value(&heard, "result"));
		CHECK(call_hear(&call, NULL, 2000, &heard) && azjit_streq(value(&heard, "result"), "denied"),
		      "%s: the caller was not told", addrs[i]);
		call_end(&call);
		relay_say(relay, NULL, 0, "PROBE", "probe", "p", "addr", addrs[i], "port", "22", NULL);
		CHECK(relay_hear(relay, "ERROR", "p", 2000, &heard), "%s: probed", addrs[i]);
	}
	(void)close(null);
	(void)close(relay);
}

// Whatever comes as stdin or stdout, the caller is told and the relay goes on.
static void refuse(const char *what, int in, int out)
{
	int relay = relay_connect();
	struct heard heard = {.msg = {0}};
	struct call call;

	call_begin_with(&call, relay, TARGET_ADDR, PORT_ECHO, in, out);
	CHECK(relay_hear(relay, "ERROR", call.id, 3000, &heard), "%s: not refused", what);
	CHECK(azjit_streq(value(&heard, "result"), "usage"), "%s: %s", what, value(&heard, "reason"));
	CHECK(call_hear(&call, NULL, 2000, &heard), "%s: the caller was not told", what);
	CHECK(strstr(value(&heard, "reason"), "std"), "%s: %s", what, value(&heard, "reason"));
	call_end(&call);
	(void)close(relay);
}

static void odd_descriptors(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), epoll = epoll_create1(EPOLL_CLOEXEC),
	    event = eventfd(0, EFD_CLOEXEC), path = open("/", O_PATH | O_CLOEXEC),
	    directory = open("/", O_RDONLY), write_only = open("/dev/null", O_WRONLY | O_CLOEXEC),
	    read_only = open("/dev/null", O_RDONLY | O_CLOEXEC),
	    udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), listener = socket(AF_INET, SOCK_STREAM, 0),
	    proc = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC),
	    fresh = socket(AF_UNIX, SOCK_STREAM, 0), netlink = socket(AF_NETLINK, SOCK_RAW, 0);

	(void)bind(listener, (struct sockaddr *)&any, sizeof(any));
	(void)listen(listener, 1);
	refuse("epoll as stdin", epoll, null);
	refuse("epoll as stdout", null, epoll);
	refuse("eventfd as stdin", event, null);
	refuse("O_PATH as stdin", path, null);
	refuse("directory as stdin", directory, null);
	refuse("write-only stdin", write_only, null);
	refuse("read-only stdout", null, read_only);
	refuse("UDP socket as stdin", udp, null);
	refuse("listening socket as stdin", listener, null);
	refuse("unconnected socket as stdout", null, fresh);
	refuse("netlink socket as stdin", netlink, null);
	refuse("file of /proc as stdout", null, proc);
	check_alive();
	for (int fd = null; fd <= netlink; fd++)
		(void)close(fd);
}

static void say_flow(int relay, const char *id, const int *fds, size_t count)
{
	char uid[16];

	(void)snprintf(uid, sizeof(uid), "%u", (unsigned)getuid());
	relay_say(relay, fds, count, "FLOW", "flow", id, "addr", TARGET_ADDR, "port", "7001", "uid", uid,
	          NULL);
}

static void odd_controls(void)
{
	int relay = relay_connect(), null = open("/dev/null", O_RDWR | O_CLOEXEC), pair[2], datagrams[2],
	    in[2];
	struct heard heard;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0 &&
	              socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, datagrams) == 0 && pipe(in) == 0,
	      "socketpair");
	say_flow(relay, "none", NULL, 0);
	CHECK(relay_hear(relay, "ERROR", "none", 2000, &heard), "no descriptors");
	say_flow(relay, "two", (int[]){null, null}, 2);
	CHECK(relay_hear(relay, "ERROR", "two", 2000, &heard), "two descriptors");
	say_flow(relay, "pipe", (int[]){null, null, in[1]}, 3);
	CHECK(relay_hear(relay, "ERROR", "pipe", 2000, &heard), "a pipe as control");
	say_flow(relay, "datagram", (int[]){null, null, datagrams[0]}, 3);
	CHECK(relay_hear(relay, "ERROR", "datagram", 2000, &heard), "a datagram socket as control");
	say_flow(relay, "same", (int[]){pair[1], null, pair[1]}, 3);
	CHECK(relay_hear(relay, "ERROR", "same", 2000, &heard), "control as stdin, too");
	relay_say(relay, (int[]){null, null, pair[1]}, 3, "FLOW", "flow", "other", "addr", TARGET_ADDR,
	          "port", "7001", "uid", "12345", NULL);
	CHECK(relay_hear(relay, "ERROR", "other", 2000, &heard), "another user's control");
	check_alive();
	(void)close(null);
	for (int i = 0; i < 2; i++) {
		(void)close(pair[i]);
		(void)close(datagrams[i]);
		(void)close(in[i]);
	}
	(void)close(relay);
}

static void odd_messages(void)
{
	static const char *const texts[] = {"",
	                                    "nonsense",
	                                    "AZJIT/1 FLOW\n\n",
	                                    "AZJIT/2 LIST\n\n",
	                                    "AZJIT/1 JUMP\n\n",
	                                    "AZJIT/1 PROBE\nprobe=a\naddr=web01\nport=22\n\n",
	                                    "AZJIT/1 PROBE\nprobe=a\naddr=10.91.0.2\nport=0\n\n",
	                                    "AZJIT/1 END\nflow=none\n\n",
	                                    "AZJIT/1 LIST\n\nAZJIT/1 LIST\n\n"};
	static char big[70000];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	memset(big, 'A', sizeof(big));
	for (size_t i = 1; i <= AZJIT_COUNT(texts); i++) {
		const char *text = i < AZJIT_COUNT(texts) ? texts[i] : big;
		size_t len = i < AZJIT_COUNT(texts) ? strlen(text) : sizeof(big);
		int relay = relay_connect();
		struct heard heard;

		CHECK(azjit_wire_send(relay, text, len, (int[]){null, null, null}, 3, 1000) == 0,
		      "message %zu", i);
		CHECK(relay_hear(relay, "ERROR", NULL, 2000, &heard), "message %zu is not answered", i);
		CHECK(value(&heard, "reason")[0] != '\0', "message %zu: no reason", i);
		(void)close(relay);
	}
	(void)close(null);
	check_alive();
}

// Stops a caller's and a broker's reading: control is full, the broker's socket is full.
static void nobody_reads(void)
{
	int relay = relay_connect(), deaf = relay_connect();
	struct call call;
	char got[8];

	for (int i = 0; i < 3000; i++)
		relay_say(relay, NULL, 0, "LIST", NULL);
	call_begin(&call, relay, PORT_ECHO, NULL);
	CHECK(write_all(call.in, "hello", 5) && read_for(call.out, got, 5, 5000) == 5, "everybody waits");
	call_end(&call);
	(void)close(deaf);
	(void)close(relay);
}

static bool no_workers(void *userdata)
{
	return ask_target("children %ld", relay_pid) == 0;
}

// A file whose owner's file system never answers: whoever looks at it, reads it or even closes it is
// stuck in the kernel, and no signal helps. The caller is a process of its own, since it is stuck, too.
static void file_that_never_answers(void)
{
	int relay = relay_connect(), file = ask_target_file("fuse");
	struct heard heard;
	struct call call;

	CHECK(file >= 0, "no FUSE here");
	if (file < 0)
		return;
	call_begin_with(&call, relay, TARGET_ADDR, PORT_ECHO, file, file);
	(void)poll(NULL, 0, 200);
	check_alive();
	relay_say(relay, NULL, 0, "END", "flow", call.id, NULL);
	CHECK(call_hear(&call, NULL, 4000, &heard), "its caller is never told");
	check_alive();
	(void)ask_target("unfuse");
	(void)close(file);
	call_end(&call);
	CHECK(wait_until(no_workers, NULL, 3000), "its worker is left");
	(void)close(relay);
}

const struct test_case cases_odd[] = {
        {"odd: a file that never answers stops nobody else", file_that_never_answers},
        {"odd: forbidden addresses and our own are never dialled", forbidden_addresses},
        {"odd: descriptors without a stream are refused", odd_descriptors},
        {"odd: controls that are none are refused", odd_controls},
        {"odd: messages that are none are answered", odd_messages},
        {"odd: a broker that does not read stops nobody", nobody_reads},
        {NULL, NULL},
};
