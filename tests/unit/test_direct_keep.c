// SPDX-License-Identifier: Apache-2.0
// What an answer lent is whole after the answer is gone, and every allocation may fail.
#include "../../client/direct/keep.h"
#include "test_engine_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

// One that an answer might lend: all of it lies in this object, which the test overwrites.
struct lent {
	char a[8], b[8], c[8], json[8], prefix[8], tag[8], group[8];
	const char *texts[2], *groups[1];
	struct azjit_port_range ports[2];
	struct azjit_policy_parameter parameters[1];
	struct azjit_policy_assignment assignments[1];
	struct azjit_assessment assessments[1];
	struct azjit_rule rules[1];
	struct azjit_nsg nsg;
};

static void lend(struct lent *lent)
{
	*lent = (struct lent){.a = "a", .b = "b", .c = "c", .json = "{}", .prefix = "10/8", .tag = "Tag"};
	(void)snprintf(lent->group, sizeof(lent->group), "/asg");
	lent->texts[0] = lent->prefix;
	lent->texts[1] = lent->tag;
	lent->groups[0] = lent->group;
	lent->ports[0] = (struct azjit_port_range){22, 22};
	lent->ports[1] = (struct azjit_port_range){80, 90};
	lent->parameters[0] =
	        (struct azjit_policy_parameter){.name = lent->a, .value = lent->b, .text = true};
	lent->assignments[0] = (struct azjit_policy_assignment){.id = lent->a,
	                                                        .name = lent->b,
	                                                        .display_name = lent->c,
	                                                        .scope = lent->a,
	                                                        .definition_id = lent->b,
	                                                        .enforcement_mode = lent->c,
	                                                        .not_scopes = lent->texts,
	                                                        .not_scope_count = 2,
	                                                        .parameters = lent->parameters,
	                                                        .parameter_count = 1,
	                                                        .overridden = true,
	                                                        .json = lent->json};
	lent->assessments[0] = (struct azjit_assessment){lent->a, lent->b, lent->c, lent->tag};
	lent->rules[0] = (struct azjit_rule){
	        .name = lent->a,
	        .description = lent->b,
	        .priority = 100,
	        .allow = true,
	        .inbound = true,
	        .protocol = AZJIT_PROTOCOL_TCP,
	        .succeeded = true,
	        .source = {.texts = lent->texts, .text_count = 2},
	        .destination = {
	                .asg_ids = lent->groups, .asg_count = 1, .ports = lent->ports, .port_count = 2}};
	lent->nsg =
	        (struct azjit_nsg){.id = lent->c, .succeeded = true, .rules = lent->rules, .rule_count = 1};
}

static void copies_borrow_nothing(void **state)
{
	_cleanup_(keep_clear) struct keep keep = {.blocks = NULL};
	struct lent lent;
	const struct azjit_policy_assignment *assignment;
	const struct azjit_assessment *assessment;
	const struct azjit_nsg *nsg;
	const struct azjit_rule *rule;

	lend(&lent);
	assignment = keep_assignments(&keep, lent.assignments, 1);
	assessment = keep_assessments(&keep, lent.assessments, 1);
	nsg = keep_nsg(&keep, &lent.nsg);
	memset(&lent, 'x', sizeof(lent));
	assert_false(keep.failed);
	assert_string_equal(assignment->id, "a");
	assert_string_equal(assignment->name, "b");
	assert_string_equal(assignment->display_name, "c");
	assert_string_equal(assignment->scope, "a");
	assert_string_equal(assignment->definition_id, "b");
	assert_string_equal(assignment->enforcement_mode, "c");
	assert_int_equal(assignment->not_scope_count, 2);
	assert_string_equal(assignment->not_scopes[1], "Tag");
	assert_int_equal(assignment->parameter_count, 1);
	assert_string_equal(assignment->parameters[0].name, "a");
	assert_string_equal(assignment->parameters[0].value, "b");
	assert_true(assignment->parameters[0].text && assignment->overridden);
	assert_string_equal(assignment->json, "{}");
	assert_string_equal(assessment->resource_id, "a");
	assert_string_equal(assessment->code, "b");
	assert_string_equal(assessment->cause, "c");
	assert_string_equal(assessment->description, "Tag");
	assert_string_equal(nsg->id, "c");
	assert_true(nsg->succeeded && nsg->rule_count == 1);
	rule = &nsg->rules[0];
	assert_string_equal(rule->name, "a");
	assert_string_equal(rule->description, "b");
	assert_true(rule->priority == 100 && rule->allow && rule->inbound && rule->succeeded &&
	            rule->protocol == AZJIT_PROTOCOL_TCP);
	assert_string_equal(rule->source.texts[0], "10/8");
	assert_int_equal(rule->source.port_count, 0);
	assert_string_equal(rule->destination.asg_ids[0], "/asg");
	assert_true(rule->destination.port_count == 2 && rule->destination.ports[1].to == 90);
}

static void every_allocation_may_fail(void **state)
{
	bool failed = true;
	long n = 0;

	while (failed) {
		_cleanup_(keep_clear) struct keep keep = {.blocks = NULL};
		struct lent lent;

		lend(&lent);
		allocations_left = ++n;
		(void)keep_assignments(&keep, lent.assignments, 1);
		(void)keep_assessments(&keep, lent.assessments, 1);
		(void)keep_nsg(&keep, &lent.nsg);
		allocations_left = 0;
		failed = keep.failed;
		if (failed)
			assert_null(keep_text(&keep, "memory is back, and the end still knows"));
		assert_int_equal(failed, keep.failed);
	}
	assert_true(n > 20);
}

static void no_array_is_too_large_to_be_refused(void **state)
{
	_cleanup_(keep_clear) struct keep keep = {.blocks = NULL};

	assert_non_null(keep_array(&keep, 0, 8));
	assert_null(keep_array(&keep, SIZE_MAX / 2, 4));
	assert_true(keep.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(copies_borrow_nothing),
	        cmocka_unit_test(every_allocation_may_fail),
	        cmocka_unit_test(no_array_is_too_large_to_be_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
