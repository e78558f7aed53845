// SPDX-License-Identifier: Apache-2.0
// What Azure says of VMs, of the way to them, and of the plan that they are under: recorded, and documented.
#include "azure_data.h"

#include <azjit/text.h>
#include <stdio.h>

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

// As VirtualMachine_Create_WithProxyAgentSettings writes it.
static void metadata_protocol(void **state)
{
	static const struct {
		const char *profile, *mode;
	} rows[] = {
	        {"{\"proxyAgentSettings\":{\"enabled\":true,\"mode\":\"Enforce\"}}", "Enforce"},
	        {"{\"proxyAgentSettings\":{\"enabled\":true,\"mode\":\"Audit\"}}", "Audit"},
	        {"{\"proxyAgentSettings\":{\"enabled\":true}}", "Enforce"},
	        {"{\"proxyAgentSettings\":{\"enabled\":false,\"mode\":\"Enforce\"}}", ""},
	        {"{\"proxyAgentSettings\":{\"mode\":\"Enforce\"}}", ""},
	        {"{\"proxyAgentSettings\":7}", ""},
	        {"{\"securityType\":\"TrustedLaunch\"}", ""},
	        {"null", ""},
	};

	for (size_t i = 0; i < AZJIT_COUNT(rows); i++) {
		const char *why = NULL;
		char text[256];
		json_auto_t *items = NULL;
		_cleanup_arena_ struct arena arena = {0};
		const struct azjit_vm *vm;

		(void)snprintf(text, sizeof(text),
		               "[{\"id\":\"/v\",\"name\":\"v\",\"properties\":{\"securityProfile\":%s}}]",
		               rows[i].profile);
		items = js_read(text, strlen(text), &why);
		assert_null(parse_vms(&arena, items, &vm));
		assert_string_equal(vm->metadata_protocol, rows[i].mode);
	}
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

static void firewalls(void **state)
{
	json_auto_t *items = data_items("firewall-example-list", "id");
	_cleanup_arena_ struct arena arena = {0};
	const struct azjit_firewall *list;

	assert_null(parse_firewalls(&arena, items, &list));
	assert_string_equal(list[0].policy_id, "");
	assert_int_equal(list[0].public_ip_count, 1);
	assert_string_equal(azjit_id_name(list[0].public_ip_ids[0]), "pipName");
	assert_string_equal(azjit_id_name(list[0].subnet_id), "AzureFirewallSubnet");
}

// One whose rules are in a policy, one without an address of its own (in a hub), one in no known form.
static void firewalls_of_other_kinds(void **state)
{
	const char *why,
	        *text = "[{\"id\":\"/f/1\",\"properties\":{\"firewallPolicy\":{\"id\":\"/p/1\"},"
	                "\"ipConfigurations\":[{\"properties\":{\"publicIPAddress\":{\"id\":\"/ip/1\"}}},"
	                "{\"properties\":{\"publicIPAddress\":{\"id\":\"/ip/2\"}}}]}},"
	                "{\"id\":\"/f/2\",\"properties\":{\"firewallPolicy\":null}},"
	                "{\"id\":\"/f/3\",\"properties\":{\"ipConfigurations\":\"x\"}}]";
	json_auto_t *items = js_read(text, strlen(text), &why);
	_cleanup_arena_ struct arena arena = {0};
	const struct azjit_firewall *list;

	assert_null(parse_firewalls(&arena, items, &list));
	assert_string_equal(list[0].policy_id, "/p/1");
	assert_int_equal(list[0].public_ip_count, 2);
	assert_string_equal(list[0].public_ip_ids[1], "/ip/2");
	assert_string_equal(list[0].subnet_id, "");
	for (size_t i = 1; i < 3; i++) {
		assert_string_equal(list[i].policy_id, "");
		assert_int_equal(list[i].public_ip_count, 0);
	}
}

static void plans(void **state)
{
	static const struct {
		const char *text;
		enum azjit_plan plan;
	} table[] = {
	        {"{\"properties\":{\"pricingTier\":\"Standard\",\"subPlan\":\"P2\"}}", AZJIT_PLAN_2},
	        {"{\"properties\":{\"pricingTier\":\"standard\",\"subPlan\":\"p1\"}}", AZJIT_PLAN_1},
	        {"{\"properties\":{\"pricingTier\":\"Free\",\"subPlan\":\"P2\"}}", AZJIT_PLAN_FREE},
	        {"{\"properties\":{\"pricingTier\":\"Standard\"}}", AZJIT_PLAN_UNKNOWN},
	        {"{\"properties\":{\"pricingTier\":\"Standard\",\"subPlan\":\"P3\"}}", AZJIT_PLAN_UNKNOWN},
	};

	for (size_t i = 0; i < AZJIT_COUNT(table); i++) {
		const char *why = NULL;
		json_auto_t *pricing = js_read(table[i].text, strlen(table[i].text), &why);

		struct azjit_pricing read;

		assert_null(parse_pricing(pricing, &read));
		assert_int_equal(read.plan, table[i].plan);
	}
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(documented_vms),
	        cmocka_unit_test(primary_interface_first_and_tag_in_any_case),
	        cmocka_unit_test(metadata_protocol),
	        cmocka_unit_test(documented_power),
	        cmocka_unit_test(recorded_interface),
	        cmocka_unit_test(documented_interfaces),
	        cmocka_unit_test(recorded_subnets),
	        cmocka_unit_test(public_addresses),
	        cmocka_unit_test(firewalls),
	        cmocka_unit_test(firewalls_of_other_kinds),
	        cmocka_unit_test(plans),
	        cmocka_unit_test(names_of_public_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
