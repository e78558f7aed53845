// SPDX-License-Identifier: Apache-2.0
// azjit request: asks for ports without connecting to them.
#include "commands.h"

#include "caller.h"
#include "endpoint.h"
#include "progress.h"

#include <azjit/buf.h>
#include <azjit/text.h>
#include <azjit/time.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>

#define OPEN_MS 5000

struct request {
	struct caller caller;
	const char *duration, *source, *reason;
	bool no_wait, start, json;
	struct progress progress;
	json_t *targets; // with --json: one object for each outcome
};

static bool is_outcome(const struct azjit_wire_msg *msg)
{
	return azjit_wire_get(msg, "vm") && azjit_wire_get(msg, "result");
}

// Every key as the broker sent it; numbers stay text, as everywhere on the wire.
static void add_outcome(const struct request *request, const struct azjit_wire_msg *msg)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < msg->pair_count; i++)
		(void)json_object_set_new(object, msg->pairs[i].key, json_string(msg->pairs[i].value));
	(void)json_array_append_new(request->targets, object);
}

static void print_outcome(struct request *request, const struct azjit_wire_msg *msg)
{
	const char *vm = azjit_wire_get(msg, "vm"), *port = azjit_wire_get(msg, "port"),
	           *stage = azjit_wire_get(msg, "stage"), *until = azjit_wire_get(msg, "until"),
	           *source = azjit_wire_get(msg, "source"), *text = azjit_wire_get(msg, "text");
	bool good = azjit_result_from_name(azjit_wire_get(msg, "result")) == AZJIT_OK;
	char line[1024], printable[1024], by[AZJIT_ADDR_CHARS + 16] = "";
	struct endpoint endpoint;

	if (endpoint_of(msg, &endpoint) && endpoint.firewall)
		(void)snprintf(by, sizeof(by), " by %s:%u", endpoint.host, endpoint.port);
	progress_end(&request->progress);
	if (good)
		(void)snprintf(line, sizeof(line), "%s:%s %s%s%s%s%s%s", vm, port ? port : "?",
		               stage ? stage : "open", by, source ? " for " : "", source ? source : "",
		               until ? " until " : "", until ? until : "");
	else
		(void)snprintf(line, sizeof(line), "%s:%s: %s", vm, port ? port : "?",
		               text ? text : "failed");
	azjit_printable(line, printable, sizeof(printable));
	(void)fprintf(good ? stdout : stderr, "%s%s\n", good ? "" : "azjit: ", printable);
	(void)fflush(stdout);
}

static void on_progress(struct request *request, const struct azjit_wire_msg *msg)
{
	if (!is_outcome(msg))
		progress_show(&request->progress, msg);
	else if (request->json)
		add_outcome(request, msg);
	else
		print_outcome(request, msg);
}

static enum azjit_result converse(struct request *request, int fd, struct azjit_reason *reason)
{
	static char bytes[AZJIT_WIRE_MAX_ROOT_BYTES];
	struct azjit_wire_in in = {.bytes = bytes, .size = sizeof(bytes)};

	for (;;) {
		struct azjit_wire_msg msg;
		int tick_ms = progress_tick_ms(&request->progress);
		int r = azjit_wire_receive(
		        fd, &in, tick_ms < 0 ? 0 : azjit_time_monotonic_ms() + (unsigned)tick_ms, &msg);

		if (r == -ETIMEDOUT)
			progress_tick(&request->progress);
		else if (r != 1)
			return azjit_fail(
			        reason, AZJIT_BROKER_DOWN,
			        "the broker went away before it answered: `azjit status` shows what "
			        "became of the request");
		else if (azjit_streq(msg.verb, "PROGRESS"))
			on_progress(request, &msg);
		else if (azjit_streq(msg.verb, "DONE"))
			return caller_done(&msg, reason);
	}
}

static enum azjit_result ask(struct request *request, const char *targets, struct azjit_reason *reason)
{
	char bytes[AZJIT_WIRE_MAX_BYTES];
	struct azjit_wire_out out;
	_cleanup_close_ int fd = -1;
	enum azjit_result result = caller_open(&request->caller, OPEN_MS, reason, &fd);

	if (result != AZJIT_OK)
		return result;
	azjit_wire_begin(&out, bytes, sizeof(bytes), "REQUEST");
	azjit_wire_put(&out, "targets", targets);
	azjit_wire_put(&out, "for", request->duration);
	azjit_wire_put(&out, "source", request->source);
	azjit_wire_put(&out, "reason", request->reason);
	azjit_wire_put(&out, "wait", request->no_wait ? "0" : "1");
	azjit_wire_put(&out, "start", request->start ? "1" : NULL);
	azjit_wire_put(&out, "session", caller_session());
	result = caller_send(fd, &out, NULL, 0, reason);
	return result == AZJIT_OK ? converse(request, fd, reason) : result;
}

static int print_json(const struct request *request, enum azjit_result result,
                      const struct azjit_reason *reason)
{
	json_t *object = json_pack("{s:s, s:s, s:O}", "result", azjit_result_name(result), "reason",
	                           reason->text, "targets", request->targets);
	int r = object ? json_dumpf(object, stdout, JSON_INDENT(2)) : -1;

	json_decref(object);
	if (r < 0)
		(void)fprintf(stderr, "azjit: out of memory\n");
	else
		(void)putchar('\n');
	return r < 0 ? azjit_result_exit(AZJIT_NOMEM) : azjit_result_exit(result);
}

static char *join(int count, char **words)
{
	_cleanup_buf_ struct azjit_buf buf = AZJIT_BUF(AZJIT_WIRE_MAX_BYTES);

	for (int i = 0; i < count; i++) {
		if (!words[i][0] || strchr(words[i], ','))
			return NULL;
		azjit_buf_printf(&buf, "%s%s", i > 0 ? "," : "", words[i]);
	}
	return azjit_buf_steal(&buf);
}

static bool set_option(struct request *request, int c)
{
	switch (c) {
	case 'f':
		request->duration = optarg;
		return true;
	case 's':
		request->source = optarg;
		return true;
	case 'r':
		request->reason = optarg;
		return true;
	case 'n':
		request->no_wait = true;
		return true;
	case 'S':
		request->start = true;
		return true;
	case 'j':
		request->json = true;
		return true;
	default:
		return caller_option(&request->caller, c, optarg);
	}
}

static int request_targets(struct request *request, const char *targets)
{
	struct azjit_reason reason = {""};
	enum azjit_result result;
	int status;

	progress_begin(&request->progress);
	request->targets = json_array();
	result = ask(request, targets, &reason);
	progress_end(&request->progress);
	status = request->json ? print_json(request, result, &reason) : caller_exit(result, &reason);
	json_decref(request->targets);
	return status;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {{"for", required_argument, NULL, 'f'},
	                                        {"source", required_argument, NULL, 's'},
	                                        {"reason", required_argument, NULL, 'r'},
	                                        {"no-wait", no_argument, NULL, 'n'},
	                                        {"start", no_argument, NULL, 'S'},
	                                        {"json", no_argument, NULL, 'j'},
	                                        CALLER_OPTIONS,
	                                        {0}};
	struct request request = {0};
	_cleanup_free_ char *targets = NULL;
	int64_t seconds;
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!set_option(&request, c))
			return caller_usage("`azjit help request` lists the options of request");
	if (optind == argc)
		return caller_usage("request takes at least one VM: azjit request web01:22");
	if (request.duration && azjit_duration_parse(request.duration, &seconds) != AZJIT_OK)
		return caller_usage("'%s' is no duration: write 45m or 1h30m", request.duration);
	targets = join(argc - optind, argv + optind);
	if (!targets)
		return caller_usage(
		        "the targets are empty, hold a comma, or are too many: azjit request web01:22 db01");
	return request_targets(&request, targets);
}

const struct azjit_cmd azjit_cmd_request = {
        .name = "request",
        .usage = "VM[:PORT]… [--for 1h] [--source ADDRESS] [--reason TEXT] [--no-wait] [--start] "
                 "[--json]",
        .summary = "open ports of VMs without connecting",
        .help = "Opens a port of each VM (its name, name@resource-group, resource id, address or an alias;\n"
                "azjit(1) tells all ways; the port that your rule gives if none is named) and waits until\n"
                "the rules are in force. stdout gets one line for each port that is open; what failed goes\n"
                "to stderr. A tag (tag:role=web) opens all VMs that bear it.\n"
                "\n"
                "A machine behind an Azure Firewall is connected to by the firewall's address and port, "
                "which are\n"
                "printed after \"by\". \"accepted\" there means that the rules have come; whether they let "
                "the\n"
                "firewall through only a connection tells.\n"
                "\n"
                "  --for DURATION      45m, 1h30m …; default and maximum are your rule's\n"
                "  --source SOURCE     self (this host), client (where you logged in from), an address or a\n"
                "                      CIDR, if your rule permits it\n"
                "  --reason TEXT       recorded, and sent to Azure as the justification\n"
                "  --no-wait           return when the requests are accepted\n"
                "  --start             start VMs first that do not run, where your rule says so\n"
                "  --json              print the outcome as one JSON object\n" CALLER_HELP,
        .run = run,
};
