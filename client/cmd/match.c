// SPDX-License-Identifier: Apache-2.0
// azjit match HOST PORT, for `Match exec` of ssh_config: a silent yes or no, without any call to Azure.
#include "commands.h"

#include "caller.h"

#include <azjit/text.h>
#include <azjit/time.h>
#include <stdio.h>

#define OPEN_MS   1000
#define ANSWER_MS 4000 // a broker that just started reads its first inventory

static bool matches(const struct caller *caller, const char *host, const char *port)
{
	static char in_bytes[AZJIT_WIRE_MAX_ROOT_BYTES];
	struct azjit_wire_in in = {.bytes = in_bytes, .size = sizeof(in_bytes)};
	char bytes[AZJIT_WIRE_MAX_BYTES];
	struct azjit_wire_out out;
	struct azjit_wire_msg msg;
	struct azjit_reason reason;
	_cleanup_close_ int fd = -1;

	if (caller_open(caller, OPEN_MS, &reason, &fd) != AZJIT_OK)
		return false;
	azjit_wire_begin(&out, bytes, sizeof(bytes), "MATCH");
	azjit_wire_put(&out, "host", host);
	azjit_wire_put(&out, "port", port);
	if (caller_send(fd, &out, NULL, 0, &reason) != AZJIT_OK ||
	    azjit_wire_receive(fd, &in, azjit_time_monotonic_ms() + ANSWER_MS, &msg) != 1)
		return false;
	return azjit_streq(msg.verb, "DONE") && caller_done(&msg, &reason) == AZJIT_OK;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {CALLER_OPTIONS, {0}};
	struct caller caller = {0};
	uint16_t port;
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1)
		if (!caller_option(&caller, c, optarg))
			return caller_usage("`azjit help match` lists the options of match");
	if (argc - optind != 2 || !argv[optind][0])
		return caller_usage("match takes a host and a port: azjit match web01 22");
	if (azjit_parse_port(argv[optind + 1], &port) != AZJIT_OK)
		return caller_usage("'%s' is no port: give a number from 1 to 65535", argv[optind + 1]);
	return matches(&caller, argv[optind], argv[optind + 1]) ? EXIT_SUCCESS : EXIT_FAILURE;
}

const struct azjit_cmd azjit_cmd_match = {
        .name = "match",
        .usage = "[--socket PATH] [--broker-user NAME] HOST PORT",
        .summary = "is this port azjit's to open? (for Match exec)",
        .help = "Exit status 0 if PORT of HOST is under a JIT policy that the broker serves, 1 if it is not "
                "or\n"
                "nobody answers. Prints nothing and asks Azure nothing. For ssh_config on the jump host:\n"
                "\n"
                "  Match exec \"azjit match %h %p\"\n"
                "          ProxyCommand azjit connect %h %p\n"
                "\n" CALLER_HELP,
        .run = run,
};
