// SPDX-License-Identifier: Apache-2.0
// The ways to name a virtual machine.
#include "test_engine_inventory.h"

static void vms_are_found_by_all_their_names(void **state)
{
	static const char *const names[] = {"web01",    "WEB01",     "web01@rg-web",          "Web01@RG-WEB",
	                                    "10.0.0.4", "20.50.0.4", VM_ID("rg-web", "web01")};
	struct world *w = world_new("");

	add_vm(w, 0, "rg-web", "web01", "10.0.0.4", "20.50.0.4");
	add_vm(w, 0, "rg-web", "web02", "10.0.0.5", "");
	add_policy(w, 0, "rg-web", "default", "web01", 22, 10800, AZJIT_PROTOCOL_TCP, false);
	world_run(w);
	for (size_t i = 0; i < AZJIT_COUNT(names); i++) {
		_cleanup_target_ struct azjit_target *t = found(w, names[i], 22);
		char dial[AZJIT_ADDR_CHARS];

		assert_string_equal(t->vm_id, VM_ID("rg-web", "web01"));
		assert_string_equal(t->vm_name, "web01");
		assert_string_equal(t->group, "rg-web");
		assert_string_equal(t->subscription, SUB0);
		assert_string_equal(t->policy.name, "default");
		assert_string_equal(t->policy.id, POLICY_ID("rg-web", "default"));
		assert_string_equal(t->nic_nsg_id, "/nsg/nic-web01");
		assert_string_equal(t->subnet_nsg_id, "/nsg/subnet");
		assert_false(t->subnet_unread);
		assert_int_equal(t->asg_ids.count, 1);
		assert_string_equal(t->asg_ids.items[0], "/asg/rg-web");
		assert_int_equal(t->policy.prefixes.count, 2);
		assert_string_equal(t->policy.prefixes.items[1], "10.0.0.0/8");
		assert_int_equal(t->policy.max_duration_s, 10800);
		assert_int_equal(t->private_addr.bytes[3], 4);
		assert_int_equal(t->public_addr.bytes[0], 20);
		azjit_addr_format(&t->dial, dial);
		assert_string_equal(dial, azjit_streq(names[i], "20.50.0.4") ? "20.50.0.4" : "10.0.0.4");
	}
	missing(w, "web0", 22, AZJIT_NOT_FOUND, "no virtual machine of ours is called web0");
	missing(w, "web01@rg", 22, AZJIT_NOT_FOUND, "web01@rg");
	missing(w, "10.0.0.6", 22, AZJIT_NOT_FOUND, "10.0.0.6");
	missing(w, "0.0.0.0", 22, AZJIT_NOT_FOUND, "0.0.0.0");
	missing(w, "2001:db8::1", 22, AZJIT_NOT_FOUND, "2001:db8::1");
	missing(w, "", 22, AZJIT_NOT_FOUND, "no virtual machine");
	missing(w, "@", 22, AZJIT_NOT_FOUND, "no virtual machine");
	missing(w, "/", 22, AZJIT_NOT_FOUND, "no virtual machine");
	missing(w, "\x1b]0;x", 22, AZJIT_NOT_FOUND, "\\x1b]0;x");
	missing(w, "web02", 22, AZJIT_NOT_MANAGED, "web02 is under no just-in-time policy");
	missing(w, "web01", 80, AZJIT_NOT_MANAGED,
	        "port 80 of web01 is under no just-in-time policy, which has 22");
	world_free(w);
}

static void several_of_a_name_are_never_chosen_from(void **state)
{
	struct world *w = world_new("");

	add_vm(w, 0, "rg-a", "web01", "10.0.0.4", "");
	add_vm(w, 0, "rg-b", "WEB01", "10.0.0.5", "");
	add_vm(w, 0, "rg-c", "db01", "10.0.0.6", "");
	add_vm(w, 1, "rg-c", "db01", "10.0.0.6", "");
	add_policy(w, 0, "rg-a", "default", "web01", 22, 3600, AZJIT_PROTOCOL_ANY, false);
	add_policy(w, 1, "rg-c", "default", "db01", 22, 3600, AZJIT_PROTOCOL_ANY, false);
	world_run(w);
	missing(w, "web01", 22, AZJIT_AMBIGUOUS,
	        "web01 fits 2 virtual machines; write one of: web01@rg-a, WEB01@rg-b");
	missing(w, "db01@rg-c", 22, AZJIT_AMBIGUOUS, "/subscriptions/" SUB1 "/resourceGroups/rg-c/");
	missing(w, "10.0.0.6", 22, AZJIT_AMBIGUOUS, "10.0.0.6 fits 2 virtual machines");
	azjit_target_free(found(w, "web01@rg-a", 22));
	azjit_target_free(found(w,
	                        "/subscriptions/" SUB1 "/resourcegroups/RG-C/providers/microsoft.compute/"
	                        "virtualmachines/DB01",
	                        22));
	world_free(w);
}

static void an_alias_is_the_vm_that_root_named(void **state)
{
	struct world *w = world_new("aliases = ( { name = \"prod-web\"; vm = \"web01@rg-a\"; },"
	                            " { name = \"front\"; vm = \"20.50.0.4\"; },"
	                            " { name = \"db\"; vm = \"db01@rg-a\"; },"
	                            " { name = \"both\"; vm = \"web01\"; },"
	                            " { name = \"web02\"; vm = \"web02@rg-a\"; },"
	                            " { name = \"gone\"; vm = \"web09\"; } );");
	struct azjit_target *t;

	add_vm(w, 0, "rg-a", "web01", "10.0.0.4", "20.50.0.4");
	add_vm(w, 0, "rg-b", "web01", "10.0.0.5", "");
	add_vm(w, 0, "rg-a", "db01", "10.0.0.6", "");
	add_vm(w, 1, "rg-evil", "DB", "10.0.0.7", "");
	add_vm(w, 0, "rg-a", "web02", "10.0.0.8", "");
	add_policy(w, 0, "rg-a", "default", "web01", 22, 3600, AZJIT_PROTOCOL_ANY, false);
	add_policy(w, 0, "rg-a", "default", "web02", 22, 3600, AZJIT_PROTOCOL_ANY, false);
	world_run(w);
	t = found(w, "Prod-WEB", 22);
	assert_string_equal(t->vm_id, VM_ID("rg-a", "web01"));
	assert_string_equal(t->vm_name, "web01");
	azjit_target_free(t);
	t = found(w, "front", 22);
	assert_true(azjit_addr_equal(&t->dial, &t->public_addr));
	azjit_target_free(t);
	// Its own name is one VM, not two.
	azjit_target_free(found(w, "web02", 22));
	missing(w, "prod-web@rg-a", 22, AZJIT_NOT_FOUND, "prod-web@rg-a");
	missing(w, "prod-web", 80, AZJIT_NOT_MANAGED, "port 80 of web01");
	missing(w, "db", 22, AZJIT_AMBIGUOUS,
	        "db fits 2 virtual machines; write one of: db01@rg-a, DB@rg-evil");
	missing(w, "both", 22, AZJIT_AMBIGUOUS,
	        "both fits 2 virtual machines; write one of: web01@rg-a, web01@rg-b");
	missing(w, "gone", 22, AZJIT_CONFIG,
	        "gone is an alias of web09 in azjit.conf, and no virtual machine of ours is called that");
	world_free(w);
}

static void a_dns_name_is_that_of_the_public_address(void **state)
{
	static const char *const names[] = {"web01.westeurope.cloudapp.azure.com",
	                                    "WEB01.WestEurope.cloudapp.azure.com."};
	struct world *w = world_new("");

	add_vm(w, 0, "rg", "web01", "10.0.0.4", "20.50.0.4");
	add_vm(w, 0, "rg", "web02", "10.0.0.5", "20.50.0.5");
	add_vm(w, 0, "rg", "web03", "10.0.0.6", "20.50.0.6");
	add_vm(w, 1, "rg", "a.example", "10.0.0.7", "");
	w->subs[0].ips[0].dns_name = "Web01.westeurope.cloudapp.azure.com";
	w->subs[0].ips[1].dns_name = "a.example";
	w->subs[0].ips[2].dns_name = "web03.westeurope.cloudapp.azure.com";
	w->subs[0].ips[2].addr.family = AZJIT_FAMILY_NONE; // dynamic, and its VM does not run
	add_policy(w, 0, "rg", "default", "web01", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	add_policy(w, 0, "rg", "default", "web03", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	world_run(w);
	for (size_t i = 0; i < AZJIT_COUNT(names); i++) {
		_cleanup_target_ struct azjit_target *t = found(w, names[i], 22);

		assert_string_equal(t->vm_name, "web01");
		assert_true(azjit_addr_equal(&t->dial, &t->public_addr));
	}
	missing(w, "web01.westeurope.cloudapp.azure.com..", 22, AZJIT_NOT_FOUND,
	        "no virtual machine of ours");
	missing(w, "web01.westeurope.cloudapp.azure", 22, AZJIT_NOT_FOUND, "no virtual machine of ours");
	missing(w, ".", 22, AZJIT_NOT_FOUND, "no virtual machine of ours");
	missing(w, "A.example", 22, AZJIT_AMBIGUOUS,
	        "A.example fits 2 virtual machines; write one of: a.example@rg, web02@rg");
	missing(w, "web03.westeurope.cloudapp.azure.com", 22, AZJIT_NOT_FOUND,
	        "the public address of web03 has no number now");
	azjit_target_free(found(w, "web03", 22));
	world_free(w);
}

static void a_tag_is_one_vm_or_ambiguous(void **state)
{
	static const char *const web01[] = {"role=web", "Env=prod", "empty=", "a=b=c"},
	                         *const web02[] = {"Env=Prod", "ro=leweb"}, *const all[] = {"owner=x"};
	struct world *w = world_new("aliases = ( { name = \"front\"; vm = \"tag:role=web\"; } );");

	add_tags(w, add_vm(w, 0, "rg", "web01", "10.0.0.4", ""), web01, AZJIT_COUNT(web01));
	add_tags(w, add_vm(w, 0, "rg", "web02", "10.0.0.5", ""), web02, AZJIT_COUNT(web02));
	for (int i = 0; i < 40; i++)
		add_tags(w, add_vm(w, 1, "rg", text(w, "vm%02d", i), "10.0.0.6", ""), all, 1);
	add_policy(w, 0, "rg", "default", "web01", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	world_run(w);
	for (size_t i = 0; i < 5; i++) {
		static const char *const names[] = {"tag:role=web", "TAG:Role=WEB", "tag:empty=", "tag:a=b=c",
		                                    "front"};
		_cleanup_target_ struct azjit_target *t = found(w, names[i], 22);

		assert_string_equal(t->vm_id, VM_ID("rg", "web01"));
	}
	missing(w, "tag:env=prod", 22, AZJIT_AMBIGUOUS,
	        "tag:env=prod fits 2 virtual machines; write one of: web01@rg, web02@rg");
	missing(w, "tag:owner=x", 22, AZJIT_AMBIGUOUS,
	        "tag:owner=x fits 40 virtual machines; write one of: vm00@rg, vm01@rg, vm02@rg, vm03@rg …");
	missing(w, "tag:role=we", 22, AZJIT_NOT_FOUND, "tag:role=we");
	missing(w, "tag:rolew=eb", 22, AZJIT_NOT_FOUND, "tag:rolew=eb");
	missing(w, "tag:role", 22, AZJIT_NOT_FOUND, "tag:role");
	missing(w, "tag:=web", 22, AZJIT_NOT_FOUND, "tag:=web");
	missing(w, "tag:", 22, AZJIT_NOT_FOUND, "tag:");
	missing(w, "role=web", 22, AZJIT_NOT_FOUND, "role=web");
	world_free(w);
}

// A VM of two interfaces, the primary one with two configurations, of which the second is primary.
static void what_was_named_is_dialled_else_the_primary_of_the_primary(void **state)
{
	static const struct {
		const char *what, *dial, *private_addr, *nsg;
	} table[] = {
	        {"fw01", "10.0.1.5", "10.0.1.5", "/nsg/nic-fw01"},
	        {VM_ID("rg", "fw01"), "10.0.1.5", "10.0.1.5", "/nsg/nic-fw01"},
	        {"tag:a=b", "10.0.1.5", "10.0.1.5", "/nsg/nic-fw01"},
	        {"front", "10.0.1.5", "10.0.1.5", "/nsg/nic-fw01"},
	        {"10.0.1.4", "10.0.1.4", "10.0.1.4", "/nsg/nic-fw01"},
	        {"20.50.0.4", "20.50.0.4", "10.0.1.4", "/nsg/nic-fw01"},
	        {"fw01.example", "20.50.0.4", "10.0.1.4", "/nsg/nic-fw01"},
	        {"10.0.2.4", "10.0.2.4", "10.0.2.4", "/nsg/second"},
	        {"second", "10.0.2.4", "10.0.2.4", "/nsg/second"},
	};
	static const char *const tag[] = {"a=b"};
	struct world *w = world_new("aliases = ( { name = \"front\"; vm = \"fw01\"; },"
	                            " { name = \"second\"; vm = \"10.0.2.4\"; } );");
	struct azjit_vm *vm = add_vm(w, 0, "rg", "fw01", "10.0.1.4", "20.50.0.4"),
	                *other = add_vm(w, 0, "rg", "other", "10.0.2.4", "");
	struct azjit_ipconfig configs[2] = {w->subs[0].nics[0].ipconfigs[0], w->subs[0].nics[0].ipconfigs[0]};
	const char *const nics[] = {vm->nic_ids[0], other->nic_ids[0]};

	w->subs[0].ips[0].dns_name = "fw01.example";
	configs[0].primary = false;
	assert_int_equal(azjit_addr_parse("10.0.1.5", &configs[1].private_addr), AZJIT_OK);
	configs[1].public_ip_id = "";
	w->subs[0].nics[0].ipconfigs = configs;
	w->subs[0].nics[0].ipconfig_count = 2;
	w->subs[0].nics[1].nsg_id = "/nsg/second";
	other->nic_count = 0; // the second interface is fw01's
	vm->nic_ids = nics;
	vm->nic_count = 2;
	add_tags(w, vm, tag, 1);
	add_policy(w, 0, "rg", "default", "fw01", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	world_run(w);
	for (size_t i = 0; i < AZJIT_COUNT(table); i++) {
		_cleanup_target_ struct azjit_target *t = found(w, table[i].what, 22);
		char dial[AZJIT_ADDR_CHARS], private_addr[AZJIT_ADDR_CHARS];

		azjit_addr_format(&t->dial, dial);
		azjit_addr_format(&t->private_addr, private_addr);
		if (!azjit_streq(dial, table[i].dial) || !azjit_streq(private_addr, table[i].private_addr) ||
		    !azjit_streq(t->nic_nsg_id, table[i].nsg))
			fail_msg("%s: %s, %s, %s", table[i].what, dial, private_addr, t->nic_nsg_id);
	}
	world_free(w);
}

static void count_candidate(void *userdata, const char *vm_id, const char *written)
{
	unsigned *count = userdata;

	if (*count == 0) {
		assert_string_equal(vm_id, VM_ID("rg-a", "web01"));
		assert_string_equal(written, "web01@rg-a");
	}
	++*count;
}

static void every_candidate_is_told_up_to_a_limit(void **state)
{
	struct world *w = world_new("");
	unsigned count = 0;

	assert_int_equal(azjit_inventory_new(w->loop, NULL, w->config, &w->inventory), AZJIT_OK);
	assert_int_equal(azjit_inventory_candidates(w->inventory, "web01", count_candidate, &count), 0);
	azjit_inventory_free(w->inventory);
	add_vm(w, 0, "rg-a", "web01", "10.0.0.4", "");
	for (int i = 0; i < AZJIT_CANDIDATES_MAX; i++)
		add_vm(w, 0, text(w, "rg-b%02d", i), "web01", "10.0.0.5", "");
	world_run(w);
	assert_int_equal(azjit_inventory_candidates(w->inventory, "WEB01", count_candidate, &count),
	                 AZJIT_CANDIDATES_MAX + 1);
	assert_int_equal(count, AZJIT_CANDIDATES_MAX);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(vms_are_found_by_all_their_names),
	        cmocka_unit_test(several_of_a_name_are_never_chosen_from),
	        cmocka_unit_test(an_alias_is_the_vm_that_root_named),
	        cmocka_unit_test(a_dns_name_is_that_of_the_public_address),
	        cmocka_unit_test(a_tag_is_one_vm_or_ambiguous),
	        cmocka_unit_test(what_was_named_is_dialled_else_the_primary_of_the_primary),
	        cmocka_unit_test(every_candidate_is_told_up_to_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
