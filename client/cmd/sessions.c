// SPDX-License-Identifier: Apache-2.0
// azjit sessions: login sessions, and the timeline of one.
#include "commands.h"
#include "report.h"

static void print_timeline(const struct report *report)
{
	for (size_t i = 0; i < json_array_size(report->rows); i++) {
		const json_t *row = json_array_get(report->rows, i);
		char when[32];

		if (!report_is(row, "entry"))
			continue;
		report_time(report_get(row, "when"), true, when);
		printf("%-24s  %-9s  %s\n", when, report_get(row, "kind"), report_get(row, "text"));
	}
}

static void print(const struct report *report, const struct report_options *options)
{
	static const struct report_column columns[] = {{"session", "SESSION", 0}, {"state", "STATE", 0},
	                                               {"user", "USER", 32},      {"service", "SERVICE", 16},
	                                               {"from", "FROM", 0},       {"opened", "OPENED", 0},
	                                               {"closed", "CLOSED", 0},   {"grants", "GRANTS", 0},
	                                               {"flows", "FLOWS", 0},     {"denials", "DENIALS", 0}};

	report_table(report, "session", columns, AZJIT_COUNT(columns), stdout);
	if (options->operand && report_count(report, "entry") > 0) {
		putchar('\n');
		print_timeline(report);
	}
	if (!options->operand && report->result == AZJIT_OK && report_count(report, "session") == 0)
		fprintf(stderr, "azjit: no session%s\n",
		        options->all ? "" : " is alive (--all shows the ended ones)");
}

static int run(int argc, char **argv)
{
	static const struct report_member members[] = {{"session", "sessions", true},
	                                               {"entry", "entries", true}};
	_cleanup_report_ struct report report = {.rows = NULL};
	struct azjit_wire_pair pairs[] = {{"session", NULL}, {"all", NULL}};
	struct report_options options;
	int status;

	if (!report_options(argc, argv, &azjit_cmd_sessions, REPORT_ALL | REPORT_OPERAND, &options, &status))
		return status;
	if (!report_init(&report))
		return azjit_result_exit(AZJIT_NOMEM);
	pairs[0].value = options.operand;
	pairs[1].value = options.all ? "1" : NULL;
	report_ask(&report, &options.caller, "SESSIONS", pairs, AZJIT_COUNT(pairs));
	if (options.json && !report_json(&report, members, options.operand ? 2 : 1, NULL, stdout))
		return azjit_result_exit(AZJIT_SYSTEM);
	if (!options.json)
		print(&report, &options);
	return report_end(&report);
}

const struct azjit_cmd azjit_cmd_sessions = {
        .name = "sessions",
        .usage = "[--all] [--json] [SESSION]",
        .summary = "login sessions, and what happened in one",
        .help = "Lists the sessions that are alive, newest first: yours, or everybody's for root. With a\n"
                "SESSION (its id, also in $AZJIT_SESSION) prints its timeline: login, intent, request, "
                "rule,\n"
                "first byte, close, and the event of Azure's Activity Log that it was matched with.\n"
                "\n"
                "  --all               the ended ones, too\n"
                "  --json              one JSON object: sessions[], with SESSION entries[], result, "
                "reason\n" CALLER_HELP,
        .run = run,
};
