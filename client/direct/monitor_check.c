// SPDX-License-Identifier: Apache-2.0
#include "../cmd/administer.h"
#include "monitor_describe.h"
#include "monitor_facts.h"
#include "sarif.h"
#include "scope.h"

#include <azjit/text.h>
#include <stdio.h>

// --- for people -----------------------------------------------------------------------------------------

static void print_check(const json_t *object, const char *name, const char *title)
{
	const json_t *check = json_object_get(object, name);

	printf("%s: %s, %s\n", title, json_text(check, "result"), json_text(check, "text"));
}

static void print_effect(const json_t *effect)
{
	const char *value = json_string_value(json_object_get(effect, "value"));
	char name[256], shown[256];

	azjit_printable(json_text(effect, "name"), name, sizeof(name));
	azjit_printable(!value   ? "is no parameter of what it assigns"
	                : *value ? value
	                         : "has no value",
	                shown, sizeof(shown));
	printf("%s: " AZJIT_POLICY_PARAMETER " %s%s\n", name, shown,
	       value && json_is_false(json_object_get(effect, "set")) ? " (the default)" : "");
}

// Verdicts and findings are printable: azjit_monitor_judge made them so.
static void print_subscription(const json_t *object)
{
	const json_t *effects = json_object_get(object, "effects");
	const json_t *findings = json_object_get(object, "findings");

	printf("subscription %s\n", json_text(object, "id"));
	for (size_t i = 0; i < json_array_size(effects); i++)
		print_effect(json_array_get(effects, i));
	print_check(object, "cloudsploit", "CloudSploit monitorJitNetworkAccess");
	print_check(object, "conformity", "Cloud Conformity SecurityCenter-012");
	if (*json_text(object, "difference"))
		printf("they differ: %s\n", json_text(object, "difference"));
	for (size_t i = 0; i < json_array_size(findings); i++) {
		const json_t *finding = json_array_get(findings, i);

		printf("\n%s: %s\n  why: %s\n", json_text(finding, "severity"), json_text(finding, "text"),
		       json_text(finding, "why"));
		if (*json_text(finding, "mend"))
			printf("  mend: %s\n", json_text(finding, "mend"));
	}
	if (json_array_size(findings) == 0)
		printf("nothing else was found\n");
}

// --- the whole ------------------------------------------------------------------------------------------

// The first part that could not be read, of whatever subscription.
struct unread {
	enum azjit_result result;
	struct azjit_reason reason;
};

static enum azjit_result add(struct direct *direct, json_t *into, const struct monitor_facts *facts)
{
	_cleanup_(azjit_monitor_report_freep) struct azjit_monitor_report *report = NULL;
	enum azjit_result result = azjit_monitor_judge(&facts->facts, &report);
	json_t *object = result == AZJIT_OK ? monitor_describe(&facts->facts, report) : NULL;

	if (!object || json_array_append_new(into, object) != 0)
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	direct->found = direct->found || !monitor_passed(&facts->facts, report);
	return AZJIT_OK;
}

static enum azjit_result check(struct direct *direct, const char *subscription, json_t *into,
                               struct unread *unread)
{
	_cleanup_(monitor_facts_clear) struct monitor_facts facts;
	enum azjit_result result = monitor_facts_read(direct, subscription, &facts);

	if (result == AZJIT_OK)
		result = add(direct, into, &facts);
	if (result == AZJIT_OK && unread->result == AZJIT_OK)
		*unread = (struct unread){facts.result, facts.reason};
	return result;
}

static enum azjit_result print(struct direct *direct, const json_t *checked, bool whole)
{
	json_auto_t *log = direct->options.sarif ? sarif_log(checked, whole) : NULL;

	if (direct->options.sarif && (!log || json_dumpf(log, stdout, JSON_INDENT(2)) != 0))
		return azjit_fail(&direct->reason, AZJIT_SYSTEM, "the answer could not be written");
	if (direct->options.sarif)
		(void)putchar('\n');
	else if (!direct->options.json)
		for (size_t i = 0; i < json_array_size(checked); i++) {
			(void)fputs(i ? "\n" : "", stdout);
			print_subscription(json_array_get(checked, i));
		}
	return AZJIT_OK;
}

static enum azjit_result finish(struct direct *direct, const json_t *checked, const struct unread *unread)
{
	bool whole = unread->result == AZJIT_OK;
	enum azjit_result result = print(direct, checked, whole);

	if (result == AZJIT_OK &&
	    json_object_set_new(direct->answer, "passed", json_boolean(!direct->found)) != 0)
		result = azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	if (result != AZJIT_OK || whole)
		return result;
	direct->reason = unread->reason;
	return unread->result;
}

static enum azjit_result run(struct direct *direct)
{
	struct unread unread = {.result = AZJIT_OK};
	json_auto_t *list = NULL, *checked = json_array();
	enum azjit_result result;

	if (direct->options.json && direct->options.sarif)
		return azjit_fail(&direct->reason, AZJIT_USAGE,
		                  "--json and --sarif are two forms of one answer");
	result = scope_choose(direct, ", or say --all-subscriptions", &list);
	for (size_t i = 0; result == AZJIT_OK && i < json_array_size(list); i++)
		result = check(direct, json_string_value(json_array_get(list, i)), checked, &unread);
	if (json_object_set(direct->answer, "subscriptions", checked) != 0)
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	return result == AZJIT_OK ? finish(direct, checked, &unread) : result;
}

const struct direct_command direct_monitor_check = {
        .cmd = &azjit_cmd_monitor_check,
        .wants = WANTS_CHECK,
        .run = run,
};
