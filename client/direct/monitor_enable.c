// SPDX-License-Identifier: Apache-2.0
// One value of a policy assignment. A PUT replaces the whole and there is no ETag: the read that counts comes
// right before the write, the write is sent once, and what is there afterwards is compared.
#include "../cmd/administer.h"
#include "ask_kept.h"
#include "print.h"
#include "scope.h"

#include <azjit/monitor.h>
#include <azjit/text.h>
#include <poll.h>
#include <stdio.h>

#define LOOKS         3
#define LOOK_PAUSE_MS 1000

// --- which assignment -----------------------------------------------------------------------------------

static bool of_subscription(const struct azjit_policy_assignment *one)
{
	static const char start[] = "/subscriptions/";

	return strncasecmp(one->id, start, strlen(start)) == 0;
}

// In this order: what the scanners look at; where the subscription has no such, what assigns the benchmark under
// another name; where it has neither, one of a management group, which is not ours to change.
enum choice { CHOICE_DEFAULT = 0, CHOICE_RENAMED, CHOICE_ABOVE, CHOICE_COUNT_ };

static bool meant(const struct azjit_policy_assignment *one, enum choice choice)
{
	if (!azjit_monitor_value(one) || of_subscription(one) == (choice == CHOICE_ABOVE))
		return false;
	return choice == CHOICE_RENAMED ? azjit_ieq(one->definition_id, AZJIT_POLICY_BENCHMARK)
	                                : azjit_monitor_asc_default(one);
}

static bool is_on(const struct azjit_policy_assignment *one)
{
	const char *value = azjit_monitor_value(one);

	return value && azjit_streq(value, AZJIT_POLICY_ON);
}

// The command that makes one is what the check advises where there is none at all.
static enum azjit_result none(struct direct *direct, const char *subscription, const struct kept *list)
{
	_cleanup_(azjit_monitor_report_freep) struct azjit_monitor_report *report = NULL;
	const struct azjit_monitor_facts nothing = {.subscription = subscription,
	                                            .assignments_read = {AZJIT_READ_OK, NULL}};
	const struct azjit_policy_assignment *all = list->list;

	for (size_t i = 0; i < list->count; i++)
		if (azjit_monitor_asc_default(&all[i]))
			return azjit_fail(
			        &direct->reason, AZJIT_NOT_FOUND,
			        "policy assignment '%.100s' of subscription %s assigns '%.200s', which "
			        "has no parameter " AZJIT_POLICY_PARAMETER ": assign the Microsoft "
			        "cloud security benchmark in the portal, Defender for Cloud, "
			        "Environment settings, Security policies",
			        all[i].name, subscription, azjit_id_name(all[i].definition_id));
	if (azjit_monitor_judge(&nothing, &report) != AZJIT_OK || report->finding_count == 0)
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	return azjit_fail(&direct->reason, AZJIT_NOT_FOUND,
	                  "subscription %s has no ASC Default policy assignment; this makes one: %s",
	                  subscription, report->findings[0].mend);
}

// --- what became of it ----------------------------------------------------------------------------------

static json_t *properties_of(const struct azjit_policy_assignment *one, json_t *whole)
{
	json_t *properties = json_object_get(whole, "properties");
	json_t *parameters = json_object_get(properties, "parameters");

	for (size_t i = 0; i < one->parameter_count; i++)
		if (azjit_ieq(one->parameters[i].name, AZJIT_POLICY_PARAMETER))
			(void)json_object_del(parameters, one->parameters[i].name);
	return properties;
}

static bool empty(const json_t *value)
{
	return !value || json_is_null(value) || (json_is_object(value) && json_object_size(value) == 0) ||
	       (json_is_array(value) && json_array_size(value) == 0);
}

// Absent, null and empty are one: Azure shows as empty what was never written.
static bool same(const json_t *a, const json_t *b)
{
	return (empty(a) && empty(b)) || json_equal(a, b);
}

// The members that people write and in which the two differ, but for our value; "" if none. metadata is left
// out: Azure notes there who wrote last.
static void differences(const struct azjit_policy_assignment *before,
                        const struct azjit_policy_assignment *after, char *ret_names, size_t size)
{
	static const char *const members[] = {"displayName",          "description", "policyDefinitionId",
	                                      "definitionVersion",    "notScopes",   "parameters",
	                                      "enforcementMode",      "overrides",   "resourceSelectors",
	                                      "nonComplianceMessages"};
	json_auto_t *one = json_loads(before->json, JSON_REJECT_DUPLICATES, NULL);
	json_auto_t *other = json_loads(after->json, JSON_REJECT_DUPLICATES, NULL);
	const json_t *a = properties_of(before, one), *b = properties_of(after, other);

	*ret_names = '\0';
	for (size_t i = 0; i < AZJIT_COUNT(members); i++)
		if (!same(json_object_get(a, members[i]), json_object_get(b, members[i])))
			(void)snprintf(ret_names + strlen(ret_names), size - strlen(ret_names), "%s%s",
			               *ret_names ? ", " : "", members[i]);
}

// One read that shows something else proves no loss (azure.md §12): a few agree.
static enum azjit_result look(struct direct *direct, const char *id, struct keep *keep,
                              const struct azjit_policy_assignment **ret)
{
	enum azjit_result result = ask_assignment(direct, id, keep, ret);

	for (int i = 1; i < LOOKS && result == AZJIT_OK && !is_on(*ret); i++) {
		(void)poll(NULL, 0, LOOK_PAUSE_MS);
		result = ask_assignment(direct, id, keep, ret);
	}
	return result;
}

static enum azjit_result lost(struct direct *direct, const struct azjit_policy_assignment *before,
                              const struct azjit_policy_assignment *after, const char *unanswered)
{
	const char *value = azjit_monitor_value(after);
	char names[256];

	differences(before, after, names, sizeof(names));
	if (unanswered && !*names && value && azjit_streq(azjit_monitor_value(before), value))
		return azjit_fail(&direct->reason, AZJIT_UNREACHABLE,
		                  "policy assignment '%s' is as before: the write did not arrive; run the "
		                  "command again (%s)",
		                  before->name, unanswered);
	return azjit_fail(
	        &direct->reason, AZJIT_REQUEST_FAILED,
	        "policy assignment '%s' is not as it was written: somebody else wrote it at the same "
	        "time; look at `azjit monitor check`, then run the command again",
	        before->name);
}

// unanswered: why it is not known whether the write was done; NULL if Azure said so.
static enum azjit_result verify(struct direct *direct, const struct azjit_policy_assignment *before,
                                struct keep *keep, const char *unanswered)
{
	const struct azjit_policy_assignment *after = NULL;
	enum azjit_result result = look(direct, before->id, keep, &after);
	char names[256];

	if (result != AZJIT_OK) {
		struct azjit_reason read = direct->reason;

		return azjit_fail(&direct->reason, result,
		                  "policy assignment '%s' was written, but could not be read again: %s",
		                  before->name, read.text);
	}
	if (!is_on(after))
		return lost(direct, before, after, unanswered);
	differences(before, after, names, sizeof(names));
	if (*names)
		print_note("besides, policy assignment '%s' is another now than it was read, in %s: somebody "
		           "else changed it at the same time; what is told here holds",
		           before->name, names);
	if (unanswered)
		print_note("Azure did not answer the write to policy assignment '%s', but it is as written",
		           before->name);
	return AZJIT_OK;
}

// --- the whole ------------------------------------------------------------------------------------------

static enum azjit_result tell(struct direct *direct, const struct azjit_policy_assignment *before)
{
	const char *value = azjit_monitor_value(before);
	char name[256], was[256];

	azjit_printable(before->name, name, sizeof(name));
	azjit_printable(value, was, sizeof(was));
	if (!direct->options.json &&
	    printf("policy assignment %s: " AZJIT_POLICY_PARAMETER " from %s to " AZJIT_POLICY_ON "\n", name,
	           *was ? was : "nothing") < 0)
		return azjit_fail(&direct->reason, AZJIT_SYSTEM, "the answer could not be written: %m");
	if (json_array_append_new(json_object_get(direct->answer, "changes"),
	                          json_pack("{s:s, s:s, s:s, s:s}", "assignment_id", before->id, "parameter",
	                                    AZJIT_POLICY_PARAMETER, "before", value, "after",
	                                    AZJIT_POLICY_ON)) != 0)
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	return AZJIT_OK;
}

static enum azjit_result write_value(struct direct *direct, const struct azjit_policy_assignment *before,
                                     struct keep *keep)
{
	bool unsure = false;
	enum azjit_result result =
	        ask_assignment_set(direct, before, AZJIT_POLICY_PARAMETER, AZJIT_POLICY_ON, &unsure);
	struct azjit_reason write = direct->reason;

	if (result != AZJIT_OK && !unsure)
		return result;
	return verify(direct, before, keep, result == AZJIT_OK ? NULL : write.text);
}

// The parameter is all that is written; what overrides do past it is not known.
static void warn_of_overrides(const struct azjit_policy_assignment *one)
{
	if (one->overridden)
		print_note("policy assignment '%s' has overrides, which may change the effect all the same: "
		           "look at `azjit monitor check`",
		           one->name);
}

static enum azjit_result turn_on(struct direct *direct, const char *id, struct keep *keep)
{
	const struct azjit_policy_assignment *before = NULL;
	enum azjit_result result = ask_assignment(direct, id, keep, &before);

	if (result != AZJIT_OK)
		return result;
	warn_of_overrides(before);
	if (is_on(before)) {
		print_note("policy assignment '%s' monitors just-in-time access already; nothing is written",
		           before->name);
		return AZJIT_OK;
	}
	if (!azjit_monitor_value(before))
		return azjit_fail(&direct->reason, AZJIT_REQUEST_FAILED,
		                  "policy assignment '%s' has been changed just now: run the command again",
		                  before->name);
	if (!direct->options.dry_run)
		result = write_value(direct, before, keep);
	return result == AZJIT_OK ? tell(direct, before) : result;
}

static enum azjit_result leave(struct direct *direct, const char *subscription,
                               const struct azjit_policy_assignment *one)
{
	if (!is_on(one))
		return azjit_fail(&direct->reason, AZJIT_NOT_FOUND,
		                  "policy assignment '%s' that subscription %s has is of a management group: "
		                  "change " AZJIT_POLICY_PARAMETER
		                  " there, in the portal, Policy, Assignments (%s)",
		                  one->name, subscription, one->id);
	warn_of_overrides(one);
	print_note(
	        "policy assignment '%s' of a management group monitors just-in-time access already; nothing "
	        "is written",
	        one->name);
	return AZJIT_OK;
}

static enum azjit_result enable(struct direct *direct, const char *subscription)
{
	_cleanup_(keep_clear) struct keep keep = {.blocks = NULL};
	struct kept list = {.keep = &keep};
	enum azjit_result result = ask_assignments(direct, subscription, &list);
	const struct azjit_policy_assignment *all = list.list;
	size_t count = 0;

	for (int c = 0; count == 0 && c < CHOICE_COUNT_; c++)
		for (size_t i = 0; result == AZJIT_OK && i < list.count; i++) {
			if (!meant(&all[i], (enum choice)c))
				continue;
			count++;
			result = c == CHOICE_ABOVE ? leave(direct, subscription, &all[i])
			                           : turn_on(direct, all[i].id, &keep);
		}
	return result == AZJIT_OK && count == 0 ? none(direct, subscription, &list) : result;
}

static enum azjit_result run(struct direct *direct)
{
	json_auto_t *list = NULL;
	enum azjit_result result;

	if (json_object_set_new(direct->answer, "changes", json_array()) != 0)
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	result = scope_choose(direct, "", &list);
	for (size_t i = 0; result == AZJIT_OK && i < json_array_size(list); i++)
		result = enable(direct, json_string_value(json_array_get(list, i)));
	return result;
}

const struct direct_command direct_monitor_enable = {
        .cmd = &azjit_cmd_monitor_enable,
        .wants = WANTS_DRY_RUN,
        .run = run,
};
