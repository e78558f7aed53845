// SPDX-License-Identifier: Apache-2.0
#include "commands.h"
#include "report.h"

#include <azjit/time.h>
#include <sysexits.h>

#define CONNECT_MS 5000
// Reconciliation asks Azure, and may wait for several throttled pages.
#define ANSWER_MS 300000

static enum azjit_result take_answer(struct report *report, int fd)
{
	_cleanup_free_ char *bytes = malloc(AZJIT_WIRE_MAX_ROOT_BYTES);
	struct azjit_wire_in in = {.bytes = bytes, .size = AZJIT_WIRE_MAX_ROOT_BYTES};
	uint64_t deadline_ms = azjit_time_monotonic_ms() + ANSWER_MS;
	struct azjit_wire_msg msg;

	while (bytes && !report->failed) {
		int r = azjit_wire_receive(fd, &in, deadline_ms, &msg);

		if (r <= 0)
			return azjit_fail(&report->reason, AZJIT_BROKER_DOWN,
			                  "the broker went away before it had answered: %s",
			                  r ? strerror(-r) : "it closed the connection");
		if (azjit_streq(msg.verb, "DONE"))
			return caller_done(&msg, &report->reason);
		report_take(report, &msg);
	}
	return azjit_fail(&report->reason, AZJIT_NOMEM, "memory ran out");
}

void report_ask(struct report *report, const struct caller *caller, const char *verb,
                const struct azjit_wire_pair *pairs, size_t pair_count)
{
	char bytes[AZJIT_WIRE_MAX_BYTES];
	struct azjit_wire_out out;
	_cleanup_close_ int fd = -1;

	report->result = caller_open(caller, CONNECT_MS, &report->reason, &fd);
	if (report->result != AZJIT_OK)
		return;
	azjit_wire_begin(&out, bytes, sizeof(bytes), verb);
	for (size_t i = 0; i < pair_count; i++)
		azjit_wire_put(&out, pairs[i].key, pairs[i].value);
	report->result = caller_send(fd, &out, NULL, 0, &report->reason);
	if (report->result == AZJIT_OK)
		report->result = take_answer(report, fd);
}

int report_end(const struct report *report)
{
	return caller_exit(report->result, &report->reason);
}

static bool take_option(int option, unsigned wants, struct report_options *ret)
{
	if (caller_option(&ret->caller, option, optarg))
		return true;
	if (option == 'j')
		ret->json = true;
	else if (option == 'a' && (wants & REPORT_ALL))
		ret->all = true;
	else if (option == 'z' && (wants & REPORT_AZURE))
		ret->azure = true;
	else if (option == 's' && (wants & REPORT_SINCE))
		ret->since = optarg;
	else
		return false;
	return true;
}

static bool read_options(int argc, char **argv, unsigned wants, struct report_options *ret)
{
	static const struct option known[] = {
	        CALLER_OPTIONS,
	        {"json", no_argument, NULL, 'j'},
	        {"all", no_argument, NULL, 'a'},
	        {"azure", no_argument, NULL, 'z'},
	        {"since", required_argument, NULL, 's'},
	        {NULL, 0, NULL, 0},
	};
	int option;

	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "j", known, NULL)) != -1)
		if (!take_option(option, wants, ret))
			return false;
	if (optind < argc && (wants & REPORT_OPERAND))
		ret->operand = argv[optind++];
	return optind == argc;
}

bool report_options(int argc, char **argv, const struct azjit_cmd *cmd, unsigned wants,
                    struct report_options *ret, int *ret_status)
{
	for (int i = 1; i < argc; i++)
		if (azjit_streq(argv[i], "--help")) {
			*ret_status = azjit_command_help(cmd);
			return false;
		}
	*ret = (struct report_options){.json = false};
	if (read_options(argc, argv, wants, ret))
		return true;
	*ret_status = caller_usage("usage: azjit %s %s", cmd->name, cmd->usage);
	return false;
}
