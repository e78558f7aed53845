// SPDX-License-Identifier: Apache-2.0
// The inventory against an Azure that is made of arrays: the list calls are defined here.
#include "test_engine_inventory.h"

static void of_several_policies_the_longest_that_has_the_port(void **state)
{
	struct world *w = world_new("");
	struct azjit_target *t;

	add_vm(w, 0, "rg", "web01", "10.0.0.4", "");
	add_policy(w, 0, "rg", "short", "web01", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	add_policy(w, 0, "rg", "long", "web01", 22, 7200, AZJIT_PROTOCOL_ANY, false);
	for (int i = 0; i <= 20; i++)
		add_policy(w, 0, "rg", text(w, "p%d", i), "web01", 22, 100 + i, AZJIT_PROTOCOL_TCP, false);
	add_policy(w, 0, "rg", "udp", "web01", 22, 86400, AZJIT_PROTOCOL_UDP, false);
	add_policy(w, 0, "rg", "other", "web01", 3389, 86400, AZJIT_PROTOCOL_TCP, false);
	add_policy(w, 0, "rg", "voice", "web01", 5060, 86400, AZJIT_PROTOCOL_UDP, false);
	add_policy(w, 0, "rg", "stale", "gone01", 22, 86400, AZJIT_PROTOCOL_TCP, false);
	world_run(w);
	t = found(w, "web01", 22);
	assert_string_equal(t->policy.name, "long");
	assert_int_equal(t->policy.max_duration_s, 7200);
	assert_int_equal(t->other_count, 20 - 5); // the longest of all that there are
	assert_string_equal(t->others[0].name, "short");
	assert_int_equal(t->others[1].max_duration_s, 120);
	assert_int_equal(t->others[14].max_duration_s, 107);
	assert_string_equal(t->others[14].id, POLICY_ID("rg", "p7"));
	azjit_target_free(t);
	t = found(w, "web01", 3389);
	assert_string_equal(t->policy.name, "other");
	azjit_target_free(t);
	missing(w, "web01", 5060, AZJIT_NOT_MANAGED, "for UDP only");
	missing(w, "gone01", 22, AZJIT_NOT_FOUND, "gone01");
	world_free(w);
}

static void forbidden_addresses_are_never_targets(void **state)
{
	static const char *const bad[] = {"127.0.0.1",       "169.254.169.254", "168.63.129.16", "224.0.0.1",
	                                  "255.255.255.255", "240.0.0.1",       "0.0.0.1"};
	struct world *w = world_new("");
	struct azjit_managed *managed = NULL;
	size_t count = 0;

	for (size_t i = 0; i < AZJIT_COUNT(bad); i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "evil%zu", i);
		add_vm(w, 0, "rg", name, bad[i], "");
		add_policy(w, 0, "rg", "default", name, 80, 3600, AZJIT_PROTOCOL_TCP, false);
	}
	add_vm(w, 0, "rg", "public", "10.0.0.9", "169.254.169.254");
	add_policy(w, 0, "rg", "default", "public", 80, 3600, AZJIT_PROTOCOL_TCP, false);
	world_run(w);
	for (size_t i = 0; i < AZJIT_COUNT(bad); i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "evil%zu", i);
		missing(w, name, 80, AZJIT_DENIED, "to which nothing is ever connected");
	}
	missing(w, "127.0.0.1", 80, AZJIT_DENIED, "to which nothing is ever connected");
	azjit_target_free(found(w, "public", 80));
	assert_int_equal(azjit_inventory_managed(w->inventory, &managed, &count), AZJIT_OK);
	assert_int_equal(count, 1);
	assert_int_equal(managed[0].addr.bytes[3], 9);
	free(managed);
	world_free(w);
}

static void what_is_dialled_follows_the_configuration(void **state)
{
	struct world *w = world_new("source = { prefer_public = true; };");
	_cleanup_target_ struct azjit_target *both, *private_only, *by_private, *public_only;

	add_vm(w, 0, "rg", "both", "10.0.0.4", "20.50.0.4");
	add_vm(w, 0, "rg", "private", "10.0.0.5", "");
	add_vm(w, 0, "rg", "public", "", "20.50.0.6");
	add_vm(w, 0, "rg", "v6", "2001:db8::1", "");
	add_policy(w, 0, "rg", "default", "both", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	add_policy(w, 0, "rg", "default", "private", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	add_policy(w, 0, "rg", "default", "public", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	add_policy(w, 0, "rg", "default", "v6", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	world_run(w);
	both = found(w, "both", 22);
	private_only = found(w, "private", 22);
	by_private = found(w, "10.0.0.4", 22);
	public_only = found(w, "public", 22);
	assert_true(azjit_addr_equal(&both->dial, &both->public_addr));
	assert_int_equal(private_only->dial.bytes[3], 5);
	assert_true(azjit_addr_equal(&by_private->dial, &by_private->private_addr));
	assert_int_equal(public_only->dial.bytes[0], 20);
	assert_int_equal(public_only->private_addr.family, AZJIT_FAMILY_NONE);
	missing(w, "v6", 22, AZJIT_NOT_FOUND, "shows no IPv4 address of v6");
	world_free(w);
}

static void a_subnet_that_was_not_read_is_not_one_without_group(void **state)
{
	struct world *w = world_new("");
	_cleanup_target_ struct azjit_target *target;

	add_vm(w, 0, "rg", "web01", "10.0.0.4", "");
	add_policy(w, 0, "rg", "default", "web01", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	w->subs[0].subnet_count = w->subs[1].subnet_count = 0;
	world_run(w);
	target = found(w, "web01", 22);
	assert_null(target->subnet_nsg_id);
	assert_true(target->subnet_unread);
	world_free(w);
}

static void the_tag_stops_a_vm(void **state)
{
	struct world *w = world_new("");
	_cleanup_target_ struct azjit_target *stopped, *open;

	add_vm(w, 0, "rg", "web01", "10.0.0.4", "")->deny_tag = "Deny";
	add_vm(w, 0, "rg", "web02", "10.0.0.5", "")->deny_tag = "allow";
	add_policy(w, 0, "rg", "default", "web01", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	add_policy(w, 0, "rg", "default", "web02", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	world_run(w);
	stopped = found(w, "web01", 22);
	open = found(w, "web02", 22);
	assert_true(stopped->stopped_by_tag);
	assert_false(open->stopped_by_tag);
	world_free(w);
}

static void a_firewall_in_any_policy_is_known(void **state)
{
	struct world *w = world_new("");
	_cleanup_target_ struct azjit_target *behind, *open;

	add_vm(w, 0, "rg", "web01", "10.0.0.4", "");
	add_vm(w, 0, "rg", "web02", "10.0.0.5", "");
	add_policy(w, 0, "rg", "default", "web01", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	add_policy(w, 0, "rg", "default", "web02", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	add_policy(w, 0, "rg", "second", "web01", 3389, 3600, AZJIT_PROTOCOL_TCP, false);
	((struct azjit_jit_vm *)(uintptr_t)w->subs[0].policies[2].vms)->public_address = "20.9.9.9";
	world_run(w);
	behind = found(w, "web01", 22);
	open = found(w, "web02", 22);
	assert_true(behind->firewall);
	assert_false(open->firewall);
	world_free(w);
}

static void the_guard_gets_each_pair_once_in_order(void **state)
{
	static const char *const expected[] = {"10.0.0.4:22", "10.0.0.4:3389", "10.0.0.5:22", "20.50.0.5:22"};
	struct world *w = world_new("");
	struct azjit_inventory_counts counts;
	struct azjit_managed *managed;
	size_t count;

	add_vm(w, 0, "rg", "web02", "10.0.0.5", "20.50.0.5");
	add_vm(w, 0, "rg", "web01", "10.0.0.4", "");
	add_vm(w, 1, "rg", "twin", "10.0.0.4", "");
	add_vm(w, 0, "rg", "free", "10.0.0.9", "");
	add_policy(w, 0, "rg", "default", "web01", 3389, 3600, AZJIT_PROTOCOL_TCP, false);
	add_policy(w, 0, "rg", "second", "web01", 22, 3600, AZJIT_PROTOCOL_ANY, false);
	add_policy(w, 0, "rg", "second", "web02", 22, 3600, AZJIT_PROTOCOL_ANY, false);
	add_policy(w, 0, "rg", "udp", "web02", 53, 3600, AZJIT_PROTOCOL_UDP, false);
	add_policy(w, 1, "rg", "default", "twin", 22, 3600, AZJIT_PROTOCOL_ANY, false);
	world_run(w);
	assert_int_equal(azjit_inventory_managed(w->inventory, &managed, &count), AZJIT_OK);
	assert_int_equal(count, AZJIT_COUNT(expected));
	for (size_t i = 0; i < count; i++) {
		char addr[AZJIT_ADDR_CHARS], pair[64];

		azjit_addr_format(&managed[i].addr, addr);
		(void)snprintf(pair, sizeof(pair), "%s:%u", addr, managed[i].port);
		assert_string_equal(pair, expected[i]);
	}
	free(managed);
	azjit_inventory_counts(w->inventory, &counts);
	assert_int_equal(counts.vms, 4);
	assert_int_equal(counts.policies, 4);
	assert_int_equal(counts.managed_ports, 5);
	assert_true(counts.refreshed > 0);
	world_free(w);
}

// --- refreshing ---

static void a_refresh_that_fails_changes_nothing(void **state)
{
	struct world *w = world_new("");

	add_vm(w, 0, "rg", "web01", "10.0.0.4", "");
	add_policy(w, 0, "rg", "default", "web01", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	world_run(w);
	assert_int_equal(azjit_inventory_generation(w->inventory), 1);
	assert_string_equal(azjit_inventory_error(w->inventory), "");
	for (int kind = 0; kind < KIND_GRAPH; kind++) {
		unsigned told = w->told;

		w->fail_kind = kind;
		azjit_inventory_refresh(w->inventory);
		world_wait(w, &w->told, told + 1);
		assert_int_equal(w->told_result, AZJIT_FORBIDDEN);
		assert_non_null(strstr(w->told_reason, kind == KIND_SUBSCRIPTIONS
		                                               ? "the subscriptions cannot be read"
		                                               : "the identity needs Microsoft."));
		assert_string_equal(azjit_inventory_error(w->inventory), w->told_reason);
		assert_int_equal(azjit_inventory_generation(w->inventory), 1);
		assert_int_equal(w->in_flight, 0);
		azjit_target_free(found(w, "web01", 22));
	}
	w->fail_kind = -1;
	azjit_inventory_refresh(w->inventory);
	world_wait(w, &w->told, w->told + 1);
	assert_int_equal(azjit_inventory_generation(w->inventory), 2);
	assert_string_equal(azjit_inventory_error(w->inventory), "");
	world_free(w);
}

static void memory_that_runs_out_anywhere_changes_nothing(void **state)
{
	struct world *w = world_new("");
	unsigned failures = 0;

	for (int i = 0; i < 40; i++) {
		char name[16], addr[16];

		(void)snprintf(name, sizeof(name), "web%02d", i);
		(void)snprintf(addr, sizeof(addr), "10.0.1.%d", i + 1);
		add_vm(w, 0, "rg", name, addr, "20.50.0.4");
		add_tags(w, &w->subs[0].vms[i], (const char *const[]){"a=b", "c=d"}, 2);
		w->subs[0].ips[i].dns_name = "a-name-of-some-length.westeurope.cloudapp.azure.com";
		add_policy(w, 0, "rg", "default", name, 22, 3600, AZJIT_PROTOCOL_TCP, false);
		add_policy(w, 0, "rg", "second", name, 23, 3600, AZJIT_PROTOCOL_TCP, false);
	}
	world_run(w);
	for (long n = 1; w->told_result != AZJIT_OK || n == 1; n++) {
		uint64_t generation = azjit_inventory_generation(w->inventory);

		world_fail_allocation(w, n);
		azjit_inventory_refresh(w->inventory);
		world_wait(w, &w->told, w->told + 1);
		world_fail_allocation(w, 0);
		if (w->told_result != AZJIT_OK) {
			failures++;
			assert_int_equal(w->told_result, AZJIT_NOMEM);
			assert_int_equal(azjit_inventory_generation(w->inventory), generation);
		}
		azjit_target_free(found(w, "web39", 22));
		azjit_target_free(found(w, "web00", 23));
		assert_int_equal(w->in_flight, 0);
	}
	assert_true(failures > 20);
	world_free(w);
}

static void memory_that_runs_out_in_a_find_is_told(void **state)
{
	struct world *w = world_new("");
	enum azjit_result result = AZJIT_NOMEM;
	struct azjit_managed *managed = NULL;
	size_t count;

	add_vm(w, 0, "rg", "web01", "10.0.0.4", "");
	add_policy(w, 0, "rg", "default", "web01", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	world_run(w);
	for (long n = 1; result != AZJIT_OK; n++) {
		struct azjit_target *target = NULL;
		struct azjit_reason reason = {""};

		assert_true(n < 50);
		world_fail_allocation(w, n);
		result = azjit_inventory_find(w->inventory, "web01", 22, &target, &reason);
		world_fail_allocation(w, 0);
		assert_true(result == AZJIT_OK ? n > 10 && target : result == AZJIT_NOMEM && !target);
		azjit_target_free(target);
	}
	world_fail_allocation(w, 1);
	assert_int_equal(azjit_inventory_managed(w->inventory, &managed, &count), AZJIT_NOMEM);
	world_fail_allocation(w, 0);
	world_free(w);
}

static void lists_are_read_a_few_at_a_time(void **state)
{
	struct world *w = world_new("");

	for (size_t i = 0; i < SUBS; i++)
		add_vm(w, i, "rg", "web01", "10.0.0.4", "");
	w->visible_subs = SUBS;
	world_run(w);
	assert_int_equal(w->max_in_flight, 16);
	assert_int_equal(w->calls[KIND_SUBSCRIPTIONS], 1);
	assert_int_equal(w->calls[KIND_VMS], SUBS);
	world_free(w);
}

static void configured_subscriptions_are_the_only_ones(void **state)
{
	struct world *w = world_new("subscriptions = [ \"" SUB1 "\" ];");

	add_vm(w, 0, "rg", "web01", "10.0.0.4", "");
	add_vm(w, 1, "rg", "web02", "10.0.0.5", "");
	world_run(w);
	assert_int_equal(w->calls[KIND_SUBSCRIPTIONS], 0);
	missing(w, "web01", 22, AZJIT_NOT_FOUND, "web01");
	missing(w, "web02", 22, AZJIT_NOT_MANAGED, "web02");
	world_free(w);
}

static void an_identity_without_subscriptions_is_told(void **state)
{
	struct world *w = world_new("");

	w->visible_subs = 0;
	world_run(w);
	assert_int_equal(w->told_result, AZJIT_FORBIDDEN);
	assert_int_equal(azjit_inventory_generation(w->inventory), 0);
	missing(w, "web01", 22, AZJIT_NOT_FOUND, "could not be read yet: the identity sees no subscription");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(of_several_policies_the_longest_that_has_the_port),
	        cmocka_unit_test(forbidden_addresses_are_never_targets),
	        cmocka_unit_test(what_is_dialled_follows_the_configuration),
	        cmocka_unit_test(a_subnet_that_was_not_read_is_not_one_without_group),
	        cmocka_unit_test(the_tag_stops_a_vm),
	        cmocka_unit_test(a_firewall_in_any_policy_is_known),
	        cmocka_unit_test(the_guard_gets_each_pair_once_in_order),
	        cmocka_unit_test(a_refresh_that_fails_changes_nothing),
	        cmocka_unit_test(memory_that_runs_out_anywhere_changes_nothing),
	        cmocka_unit_test(memory_that_runs_out_in_a_find_is_told),
	        cmocka_unit_test(lists_are_read_a_few_at_a_time),
	        cmocka_unit_test(configured_subscriptions_are_the_only_ones),
	        cmocka_unit_test(an_identity_without_subscriptions_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
