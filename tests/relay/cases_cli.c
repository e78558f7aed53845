// SPDX-License-Identifier: Apache-2.0
// azjit's callers against a broker that the driver plays and the real relay.
#include "relay_test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>

#define PORT_TEXT(port)  PORT_TEXT_(port)
#define PORT_TEXT_(port) #port

struct run {
	pid_t pid;
	int in, out, err; // our ends
	char text[2048];  // what stderr said
};

static char broker_path[100];
static int listener = -1;

static void broker_listen(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	if (listener >= 0)
		return;
	(void)snprintf(broker_path, sizeof(broker_path), "%s.broker", relay_path);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", broker_path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(bind(listener, (struct sockaddr *)&sun, sizeof(sun)) == 0 && listen(listener, 8) == 0, "%s",
	      broker_path);
}

static void start_with(struct run *run, int in, int out, const char *command, va_list args)
{
	char program[] = "azjit", socket_option[] = "--socket", user_option[] = "--broker-user",
	     user[] = "nobody";
	char *argv[16] = {program, (char *)(uintptr_t)command, socket_option, broker_path, user_option, user};
	size_t count = 6;
	int err[2];

	while (count < AZJIT_COUNT(argv) && (argv[count] = va_arg(args, char *)))
		count++;
	CHECK(pipe2(err, O_CLOEXEC) == 0, "pipe");
	run->pid = fork();
	if (run->pid == 0) {
		(void)dup2(in, 0);
		(void)dup2(out, 1);
		(void)dup2(err[1], 2);
		(void)execv(getenv("AZJIT_PROGRAM"), argv);
		_exit(126);
	}
	(void)close(err[1]);
	run->err = err[0];
	run->text[0] = '\0';
}

static void start(struct run *run, const char *command, ...)
{
	int in[2], out[2];
	va_list args;

	broker_listen();
	CHECK(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0, "pipe");
	va_start(args, command);
	start_with(run, in[0], out[1], command, args);
	va_end(args);
	(void)close(in[0]);
	(void)close(out[1]);
	run->in = in[1];
	run->out = out[0];
}

// The exit status, -1: it does not end.
static int end(struct run *run)
{
	size_t got = read_for(run->err, run->text, sizeof(run->text) - 1, 5000);
	int status = 0;

	run->text[got] = '\0';
	for (int i = 0; i < 300 && waitpid(run->pid, &status, WNOHANG) == 0; i++)
		(void)poll(NULL, 0, 10);
	(void)kill(run->pid, SIGKILL);
	(void)close(run->err);
	if (run->in >= 0)
		(void)close(run->in);
	(void)close(run->out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Takes the request and its descriptors off the next connection.
static int broker_take(struct heard *heard, int fds[3])
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * 3)];
		struct cmsghdr align;
	} control;
	struct iovec iov = {heard->bytes, sizeof(heard->bytes)};
	struct msghdr msg = {.msg_iov = &iov,
	                     .msg_iovlen = 1,
	                     .msg_control = control.bytes,
	                     .msg_controllen = sizeof(control)};
	struct pollfd pfd = {.fd = listener, .events = POLLIN};
	int fd = poll(&pfd, 1, 3000) > 0 ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : -1;
	ssize_t n = fd < 0 ? -1 : recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	size_t used;

	fds[0] = fds[1] = fds[2] = -1;
	CHECK(n > 0 && azjit_wire_parse(heard->bytes, (size_t)n, sizeof(heard->bytes), &heard->msg, &used) ==
	                       AZJIT_WIRE_MESSAGE,
	      "no request");
	if (n > 0 && CMSG_FIRSTHDR(&msg))
		memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int) * 3);
	return fd;
}

static void hand_over(int relay, const char *id, const char *addr, const char *port, int fds[3])
{
	char uid[16];

	(void)snprintf(uid, sizeof(uid), "%u", (unsigned)getuid());
	relay_say(relay, fds, 3, "FLOW", "flow", id, "addr", addr, "port", port, "uid", uid, "host", "web01",
	          NULL);
	for (int i = 0; i < 3; i++)
		(void)close(fds[i]);
}

static void connects(void)
{
	int relay = relay_connect(), broker, fds[3];
	struct heard heard;
	struct run run;
	char got[64] = "";

	start(&run, "connect", "web01", PORT_TEXT(7003), NULL);
	broker = broker_take(&heard, fds);
	CHECK(azjit_streq(heard.msg.verb, "CONNECT") && azjit_streq(value(&heard, "host"), "web01") &&
	              azjit_streq(value(&heard, "port"), "7003"),
	      "%s %s", heard.msg.verb, value(&heard, "host"));
	relay_say(broker, NULL, 0, "PROGRESS", "stage", "requesting", "text", "asking Azure", NULL);
	relay_say(broker, NULL, 0, "PROGRESS", "stage", "requesting", "text", "asking Azure", NULL);
	hand_over(relay, "cli-connects", TARGET_ADDR, "7003", fds);
	relay_say(broker, NULL, 0, "DONE", "result", "ok", NULL);
	(void)close(broker);
	CHECK(write_all(run.in, "abc", 3), "write");
	(void)close(STEAL_FD(run.in));
	(void)read_for(run.out, got, sizeof(got), 5000);
	CHECK(strncmp(got, "3 ", 2) == 0, "'%s'", got);
	CHECK(end(&run) == 0, "exit status");
	CHECK(azjit_streq(run.text, "azjit: asking Azure\n"), "stderr: '%s'", run.text);
	(void)close(relay);
}

// As sshd runs a command: one socket pair is stdin and stdout, and both ends of it stay open.
static void half_closes_a_socket(va_list args, struct run *run, int pair[2])
{
	start_with(run, pair[1], pair[1], "connect", args);
}

static void start_on_socket(struct run *run, int pair[2], ...)
{
	va_list args;

	va_start(args, pair);
	half_closes_a_socket(args, run, pair);
	va_end(args);
}

static bool four_bytes_came(void *userdata)
{
	return target_stats(PORT_FIRST_EOF).bytes == 4;
}

static void connects_as_under_sshd(void)
{
	int relay = relay_connect(), broker, fds[3], pair[2];
	struct heard heard;
	struct run run = {.in = -1};
	char got[8] = "";

	broker_listen();
	(void)ask_target("reset");
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
	start_on_socket(&run, pair, "web01", PORT_TEXT(7005), NULL);
	broker = broker_take(&heard, fds);
	hand_over(relay, "cli-sshd", TARGET_ADDR, "7005", fds);
	relay_say(broker, NULL, 0, "DONE", "result", "ok", NULL);
	CHECK(read_for(pair[0], got, 3, 3000) == 3 && azjit_streq(got, "bye"), "'%s'", got);
	CHECK(at_eof(pair[0], 3000), "the target's end of file does not reach sshd");
	CHECK(write_all(pair[0], "more", 4), "write");
	(void)shutdown(pair[0], SHUT_WR);
	run.out = pair[1];
	CHECK(end(&run) == 0, "exit status; %s", run.text);
	CHECK(wait_until(four_bytes_came, NULL, 2000), "what was written after it is lost");
	(void)close(pair[0]);
	(void)close(broker);
	(void)close(relay);
}

static void broker_dies_before(void)
{
	struct heard heard;
	struct run run;
	int fds[3], broker;

	start(&run, "connect", "web01", "22", NULL);
	broker = broker_take(&heard, fds);
	for (int i = 0; i < 3; i++)
		(void)close(fds[i]);
	(void)close(broker);
	CHECK(end(&run) == EX_OSERR, "exit status");
	CHECK(strstr(run.text, "the broker went away"), "'%s'", run.text);
}

static void broker_dies_after(void)
{
	int relay = relay_connect(), broker, fds[3];
	struct heard heard;
	struct run run;
	char got[8] = "";

	start(&run, "connect", "web01", PORT_TEXT(7001), NULL);
	broker = broker_take(&heard, fds);
	hand_over(relay, "cli-after", TARGET_ADDR, "7001", fds);
	(void)close(broker);
	CHECK(write_all(run.in, "hello", 5) && read_for(run.out, got, 5, 3000) == 5, "no echo");
	(void)kill(run.pid, SIGTERM);
	CHECK(relay_hear(relay, "FLOW-END", "cli-after", 2000, &heard),
	      "SIGTERM does not end the connection");
	(void)end(&run);
	(void)close(relay);
}

static void answered(const char *result, const char *reason, int status, const char *words)
{
	struct heard heard;
	struct run run;
	int fds[3], broker;

	start(&run, "connect", "web01", "22", NULL);
	broker = broker_take(&heard, fds);
	relay_say(broker, NULL, 0, "DONE", "result", result, "reason", reason, NULL);
	for (int i = 0; i < 3; i++)
		(void)close(fds[i]);
	CHECK(end(&run) == status, "%s: exit status", result);
	CHECK(strstr(run.text, words), "'%s'", run.text);
	(void)close(broker);
}

static void refusals(void)
{
	answered("denied", "no rule allows alice", EX_NOPERM, "azjit: no rule allows alice\n");
	answered("deadline", "no answer\033[2J in time", EX_TEMPFAIL, "azjit: no answer\\x1b[2J in time\n");
}

static void relay_refuses(void)
{
	int relay = relay_connect(), broker, fds[3];
	struct heard heard;
	struct run run;

	start(&run, "connect", "web01", "22", NULL);
	broker = broker_take(&heard, fds);
	hand_over(relay, "cli-refused", "127.0.0.1", "22", fds);
	relay_say(broker, NULL, 0, "DONE", "result", "ok", NULL);
	CHECK(end(&run) == EX_NOPERM, "exit status");
	CHECK(strstr(run.text, "never dialled"), "'%s'", run.text);
	(void)close(broker);
	(void)close(relay);
}

static void not_managed(void)
{
	struct heard heard;
	struct run run;
	int fds[3], broker;
	char got[64] = "";

	start(&run, "connect", TARGET_ADDR, PORT_TEXT(7003), NULL);
	broker = broker_take(&heard, fds);
	relay_say(broker, NULL, 0, "DONE", "result", "not-managed", "reason", "unknown", NULL);
	for (int i = 0; i < 3; i++)
		(void)close(fds[i]);
	CHECK(write_all(run.in, "abcd", 4), "write");
	(void)close(STEAL_FD(run.in));
	(void)read_for(run.out, got, sizeof(got), 5000);
	CHECK(strncmp(got, "4 ", 2) == 0, "'%s'", got);
	CHECK(end(&run) == 0, "exit status; %s", run.text);
	(void)close(broker);
}

static void matches(void)
{
	static const struct {
		const char *result;
		int status;
	} answers[] = {{"ok", 0}, {"not-managed", 1}, {"denied", 1}, {"not-found", 1}};

	for (size_t i = 0; i < AZJIT_COUNT(answers); i++) {
		struct heard heard;
		struct run run;
		char byte;
		int fds[3], broker;

		start(&run, "match", "web01", "22", NULL);
		broker = broker_take(&heard, fds);
		relay_say(broker, NULL, 0, "DONE", "result", answers[i].result, "reason", "why", NULL);
		CHECK(read_for(run.out, &byte, 1, 3000) == 0, "match prints");
		CHECK(end(&run) == answers[i].status, "%s", answers[i].result);
		CHECK(run.text[0] == '\0', "'%s'", run.text);
		(void)close(broker);
	}
}

static void requests(bool json, const char *wanted)
{
	struct heard heard;
	struct run run;
	char got[1024] = "";
	int fds[3], broker;

	start(&run, "request", "--for", "1h", "--no-wait", "web01:22", "db01", json ? "--json" : NULL, NULL);
	broker = broker_take(&heard, fds);
	CHECK(azjit_streq(value(&heard, "targets"), "web01:22,db01") &&
	              azjit_streq(value(&heard, "for"), "1h") && azjit_streq(value(&heard, "wait"), "0"),
	      "%s", value(&heard, "targets"));
	relay_say(broker, NULL, 0, "PROGRESS", "stage", "requesting", "vm", "web01", "text", "asking", NULL);
	relay_say(broker, NULL, 0, "PROGRESS", "stage", "open", "vm", "web01", "port", "22", "result", "ok",
	          "text", "open", "source", "10.0.0.4", NULL);
	relay_say(broker, NULL, 0, "PROGRESS", "stage", "failed", "vm", "db01", "port", "22", "result",
	          "denied", "text", "no rule", NULL);
	relay_say(broker, NULL, 0, "DONE", "result", "denied", "reason", "1 of 2: no rule", NULL);
	(void)read_for(run.out, got, sizeof(got) - 1, 3000);
	CHECK(strstr(got, wanted), "'%s'", got);
	CHECK(json ? got[0] == '{' : strchr(got, '\n') == strrchr(got, '\n'), "'%s'", got);
	CHECK(end(&run) == EX_NOPERM, "exit status");
	(void)close(broker);
}

static void requests_both_ways(void)
{
	requests(false, "web01:22 open for 10.0.0.4\n");
	requests(true, "\"result\": \"denied\"");
}

static void nobody_there(void)
{
	char elsewhere[] = "/nowhere/azjit.sock";
	struct run run;

	start(&run, "connect", "--socket", elsewhere, "web01", "22", NULL);
	CHECK(end(&run) == EX_OSERR, "exit status");
	CHECK(strstr(run.text, "the broker does not answer at /nowhere/azjit.sock"), "'%s'", run.text);
	start(&run, "connect", "--broker-user", "daemon", "web01", "22", NULL);
	CHECK(end(&run) == EX_NOPERM, "exit status");
	CHECK(strstr(run.text, "neither 'daemon' nor root"), "'%s'", run.text);
	start(&run, "connect", "web01", "ssh", NULL);
	CHECK(end(&run) == EX_USAGE, "exit status");
	CHECK(strstr(run.text, "'ssh' is no port"), "'%s'", run.text);
	(void)close(accept(listener, NULL, NULL));
}

const struct test_case cases_cli[] = {
        {"cli: connect, progress on stderr, nothing else on stdout", connects},
        {"cli: connect as under sshd: the target's end of file arrives", connects_as_under_sshd},
        {"cli: the broker dies before the connection is made", broker_dies_before},
        {"cli: the broker dies after it handed over; SIGTERM ends the connection", broker_dies_after},
        {"cli: refusals give their sentence and status", refusals},
        {"cli: the relay's refusal, too", relay_refuses},
        {"cli: a host under no policy is connected to directly", not_managed},
        {"cli: match says yes or no, silently", matches},
        {"cli: request, as lines and as JSON", requests_both_ways},
        {"cli: no broker, another's broker, no port", nobody_there},
        {NULL, NULL},
};
