// SPDX-License-Identifier: Apache-2.0
#include "monitor_private.h"

#include <azjit/text.h>
#include <stdarg.h>
#include <stdio.h>

#include <strings.h>

// --- one assignment -----------------------------------------------------------------------------------

bool azjit_monitor_asc_default(const struct azjit_policy_assignment *assignment)
{
	return strcasestr(assignment->display_name, "asc default") != NULL;
}

const struct azjit_policy_parameter *assignment_parameter(const struct azjit_policy_assignment *assignment)
{
	for (size_t i = 0; i < assignment->parameter_count; i++)
		if (azjit_ieq(assignment->parameters[i].name, AZJIT_POLICY_PARAMETER))
			return &assignment->parameters[i];
	return NULL;
}

bool assignment_of_benchmark(const struct azjit_policy_assignment *assignment)
{
	return azjit_ieq(assignment->definition_id, AZJIT_POLICY_BENCHMARK);
}

const char *azjit_monitor_value(const struct azjit_policy_assignment *assignment)
{
	const struct azjit_policy_parameter *parameter = assignment_parameter(assignment);

	if (parameter)
		return parameter->value;
	return assignment_of_benchmark(assignment) ? AZJIT_POLICY_ON : NULL;
}

enum effect assignment_effect(const struct azjit_policy_assignment *assignment)
{
	const struct azjit_policy_parameter *parameter = assignment_parameter(assignment);

	if (assignment->overridden || azjit_ieq(assignment->definition_id, AZJIT_POLICY_BENCHMARK_V2))
		return EFFECT_UNKNOWN;
	if (!parameter)
		return assignment_of_benchmark(assignment) ? EFFECT_ON : EFFECT_UNKNOWN;
	if (parameter->text && azjit_streq(parameter->value, AZJIT_POLICY_ON))
		return EFFECT_ON;
	return parameter->text && azjit_streq(parameter->value, AZJIT_POLICY_OFF) ? EFFECT_OFF
	                                                                          : EFFECT_UNKNOWN;
}

// --- the scanners -------------------------------------------------------------------------------------

static void conclude(struct azjit_check_result *ret, enum azjit_check check, const char *fmt, ...)
        _printf_(3, 4);
static void conclude(struct azjit_check_result *ret, enum azjit_check check, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	ret->check = check;
	azjit_printable(text, ret->text, sizeof(ret->text));
}

static const struct azjit_policy_assignment *first_default(const struct azjit_monitor_facts *facts)
{
	for (size_t i = 0; i < facts->assignment_count; i++)
		if (azjit_monitor_asc_default(&facts->assignments[i]))
			return &facts->assignments[i];
	return NULL;
}

// As its JavaScript judges a value: false, 0 and "" give way to the default, which is on; what has no length
// is "no supported"; and only two texts are on.
static void cloudsploit_value(const struct azjit_policy_parameter *parameter, struct azjit_check_result *ret)
{
	const char *value = parameter ? parameter->value : "";

	if (!*value || (!parameter->text && (azjit_streq(value, "false") || azjit_streq(value, "0"))))
		value = AZJIT_POLICY_ON;
	else if (!parameter->text && (*value != '[' || azjit_streq(value, "[]")))
		value = "";
	if (!*value)
		conclude(ret, AZJIT_CHECK_PASS, "Monitor JIT Network Access is no supported");
	else if (azjit_streq(value, AZJIT_POLICY_ON) || azjit_streq(value, "Audit"))
		conclude(ret, AZJIT_CHECK_PASS, "Monitor JIT Network Access is enabled");
	else
		conclude(ret, AZJIT_CHECK_FAIL, "Monitor JIT Network Access is disabled");
}

// The name of the parameter is compared as it is written there, unlike Azure's own reading of names.
static const struct azjit_policy_parameter *exact_parameter(const struct azjit_policy_assignment *assignment)
{
	for (size_t i = 0; i < assignment->parameter_count; i++)
		if (azjit_streq(assignment->parameters[i].name, AZJIT_POLICY_PARAMETER))
			return &assignment->parameters[i];
	return NULL;
}

static void cloudsploit(const struct azjit_monitor_facts *facts, struct azjit_check_result *ret)
{
	const struct azjit_policy_assignment *first = first_default(facts);

	if (facts->assignments_read.state == AZJIT_READ_NOT)
		conclude(ret, AZJIT_CHECK_NONE, "%s", "");
	else if (facts->assignments_read.state == AZJIT_READ_FAILED)
		conclude(ret, AZJIT_CHECK_UNKNOWN, "Unable to query for Policy Assignments: %s",
		         facts->assignments_read.error);
	else if (facts->assignment_count == 0)
		conclude(ret, AZJIT_CHECK_PASS, "No existing Policy Assignments found");
	else if (!first)
		conclude(ret, AZJIT_CHECK_PASS, "There are no ASC Default Policy Assignments");
	else
		cloudsploit_value(exact_parameter(first), ret);
}

static void conformity(const struct azjit_monitor_facts *facts, struct azjit_check_result *ret)
{
	const struct azjit_policy_assignment *by_effect[3] = {NULL};

	for (size_t i = 0; i < facts->assignment_count; i++) {
		const struct azjit_policy_assignment *one = &facts->assignments[i];

		if (azjit_monitor_asc_default(one) && !by_effect[assignment_effect(one)])
			by_effect[assignment_effect(one)] = one;
	}
	if (facts->assignments_read.state != AZJIT_READ_OK)
		conclude(ret, AZJIT_CHECK_UNKNOWN, "the policy assignments could not be read");
	else if (by_effect[EFFECT_ON])
		conclude(ret, AZJIT_CHECK_PASS, "policy assignment '%s' monitors just-in-time access",
		         by_effect[EFFECT_ON]->name);
	else if (by_effect[EFFECT_OFF])
		conclude(ret, AZJIT_CHECK_FAIL,
		         "policy assignment '%s' has the monitoring of just-in-time access turned off",
		         by_effect[EFFECT_OFF]->name);
	else if (by_effect[EFFECT_UNKNOWN])
		conclude(ret, AZJIT_CHECK_UNKNOWN,
		         "what policy assignment '%s' does about just-in-time access cannot be told",
		         by_effect[EFFECT_UNKNOWN]->name);
	else
		conclude(ret, AZJIT_CHECK_UNKNOWN, "there is no ASC Default policy assignment");
}

// Only PASS and FAIL are judgements: where one scanner cannot tell, they differ, too.
static void differ(struct azjit_monitor_report *report)
{
	char text[512];

	if (report->cloudsploit.check == report->conformity.check ||
	    report->cloudsploit.check == AZJIT_CHECK_NONE)
		return;
	(void)snprintf(text, sizeof(text),
	               "CloudSploit says %s (%.180s), SecurityCenter-012 as we read it says %s (%.180s)",
	               azjit_check_name(report->cloudsploit.check), report->cloudsploit.text,
	               azjit_check_name(report->conformity.check), report->conformity.text);
	azjit_printable(text, report->difference,
	                sizeof(report->difference)); // a cut may leave half a character
}

// --- the report ---------------------------------------------------------------------------------------

enum azjit_result azjit_monitor_judge(const struct azjit_monitor_facts *facts,
                                      struct azjit_monitor_report **ret)
{
	_cleanup_(azjit_monitor_report_freep) struct azjit_monitor_report *report =
	        calloc(1, sizeof(*report));
	struct findings findings = {.report = report, .subscription = facts->subscription};

	if (!report)
		return AZJIT_NOMEM;
	cloudsploit(facts, &report->cloudsploit);
	conformity(facts, &report->conformity);
	differ(report);
	find_all(&findings, facts);
	if (findings.failed)
		return AZJIT_NOMEM;
	*ret = STEAL(report);
	return AZJIT_OK;
}

void azjit_monitor_report_free(struct azjit_monitor_report *report)
{
	for (size_t i = 0; report && i < report->finding_count; i++) {
		free(report->findings[i].about);
		free(report->findings[i].text);
		free(report->findings[i].mend);
	}
	if (report)
		free(report->findings);
	free(report);
}

const char *azjit_check_name(enum azjit_check check)
{
	static const char *const names[] = {[AZJIT_CHECK_UNKNOWN] = "unknown",
	                                    [AZJIT_CHECK_NONE] = "none",
	                                    [AZJIT_CHECK_FAIL] = "fail",
	                                    [AZJIT_CHECK_PASS] = "pass"};

	return names[check];
}

const char *azjit_severity_name(enum azjit_severity severity)
{
	static const char *const names[] = {[AZJIT_SEVERITY_HIGH] = "high",
	                                    [AZJIT_SEVERITY_MEDIUM] = "medium",
	                                    [AZJIT_SEVERITY_LOW] = "low"};

	return names[severity];
}
