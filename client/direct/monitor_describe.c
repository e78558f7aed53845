// SPDX-License-Identifier: Apache-2.0
#include "monitor_describe.h"

#include <azjit/text.h>

static bool all_read(const struct azjit_monitor_facts *facts)
{
	return facts->assignments_read.state == AZJIT_READ_OK &&
	       facts->assessments_read.state == AZJIT_READ_OK && facts->pricing_read.state == AZJIT_READ_OK &&
	       facts->vms_read.state == AZJIT_READ_OK && facts->ports_read.state == AZJIT_READ_OK;
}

bool monitor_passed(const struct azjit_monitor_facts *facts, const struct azjit_monitor_report *report)
{
	return all_read(facts) && report->cloudsploit.check == AZJIT_CHECK_PASS &&
	       report->conformity.check == AZJIT_CHECK_PASS &&
	       (report->finding_count == 0 || report->findings[0].severity != AZJIT_SEVERITY_HIGH);
}

static const char *exposed_name(enum azjit_exposed exposed)
{
	static const char *const names[] = {[AZJIT_EXPOSED_UNKNOWN] = "unknown",
	                                    [AZJIT_EXPOSED_SHUT] = "shut",
	                                    [AZJIT_EXPOSED_SOME] = "some",
	                                    [AZJIT_EXPOSED_ALL] = "all"};

	return names[exposed];
}

static json_t *check(const struct azjit_check_result *check)
{
	return json_pack("{s:s, s:s}", "result", azjit_check_name(check->check), "text", check->text);
}

// The array, filled by one call for each; NULL if memory ran out.
static json_t *rows(const void *list, size_t count, json_t *(*row)(const void *list, size_t i))
{
	json_auto_t *array = json_array();

	for (size_t i = 0; array && i < count; i++)
		if (json_array_append_new(array, row(list, i)) != 0)
			return NULL;
	return array ? json_incref(array) : NULL;
}

static json_t *finding_row(const void *list, size_t i)
{
	const struct azjit_finding *one = (const struct azjit_finding *)list + i;

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "severity", azjit_severity_name(one->severity),
	                 "kind", one->kind, "about", one->about, "text", one->text, "why", one->why, "mend",
	                 one->mend);
}

static bool is_set(const struct azjit_policy_assignment *one)
{
	for (size_t i = 0; i < one->parameter_count; i++)
		if (azjit_ieq(one->parameters[i].name, AZJIT_POLICY_PARAMETER))
			return true;
	return false;
}

// Of the assignments that the scanners look at.
static json_t *effects(const struct azjit_policy_assignment *list, size_t count)
{
	json_auto_t *array = json_array();

	for (size_t i = 0; array && i < count; i++)
		if (azjit_monitor_asc_default(&list[i]) &&
		    json_array_append_new(array, json_pack("{s:s, s:s, s:s?, s:b}", "assignment_id",
		                                           list[i].id, "name", list[i].name, "value",
		                                           azjit_monitor_value(&list[i]), "set",
		                                           (int)is_set(&list[i]))) != 0)
			return NULL;
	return array ? json_incref(array) : NULL;
}

static json_t *assignment_row(const void *list, size_t i)
{
	const struct azjit_policy_assignment *one = (const struct azjit_policy_assignment *)list + i;

	return json_loads(one->json, JSON_REJECT_DUPLICATES, NULL);
}

static json_t *assessment_row(const void *list, size_t i)
{
	const struct azjit_assessment *one = (const struct azjit_assessment *)list + i;

	return json_pack("{s:s, s:s, s:s, s:s}", "vm_id", one->resource_id, "code", one->code, "cause",
	                 one->cause, "description", one->description);
}

static json_t *port_row(const void *list, size_t i)
{
	const struct azjit_monitor_port *one = (const struct azjit_monitor_port *)list + i;
	const struct azjit_exposure *exposure = &one->exposure;

	return json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:s}", "vm_id", one->vm_id, "port", (int)one->port,
	                 "exposed", exposed_name(exposure->exposed), "source", exposure->source, "nsg_id",
	                 exposure->nsg_id, "rule", exposure->why.rule, "text", exposure->text);
}

static json_t *plan(const struct azjit_pricing *pricing)
{
	return pricing ? json_pack("{s:s, s:s}", "tier", pricing->tier, "sub_plan", pricing->sub_plan)
	               : json_null();
}

json_t *monitor_describe(const struct azjit_monitor_facts *facts, const struct azjit_monitor_report *report)
{
	return json_pack("{s:s, s:b, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "id", facts->subscription,
	                 "passed", (int)monitor_passed(facts, report), "effects",
	                 effects(facts->assignments, facts->assignment_count), "cloudsploit",
	                 check(&report->cloudsploit), "conformity", check(&report->conformity), "difference",
	                 report->difference, "findings",
	                 rows(report->findings, report->finding_count, finding_row), "assignments",
	                 rows(facts->assignments, facts->assignment_count, assignment_row), "assessments",
	                 rows(facts->assessments, facts->assessment_count, assessment_row), "plan",
	                 plan(facts->pricing), "ports", rows(facts->ports, facts->port_count, port_row));
}
