// SPDX-License-Identifier: Apache-2.0
// What is told of a VM behind an Azure Firewall.
#include "../../client/direct/firewall.h"
#include "../../client/direct/policy.h"
#include "../../client/direct/vm_state.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define VM "/subscriptions/s/resourceGroups/lab/providers/Microsoft.Compute/virtualMachines/web01"

static json_t *read_json(const char *text)
{
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(json);
	return json;
}

static void the_one_that_has_the_address(void **state)
{
	json_auto_t
	        *firewalls = read_json("[{\"id\": \"f\", \"public_ips\": [\"p\", \"q\"]}, "
	                               "{\"id\": \"g\", \"public_ips\": [\"none\"]}]"),
	        *ips = read_json(
	                "[{\"id\": \"P\", \"address\": \"\"}, {\"id\": \"Q\", \"address\": \"20.9.9.9\"}]");

	assert_string_equal(json_text(firewall_at(firewalls, ips, "20.9.9.9"), "id"), "f");
	assert_null(firewall_at(firewalls, ips, "20.9.9.8"));
	assert_null(firewall_at(firewalls, ips, "")); // an address that is not known is nobody's
	assert_null(firewall_at(NULL, ips, "20.9.9.9"));
}

static void what_a_firewall_makes_of_a_vm(void **state)
{
	static const struct {
		const char *policy;
		bool read, past;
		const char *state, *address;
	} table[] = {
	        {"", true, false, "Configured", "20.9.9.9"},
	        {"fp", true, false, "Unsupported", "20.9.9.9"},
	        {"fp", false, false, "Configured", "20.9.9.9"}, // not seen: not guessed
	        {"fp", true, true, "Configured", "10.0.0.4"},
	};
	json_auto_t *policies = read_json(
	                    "[{\"id\": \"/p\", \"properties\": {\"virtualMachines\": [{\"id\": \"" VM
	                    "\", \"publicIpAddress\": \"20.9.9.9\", \"ports\": [{\"number\": 22}]}]}}]"),
	            *nics = read_json("[{\"vm_id\": \"" VM
	                              "\", \"nsg\": \"n\", \"primary\": true, \"ipconfigs\": "
	                              "[{\"address\": \"10.0.0.4\", \"public_ip\": \"\", \"subnet\": \"\", "
	                              "\"primary\": true}]}]"),
	            *ips = read_json("[{\"id\": \"q\", \"address\": \"20.9.9.9\"}]"),
	            *vm = json_pack("{s:s, s:s}", "id", VM, "name", "web01");

	assert_true(firewall_any(policies));
	assert_string_equal(firewall_address(policies, VM), "20.9.9.9");
	for (size_t i = 0; i < AZJIT_COUNT(table); i++) {
		json_auto_t *firewalls = json_pack("[{s:s, s:s, s:[s]}]", "id", "f", "policy",
		                                   table[i].policy, "public_ips", "q");
		const struct vm_surroundings around = {.policies = policies,
		                                       .nics = nics,
		                                       .public_ips = ips,
		                                       .firewalls = table[i].read ? firewalls : NULL,
		                                       .past_firewall = table[i].past};
		json_auto_t *got = vm_state(vm, &around);

		assert_string_equal(json_text(got, "state"), table[i].state);
		assert_string_equal(json_text(got, "address"), table[i].address);
		assert_string_equal(json_text(got, "private_address"), "10.0.0.4");
		assert_string_equal(json_text(got, "firewall"), table[i].past ? "" : "20.9.9.9");
		assert_int_equal(strstr(json_text(got, "why"), "in a firewall policy") != NULL,
		                 table[i].state[0] == 'U');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_one_that_has_the_address),
	        cmocka_unit_test(what_a_firewall_makes_of_a_vm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
