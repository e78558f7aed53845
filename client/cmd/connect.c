// SPDX-License-Identifier: Apache-2.0
// azjit connect HOST PORT: asks the broker to open the port, gives it stdin, stdout and one end of a
// socket pair (control) for the relay, and then only listens: first to the broker, then, on control, to
// the relay. Our process holds the other end of control: when it ends, however that happens, the
// connection ends.
//
// A broker that dies after it handed the connection over takes nothing with it, so its silence alone
// says nothing: if control closes, too, before the relay spoke, the request died with the broker.
#include "commands.h"

#include "caller.h"
#include "direct.h"
#include "progress.h"

#include <azjit/text.h>
#include <azjit/time.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#define OPEN_MS 5000

struct connection {
	int broker, control; // -1: closed
	struct azjit_wire_in broker_in, control_in;
	struct progress progress;
	bool with_relay; // the relay has control
	bool over;
	enum azjit_result result;
	struct azjit_reason reason;
};

static void finish(struct connection *c, enum azjit_result result)
{
	c->over = true;
	c->result = result;
}

static void on_broker(struct connection *c, const struct azjit_wire_msg *msg)
{
	enum azjit_result result;

	if (azjit_streq(msg->verb, "PROGRESS")) {
		progress_show(&c->progress, msg);
		return;
	}
	if (!azjit_streq(msg->verb, "DONE"))
		return;
	result = caller_done(msg, &c->reason);
	if (result == AZJIT_OK)
		c->with_relay = true;
	else
		finish(c, result);
}

static void on_control(struct connection *c, const struct azjit_wire_msg *msg)
{
	const char *stage = azjit_wire_get(msg, "stage");

	c->with_relay = true;
	if (azjit_streq(msg->verb, "DONE"))
		finish(c, caller_done(msg, &c->reason));
	else if (!azjit_streq(msg->verb, "PROGRESS") || !stage)
		return;
	else if (azjit_streq(stage, "connected"))
		progress_end(&c->progress);
	else if (azjit_streq(stage, "eof"))
		direct_close_output();
	else
		progress_show(&c->progress, msg);
}

// All messages that are there; false when the peer is gone.
static bool listen_to(struct connection *c, int fd, struct azjit_wire_in *in,
                      void (*handle)(struct connection *, const struct azjit_wire_msg *))
{
	while (!c->over) {
		struct azjit_wire_msg msg;
		int r = azjit_wire_receive(fd, in, azjit_time_monotonic_ms() + 1, &msg);

		if (r == -ETIMEDOUT)
			return true;
		if (r != 1)
			return false;
		handle(c, &msg);
	}
	return true;
}

static void hear(struct connection *c, int *fd, struct azjit_wire_in *in,
                 void (*handle)(struct connection *, const struct azjit_wire_msg *))
{
	if (listen_to(c, *fd, in, handle))
		return;
	(void)close(*fd);
	*fd = -1;
}

static void judge_silence(struct connection *c)
{
	if (c->over || c->control >= 0)
		return;
	if (c->with_relay)
		finish(c,
		       azjit_fail(&c->reason, AZJIT_SYSTEM,
		                  "azjit-relay ended and the connection with it: an administrator finds the "
		                  "reason with `journalctl -u azjit-relay`"));
	else if (c->broker < 0)
		finish(c, azjit_fail(&c->reason, AZJIT_BROKER_DOWN,
		                     "the broker went away before the connection was made: try again"));
}

static void converse(struct connection *c)
{
	while (!c->over) {
		struct pollfd pfds[] = {{.fd = c->broker, .events = POLLIN},
		                        {.fd = c->control, .events = POLLIN}};

		if (poll(pfds, AZJIT_COUNT(pfds), progress_tick_ms(&c->progress)) < 0 && errno != EINTR)
			finish(c, azjit_fail(&c->reason, AZJIT_SYSTEM, "poll: %s", strerror(errno)));
		progress_tick(&c->progress);
		if (c->broker >= 0 && pfds[0].revents)
			hear(c, &c->broker, &c->broker_in, on_broker);
		if (!c->over && c->control >= 0 && pfds[1].revents)
			hear(c, &c->control, &c->control_in, on_control);
		judge_silence(c);
	}
	progress_end(&c->progress);
}

static enum azjit_result ask(const struct caller *caller, const char *host, const char *port, bool start,
                             struct connection *c)
{
	char bytes[AZJIT_WIRE_MAX_BYTES];
	struct azjit_wire_out out;
	enum azjit_result result = caller_open(caller, OPEN_MS, &c->reason, &c->broker);
	int pair[2];

	if (result != AZJIT_OK)
		return result;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return azjit_fail(&c->reason, AZJIT_SYSTEM, "socketpair: %s", strerror(errno));
	c->control = pair[0];
	azjit_wire_begin(&out, bytes, sizeof(bytes), "CONNECT");
	azjit_wire_put(&out, "host", host);
	azjit_wire_put(&out, "port", port);
	azjit_wire_put(&out, "start", start ? "1" : NULL);
	azjit_wire_put(&out, "session", caller_session());
	result = caller_send(c->broker, &out, (int[]){STDIN_FILENO, STDOUT_FILENO, pair[1]}, 3, &c->reason);
	(void)close(pair[1]);
	return result;
}

static int connect_to(const struct caller *caller, const char *host, const char *port, bool start)
{
	static char broker_bytes[AZJIT_WIRE_MAX_ROOT_BYTES], control_bytes[AZJIT_WIRE_MAX_BYTES];
	struct connection c = {.broker = -1,
	                       .control = -1,
	                       .broker_in = {.bytes = broker_bytes, .size = sizeof(broker_bytes)},
	                       .control_in = {.bytes = control_bytes, .size = sizeof(control_bytes)}};
	enum azjit_result result;

	progress_begin(&c.progress);
	result = ask(caller, host, port, start, &c);
	if (result == AZJIT_OK) {
		converse(&c);
		result = c.result;
	}
	if (result == AZJIT_NOT_MANAGED)
		result = direct_connect(host, port, &c.reason);
	return caller_exit(result, &c.reason);
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {{"start", no_argument, NULL, 's'}, CALLER_OPTIONS, {0}};
	struct caller caller = {0};
	bool start = false;
	uint16_t port;
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1)
		if (c == 's')
			start = true;
		else if (!caller_option(&caller, c, optarg))
			return caller_usage("`azjit help connect` lists the options of connect");
	if (argc - optind != 2)
		return caller_usage("connect takes a host and a port: azjit connect web01 22");
	if (!argv[optind][0] || strlen(argv[optind]) > 2048)
		return caller_usage("the host is empty or longer than 2048 bytes");
	if (azjit_parse_port(argv[optind + 1], &port) != AZJIT_OK)
		return caller_usage("'%s' is no port: give a number from 1 to 65535", argv[optind + 1]);
	return connect_to(&caller, argv[optind], argv[optind + 1], start);
}

const struct azjit_cmd azjit_cmd_connect = {
        .name = "connect",
        .usage = "[--start] [--socket PATH] [--broker-user NAME] HOST PORT",
        .summary = "open a VM's port and connect stdin and stdout to it",
        .help = "Opens PORT of the VM named HOST (its name, name@resource-group, resource id, address or an\n"
                "alias; azjit(1) tells all ways), waits until packets pass, and relays stdin and stdout.\n"
                "Meant for ssh:\n"
                "\n"
                "  ProxyCommand azjit connect %h %p              on the jump host\n"
                "  ProxyCommand ssh jump azjit connect %h %p     elsewhere\n"
                "\n"
                "Progress is shown on stderr. A host under no JIT policy is connected to directly, by this\n"
                "program, as you. The connection ends with this program.\n"
                "\n"
                "  --start             start the VM first if it does not run, where your rule says "
                "so\n" CALLER_HELP,
        .run = run,
};
