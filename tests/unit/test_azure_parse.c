// SPDX-License-Identifier: Apache-2.0
// Real and documented bodies, read by the parsers of the nouns; then the same bodies changed in ways
// that do not change what they say.
#include "azure_data.h"

#include <azjit/text.h>
#include <ctype.h>

#define SUB "/subscriptions/487bb485-b5b0-471e-9c0d-10717612f869"
#define NET                                                                                                  \
	"/subscriptions/db1ab6f0-4769-4b27-930e-01e2ef9c123c/resourceGroups/SecurityCenterRG8749/providers/" \
	"Microsoft.Network"

// --- JIT ----------------------------------------------------------------------------------------------

static void recorded_policy_list(void **state)
{
	json_auto_t *items = data_items("jit-list", "id");
	_cleanup_arena_ struct arena arena = {0};
	const struct azjit_jit_policy *policy;
	const struct azjit_jit_request *request;
	char time[AZJIT_TIME_CHARS];

	assert_int_equal(json_array_size(items), 1);
	assert_null(parse_policies(&arena, items, &policy));
	assert_string_equal(policy->name, "default");
	assert_string_equal(policy->location, "centralus");
	assert_string_equal(policy->provisioning_state, "Updating");
	assert_int_equal(policy->vm_count, 1);
	assert_string_equal(
	        policy->vms->id,
	        SUB "/resourceGroups/myService1/providers/Microsoft.Compute/virtualMachines/testService1");
	assert_string_equal(policy->vms->public_address, "");
	assert_int_equal(policy->vms->port_count, 1);
	assert_int_equal(policy->vms->ports->number, 22);
	assert_int_equal(policy->vms->ports->protocol, AZJIT_PROTOCOL_TCP);
	assert_int_equal(policy->vms->ports->max_duration_s, 3 * 3600);
	assert_int_equal(policy->vms->ports->prefix_count, 1);
	assert_string_equal(policy->vms->ports->prefixes[0], "127.0.0.1");
	assert_int_equal(policy->request_count, 1);
	request = policy->requests;
	assert_int_equal(request->port, 22);
	assert_string_equal(request->status, "Initiated");
	assert_string_equal(request->status_reason, "UserRequested");
	assert_string_equal(request->requestor, "");
	assert_string_equal(request->justification, "");
	assert_int_equal(request->mapped_port, 0);
	azjit_time_format(request->end, time);
	assert_string_equal(time, "2023-09-28T16:34:13.2185974Z");
	azjit_time_format(request->start, time);
	assert_string_equal(time, "2023-09-28T14:34:14.2920563Z");
}

static void documented_policy_list(void **state)
{
	json_auto_t *items = data_items("jit-example-list", "id");
	_cleanup_arena_ struct arena arena = {0};
	const struct azjit_jit_policy *policy;

	assert_null(parse_policies(&arena, items, &policy));
	assert_int_equal(policy->vms->port_count, 2);
	assert_int_equal(policy->vms->ports[1].number, 3389);
	assert_int_equal(policy->vms->ports[1].protocol, AZJIT_PROTOCOL_ANY);
	assert_string_equal(policy->vms->ports[1].prefixes[0], "*");
	assert_string_equal(policy->requests->requestor, "barbara@contoso.com");
	assert_string_equal(policy->requests->justification, "testing a new version of the product");
	assert_string_equal(policy->requests->prefixes[0], "192.127.0.2");
}

static void recorded_policy_without_history(void **state)
{
	static const char *const names[] = {"jit-get", "jit-put-2022"};

	for (size_t i = 0; i < AZJIT_COUNT(names); i++) {
		json_auto_t *object = data_json(names[i]);
		_cleanup_arena_ struct arena arena = {0};
		const struct azjit_jit_policy *policy;

		assert_null(parse_policy(&arena, object, &policy));
		assert_int_equal(policy->request_count, 0);
		assert_int_equal(policy->vm_count, 1);
	}
}

static void recorded_initiate(void **state)
{
	static const char *const names[] = {"jit-initiate", "jit-example-initiate"};

	for (size_t i = 0; i < AZJIT_COUNT(names); i++) {
		json_auto_t *entries = data_single(names[i]);
		_cleanup_arena_ struct arena arena = {0};
		const struct azjit_jit_request *request;
		size_t count;

		assert_null(parse_requests(&arena, entries, &request, &count));
		assert_int_equal(count, 1);
		assert_string_equal(request->status, "Initiating");
		assert_true(request->end > request->start && request->start > 0);
		assert_int_equal(azjit_request_state(request->status, request->status_reason),
		                 AZJIT_STATE_PENDING);
	}
}

static void odd_forms_of_a_policy(void **state)
{
	static const char text[] =
	        "{\"id\":\"/p\",\"properties\":{\"virtualMachines\":[{\"id\":\"/"
	        "v\",\"publicIpAddress\":\"20.1.1.1\",\"ports\":["
	        "{\"number\":\"22\",\"protocol\":\"tcp\",\"allowedSourceAddressPrefix\":null,"
	        "\"allowedSourceAddressPrefixes\":[\"10.0.0.0/"
	        "8\",\"1.2.3.4\",7,\"\"],\"maxRequestAccessDuration\":\"P1D\"},"
	        "{\"number\":0},{\"number\":65536},{\"number\":null},{\"protocol\":\"TCP\"},7,"
	        "{\"number\":5986,\"protocol\":\"UDP\",\"maxRequestAccessDuration\":\"soon\"}]}],"
	        "\"requests\":[{\"virtualMachines\":[{\"id\":\"/"
	        "V\",\"ports\":[{\"number\":22,\"endTimeUtc\":\"later\",\"mappedPort\":40001}]}]},"
	        "null,{},{\"virtualMachines\":\"none\"}]}}";
	const char *why = NULL;
	json_auto_t *object = js_read(text, strlen(text), &why);
	_cleanup_arena_ struct arena arena = {0};
	const struct azjit_jit_policy *policy;

	assert_null(parse_policy(&arena, object, &policy));
	assert_string_equal(policy->vms->public_address, "20.1.1.1");
	assert_int_equal(policy->vms->port_count, 2);
	assert_int_equal(policy->vms->ports[0].number, 22);
	assert_int_equal(policy->vms->ports[0].prefix_count, 2);
	assert_string_equal(policy->vms->ports[0].prefixes[1], "1.2.3.4");
	assert_int_equal(policy->vms->ports[0].max_duration_s, 86400);
	assert_int_equal(policy->vms->ports[1].protocol, AZJIT_PROTOCOL_UDP);
	assert_int_equal(policy->vms->ports[1].max_duration_s, 0);
	assert_int_equal(policy->request_count, 1);
	assert_int_equal(policy->requests->end, 0);
	assert_int_equal(policy->requests->mapped_port, 40001);
}

static void what_a_status_means(void **state)
{
	static const struct {
		const char *status, *reason;
		enum azjit_request_state state;
	} rows[] = {
	        {"Initiating", "UserRequested", AZJIT_STATE_PENDING},
	        {"Initiated", "UserRequested", AZJIT_STATE_INITIATED},
	        {"INITIATED", "", AZJIT_STATE_INITIATED},
	        {"Revoked", "Expired", AZJIT_STATE_REVOKED},
	        {"revoked", "NewerRequestInitiated", AZJIT_STATE_REVOKED},
	        {"Failed", "", AZJIT_STATE_FAILED},
	        {"Unheard", "NSGRulesQuotaReached", AZJIT_STATE_FAILED},
	        {"Unheard", "scopelocked", AZJIT_STATE_FAILED},
	        {"Unheard", "Unheard", AZJIT_STATE_PENDING},
	        {"", "", AZJIT_STATE_PENDING},
	};

	for (size_t i = 0; i < AZJIT_COUNT(rows); i++)
		assert_int_equal(azjit_request_state(rows[i].status, rows[i].reason), rows[i].state);
}

static void initiate_bodies(void **state)
{
	struct azjit_prefix sources[2];
	struct azjit_jit_initiate request = {
	        .vm_id = "/vm", .port = 22, .sources = sources, .source_count = 1};
	struct azjit_buf body = AZJIT_BUF(4096);

	assert_int_equal(azjit_prefix_parse("203.0.113.7", &sources[0]), AZJIT_OK);
	assert_int_equal(azjit_prefix_parse("10.0.0.0/24", &sources[1]), AZJIT_OK);
	assert_int_equal(azjit_time_parse("2022-11-17T11:44:50.5921811Z", &request.end), AZJIT_OK);
	assert_int_equal(initiate_body(&request, &body), AZJIT_OK);
	assert_string_equal(body.data, "{\"virtualMachines\":[{\"id\":\"/vm\",\"ports\":[{\"number\":22,"
	                               "\"allowedSourceAddressPrefix\":\"203.0.113.7\",\"endTimeUtc\":"
	                               "\"2022-11-17T11:44:50.5921811Z\"}]}]}");
	azjit_buf_reset(&body);
	request.source_count = 2;
	request.justification = "alice: fix \"web01\"";
	assert_int_equal(initiate_body(&request, &body), AZJIT_OK);
	assert_non_null(
	        strstr(body.data, "\"allowedSourceAddressPrefixes\":[\"203.0.113.7\",\"10.0.0.0/24\"]"));
	assert_null(strstr(body.data, "allowedSourceAddressPrefix\""));
	azjit_buf_reset(&body);
	request.separate = true;
	assert_int_equal(initiate_body(&request, &body), AZJIT_OK);
	assert_non_null(strstr(body.data,
	                       "\"ports\":[{\"number\":22,\"allowedSourceAddressPrefix\":\"203.0.113.7\","
	                       "\"endTimeUtc\":\"2022-11-17T11:44:50.5921811Z\"},{\"number\":22,"
	                       "\"allowedSourceAddressPrefix\":\"10.0.0.0/24\",\"endTimeUtc\":"
	                       "\"2022-11-17T11:44:50.5921811Z\"}]"));
	assert_non_null(strstr(body.data, "\"justification\":\"alice: fix \\\"web01\\\"\""));
	request.justification = "\xff";
	assert_int_equal(initiate_body(&request, &body), AZJIT_USAGE);
	azjit_buf_free(&body);
}

// --- security groups and the Activity Log -------------------------------------------------------------

static void recorded_group(void **state)
{
	json_auto_t *object = data_json("nsg-recorded");
	_cleanup_arena_ struct arena arena = {0};
	const struct azjit_nsg *nsg;

	assert_null(parse_nsg(&arena, object, &nsg));
	assert_false(nsg->succeeded); // Updating, as in every 201
	assert_int_equal(nsg->rule_count, 3);
	assert_string_equal(nsg->rules[0].name, "AllowVnetInBound");
	assert_int_equal(nsg->rules[2].priority, 65500);
	for (size_t i = 0; i < nsg->rule_count; i++) {
		assert_false(nsg->rules[i].unreadable);
		assert_int_equal(nsg->rules[i].source.text_count, 1);
		assert_int_equal(nsg->rules[i].destination.port_count, 1);
		assert_int_equal(nsg->rules[i].destination.ports->to, 65535);
	}
}

static void documented_group(void **state)
{
	json_auto_t *object = data_json("nsg-example");
	_cleanup_arena_ struct arena arena = {0};
	const struct azjit_nsg *nsg;

	assert_null(parse_nsg(&arena, object, &nsg));
	assert_true(nsg->succeeded);
	assert_int_equal(nsg->rule_count, 4);
	assert_string_equal(nsg->rules[0].name, "rule1");
	assert_int_equal(nsg->rules[0].destination.ports->from, 80);
	assert_true(nsg->rules[0].allow && nsg->rules[0].succeeded);
}

static void rules_that_jit_wrote(void **state)
{
	json_auto_t *rules = data_json("jit-rules");
	json_auto_t *object = json_pack("{s:s, s:{s:O}}", "id", "/nsg", "properties", "securityRules", rules);
	_cleanup_arena_ struct arena arena = {0};
	const struct azjit_nsg *nsg;

	assert_null(parse_nsg(&arena, object, &nsg));
	assert_int_equal(nsg->rule_count, 4);
	assert_true(nsg->rules[0].allow);
	assert_true(nsg->rules[0].unreadable); // its source was masked: unknown, not "any"
	for (size_t i = 1; i < 4; i++) {
		assert_false(nsg->rules[i].unreadable);
		assert_int_equal(nsg->rules[i].destination.ports->from, 3389);
		assert_int_equal(nsg->rules[i].source.text_count, 1);
	}
}

static void documented_activity(void **state)
{
	json_auto_t *items = data_items("activity-example", "eventDataId");
	_cleanup_arena_ struct arena arena = {0};
	const struct azjit_activity_event *event;
	char time[AZJIT_TIME_CHARS];

	assert_null(parse_events(&arena, items, &event));
	assert_string_equal(event->event_data_id, "44ade6b4-3813-45e6-ae27-7420a95fa2f8");
	assert_string_equal(event->correlation_id, "1e121103-0ba6-4300-ac9d-952bb5d0c80f");
	assert_string_equal(event->client_request_id, "27003b25-91d3-418f-8eb1-29e537dcb249");
	assert_string_equal(event->operation, "microsoft.support/supporttickets/write");
	assert_string_equal(event->event_name, "EndRequest");
	assert_string_equal(event->status, "Succeeded");
	assert_string_equal(event->sub_status, "Created");
	assert_string_equal(event->caller, "admin@contoso.com");
	assert_string_equal(event->resource_id, "");
	assert_string_equal(event->client_address, "192.168.35.115");
	azjit_time_format(event->event_time, time);
	assert_string_equal(time, "2015-01-21T22:14:26.9792776Z");
	assert_true(event->submission_time > event->event_time);
}

// --- any JSON at all ----------------------------------------------------------------------------------

static void bodies_that_are_refused(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} rows[] = {
	        {"", 0},
	        {"\xef\xbb\xbf", 3},
	        {"{\"a\":1", 6},
	        {"{\"a\":1,\"a\":2}", 13},
	        {"<html>", 6},
	        {"{\"a\":\"\\u0000\"}", 14},
	        {"{\"a\":\"\xff\"}", 9},
	        {"{} x", 4},
	        {"nonsense", 8},
	};

	for (size_t i = 0; i < AZJIT_COUNT(rows); i++) {
		const char *why = NULL;

		assert_null(js_read(rows[i].text, rows[i].len, &why));
		assert_non_null(why);
	}
}

static void byte_order_mark_is_passed_over(void **state)
{
	const char *why = NULL;
	json_auto_t *json = js_read("\xef\xbb\xbf\r\n{\"value\": []}\r\n", 20, &why);

	assert_true(json_is_object(json));
}

static void repeated_entries_count_once(void **state)
{
	const char *why;
	json_auto_t *items = json_pack("[{s:s,s:i},{s:s},{s:s}]", "id", "/A", "n", 1, "id", "/b", "id", "/a");
	json_auto_t *unique = js_unique(items, "id", &why);
	json_auto_t *bad = json_pack("[{s:s},{s:i}]", "id", "/a", "x", 1), *worse = json_pack("[[]]");

	assert_int_equal(json_array_size(unique), 2);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(unique, 0), "n")), 1);
	assert_null(js_unique(bad, "id", &why));
	assert_non_null(why);
	assert_null(js_unique(worse, "id", &why));
	assert_non_null(why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(recorded_policy_list),
	        cmocka_unit_test(documented_policy_list),
	        cmocka_unit_test(recorded_policy_without_history),
	        cmocka_unit_test(recorded_initiate),
	        cmocka_unit_test(odd_forms_of_a_policy),
	        cmocka_unit_test(what_a_status_means),
	        cmocka_unit_test(initiate_bodies),
	        cmocka_unit_test(recorded_group),
	        cmocka_unit_test(documented_group),
	        cmocka_unit_test(rules_that_jit_wrote),
	        cmocka_unit_test(documented_activity),
	        cmocka_unit_test(bodies_that_are_refused),
	        cmocka_unit_test(byte_order_mark_is_passed_over),
	        cmocka_unit_test(repeated_entries_count_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
