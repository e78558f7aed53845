// SPDX-License-Identifier: Apache-2.0
// The data plane: bytes, ends of file, backpressure, kinds of descriptors.
#include "relay_test.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>

#define GIB     (UINT64_C(1) << 30)
#define CHUNK   (1 << 18)
#define WAIT_MS 20000

static unsigned char chunk[CHUNK];

// Reads to the end of file and compares with the pattern.
static uint64_t read_pattern(int fd)
{
	static unsigned char expected[CHUNK];
	uint64_t done = 0;
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
		pattern_fill(expected, (size_t)n, done);
		if (memcmp(chunk, expected, (size_t)n) != 0) {
			CHECK(false, "a wrong byte within %zd after %llu", n, (unsigned long long)done);
			return done;
		}
		done += (uint64_t)n;
	}
	return done;
}

// Writes the pattern; returns its checksum.
static uint64_t write_pattern(int fd, uint64_t total)
{
	uint64_t sum = SUM_START;

	for (uint64_t done = 0; done < total;) {
		size_t n = total - done < CHUNK ? (size_t)(total - done) : CHUNK;

		pattern_fill(chunk, n, done);
		sum = sum_add(sum, chunk, n);
		if (!write_all(fd, chunk, n)) {
			CHECK(false, "writing stopped after %llu", (unsigned long long)done);
			return 0;
		}
		done += n;
	}
	return sum;
}

static void check_done(struct call *call, const char *result)
{
	struct heard heard = {.msg = {0}};

	CHECK(call_hear(call, NULL, 5000, &heard), "no DONE");
	CHECK(azjit_streq(value(&heard, "result"), result), "%s: %s", value(&heard, "result"),
	      value(&heard, "reason"));
}

static void gib_down(void)
{
	int relay = relay_connect();
	struct heard heard;
	struct call call;
	uint64_t got;

	call_begin(&call, relay, PORT_SOURCE, NULL);
	CHECK(write_all(call.in, "1073741824\n", 11), "write");
	got = read_pattern(call.out);
	CHECK(got == GIB, "%llu bytes came", (unsigned long long)got);
	(void)close(STEAL_FD(call.in));
	check_done(&call, "ok");
	CHECK(relay_hear(relay, "FLOW-END", call.id, 2000, &heard), "no FLOW-END");
	CHECK(azjit_streq(value(&heard, "in"), "1073741824") && azjit_streq(value(&heard, "out"), "11"),
	      "in %s out %s", value(&heard, "in"), value(&heard, "out"));
	call_end(&call);
	(void)close(relay);
}

static void gib_up(void)
{
	int relay = relay_connect();
	struct call call;
	char expected[64], got[64] = "";

	call_begin(&call, relay, PORT_SINK, NULL);
	(void)snprintf(expected, sizeof(expected), "%llu %llu\n", (unsigned long long)GIB,
	               (unsigned long long)write_pattern(call.in, GIB));
	(void)close(STEAL_FD(call.in));
	(void)read_for(call.out, got, sizeof(got) - 1, WAIT_MS);
	CHECK(azjit_streq(got, expected), "%s, not %s", got, expected);
	check_done(&call, "ok");
	call_end(&call);
	(void)close(relay);
}

static void half_close_ours(void)
{
	int relay = relay_connect();
	struct call call;
	char got[64] = "";

	call_begin(&call, relay, PORT_SINK, NULL);
	CHECK(write_all(call.in, "abc", 3), "write");
	(void)close(STEAL_FD(call.in));
	(void)read_for(call.out, got, sizeof(got) - 1, 3000);
	CHECK(strncmp(got, "3 ", 2) == 0, "the answer after our end of file: '%s'", got);
	CHECK(at_eof(call.out, 2000), "stdout has no end");
	check_done(&call, "ok");
	call_end(&call);
	(void)close(relay);
}

static bool still_here_came(void *userdata)
{
	return target_stats(PORT_FIRST_EOF).sum ==
	       sum_add(SUM_START, (const unsigned char *)"still here", 10);
}

static void half_close_theirs(void)
{
	int relay = relay_connect();
	struct heard heard;
	struct call call;
	char got[8] = "";

	(void)ask_target("reset");
	call_begin(&call, relay, PORT_FIRST_EOF, NULL);
	CHECK(read_for(call.out, got, 3, 3000) == 3 && azjit_streq(got, "bye"), "got '%s'", got);
	CHECK(at_eof(call.out, 2000), "stdout has no end");
	CHECK(call_hear(&call, "eof", 2000, &heard), "control heard nothing of the end");
	CHECK(!call_hear(&call, NULL, 300, &heard), "the flow ended with one direction");
	CHECK(write_all(call.in, "still here", 10), "write");
	(void)close(STEAL_FD(call.in));
	check_done(&call, "ok");
	CHECK(wait_until(still_here_came, NULL, 2000),
	      "the target did not get what was written after its end of file");
	call_end(&call);
	(void)close(relay);
}

// As sshd gives it to a command: one socket is stdin and stdout.
static void one_socket(void)
{
	int relay = relay_connect(), pair[2];
	struct call call;
	char got[64] = "";

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
	call_begin_with(&call, relay, TARGET_ADDR, PORT_SINK, pair[1], pair[1]);
	(void)close(pair[1]);
	CHECK(write_pattern(pair[0], 5000000) != 0, "write");
	(void)shutdown(pair[0], SHUT_WR);
	(void)read_for(pair[0], got, sizeof(got) - 1, 5000);
	CHECK(strncmp(got, "5000000 ", 8) == 0, "'%s'", got);
	check_done(&call, "ok");
	(void)close(pair[0]);
	call_end(&call);
	(void)close(relay);
}

// Its peer closed it whole, with bytes still inside: they arrive.
static void closed_whole(void)
{
	int relay = relay_connect(), pair[2];
	struct call call;
	struct heard heard;

	(void)ask_target("reset");
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
	CHECK(write_all(pair[0], chunk, 100000), "write");
	(void)close(pair[0]);
	call_begin_with(&call, relay, TARGET_ADDR, PORT_SINK, pair[1], pair[1]);
	(void)close(pair[1]);
	CHECK(call_hear(&call, NULL, 3000, &heard), "no DONE");
	CHECK(target_stats(PORT_SINK).bytes == 100000, "%llu bytes arrived", target_stats(PORT_SINK).bytes);
	call_end(&call);
	(void)close(relay);
}

static void regular_files(void)
{
	FILE *in = tmpfile(), *out = tmpfile();
	int relay = relay_connect();
	struct call call;
	struct stat st = {0};
	char got[64] = "";

	(void)write_pattern(fileno(in), 3000000);
	(void)lseek(fileno(in), 0, SEEK_SET);
	call_begin_with(&call, relay, TARGET_ADDR, PORT_ECHO, fileno(in), fileno(out));
	check_done(&call, "ok");
	CHECK(fstat(fileno(out), &st) == 0 && st.st_size == 3000000, "%lld bytes in the file",
	      (long long)st.st_size);
	(void)lseek(fileno(out), 0, SEEK_SET);
	CHECK(read_pattern(fileno(out)) == 3000000, "the file differs");
	call_end(&call);
	// Appended to, as by >>.
	(void)fcntl(fileno(out), F_SETFL, O_APPEND);
	(void)lseek(fileno(in), 0, SEEK_SET);
	call_begin_with(&call, relay, TARGET_ADDR, PORT_SINK, fileno(in), fileno(out));
	check_done(&call, "ok");
	CHECK(pread(fileno(out), got, sizeof(got) - 1, 3000000) > 8 && strncmp(got, "3000000 ", 8) == 0,
	      "'%s'", got);
	call_end(&call);
	(void)fclose(in);
	(void)fclose(out);
	(void)close(relay);
}

static void terminal(void)
{
	int relay = relay_connect(), master, slave, before;
	struct termios raw;
	struct call call;
	struct heard heard;
	char got[16] = "";

	CHECK(openpty(&master, &slave, NULL, NULL, NULL) == 0, "openpty");
	(void)tcgetattr(slave, &raw);
	cfmakeraw(&raw);
	(void)tcsetattr(slave, TCSANOW, &raw);
	before = fcntl(slave, F_GETFL);
	call_begin_with(&call, relay, TARGET_ADDR, PORT_ECHO, slave, slave);
	CHECK(call_hear(&call, "connected", 3000, &heard), "not connected");
	CHECK(write_all(master, "typed", 5), "write");
	CHECK(read_for(master, got, 5, 3000) == 5 && azjit_streq(got, "typed"), "'%s'", got);
	CHECK(fcntl(slave, F_GETFL) == before, "the terminal's flags changed from %o to %o", (unsigned)before,
	      (unsigned)fcntl(slave, F_GETFL));
	(void)close(master);
	CHECK(call_hear(&call, NULL, 3000, &heard), "a hang-up does not end it");
	(void)close(slave);
	call_end(&call);
	(void)close(relay);
}

static void flags_untouched(void)
{
	int relay = relay_connect(), in[2], out[2];
	struct call call;
	char got[8];

	CHECK(pipe(in) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, out) == 0, "pipe");
	call_begin_with(&call, relay, TARGET_ADDR, PORT_ECHO, in[0], out[1]);
	CHECK(write_all(in[1], "hello", 5) && read_for(out[0], got, 5, 3000) == 5, "no echo");
	CHECK((fcntl(in[0], F_GETFL) & O_NONBLOCK) == 0, "stdin was made non-blocking");
	CHECK((fcntl(out[1], F_GETFL) & O_NONBLOCK) == 0, "stdout was made non-blocking");
	CHECK(fcntl(in[0], F_GETPIPE_SZ) == 65536, "stdin's pipe was resized");
	call_end(&call);
	for (int i = 0; i < 2; i++) {
		(void)close(in[i]);
		(void)close(out[i]);
	}
	(void)close(relay);
}

// The other side of a pipe sets O_NONBLOCK: bytes come all the same.
static void non_blocking_pipes(void)
{
	int relay = relay_connect(), in[2];
	struct call call;
	char got[64] = "";
	int out[2];

	CHECK(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0, "pipe");
	(void)fcntl(in[0], F_SETFL, O_NONBLOCK);
	(void)fcntl(out[1], F_SETFL, O_NONBLOCK);
	call_begin_with(&call, relay, TARGET_ADDR, PORT_SINK, in[0], out[1]);
	(void)close(in[0]);
	(void)close(out[1]);
	CHECK(write_pattern(in[1], 5000000) != 0, "write");
	(void)close(in[1]);
	(void)read_for(out[0], got, sizeof(got) - 1, 5000);
	CHECK(strncmp(got, "5000000 ", 8) == 0, "'%s'", got);
	(void)close(out[0]);
	call_end(&call);
	(void)close(relay);
}

static bool source_stalled(void *userdata)
{
	unsigned long long *last = userdata, now = target_stats(PORT_SOURCE).sum;
	bool same = now == *last && now > 0;

	*last = now;
	(void)poll(NULL, 0, 200);
	return same;
}

static void slow_reader(void)
{
	int relay = relay_connect();
	unsigned long long sent = 0, rss = ask_target("rss %ld", relay_pid);
	struct call call;

	(void)ask_target("reset");
	call_begin(&call, relay, PORT_SOURCE, NULL);
	CHECK(write_all(call.in, "100000000\n", 10), "write");
	CHECK(wait_until(source_stalled, &sent, 10000), "the target is never held up");
	CHECK(sent < 32000000, "%llu bytes left the target although nobody reads", sent);
	CHECK(ask_target("rss %ld", relay_pid) < rss + 4096, "the relay grew");
	CHECK(read_pattern(call.out) == 100000000, "bytes were lost");
	(void)close(STEAL_FD(call.in));
	check_done(&call, "ok");
	call_end(&call);
	(void)close(relay);
}

// A target that does not read holds its writer up, and only its writer.
static void deaf_target(void)
{
	int relay = relay_connect();
	struct call call, other;
	unsigned long long written = 0;
	char got[8];
	ssize_t n;

	call_begin(&call, relay, PORT_DEAF, NULL);
	(void)fcntl(call.in, F_SETFL, O_NONBLOCK);
	for (int idle = 0; idle < 20;) {
		n = write(call.in, chunk, sizeof(chunk));
		if (n > 0) {
			written += (unsigned long long)n;
			idle = 0;
		} else {
			idle++;
			(void)poll(NULL, 0, 20);
		}
	}
	CHECK(written < 64000000, "%llu bytes were taken although nobody reads", written);
	call_begin(&other, relay, PORT_ECHO, NULL);
	CHECK(write_all(other.in, "hello", 5) && read_for(other.out, got, 5, 2000) == 5, "others wait, too");
	call_end(&other);
	call_end(&call);
	(void)close(relay);
}

const struct test_case cases_data[] = {
        {"data: 1 GiB from the target is byte-identical and counted", gib_down},
        {"data: 1 GiB to the target is byte-identical", gib_up},
        {"data: our end of file half-closes", half_close_ours},
        {"data: the target's end of file half-closes", half_close_theirs},
        {"data: one socket as stdin and stdout", one_socket},
        {"data: a socket closed whole loses nothing", closed_whole},
        {"data: regular files", regular_files},
        {"data: a terminal, and its flags stay", terminal},
        {"data: flags of pipes and sockets stay", flags_untouched},
        {"data: non-blocking pipes", non_blocking_pipes},
        {"data: a slow reader holds the target up", slow_reader},
        {"data: a target that does not read holds only its own writer up", deaf_target},
        {NULL, NULL},
};
