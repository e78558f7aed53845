// SPDX-License-Identifier: Apache-2.0
// azjit status: the broker, its view of Azure, grants and living sessions.
#include "commands.h"
#include "report.h"

#include <azjit/text.h>
#include <azjit/time.h>

static const json_t *first(const struct report *report, const char *type)
{
	for (size_t i = 0; i < json_array_size(report->rows); i++)
		if (report_is(json_array_get(report->rows, i), type))
			return json_array_get(report->rows, i);
	return NULL;
}

static const char * or (const char *text, const char *other)
{
	return *text ? text : other;
}

static void print_broker(const struct report *report)
{
	const json_t *row = first(report, "broker");
	char since[32];

	if (!row)
		return;
	report_time(report_get(row, "since"), false, since);
	printf("broker  azjit %s on %s since %s; guard %s, relay %s%s\n",
	       or (report_get(row, "version"), "?"), or (report_get(row, "host"), "?"), or (since, "?"),
	       or (report_get(row, "guard"), "unknown"), or (report_get(row, "relay"), "unknown"),
	       azjit_streq(report_get(row, "kill_switch"), "1") ? "; KILL SWITCH ON: nothing is requested"
	                                                        : "");
	if (*report_get(row, "ledger"))
		printf("ledger  %s, %s entries\n", report_get(row, "ledger"), report_get(row, "ledger_seq"));
}

static void print_azure(const struct report *report)
{
	const json_t *row = first(report, "azure");
	char refreshed[32];

	if (!row)
		return;
	report_time(report_get(row, "refreshed"), false, refreshed);
	printf("azure   %s; VMs %s, policies %s, managed ports %s, read %s; reads %s, writes %s, deletes %s, "
	       "%s throttled, %s failed\n",
	       or (report_get(row, "cloud"), "?"), or (report_get(row, "vms"), "0"),
	       or (report_get(row, "policies"), "0"), or (report_get(row, "managed_ports"), "0"),
	       or (refreshed, "never"), or (report_get(row, "reads"), "0"),
	       or (report_get(row, "writes"), "0"), or (report_get(row, "deletes"), "0"),
	       or (report_get(row, "throttled"), "0"), or (report_get(row, "failed"), "0"));
	if (!azjit_streq(or (report_get(row, "result"), "ok"), "ok"))
		printf("        %s: %s\n", report_get(row, "result"), report_get(row, "reason"));
}

static const char *age(const json_t *row, const char *key, char *text, size_t size)
{
	uint64_t seconds;

	if (azjit_parse_u64(report_get(row, key), 0, INT32_MAX, &seconds) != AZJIT_OK)
		return "none";
	azjit_duration_format((int64_t)seconds, text, size);
	return text;
}

static void print_inventory(const json_t *row)
{
	const char *from = report_get(row, "inventory"), *why = report_get(row, "why_lists");

	if (azjit_streq(from, "graph"))
		printf("        virtual machines from Resource Graph\n");
	else if (*from)
		printf("        virtual machines from the lists of each subscription%s%s\n", *why ? ": " : "",
		       why);
}

// With --azure: how old what we hold is, and how fast Azure answers.
static void print_operations(const struct report *report)
{
	static const struct report_column operations[] = {{"operation", "CALL", 0},
	                                                  {"calls", "COUNT", 0},
	                                                  {"median_ms", "MEDIAN MS", 0},
	                                                  {"p95_ms", "95% MS", 0}};
	const json_t *row = first(report, "azure");
	char token[32], inventory[32];

	if (!row)
		return;
	printf("        age of the token %s, of the inventory %s; %s calls held back by azjit\n",
	       age(row, "token_age_s", token, sizeof(token)),
	       age(row, "inventory_age_s", inventory, sizeof(inventory)), or (report_get(row, "held"), "0"));
	print_inventory(row);
	if (report_count(report, "operation") > 0)
		putchar('\n');
	report_table(report, "operation", operations, AZJIT_COUNT(operations), stdout);
}

// "1h30m" for the seconds that a grant has left.
static void name_durations(const struct report *report)
{
	for (size_t i = 0; i < json_array_size(report->rows); i++) {
		json_t *row = json_array_get(report->rows, i);
		uint64_t seconds;
		char text[32];

		if (azjit_parse_u64(report_get(row, "left_s"), 1, INT32_MAX, &seconds) != AZJIT_OK)
			continue;
		azjit_duration_format((int64_t)seconds, text, sizeof(text));
		(void)json_object_set_new(row, "left_s", json_string(text));
	}
}

static void print(const struct report *report, bool azure)
{
	static const struct report_column grants[] = {{"vm", "VM", 40},      {"port", "PORT", 0},
	                                              {"state", "STATE", 0}, {"source", "SOURCE", 40},
	                                              {"until", "UNTIL", 0}, {"left_s", "LEFT", 0},
	                                              {"flows", "FLOWS", 0}, {"user", "USER", 32},
	                                              {"guard", "GUARD", 0}, {"reason", "REASON", 0}};
	static const struct report_column sessions[] = {{"session", "SESSION", 0},  {"user", "USER", 32},
	                                                {"service", "SERVICE", 16}, {"from", "FROM", 0},
	                                                {"tty", "TTY", 16},         {"opened", "SINCE", 0}};

	print_broker(report);
	print_azure(report);
	if (azure) {
		print_operations(report);
		return;
	}
	name_durations(report);
	if (report_count(report, "grant") > 0)
		putchar('\n');
	report_table(report, "grant", grants, AZJIT_COUNT(grants), stdout);
	if (report_count(report, "session") > 0)
		putchar('\n');
	report_table(report, "session", sessions, AZJIT_COUNT(sessions), stdout);
}

static int run(int argc, char **argv)
{
	static const struct report_member members[] = {{"broker", "broker", false},
	                                               {"azure", "azure", false},
	                                               {"grant", "grants", true},
	                                               {"session", "sessions", true},
	                                               {"operation", "operations", true}};
	struct azjit_wire_pair pairs[] = {{"azure", NULL}};
	_cleanup_report_ struct report report = {.rows = NULL};
	struct report_options options;
	int status;

	if (!report_options(argc, argv, &azjit_cmd_status, REPORT_AZURE, &options, &status))
		return status;
	if (!report_init(&report))
		return azjit_result_exit(AZJIT_NOMEM);
	pairs[0].value = options.azure ? "1" : NULL;
	report_ask(&report, &options.caller, "STATUS", pairs, AZJIT_COUNT(pairs));
	if (options.json && !report_json(&report, members, options.azure ? 5 : 4, NULL, stdout))
		return azjit_result_exit(AZJIT_SYSTEM);
	if (!options.json)
		print(&report, options.azure);
	return report_end(&report);
}

const struct azjit_cmd azjit_cmd_status = {
        .name = "status",
        .usage = "[--azure] [--json]",
        .summary = "the broker, your grants and your sessions",
        .help = "Prints what the broker says of itself and of Azure, the grants that are open or under way,\n"
                "and the sessions that are alive: yours, or everybody's for root.\n"
                "\n"
                "  --azure             Azure alone: the calls made, held back and throttled, how long it "
                "took\n"
                "                      to answer them of late, how old the token and the inventory are, and "
                "where\n"
                "                      the virtual machines were read\n"
                "  --json              one JSON object: broker, azure, grants[], sessions[], result, "
                "reason;\n"
                "                      with --azure operations[], too\n" CALLER_HELP,
        .run = run,
};
