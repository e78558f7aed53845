// SPDX-License-Identifier: Apache-2.0
// The scanners' verdicts and our findings: tests/unit/data/azure/monitor.txt is the table of the policy
// assignments; the plan, the VMs and the ports are here.
#include "azure_data.h"
#include "test_engine_memory.h"

#include <azjit/monitor.h>
#include <azjit/text.h>

#define SUB  "22222222-2222-4222-8222-222222222222"
#define VM   "/subscriptions/" SUB "/resourceGroups/lab/providers/Microsoft.Compute/virtualMachines/"
#define FAIL "a sentence"

static struct azjit_monitor_report *judge(const struct azjit_monitor_facts *facts)
{
	struct azjit_monitor_report *report = NULL;

	assert_int_equal(azjit_monitor_judge(facts, &report), AZJIT_OK);
	for (size_t i = 0; i < report->finding_count; i++) {
		assert_true(*report->findings[i].text && *report->findings[i].why);
		if (i)
			assert_true(report->findings[i - 1].severity <= report->findings[i].severity);
	}
	return report;
}

// "off several": the kinds of all findings, each as often as it was found, sorted by severity.
static void kinds(const struct azjit_monitor_report *report, char text[512])
{
	*text = '\0';
	for (size_t i = 0; i < report->finding_count; i++)
		(void)snprintf(text + strlen(text), 512 - strlen(text), "%s%s", i ? " " : "",
		               report->findings[i].kind);
}

static const struct azjit_finding *finding_of(const struct azjit_monitor_report *report, const char *kind)
{
	for (size_t i = 0; i < report->finding_count; i++)
		if (azjit_streq(report->findings[i].kind, kind))
			return &report->findings[i];
	fail_msg("there is no finding %s", kind);
	return NULL;
}

// --- assignments --------------------------------------------------------------------------------------

// Gives each of the properties the rest of an assignment.
static json_t *assignments_json(const char *text)
{
	json_t *list = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *whole = json_array(), *properties;
	size_t i;

	assert_true(json_is_array(list));
	json_array_foreach(list, i, properties)
	{
		char name[32], id[256];

		(void)snprintf(name, sizeof(name), "a%zu", i);
		(void)snprintf(id, sizeof(id),
		               "/subscriptions/" SUB
		               "/providers/Microsoft.Authorization/policyAssignments/%s",
		               name);
		if (!json_object_get(properties, "policyDefinitionId"))
			json_object_set_new(properties, "policyDefinitionId",
			                    json_string(AZJIT_POLICY_BENCHMARK));
		json_object_set_new(properties, "scope", json_string("/subscriptions/" SUB));
		json_array_append_new(whole, json_pack("{s:s, s:s, s:O}", "id", id, "name", name,
		                                       "properties", properties));
	}
	json_decref(list);
	return whole;
}

static struct azjit_monitor_report *judge_list(const char *text)
{
	_cleanup_arena_ struct arena arena = {0};
	json_auto_t *list = NULL;
	struct azjit_monitor_facts facts = {.subscription = SUB};

	if (azjit_streq(text, "failed"))
		facts.assignments_read = (struct azjit_monitor_read){AZJIT_READ_FAILED, FAIL};
	if (*text != '[')
		return judge(&facts);
	list = assignments_json(text);
	facts.assignments_read.state = AZJIT_READ_OK;
	facts.assignment_count = json_array_size(list);
	assert_null(parse_assignments(&arena, list, &facts.assignments));
	return judge(&facts);
}

static const char *column(char **line)
{
	char *start = *line, *end = strstr(start, " | ");

	*line = end ? end + 3 : start + strlen(start);
	if (end)
		*end = '\0';
	return azjit_streq(start, "-") ? "" : start;
}

static void check_row(int number, char *line)
{
	const char *what = column(&line), *list = column(&line), *cloudsploit = column(&line),
	           *message = column(&line), *conformity = column(&line), *wanted = column(&line);
	_cleanup_(azjit_monitor_report_freep) struct azjit_monitor_report *report = judge_list(list);
	bool differ = !azjit_streq(cloudsploit, conformity) && !azjit_streq(cloudsploit, "none");
	char found[512];

	kinds(report, found);
	if (!azjit_streq(azjit_check_name(report->cloudsploit.check), cloudsploit) ||
	    !strstr(report->cloudsploit.text, message) ||
	    !azjit_streq(azjit_check_name(report->conformity.check), conformity) ||
	    !azjit_streq(found, wanted) || (*report->difference != '\0') != differ)
		fail_msg("line %d, %s: CloudSploit %s '%s', 012 %s '%s', difference '%s', findings %s",
		         number, what, azjit_check_name(report->cloudsploit.check), report->cloudsploit.text,
		         azjit_check_name(report->conformity.check), report->conformity.text,
		         report->difference, found);
}

static void every_row(void **state)
{
	size_t len;
	_cleanup_free_ char *text = data_text("monitor.txt", &len);
	char *rest = text;
	int number = 0, count = 0;

	while (*rest) {
		char *line = rest;

		number++;
		rest += strcspn(rest, "\n");
		if (*rest)
			*rest++ = '\0';
		if (*line == '\0' || *line == '#')
			continue;
		check_row(number, line);
		count++;
	}
	assert_true(count >= 35);
}

static void a_difference_names_both(void **state)
{
	_cleanup_(azjit_monitor_report_freep) struct azjit_monitor_report *report =
	        judge_list("[{\"displayName\":\"ASC Default\",\"parameters\":{\"" AZJIT_POLICY_PARAMETER
	                   "\":{\"value\":\"Audit\"}}}]");

	assert_string_equal(
	        report->difference,
	        "CloudSploit says pass (Monitor JIT Network Access is enabled), SecurityCenter-012 as "
	        "we read it says unknown (what policy assignment 'a0' does about just-in-time access "
	        "cannot be told)");
}

static void mends_of_assignments(void **state)
{
	_cleanup_(azjit_monitor_report_freep) struct azjit_monitor_report
	        *report = judge_list("[{\"displayName\":\"ASC Default\",\"enforcementMode\":\"DoNotEnforce\","
	                             "\"notScopes\":[\"/a\",\"/b\"],\"parameters\":{\"" AZJIT_POLICY_PARAMETER
	                             "\":{\"value\":\"Disabled\"}}}]"),
	        *none = judge_list("[]");

	assert_string_equal(finding_of(report, "off")->text,
	                    "policy assignment 'a0' turns the monitoring of just-in-time access off");
	assert_string_equal(finding_of(report, "off")->mend, "azjit monitor enable --subscription " SUB);
	assert_string_equal(finding_of(report, "not-scopes")->text,
	                    "policy assignment 'a0' leaves out 2 scopes, '/a' first");
	assert_string_equal(finding_of(report, "not-scopes")->mend,
	                    "az policy assignment update --name a0 --scope /subscriptions/" SUB
	                    " --not-scopes ''");
	assert_string_equal(finding_of(report, "not-enforced")->mend,
	                    "az policy assignment update --name a0 --scope /subscriptions/" SUB
	                    " --enforcement-mode Default");
	assert_string_equal(finding_of(none, "unassigned")->mend,
	                    "az policy assignment create --name SecurityCenterBuiltIn --display-name "
	                    "'ASC Default (subscription: " SUB ")' --scope /subscriptions/" SUB
	                    " --policy-set-definition 1f3afdf9-d0c9-4c3d-847f-89da613e70a8");
}

// A name that somebody else gave is text in a command line, or is not in one.
static void names_do_not_reach_a_shell(void **state)
{
	static const struct {
		const char *name, *quoted;
	} rows[] = {
	        {"a b", "'a b'"},           {"$(id)", "'$(id)'"}, {"a;b", "'a;b'"},
	        {"it's", "'it'\\''s'"},     {"`id`", "'`id`'"},   {"-rf", "-rf"},
	        {"\xc3\xbc", "'\xc3\xbc'"}, {"a\x1b[31m", NULL},  {"a\nb", NULL},
	        {"\xe2\x80\xae", NULL},     {"", "''"},
	};

	for (size_t i = 0; i < AZJIT_COUNT(rows); i++) {
		const struct azjit_policy_assignment one = {.id = "/subscriptions/s/x",
		                                            .name = rows[i].name,
		                                            .display_name = "ASC Default",
		                                            .scope = "/s",
		                                            .definition_id = AZJIT_POLICY_BENCHMARK,
		                                            .enforcement_mode = "DoNotEnforce"};
		const struct azjit_monitor_facts facts = {.subscription = SUB,
		                                          .assignments_read = {AZJIT_READ_OK, NULL},
		                                          .assignments = &one,
		                                          .assignment_count = 1};
		_cleanup_(azjit_monitor_report_freep) struct azjit_monitor_report *report = judge(&facts);
		char wanted[256] = "";

		if (rows[i].quoted)
			(void)snprintf(wanted, sizeof(wanted),
			               "az policy assignment update --name %s --scope /s --enforcement-mode "
			               "Default",
			               rows[i].quoted);
		assert_string_equal(report->findings[0].mend, wanted);
		for (const char *c = report->findings[0].text; *c; c++)
			assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
	}
}

static void one_of_a_management_group_is_not_ours_to_change(void **state)
{
	const struct azjit_policy_parameter parameter = {AZJIT_POLICY_PARAMETER, AZJIT_POLICY_OFF, true};
	const struct azjit_policy_assignment one = {
	        .id = "/providers/Microsoft.Management/managementGroups/all/providers/"
	              "Microsoft.Authorization/policyAssignments/above",
	        .name = "above",
	        .display_name = "ASC Default",
	        .scope = "/providers/Microsoft.Management/managementGroups/all",
	        .definition_id = AZJIT_POLICY_BENCHMARK,
	        .enforcement_mode = "Default",
	        .parameters = &parameter,
	        .parameter_count = 1};
	const struct azjit_monitor_facts facts = {.subscription = SUB,
	                                          .assignments_read = {AZJIT_READ_OK, NULL},
	                                          .assignments = &one,
	                                          .assignment_count = 1};
	_cleanup_(azjit_monitor_report_freep) struct azjit_monitor_report *report = judge(&facts);

	assert_string_equal(finding_of(report, "off")->mend, "");
	assert_non_null(strstr(finding_of(report, "off")->text, "'above' of a management group"));
}

// Azure does not promise the casing of ids.
static void one_of_the_subscription_is_ours_however_it_is_written(void **state)
{
	const struct azjit_policy_parameter parameter = {AZJIT_POLICY_PARAMETER, AZJIT_POLICY_OFF, true};
	const struct azjit_policy_assignment one = {
	        .id = "/SUBSCRIPTIONS/" SUB
	              "/providers/Microsoft.Authorization/policyAssignments/SecurityCenterBuiltIn",
	        .name = "SecurityCenterBuiltIn",
	        .display_name = "ASC Default",
	        .scope = "/SUBSCRIPTIONS/" SUB,
	        .definition_id = AZJIT_POLICY_BENCHMARK,
	        .enforcement_mode = "Default",
	        .parameters = &parameter,
	        .parameter_count = 1};
	const struct azjit_monitor_facts facts = {.subscription = SUB,
	                                          .assignments_read = {AZJIT_READ_OK, NULL},
	                                          .assignments = &one,
	                                          .assignment_count = 1};
	_cleanup_(azjit_monitor_report_freep) struct azjit_monitor_report *report = judge(&facts);

	assert_string_equal(finding_of(report, "off")->mend, "azjit monitor enable --subscription " SUB);
}

// --- the plan -----------------------------------------------------------------------------------------

static void plans(void **state)
{
	static const struct {
		const char *tier, *sub_plan, *kind;
	} rows[] = {
	        {"Standard", "P2", ""},           {"standard", "p2", ""}, {"Standard", "P1", "plan"},
	        {"Standard", "", "plan-unknown"}, {"Free", "", "plan"},   {"Free", "P2", "plan"},
	};

	for (size_t i = 0; i < AZJIT_COUNT(rows); i++) {
		const struct azjit_pricing pricing = {.tier = rows[i].tier, .sub_plan = rows[i].sub_plan};
		const struct azjit_monitor_facts facts = {
		        .subscription = SUB, .pricing_read = {AZJIT_READ_OK, NULL}, .pricing = &pricing};
		_cleanup_(azjit_monitor_report_freep) struct azjit_monitor_report *report = judge(&facts);
		char found[512];

		kinds(report, found);
		assert_string_equal(found, rows[i].kind);
	}
}

static void what_failed_is_told_and_what_was_not_asked_is_not(void **state)
{
	const struct azjit_monitor_read failed = {AZJIT_READ_FAILED, FAIL};
	const struct azjit_monitor_facts facts = {.subscription = SUB,
	                                          .assignments_read = failed,
	                                          .assessments_read = failed,
	                                          .pricing_read = failed,
	                                          .vms_read = failed,
	                                          .ports_read = failed};
	_cleanup_(azjit_monitor_report_freep) struct azjit_monitor_report
	        *report = judge(&facts),
	        *none = judge(&(const struct azjit_monitor_facts){.subscription = SUB});

	assert_int_equal(report->finding_count, 5);
	assert_string_equal(report->findings[1].text,
	                    "the assessments of subscription " SUB " could not be read: " FAIL);
	assert_string_equal(report->findings[4].text,
	                    "what decides about the ports of subscription " SUB " could not be read: " FAIL);
	assert_string_equal(report->findings[4].about, "/subscriptions/" SUB);
	assert_int_equal(none->finding_count, 0);
	assert_int_equal(none->cloudsploit.check, AZJIT_CHECK_NONE);
	assert_int_equal(none->conformity.check, AZJIT_CHECK_UNKNOWN);
}

static void a_report_fails_whole_at_every_allocation(void **state)
{
	char quotes[1000] = "";
	const struct azjit_policy_assignment list[2] = {{.id = "/subscriptions/s/a",
	                                                 .name = quotes,
	                                                 .display_name = "ASC Default",
	                                                 .scope = "/s",
	                                                 .definition_id = "",
	                                                 .enforcement_mode = "DoNotEnforce"},
	                                                {.id = "/subscriptions/s/b",
	                                                 .name = "b",
	                                                 .display_name = "ASC Default",
	                                                 .scope = "/s",
	                                                 .definition_id = AZJIT_POLICY_BENCHMARK,
	                                                 .enforcement_mode = "Default"}};
	static const char *const ids[] = {VM "new", VM "newer"};
	const struct azjit_monitor_facts facts = {.subscription = SUB,
	                                          .assignments_read = {AZJIT_READ_OK, NULL},
	                                          .assessments_read = {AZJIT_READ_OK, NULL},
	                                          .assignments = list,
	                                          .assignment_count = 2,
	                                          .vm_ids = ids,
	                                          .vm_count = 2};
	enum azjit_result result = AZJIT_NOMEM;
	long n = 0;

	memset(quotes, '\'', sizeof(quotes) - 1);
	while (result != AZJIT_OK) {
		struct azjit_monitor_report *report = NULL;

		allocations_left = ++n;
		result = azjit_monitor_judge(&facts, &report);
		allocations_left = 0;
		assert_true(result == AZJIT_OK ? report != NULL : result == AZJIT_NOMEM && !report);
		azjit_monitor_report_free(report);
	}
	assert_true(n > 10);
}

// --- VMs and ports ------------------------------------------------------------------------------------

static void vms(void **state)
{
	static const char *const ids[] = {VM "healthy", VM "without", VM "new",
	                                  VM "off",     VM "other",   VM "odd"};
	static const struct azjit_assessment assessments[] = {
	        {VM "WITHOUT", "Unhealthy", "", ""},
	        {VM "healthy", "Healthy", "", ""},
	        {VM "gone", "Unhealthy", "", ""},
	        {VM "other", "NotApplicable", "Exempt", ""},
	        {VM "off", "NotApplicable", "OffByPolicy", ""},
	        {VM "odd", "", "", ""},
	};
	const struct azjit_monitor_facts facts = {.subscription = SUB,
	                                          .assessments_read = {AZJIT_READ_OK, NULL},
	                                          .assessments = assessments,
	                                          .assessment_count = AZJIT_COUNT(assessments),
	                                          .vm_ids = ids,
	                                          .vm_count = AZJIT_COUNT(ids)};
	_cleanup_(azjit_monitor_report_freep) struct azjit_monitor_report *report = judge(&facts);
	char found[512];

	kinds(report, found);
	assert_string_equal(found, "vm-without-jit vm-unjudged vm-off-by-policy vm-unknown");
	assert_string_equal(report->findings[0].text, "VM without@lab is not under just-in-time access");
	assert_string_equal(report->findings[0].about, VM "without");
	assert_string_equal(report->findings[0].mend, "azjit policy enable " VM "without");
	assert_string_equal(report->findings[1].text, "VM new@lab has no assessment of just-in-time access");
}

static void ports(void **state)
{
	struct azjit_monitor_port list[4] = {
	        {VM "web", 22, {.exposed = AZJIT_EXPOSED_SHUT, .nsg_id = "/n", .text = "deny"}},
	        {VM "web", 23, {.exposed = AZJIT_EXPOSED_UNKNOWN, .nsg_id = "", .text = "a tag"}},
	        {VM "web",
	         24,
	         {.exposed = AZJIT_EXPOSED_SOME, .nsg_id = "/n", .source = "198.51.100.0/24", .text = "t"}},
	        {VM "web", 25, {.exposed = AZJIT_EXPOSED_ALL, .nsg_id = "/n/nsg", .text = "allow 100 'a b'"}},
	};
	const struct azjit_monitor_facts facts = {.subscription = SUB, .ports = list, .port_count = 4};
	_cleanup_(azjit_monitor_report_freep) struct azjit_monitor_report *report = NULL;
	char found[512];

	(void)azjit_copy(list[3].exposure.why.rule, sizeof(list[3].exposure.why.rule), "a b");
	report = judge(&facts);
	kinds(report, found);
	assert_string_equal(found, "open open-to-some open-unknown");
	assert_string_equal(report->findings[0].text,
	                    "port 25 of VM web@lab is open to the internet: allow 100 'a b'");
	assert_string_equal(report->findings[0].mend,
	                    "az network nsg rule delete --ids '/n/nsg/securityRules/a b'");
	assert_string_equal(report->findings[1].text, "port 24 of VM web@lab is open to 198.51.100.0/24: t");
	assert_string_equal(report->findings[1].about, VM "web");
	assert_string_equal(report->findings[2].mend, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_row),
	        cmocka_unit_test(a_difference_names_both),
	        cmocka_unit_test(mends_of_assignments),
	        cmocka_unit_test(names_do_not_reach_a_shell),
	        cmocka_unit_test(one_of_a_management_group_is_not_ours_to_change),
	        cmocka_unit_test(one_of_the_subscription_is_ours_however_it_is_written),
	        cmocka_unit_test(plans),
	        cmocka_unit_test(what_failed_is_told_and_what_was_not_asked_is_not),
	        cmocka_unit_test(a_report_fails_whole_at_every_allocation),
	        cmocka_unit_test(vms),
	        cmocka_unit_test(ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
