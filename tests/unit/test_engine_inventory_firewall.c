// SPDX-License-Identifier: Apache-2.0
// VMs behind an Azure Firewall: by which address they are connected to, and by which never.
#include "test_engine_inventory.h"

static void behind(struct world *w, size_t policy, const char *address)
{
	((struct azjit_jit_vm *)(uintptr_t)w->subs[0].policies[policy].vms)->public_address = address;
}

static void the_firewall_is_the_way_whatever_name_is_used(void **state)
{
	static const char *const names[] = {"web01", "10.0.0.4", "20.50.0.4"};
	struct world *w = world_new("");

	add_vm(w, 0, "rg", "web01", "10.0.0.4", "20.50.0.4");
	add_policy(w, 0, "rg", "default", "web01", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	behind(w, 0, "20.60.0.9");
	world_run(w);
	for (size_t i = 0; i < AZJIT_COUNT(names); i++) {
		_cleanup_target_ struct azjit_target *target = found(w, names[i], 22);
		char text[AZJIT_ADDR_CHARS];

		azjit_addr_format(&target->dial, text);
		assert_string_equal(text, "20.60.0.9");
		assert_true(target->through_firewall && target->firewall);
		azjit_addr_format(&target->private_addr, text);
		assert_string_equal(text, "10.0.0.4");
	}
	missing(w, "20.60.0.9", 22, AZJIT_NOT_FOUND, "");
	world_free(w);
}

static void a_host_that_needs_no_firewall_says_so(void **state)
{
	struct world *w = world_new("source = { through_firewall = false; };");
	_cleanup_target_ struct azjit_target *target;

	add_vm(w, 0, "rg", "web01", "10.0.0.4", "");
	add_policy(w, 0, "rg", "default", "web01", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	behind(w, 0, "127.0.0.1");
	world_run(w);
	target = found(w, "web01", 22);
	assert_true(target->firewall);
	assert_false(target->through_firewall);
	assert_true(azjit_addr_equal(&target->dial, &target->private_addr));
	world_free(w);
}

// Who may write a policy writes what he likes.
static void an_address_that_is_no_firewall_s_is_refused(void **state)
{
	static const struct {
		const char *address, *why;
		enum azjit_result result;
	} table[] = {
	        {"127.0.0.1", "(loopback), to which nothing is ever connected", AZJIT_DENIED},
	        {"169.254.169.254", "(link-local)", AZJIT_DENIED},
	        {"168.63.129.16", "(Azure's host endpoint)", AZJIT_DENIED},
	        {"224.0.0.1", "(multicast)", AZJIT_DENIED},
	        {"0.0.0.0", "is no IPv4 address", AZJIT_PROTOCOL},
	        {"10.0.0.99", "(private)", AZJIT_DENIED},
	        {"192.168.1.1", "(private)", AZJIT_DENIED},
	        {"20.50.0.5", "(a virtual machine's own)", AZJIT_DENIED},
	        {"::1", "is no IPv4 address", AZJIT_PROTOCOL},
	        {"::ffff:127.0.0.1", "(loopback)", AZJIT_DENIED},
	        {"fw.example.net", "is no IPv4 address", AZJIT_PROTOCOL},
	};

	for (size_t i = 0; i < AZJIT_COUNT(table); i++) {
		struct world *w = world_new("");

		add_vm(w, 0, "rg", "web01", "10.0.0.4", "");
		add_vm(w, 0, "rg", "web02", "10.0.0.5", "20.50.0.5");
		add_policy(w, 0, "rg", "default", "web01", 22, 3600, AZJIT_PROTOCOL_TCP, false);
		behind(w, 0, table[i].address);
		world_run(w);
		missing(w, "web01", 22, table[i].result, table[i].why);
		missing(w, "web01", 22, table[i].result, "the policy 'default'");
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_firewall_is_the_way_whatever_name_is_used),
	        cmocka_unit_test(a_host_that_needs_no_firewall_says_so),
	        cmocka_unit_test(an_address_that_is_no_firewall_s_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
