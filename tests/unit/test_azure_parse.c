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

static void assert_addr(struct azjit_addr addr, const char *expected)
{
	char text[AZJIT_ADDR_CHARS];

	azjit_addr_format(&addr, text);
	assert_string_equal(text, expected);
}

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

// --- VMs and addresses --------------------------------------------------------------------------------

static void documented_vms(void **state)
{
	json_auto_t *items = data_items("vm-example-list", "id"), *few = data_items("vm-example-min", "id");
	_cleanup_arena_ struct arena arena = {0};
	const struct azjit_vm *vm;

	assert_null(parse_vms(&arena, items, &vm));
	assert_string_equal(vm->os, "Windows");
	assert_int_equal(vm->nic_count, 1);
	assert_string_equal(vm->deny_tag, "");
	assert_int_equal(json_array_size(few), 1); // the same id twice
	assert_null(parse_vms(&arena, few, &vm));
	assert_int_equal(vm->nic_count, 0);
	assert_string_equal(vm->os, "");
}

static void primary_interface_first_and_tag_in_any_case(void **state)
{
	static const char text[] = "[{\"id\":\"/"
	                           "v\",\"name\":\"v\",\"tags\":{\"x\":\"y\",\"z\":1,\"AzJit\":\"deny\"},"
	                           "\"properties\":{\"storageProfile\":{\"osDisk\":{\"osType\":\"LINUX\"}},"
	                           "\"networkProfile\":{\"networkInterfaces\":[{\"id\":\"/"
	                           "a\",\"properties\":{\"primary\":false}},{\"properties\":{}},"
	                           "{\"id\":\"/b\",\"properties\":{\"primary\":true}},{\"id\":\"/c\"}]}}}]";
	const char *why = NULL;
	json_auto_t *items = js_read(text, strlen(text), &why);
	_cleanup_arena_ struct arena arena = {0};
	const struct azjit_vm *vm;

	assert_null(parse_vms(&arena, items, &vm));
	assert_string_equal(vm->os, "Linux");
	assert_string_equal(vm->deny_tag, "deny");
	assert_int_equal(vm->tag_count, 2);
	assert_string_equal(vm->tags[0].name, "x");
	assert_string_equal(vm->tags[0].value, "y");
	assert_string_equal(vm->tags[1].name, "AzJit");
	assert_int_equal(vm->nic_count, 3);
	assert_string_equal(vm->nic_ids[0], "/b");
	assert_string_equal(vm->nic_ids[1], "/a");
	assert_string_equal(vm->nic_ids[2], "/c");
}

static void documented_power(void **state)
{
	static const char text[] = "{\"statuses\":[7,{\"code\":\"ProvisioningState/succeeded\"},{\"code\":"
	                           "\"powerstate/Deallocated\"}]}";
	const char *why = NULL, *power;
	json_auto_t *view = data_json("vm-example-view"), *other = js_read(text, strlen(text), &why);
	_cleanup_arena_ struct arena arena = {0};

	assert_null(parse_power(&arena, view, &power));
	assert_string_equal(power, "running");
	assert_null(parse_power(&arena, other, &power));
	assert_string_equal(power, "deallocated");
	assert_null(parse_power(&arena, NULL, &power));
	assert_string_equal(power, "");
}

static void recorded_interface(void **state)
{
	json_auto_t *items = data_single("nic-recorded");
	_cleanup_arena_ struct arena arena = {0};
	const struct azjit_nic *nic;

	assert_null(parse_nics(&arena, items, &nic));
	assert_string_equal(nic->nsg_id, ""); // the key is absent: the group is on the subnet
	assert_string_equal(nic->vm_id, "");
	assert_int_equal(nic->ipconfig_count, 1);
	assert_addr(nic->ipconfigs->private_addr, "10.10.1.4");
	assert_string_equal(nic->ipconfigs->public_ip_id, NET "/publicIPAddresses/publicIP5008");
	assert_string_equal(nic->ipconfigs->subnet_id, NET "/virtualNetworks/vnet9824/subnets/subnet1");
	assert_true(nic->ipconfigs->primary);
	assert_int_equal(nic->ipconfigs->asg_count, 0);
}

static void documented_interfaces(void **state)
{
	json_auto_t *items = data_items("nic-example-list", "id");
	_cleanup_arena_ struct arena arena = {0};
	const struct azjit_nic *nics;

	assert_int_equal(json_array_size(items), 2);
	assert_null(parse_nics(&arena, items, &nics));
	assert_true(nics[0].primary);
	assert_string_equal(azjit_id_name(nics[0].nsg_id), "nsg");
	assert_string_equal(azjit_id_name(nics[0].vm_id), "vm1");
	assert_string_equal(nics[1].nsg_id, "");
}

static void recorded_subnets(void **state)
{
	json_auto_t *subnets = data_json("subnets-recorded");
	json_auto_t *items = json_pack("[{s:s, s:{s:O}}, {s:s}]", "id", "/vnet", "properties", "subnets",
	                               json_object_get(subnets, "value"), "id", "/empty");
	_cleanup_arena_ struct arena arena = {0};
	const struct azjit_subnet *list;
	size_t count;

	assert_null(parse_subnets(&arena, items, &list, &count));
	assert_int_equal(count, 2);
	assert_string_equal(list[0].nsg_id, NET "/networkSecurityGroups/nsg6142");
	assert_string_equal(list[1].nsg_id, "");
}

static void public_addresses(void **state)
{
	json_auto_t *recorded = data_single("public-ip-recorded"),
	            *items = data_items("public-ip-example-list", "id");
	_cleanup_arena_ struct arena arena = {0};
	const struct azjit_public_ip *ips;

	assert_null(parse_public_ips(&arena, recorded, &ips));
	assert_int_equal(ips->addr.family, AZJIT_FAMILY_NONE); // dynamic, not attached: no ipAddress key
	assert_null(parse_public_ips(&arena, items, &ips));
	assert_int_equal(ips[0].addr.family, AZJIT_FAMILY_NONE);
	assert_addr(ips[1].addr, "40.85.154.247");
	assert_string_equal(ips[0].dns_name, "");
	assert_string_equal(ips[1].dns_name, "testlbl.westus.cloudapp.azure.com");
}

static void names_of_public_addresses(void **state)
{
	json_auto_t *items = json_pack(
	        "[{s:{s:{s:s}}}, {s:{s:{s:s}}}, {s:{s:{s:s}}}, {s:{s:{s:i}}}, {s:{s:{s:o}}}]", "properties",
	        "dnsSettings", "fqdn", "a.example.", "properties", "dnsSettings", "fqdn", ".", "properties",
	        "dnsSettings", "reverseFqdn", "b.example", "properties", "dnsSettings", "fqdn", 7,
	        "properties", "dnsSettings", "fqdn", json_sprintf("%0254d", 0));
	_cleanup_arena_ struct arena arena = {0};
	const struct azjit_public_ip *ips;

	assert_non_null(items);
	assert_null(parse_public_ips(&arena, items, &ips));
	assert_string_equal(ips[0].dns_name, "a.example");
	for (size_t i = 1; i < json_array_size(items); i++)
		assert_string_equal(ips[i].dns_name, "");
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
	        cmocka_unit_test(documented_vms),
	        cmocka_unit_test(primary_interface_first_and_tag_in_any_case),
	        cmocka_unit_test(documented_power),
	        cmocka_unit_test(recorded_interface),
	        cmocka_unit_test(documented_interfaces),
	        cmocka_unit_test(recorded_subnets),
	        cmocka_unit_test(public_addresses),
	        cmocka_unit_test(names_of_public_addresses),
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
