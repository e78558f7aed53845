// SPDX-License-Identifier: Apache-2.0
// azjit audit verify, reconcile and refusals. Exit status 1 of the first two says that the audit ran and found something:
// a chain that does not hold, a request that is missing, contradicted or foreign.
#include "commands.h"
#include "report.h"

#include <azjit/text.h>
#include <azjit/time.h>

// --- verify -----------------------------------------------------------------------------------------

static int verify_status(const struct report *report, const json_t *row)
{
	int status = report_end(report);

	if (report->result != AZJIT_OK)
		return status;
	return row && azjit_streq(report_get(row, "ok"), "1") ? status : REPORT_EXIT_FOUND;
}

static const json_t *verify_row(const struct report *report)
{
	for (size_t i = 0; i < json_array_size(report->rows); i++)
		if (report_is(json_array_get(report->rows, i), "verify"))
			return json_array_get(report->rows, i);
	return NULL;
}

static int verify(int argc, char **argv)
{
	static const struct report_member members[] = {{"verify", "verify", false}};
	_cleanup_report_ struct report report = {.rows = NULL};
	struct report_options options;
	const json_t *row;
	int status;

	if (!report_options(argc, argv, &azjit_cmd_audit_verify, 0, &options, &status))
		return status;
	if (!report_init(&report))
		return azjit_result_exit(AZJIT_NOMEM);
	report_ask(&report, &options.caller, "AUDIT-VERIFY", NULL, 0);
	row = verify_row(&report);
	if (options.json && !report_json(&report, members, AZJIT_COUNT(members), NULL, stdout))
		return azjit_result_exit(AZJIT_SYSTEM);
	if (!options.json && row)
		printf("%s: %s\n", azjit_streq(report_get(row, "ok"), "1") ? "ok" : "NOT OK",
		       report_get(row, "text"));
	return verify_status(&report, row);
}

const struct azjit_cmd azjit_cmd_audit_verify = {
        .name = "audit verify",
        .usage = "[--json]",
        .summary = "check the ledger's chain and its anchors (root)",
        .help = "Recomputes the chain of the ledger and says up to which entry Azure's Activity Log was\n"
                "seen to witness it. It cannot see entries that were cut off behind the newest witness, nor\n"
                "that the file is an old copy: `azjit audit reconcile` can.\n"
                "\n"
                "  --json              one JSON object: verify, result, reason\n" CALLER_HELP "\n"
                "Exit status: 0 the chain holds, 1 it does not; others as in azjit(1).",
        .run = verify,
};

// --- reconcile --------------------------------------------------------------------------------------

static const struct {
	const char *verdict;
	bool found; // to be looked into
} verdicts[] = {{"matched", false}, {"pending", false},     {"unknown", false}, {"other", false},
                {"missing", true},  {"contradicted", true}, {"foreign", true}};

static size_t count_verdict(const struct report *report, const char *verdict)
{
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(report->rows); i++) {
		const json_t *row = json_array_get(report->rows, i);

		count += report_is(row, "verdict") && azjit_streq(report_get(row, "verdict"), verdict);
	}
	return count;
}

static int reconcile_status(const struct report *report)
{
	int status = report_end(report);

	for (size_t i = 0; i < AZJIT_COUNT(verdicts) && report->result == AZJIT_OK; i++)
		if (verdicts[i].found && count_verdict(report, verdicts[i].verdict) > 0)
			return REPORT_EXIT_FOUND;
	return status;
}

static json_t *summary(const struct report *report)
{
	json_t *counts = json_object();

	for (size_t i = 0; i < AZJIT_COUNT(verdicts); i++)
		(void)json_object_set_new(
		        counts, verdicts[i].verdict,
		        json_integer((json_int_t)count_verdict(report, verdicts[i].verdict)));
	return json_pack("{s:o}", "summary", counts);
}

static void print_verdicts(const struct report *report, const char *since)
{
	static const struct report_column columns[] = {{"verdict", "VERDICT", 0}, {"when", "WHEN", 0},
	                                               {"vm_name", "VM", 40},     {"caller", "CALLER", 40},
	                                               {"status", "STATUS", 16},  {"text", "WHY", 0}};
	const char *comma = "";

	for (size_t i = 0; i < json_array_size(report->rows); i++) {
		json_t *row = json_array_get(report->rows, i);

		(void)json_object_set_new(row, "vm_name", json_string(azjit_id_name(report_get(row, "vm"))));
	}
	report_table(report, "verdict", columns, AZJIT_COUNT(columns), stdout);
	if (report->result != AZJIT_OK)
		return;
	printf("%slast %s: ", report_count(report, "verdict") ? "\n" : "", since);
	for (size_t i = 0; i < AZJIT_COUNT(verdicts); i++) {
		size_t count = count_verdict(report, verdicts[i].verdict);

		if (count > 0)
			printf("%s%zu %s", comma, count, verdicts[i].verdict);
		comma = count > 0 ? ", " : comma;
	}
	puts(*comma ? "" : "no requests");
}

// Seconds as the broker takes them; false, after a sentence, if --since is no time.
static bool since_seconds(struct report_options *options, char ret_text[24])
{
	int64_t since_s;

	if (!options->since)
		options->since = "24h";
	if (azjit_duration_parse(options->since, &since_s) != AZJIT_OK) {
		fprintf(stderr, "azjit: --since is a time like 24h, 90m or 7d, at most 90d\n");
		return false;
	}
	(void)snprintf(ret_text, 24, "%lld", (long long)since_s);
	return true;
}

static int reconcile(int argc, char **argv)
{
	static const struct report_member members[] = {{"verdict", "verdicts", true}};
	_cleanup_report_ struct report report = {.rows = NULL};
	struct report_options options;
	char since[24];
	int status;

	if (!report_options(argc, argv, &azjit_cmd_audit_reconcile, REPORT_SINCE, &options, &status))
		return status;
	if (!since_seconds(&options, since))
		return azjit_result_exit(AZJIT_USAGE);
	if (!report_init(&report))
		return azjit_result_exit(AZJIT_NOMEM);
	report_ask(&report, &options.caller, "AUDIT-RECONCILE", &(struct azjit_wire_pair){"since", since}, 1);
	if (options.json) {
		json_auto_t *more = summary(&report);

		if (!report_json(&report, members, AZJIT_COUNT(members), more, stdout))
			return azjit_result_exit(AZJIT_SYSTEM);
	} else {
		print_verdicts(&report, options.since);
	}
	return reconcile_status(&report);
}

const struct azjit_cmd azjit_cmd_audit_reconcile = {
        .name = "audit reconcile",
        .usage = "[--since 24h] [--json]",
        .summary = "compare the ledger with Azure's Activity Log (root)",
        .help = "Fetches the Activity Log and judges every request of the ledger, and every request of our\n"
                "identity that the ledger does not explain, by the fields that the events have:\n"
                "\n"
                "  matched       the log holds it\n"
                "  pending       not yet: the log is up to 20 minutes late\n"
                "  missing       Azure accepted it, and the log does not hold it\n"
                "  contradicted  the log says otherwise than the ledger\n"
                "  foreign       our identity asked, and the ledger does not know: somebody else uses the\n"
                "                identity, or the ledger was rolled back\n"
                "  other         another identity asked\n"
                "  unknown       the fields that would decide are absent\n"
                "\n"
                "  --since DURATION    how far back: 90m, 24h (the default), 7d; at most 90d\n"
                "  --json              one JSON object: verdicts[], summary, result, reason\n" CALLER_HELP
                "\n"
                "Exit status: 0 nothing to look into, 1 something is missing, contradicted or foreign; "
                "others\n"
                "as in azjit(1).",
        .run = reconcile,
};

// --- refusals ---------------------------------------------------------------------------------------

// Who, what and why of a refusal as a person reads it, under names of their own.
static void add_columns(json_t *row)
{
	const char *user = report_get(row, "user"), *uid = report_get(row, "uid");
	const char *vm = report_get(row, "vm"), *host = report_get(row, "host");
	const char *port = report_get(row, "port"), *service = report_get(row, "service");
	const char *why = report_get(row, "reason"), *more = report_get(row, "more");
	const char *by = report_get(row, "by"); // what let it pass
	const char *place = *vm ? azjit_id_name(vm) : host;

	(void)json_object_set_new(row, "who",
	                          *user  ? json_string(user)
	                          : *uid ? json_sprintf("uid %s", uid)
	                                 : json_string(""));
	if (azjit_streq(report_get(row, "kind"), "login"))
		(void)json_object_set_new(row, "what",
		                          json_sprintf("login%s%s%s", *service ? " " : "", service,
		                                       *by ? ", passed unchecked" : ""));
	else
		(void)json_object_set_new(row, "what",
		                          json_sprintf("%s%s%s", place, *port ? " port " : "", port));
	(void)json_object_set_new(row, "why", json_sprintf("%s%s%s", why, *more ? "; " : "", more));
}

static void print_refusals(const struct report *report, const char *since)
{
	static const struct report_column columns[] = {
	        {"when", "WHEN", 0}, {"who", "WHO", 32}, {"what", "WHAT", 48}, {"why", "WHY", 0}};

	for (size_t i = 0; i < json_array_size(report->rows); i++)
		add_columns(json_array_get(report->rows, i));
	report_table(report, "entry", columns, AZJIT_COUNT(columns), stdout);
	if (report->result == AZJIT_OK && report_count(report, "entry") == 0)
		fprintf(stderr, "azjit: nothing was refused in the last %s\n", since);
}

static int refusals(int argc, char **argv)
{
	static const struct report_member members[] = {{"entry", "refusals", true}};
	_cleanup_report_ struct report report = {.rows = NULL};
	struct report_options options;
	char since[24];
	int status;

	if (!report_options(argc, argv, &azjit_cmd_audit_refusals, REPORT_SINCE, &options, &status))
		return status;
	if (!since_seconds(&options, since))
		return azjit_result_exit(AZJIT_USAGE);
	if (!report_init(&report))
		return azjit_result_exit(AZJIT_NOMEM);
	report_ask(&report, &options.caller, "AUDIT-REFUSALS", &(struct azjit_wire_pair){"since", since}, 1);
	if (options.json && !report_json(&report, members, AZJIT_COUNT(members), NULL, stdout))
		return azjit_result_exit(AZJIT_SYSTEM);
	if (!options.json)
		print_refusals(&report, options.since);
	return report_end(&report);
}

const struct azjit_cmd azjit_cmd_audit_refusals = {
        .name = "audit refusals",
        .usage = "[--since 24h] [--json]",
        .summary = "who was refused what, with a session or without (root)",
        .help = "Lists, oldest first, the logins that were denied, what an access rule or the kill switch\n"
                "refused, and the connections that the guard refused; besides, logins that passed by\n"
                "break-glass, or unchecked while the broker was down. The guard's come some seconds late,\n"
                "and one line counts what the same user tried at the same address and port within a minute.\n"
                "\n"
                "  --since DURATION    how far back: 90m, 24h (the default), 7d; at most 90d\n"
                "  --json              one JSON object: refusals[], result, reason\n" CALLER_HELP,
        .run = refusals,
};
