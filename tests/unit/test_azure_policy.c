// SPDX-License-Identifier: Apache-2.0
// Policy assignments, assessments and the Defender plan: what the documents show is read, what is hostile
// or cut is refused or read as nothing, and a body that goes back differs in one value.
#include "azure_data.h"

#include <azjit/text.h>

#define SUB "/subscriptions/ae640e6b-ba3e-4256-9d62-2993eecfa6f2"

static const struct azjit_policy_assignment *read_one(struct arena *arena, const json_t *object)
{
	json_auto_t *items = json_pack("[O]", object);
	const struct azjit_policy_assignment *list = NULL;

	assert_null(parse_assignments(arena, items, &list));
	return list;
}

static void documented_assignments(void **state)
{
	json_auto_t *items = data_items("assignment-example-list", "id");
	_cleanup_arena_ struct arena arena = {0};
	const struct azjit_policy_assignment *list;

	assert_int_equal(json_array_size(items), 2);
	assert_null(parse_assignments(&arena, items, &list));
	assert_string_equal(list[0].id,
	                    SUB "/providers/Microsoft.Authorization/policyAssignments/CostManagement");
	assert_string_equal(list[0].name, "CostManagement");
	assert_string_equal(list[0].display_name, "Storage Cost Management");
	assert_string_equal(list[0].scope, SUB);
	assert_string_equal(list[0].definition_id,
	                    SUB "/providers/Microsoft.Authorization/policyDefinitions/storageSkus");
	assert_string_equal(list[0].enforcement_mode, "");
	assert_int_equal(list[0].not_scope_count, 0);
	assert_false(list[0].overridden);
	assert_int_equal(list[0].parameter_count, 1);
	assert_string_equal(list[0].parameters->name, "allowedSkus");
	assert_string_equal(list[0].parameters->value, "Standard_A1");
	assert_true(list[0].parameters->text);
	assert_int_equal(list[1].parameter_count, 0);
}

static void documented_overrides(void **state)
{
	json_auto_t *object = data_json("assignment-example-overrides");
	_cleanup_arena_ struct arena arena = {0};

	assert_true(read_one(&arena, object)->overridden);
	assert_string_equal(read_one(&arena, object)->enforcement_mode, "Default");
}

static void odd_forms_of_an_assignment(void **state)
{
	static const struct {
		const char *properties;
		size_t parameters;
		const char *value; // of the first
		bool text;
	} rows[] = {
	        {"null", 0, NULL, false},
	        {"7", 0, NULL, false},
	        {"{\"parameters\":null}", 0, NULL, false},
	        {"{\"parameters\":[{\"value\":\"x\"}]}", 0, NULL, false},
	        {"{\"parameters\":{}}", 0, NULL, false},
	        {"{\"parameters\":{\"a\":null}}", 1, "", false},
	        {"{\"parameters\":{\"a\":\"Disabled\"}}", 1, "", false},
	        {"{\"parameters\":{\"a\":{}}}", 1, "", false},
	        {"{\"parameters\":{\"a\":{\"value\":null}}}", 1, "", false},
	        {"{\"parameters\":{\"a\":{\"value\":\"\"}}}", 1, "", true},
	        {"{\"parameters\":{\"a\":{\"value\":false}}}", 1, "false", false},
	        {"{\"parameters\":{\"a\":{\"value\":[1,{\"b\":\"c\"}]}}}", 1, "[1,{\"b\":\"c\"}]", false},
	        {"{\"parameters\":{\"a\":{\"value\":\"x\"},\"b\":{\"value\":2}},\"notScopes\":7,"
	         "\"overrides\":{"
	         "}}",
	         2, "x", true},
	};

	for (size_t i = 0; i < AZJIT_COUNT(rows); i++) {
		_cleanup_arena_ struct arena arena = {0};
		const char *why;
		json_auto_t *properties = json_loads(rows[i].properties, JSON_DECODE_ANY, NULL);
		json_auto_t *object = json_pack("{s:s, s:O}", "id", "/a/b", "properties", properties);
		const struct azjit_policy_assignment *one = read_one(&arena, object);
		json_auto_t *kept = js_read(one->json, strlen(one->json), &why);

		assert_string_equal(one->name, "b");
		assert_int_equal(one->parameter_count, rows[i].parameters);
		assert_int_equal(one->not_scope_count, 0);
		assert_false(one->overridden);
		assert_true(json_equal(kept, object));
		if (rows[i].value) {
			assert_string_equal(one->parameters->value, rows[i].value);
			assert_int_equal(one->parameters->text, rows[i].text);
		}
	}
}

static void an_assignment_without_an_id(void **state)
{
	_cleanup_arena_ struct arena arena = {0};
	json_auto_t *items = json_pack("[{s:{}}]", "properties");
	const struct azjit_policy_assignment *list;

	assert_string_equal(parse_assignments(&arena, items, &list), "a policy assignment without an id");
}

// --- what goes back -----------------------------------------------------------------------------------

static json_t *body_of(const char *json, const char *parameter, const char *value, enum azjit_result wanted)
{
	_cleanup_buf_ struct azjit_buf body = AZJIT_BUF(65536);
	const char *why = NULL;

	assert_int_equal(assignment_body(json, parameter, value, &body), wanted);
	return wanted == AZJIT_OK ? js_read(body.data, body.len, &why) : NULL;
}

static void one_value_changes_and_read_only_members_stay_behind(void **state)
{
	_cleanup_arena_ struct arena arena = {0};
	json_auto_t *object = data_json("assignment-example-identity");
	json_t *properties = json_object_get(object, "properties");
	json_auto_t *body = NULL, *wanted = NULL;

	// A member that no document has yet goes back, too.
	json_object_set_new(object, "newer",
	                    json_pack("[n, b, f, I, s]", 1, 0.5, (json_int_t)-7, "\xc3\xbc"));
	json_object_set_new(properties, "newer", json_pack("{s:{}}", "none"));
	body = body_of(read_one(&arena, object)->json, "prefix", "DeptB", AZJIT_OK);
	wanted = json_deep_copy(object);
	properties = json_object_get(wanted, "properties");

	assert_int_equal(json_object_del(wanted, "id") | json_object_del(wanted, "type") |
	                         json_object_del(wanted, "name") | json_object_del(properties, "scope"),
	                 0);
	json_object_set_new(wanted, "identity", json_pack("{s:s}", "type", "SystemAssigned"));
	json_object_set_new(json_object_get(json_object_get(properties, "parameters"), "prefix"), "value",
	                    json_string("DeptB"));
	assert_true(json_equal(body, wanted));
}

static void identities_of_users_keep_their_ids(void **state)
{
	json_auto_t *body = body_of("{\"id\":\"/a\",\"identity\":{\"type\":\"UserAssigned\","
	                            "\"userAssignedIdentities\":{\"/i\":{\"principalId\":\"p\",\"clientId\":"
	                            "\"c\"}}},\"properties\":{}}",
	                            "p", "v", AZJIT_OK);
	json_auto_t *wanted =
	        json_pack("{s:{s:s, s:{s:{}}}, s:{s:{s:{s:s}}}}", "identity", "type", "UserAssigned",
	                  "userAssignedIdentities", "/i", "properties", "parameters", "p", "value", "v");

	assert_true(json_equal(body, wanted));
}

static void a_parameter_is_added_found_or_repaired(void **state)
{
	static const struct {
		const char *before, *after;
	} rows[] = {
	        {"{}", "{\"P\":{\"value\":\"v\"}}"},
	        {"null", "{\"P\":{\"value\":\"v\"}}"},
	        {"[1]", "{\"P\":{\"value\":\"v\"}}"},
	        {"{\"q\":{\"value\":1}}", "{\"q\":{\"value\":1},\"P\":{\"value\":\"v\"}}"},
	        {"{\"P\":{\"value\":\"old\",\"more\":1}}", "{\"P\":{\"value\":\"v\",\"more\":1}}"},
	        {"{\"p\":{\"value\":\"old\"}}", "{\"p\":{\"value\":\"v\"}}"},
	        {"{\"P\":\"no object\"}", "{\"P\":{\"value\":\"v\"}}"},
	};

	for (size_t i = 0; i < AZJIT_COUNT(rows); i++) {
		char json[256];
		json_auto_t *body = NULL, *wanted = json_loads(rows[i].after, 0, NULL);

		(void)snprintf(json, sizeof(json), "{\"properties\":{\"parameters\":%s}}", rows[i].before);
		body = body_of(json, "P", "v", AZJIT_OK);
		if (!json_equal(js_path(body, "properties", "parameters"), wanted))
			fail_msg("%s", rows[i].before);
	}
}

// Cut at any byte, an assignment is no assignment: never a shorter one.
static void what_is_no_assignment_is_not_sent(void **state)
{
	_cleanup_arena_ struct arena arena = {0};
	json_auto_t *object = data_json("assignment-example-identity");
	const char *json = read_one(&arena, object)->json;
	char cut[2048];

	assert_true(strlen(json) < sizeof(cut));
	for (size_t len = 0; len < strlen(json); len++) {
		memcpy(cut, json, len);
		cut[len] = '\0';
		(void)body_of(cut, "p", "v", AZJIT_USAGE);
	}
	(void)body_of("[]", "p", "v", AZJIT_USAGE);
	(void)body_of("{\"id\":\"/a\"}", "p", "v", AZJIT_USAGE);
	(void)body_of("{\"properties\":{},\"properties\":{}}", "p", "v", AZJIT_USAGE);
	(void)body_of(json, "", "v", AZJIT_USAGE);
	(void)body_of(json, "p", "\xff", AZJIT_USAGE);
	(void)body_of(json, "\xff", "v", AZJIT_USAGE);
}

// --- Defender -----------------------------------------------------------------------------------------

#define VM  "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/"
#define KEY "/providers/Microsoft.Security/assessments/805651bc-6ecd-4c73-9b55-97a19d0582d0"

static void assessments_of_jit_and_no_other(void **state)
{
	_cleanup_arena_ struct arena arena = {0};
	json_auto_t *items = data_items("assessment-example-list", "id");
	const struct azjit_assessment *list;
	size_t count = 9;

	assert_null(parse_assessments(&arena, items, &list, &count));
	assert_int_equal(count, 0);
	json_array_append_new(items, json_pack("{s:s, s:{s:{s:s, s:s}}}", "id", VM "a" KEY, "properties",
	                                       "status", "code", "NotApplicable", "cause", "OffByPolicy"));
	json_array_append_new(items, json_pack("{s:s}", "id",
	                                       VM "B/PROVIDERS/microsoft.security/ASSESSMENTS/"
	                                          "805651BC-6ecd-4c73-9b55-97a19d0582d0"));
	json_array_append_new(items, json_pack("{s:s}", "id", KEY));
	json_array_append_new(items, json_pack("{s:s}", "id", VM "c" KEY "/more"));
	assert_null(parse_assessments(&arena, items, &list, &count));
	assert_int_equal(count, 2);
	assert_string_equal(list[0].resource_id, VM "a");
	assert_string_equal(list[0].code, "NotApplicable");
	assert_string_equal(list[0].cause, "OffByPolicy");
	assert_string_equal(list[0].description, "");
	assert_string_equal(list[1].resource_id, VM "B");
	assert_string_equal(list[1].code, "");
}

static void plans(void **state)
{
	json_auto_t *object = data_json("pricing-example"),
	            *odd = json_pack("{s:{s:s, s:n}}", "properties", "pricingTier", "Free", "subPlan");
	json_auto_t *none = json_pack("{s:{s:i}}", "properties", "pricingTier", 7);
	struct azjit_pricing pricing;

	assert_null(parse_pricing(object, &pricing));
	assert_string_equal(pricing.tier, "Standard");
	assert_string_equal(pricing.sub_plan, "P2");
	assert_null(parse_pricing(odd, &pricing));
	assert_string_equal(pricing.tier, "Free");
	assert_string_equal(pricing.sub_plan, "");
	assert_non_null(parse_pricing(none, &pricing));
	assert_string_equal(pricing.tier, "Free");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(documented_assignments),
	        cmocka_unit_test(documented_overrides),
	        cmocka_unit_test(odd_forms_of_an_assignment),
	        cmocka_unit_test(an_assignment_without_an_id),
	        cmocka_unit_test(one_value_changes_and_read_only_members_stay_behind),
	        cmocka_unit_test(identities_of_users_keep_their_ids),
	        cmocka_unit_test(a_parameter_is_added_found_or_repaired),
	        cmocka_unit_test(what_is_no_assignment_is_not_sent),
	        cmocka_unit_test(assessments_of_jit_and_no_other),
	        cmocka_unit_test(plans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
