// SPDX-License-Identifier: Apache-2.0
// Taking stock from Resource Graph: the same inventory as from the lists, whatever it leaves out.
#include "test_engine_inventory.h"

#define AUTO  "inventory = { source = \"auto\"; };"
#define GRAPH "inventory = { source = \"graph\"; };"
#define LISTS "inventory = { source = \"lists\"; };"

// --- what an inventory tells ---

static void dump_target(struct world *w, const char *what, uint16_t port, struct azjit_buf *out)
{
	_cleanup_target_ struct azjit_target *t = NULL;
	struct azjit_reason reason = {""};
	char addr[3][AZJIT_ADDR_CHARS] = {"-", "-", "-"};
	enum azjit_result result = azjit_inventory_find(w->inventory, what, port, &t, &reason);

	azjit_buf_printf(out, "%s:%u %s %s", what, port, azjit_result_name(result), reason.text);
	if (t) {
		const struct azjit_addr *const from[] = {&t->dial, &t->private_addr, &t->public_addr};

		for (size_t i = 0; i < 3; i++)
			if (from[i]->family != AZJIT_FAMILY_NONE)
				azjit_addr_format(from[i], addr[i]);
		azjit_buf_printf(
		        out, "%s %s %s %s nic=%s subnet=%s unread=%d asgs=%zu policy=%s/%zu stopped=%d",
		        t->vm_id, addr[0], addr[1], addr[2], t->nic_nsg_id ?: "-", t->subnet_nsg_id ?: "-",
		        t->subnet_unread, t->asg_ids.count, t->policy.id, t->other_count, t->stopped_by_tag);
	}
	azjit_buf_str(out, "\n");
}

static char *dump(struct world *w)
{
	struct azjit_buf out = AZJIT_BUF(1024 * 1024);
	struct azjit_inventory_counts counts;
	struct azjit_managed *managed;
	char name[64], addr[AZJIT_ADDR_CHARS];
	size_t count;

	for (int i = 0; i < 24; i++) {
		(void)snprintf(name, sizeof(name), "web%02d", i);
		dump_target(w, name, 22, &out);
		dump_target(w, name, 3389, &out);
		(void)snprintf(name, sizeof(name), "tag:number=%d", i);
		dump_target(w, name, 22, &out);
		(void)snprintf(name, sizeof(name), "20.50.0.%d", i + 1);
		dump_target(w, name, 22, &out);
		(void)snprintf(name, sizeof(name), "web%02d.westeurope.cloudapp.azure.com", i);
		dump_target(w, name, 22, &out);
	}
	dump_target(w, "tag:even=yes", 22, &out);
	assert_int_equal(azjit_inventory_managed(w->inventory, &managed, &count), AZJIT_OK);
	for (size_t i = 0; i < count; i++) {
		azjit_addr_format(&managed[i].addr, addr);
		azjit_buf_printf(&out, "%s:%u\n", addr, managed[i].port);
	}
	free(managed);
	azjit_inventory_counts(w->inventory, &counts);
	azjit_buf_printf(&out, "%zu %zu %zu\n", counts.vms, counts.policies, counts.managed_ports);
	return azjit_buf_steal(&out);
}

// Twenty machines in two subscriptions; a policy names one more, which is gone.
static struct world *estate(const char *config)
{
	struct world *w = world_new(config);

	for (int i = 0; i < 20; i++) {
		const char *name = text(w, "web%02d", i), *number = text(w, "number=%d", i);
		size_t sub = (size_t)i % 2;
		struct azjit_vm *vm = add_vm(w, sub, "rg", name, text(w, "10.0.1.%d", i + 1),
		                             i % 3 ? "" : text(w, "20.50.0.%d", i + 1));

		add_tags(w, vm, (const char *const[]){number, i % 2 ? "even=no" : "even=yes"}, 2);
		if (i % 5 == 0)
			vm->deny_tag = "deny";
		if (i % 3 == 0)
			w->subs[sub].ips[w->subs[sub].ip_count - 1].dns_name =
			        text(w, "%s.westeurope.cloudapp.azure.com", name);
		if (i % 4)
			add_policy(w, sub, "rg", "default", name, 22, 3600, AZJIT_PROTOCOL_TCP, false);
		if (i % 6 == 0)
			add_policy(w, sub, "rg", "second", name, 3389, 3600, AZJIT_PROTOCOL_ANY, false);
	}
	add_policy(w, 0, "rg", "default", "gone", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	return w;
}

static void again(struct world *w)
{
	unsigned told = w->told;

	azjit_inventory_refresh(w->inventory);
	world_wait(w, &w->told, told + 1);
}

static bool by_graph(struct world *w)
{
	struct azjit_inventory_counts counts;

	azjit_inventory_counts(w->inventory, &counts);
	return counts.graph;
}

// --- tests ---

static void the_inventory_is_the_same(void **state)
{
	static const size_t pages[] = {0, 1, 2, 7, 19};
	struct world *w = estate(LISTS);
	_cleanup_free_ char *wanted = NULL;

	world_run(w);
	wanted = dump(w);
	assert_non_null(strstr(wanted, "web07:22 ok"));
	assert_false(by_graph(w));
	assert_int_equal(w->calls[KIND_GRAPH], 0);
	world_free(w);
	for (size_t i = 0; i < AZJIT_COUNT(pages); i++) {
		_cleanup_free_ char *first = NULL, *second = NULL;

		w = estate(AUTO);
		w->page_rows = pages[i];
		world_run(w);
		first = dump(w);
		// The machine that is gone made the lists tell; now it is known to be.
		assert_false(by_graph(w));
		assert_int_equal(w->calls[KIND_VMS], 2);
		again(w);
		second = dump(w);
		assert_true(by_graph(w));
		assert_int_equal(w->calls[KIND_VMS], 2);
		assert_string_equal(first, wanted);
		assert_string_equal(second, wanted);
		world_free(w);
	}
}

static void four_queries_stand_for_the_lists_of_all(void **state)
{
	struct world *w = world_new(AUTO);

	add_vm(w, 0, "rg", "web01", "10.0.0.4", "");
	add_vm(w, 1, "rg", "web02", "10.0.0.5", "");
	add_policy(w, 1, "rg", "default", "web02", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	world_run(w);
	assert_true(by_graph(w));
	azjit_target_free(found(w, "web02", 22));
	assert_int_equal(w->calls[KIND_GRAPH], 4);
	assert_int_equal(w->calls[KIND_POLICIES], 2);
	assert_int_equal(w->calls[KIND_VMS] + w->calls[KIND_NICS] + w->calls[KIND_SUBNETS] +
	                         w->calls[KIND_PUBLIC_IPS],
	                 0);
	world_free(w);
}

static void who_may_not_ask_reads_the_lists_for_a_while(void **state)
{
	struct azjit_inventory_counts counts;
	struct world *w = estate(AUTO);

	w->graph_result = AZJIT_FORBIDDEN;
	w->graph_status = 403;
	world_run(w);
	assert_int_equal(w->told_result, AZJIT_OK);
	azjit_target_free(found(w, "web01", 22));
	azjit_inventory_counts(w->inventory, &counts);
	assert_false(counts.graph);
	assert_string_equal(counts.why_lists,
	                    "Resource Graph cannot be asked (AccessDenied): Access denied.");
	w->graph_result = AZJIT_OK;
	w->calls[KIND_GRAPH] = 0;
	again(w);
	assert_int_equal(w->calls[KIND_GRAPH], 0);
	assert_int_equal(w->calls[KIND_VMS], 4);
	assert_int_equal(w->in_flight, 0);
	world_free(w);
}

static void a_failure_is_not_remembered(void **state)
{
	struct azjit_inventory_counts counts;
	struct world *w = estate(AUTO);

	w->graph_result = AZJIT_UNREACHABLE;
	w->graph_status = 503;
	world_run(w);
	assert_int_equal(w->told_result, AZJIT_OK);
	assert_false(by_graph(w));
	w->graph_result = AZJIT_OK;
	again(w);
	assert_true(by_graph(w));
	azjit_inventory_counts(w->inventory, &counts);
	assert_string_equal(counts.why_lists, "");
	// Where nothing answers, the lists are not asked, either.
	w->graph_result = AZJIT_UNREACHABLE;
	w->graph_status = 0;
	w->calls[KIND_VMS] = 0;
	again(w);
	assert_int_equal(w->told_result, AZJIT_UNREACHABLE);
	assert_int_equal(w->calls[KIND_VMS], 0);
	world_free(w);
}

static void graph_alone_says_why_it_fails(void **state)
{
	struct world *w = estate(GRAPH);

	w->graph_result = AZJIT_NOT_FOUND;
	w->graph_status = 404;
	world_run(w);
	assert_int_equal(w->told_result, AZJIT_NOT_FOUND);
	assert_string_equal(w->told_reason, "this cloud has no Resource Graph");
	assert_int_equal(w->calls[KIND_VMS], 0);
	world_free(w);
}

// --- lag ---

static void a_machine_of_a_policy_is_never_missed(void **state)
{
	struct azjit_inventory_counts counts;
	struct world *w = world_new(AUTO);

	add_vm(w, 0, "rg", "web01", "10.0.0.4", "");
	add_vm(w, 0, "rg", "web02", "10.0.0.5", "20.50.0.5");
	add_policy(w, 0, "rg", "default", "web01", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	add_policy(w, 0, "rg", "default", "web02", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	w->lags = true;
	w->subs[0].graph_vms = 1;
	world_run(w);
	azjit_target_free(found(w, "web02", 22));
	assert_false(by_graph(w));
	azjit_inventory_counts(w->inventory, &counts);
	assert_string_equal(counts.why_lists, "Resource Graph does not know all that the policies name");
	assert_int_equal(w->calls[KIND_VMS], 2);
	// Its interface is there, its public address not yet.
	w->subs[0].graph_vms = 2;
	again(w);
	azjit_target_free(found(w, "20.50.0.5", 22));
	assert_int_equal(w->calls[KIND_VMS], 4);
	w->subs[0].graph_ips = 1;
	again(w);
	azjit_target_free(found(w, "20.50.0.5", 22));
	assert_true(by_graph(w));
	assert_int_equal(w->calls[KIND_VMS], 4);
	world_free(w);
}

static void looked_up(void *userdata, enum azjit_result result, const char *reason,
                      struct azjit_target *target)
{
	struct world *w = userdata;

	w->done++;
	w->told_result = result;
	azjit_target_free(target);
}

static void look_up(struct world *w, const char *what)
{
	unsigned done = w->done;

	assert_non_null(azjit_inventory_lookup(w->inventory, what, 22, 5000, looked_up, w));
	world_wait(w, &w->done, done + 1);
}

static void what_is_not_found_is_read_directly(void **state)
{
	struct world *w = world_new(AUTO);

	add_vm(w, 0, "rg", "web01", "10.0.0.4", "");
	add_policy(w, 0, "rg", "default", "web01", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	w->lags = true;
	w->subs[0].graph_vms = 1;
	world_run(w);
	assert_true(by_graph(w));
	add_vm(w, 0, "rg", "web02", "10.0.0.5", "");
	add_policy(w, 0, "rg", "default", "web02", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	look_up(w, "web02");
	assert_int_equal(w->told_result, AZJIT_OK);
	assert_int_equal(w->calls[KIND_GRAPH], 4);
	assert_int_equal(w->calls[KIND_VMS], 2);
	// But not without pause.
	look_up(w, "web03");
	assert_int_equal(w->told_result, AZJIT_NOT_FOUND);
	assert_int_equal(w->calls[KIND_VMS], 2);
	world_free(w);
}

static void a_query_under_way_is_no_last_word(void **state)
{
	struct world *w = world_new(AUTO);

	add_vm(w, 0, "rg", "web01", "10.0.0.4", "");
	w->lags = true; // and knows nothing
	world_start(w);
	look_up(w, "web01");
	assert_int_equal(w->told_result, AZJIT_NOT_MANAGED);
	assert_int_equal(w->calls[KIND_GRAPH], 4);
	assert_int_equal(w->calls[KIND_VMS], 2);
	world_free(w);
}

// A hundred thousand machines take Resource Graph's quota a minute and more.
static void who_waits_does_not_wait_for_the_queries(void **state)
{
	static const bool begun[] = {false, true};
	struct world *w;

	for (size_t i = 0; i < AZJIT_COUNT(begun); i++) {
		w = world_new(AUTO);
		add_vm(w, 0, "rg", "web01", "10.0.0.4", "");
		add_policy(w, 0, "rg", "default", "web01", 22, 3600, AZJIT_PROTOCOL_TCP, false);
		w->lags = true;
		w->subs[0].graph_vms = 1;
		world_run(w);
		w->calls[KIND_GRAPH] = 0;
		w->answer_ms = begun[i] ? 6000 : 1;
		azjit_inventory_refresh(w->inventory);
		while (begun[i] && w->calls[KIND_GRAPH] == 0)
			assert_int_equal(azjit_loop_turn(w->loop, 1000), AZJIT_OK);
		w->answer_ms = 1;
		add_vm(w, 0, "rg", "web02", "10.0.0.5", "");
		add_policy(w, 0, "rg", "default", "web02", 22, 3600, AZJIT_PROTOCOL_TCP, false);
		look_up(w, "web02");
		assert_int_equal(w->told_result, AZJIT_OK);
		assert_int_equal(w->calls[KIND_VMS], 2);
		assert_int_equal(w->in_flight, 0);
		world_free(w);
	}
}

static void memory_that_runs_out_changes_nothing(void **state)
{
	struct world *w = estate(AUTO);
	unsigned failures = 0;

	w->page_rows = 7;
	world_run(w);
	for (long n = 1; w->told_result != AZJIT_OK || n == 1; n++) {
		uint64_t generation = azjit_inventory_generation(w->inventory);

		world_fail_allocation(w, n);
		again(w);
		world_fail_allocation(w, 0);
		if (w->told_result != AZJIT_OK) {
			failures++;
			assert_int_equal(w->told_result, AZJIT_NOMEM);
			assert_int_equal(azjit_inventory_generation(w->inventory), generation);
		}
		azjit_target_free(found(w, "web07", 22));
		assert_int_equal(w->in_flight, 0);
	}
	assert_true(failures > 50);
	assert_true(by_graph(w));
	world_free(w);
}

// --- what is no virtual machine of Azure ---

#define AWS                    \
	"/subscriptions/" SUB0 \
	"/resourceGroups/rg/providers/Microsoft.Security/securityConnectors/aws/ec2/i-0a1b"
#define CLASSIC \
	"/subscriptions/" SUB0 "/resourceGroups/rg/providers/Microsoft.ClassicCompute/virtualMachines/old01"

static void add_foreign(struct world *w, const char *id, bool hidden)
{
	add_policy(w, 0, "rg", hidden ? "hidden" : "default", "x", 22, 3600, AZJIT_PROTOCOL_TCP, hidden);
	((struct azjit_jit_vm *)(uintptr_t)w->subs[0].policies[w->subs[0].policy_count - 1].vms)->id = id;
}

static void kinds_of_machines(void **state)
{
	static const struct {
		const char *id;
		enum azjit_machine machine;
	} ids[] = {
	        {VM_ID("rg", "web01"), AZJIT_MACHINE_AZURE},
	        {"/SUBSCRIPTIONS/X/RESOURCEGROUPS/RG/PROVIDERS/MICROSOFT.COMPUTE/VIRTUALMACHINES/WEB01",
	         AZJIT_MACHINE_AZURE},
	        {CLASSIC, AZJIT_MACHINE_CLASSIC},
	        {AWS, AZJIT_MACHINE_OTHER},
	        {"/subscriptions/x/resourceGroups/rg/providers/Microsoft.Compute/virtualMachineScaleSets/s/"
	         "virtualMachines/0",
	         AZJIT_MACHINE_OTHER},
	        {"", AZJIT_MACHINE_OTHER},
	        {"web01", AZJIT_MACHINE_OTHER},
	};

	for (size_t i = 0; i < AZJIT_COUNT(ids); i++)
		assert_int_equal(azjit_machine_of(ids[i].id), ids[i].machine);
}

static void a_machine_outside_azure_needs_an_address(void **state)
{
	struct world *w = world_new(AUTO);
	struct azjit_managed *managed;
	size_t count;

	add_foreign(w, AWS, false);
	add_foreign(w, CLASSIC, false);
	world_run(w);
	assert_true(by_graph(w));
	missing(w, "i-0a1b", 22, AZJIT_CONFIG,
	        "tells no address of it (experimental); give it one in azjit.conf");
	missing(w, "i-0a1b", 22, AZJIT_CONFIG, "vm = \"" AWS "\"; address = ");
	missing(w, "i-0a1b", 23, AZJIT_NOT_MANAGED, "which has 22");
	missing(w, "old01", 22, AZJIT_UNSUPPORTED, "old01 is a classic virtual machine");
	missing(w, CLASSIC, 3389, AZJIT_UNSUPPORTED, "move it to Azure Resource Manager");
	assert_int_equal(azjit_inventory_managed(w->inventory, &managed, &count), AZJIT_OK);
	assert_int_equal(count, 0);
	free(managed);
	world_free(w);
}

static void an_alias_tells_where_it_is(void **state)
{
	struct world *w =
	        world_new("aliases = ( { name = \"ours\"; vm = \"" AWS "\"; address = \"10.9.0.4\"; }, "
	                  "{ name = \"web\"; vm = \"web01\"; address = \"10.9.0.9\"; } ); " AUTO);
	_cleanup_target_ struct azjit_target *target = NULL, *by_alias = NULL, *azure = NULL;
	struct azjit_managed *managed;
	size_t count;

	add_vm(w, 0, "rg", "web01", "10.0.0.4", "");
	add_policy(w, 0, "rg", "default", "web01", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	add_foreign(w, AWS, false);
	add_foreign(w, AWS, false); // once more, in another policy
	world_run(w);
	target = found(w, "10.9.0.4", 22);
	by_alias = found(w, "ours", 22);
	azure = found(w, "web", 22);
	assert_string_equal(target->vm_id, AWS);
	assert_true(target->experimental && by_alias->experimental);
	assert_null(target->nic_nsg_id);
	assert_null(target->subnet_nsg_id);
	assert_int_equal(by_alias->dial.bytes[1], 9);
	// Of a virtual machine Azure tells the address, and nobody else does.
	assert_false(azure->experimental);
	assert_int_equal(azure->dial.bytes[3], 4);
	assert_int_equal(azjit_inventory_managed(w->inventory, &managed, &count), AZJIT_OK);
	assert_int_equal(count, 2);
	free(managed);
	world_free(w);
}

static void it_may_be_in_the_groups_list_only(void **state)
{
	struct world *w = world_new(
	        "aliases = ( { name = \"ours\"; vm = \"i-0a1b\"; address = \"10.9.0.4\"; } ); " AUTO);

	add_vm(w, 0, "rg", "web01", "10.0.0.4", "");
	add_foreign(w, AWS, true);
	world_run(w);
	missing(w, "i-0a1b", 22, AZJIT_NOT_FOUND, "no virtual machine of ours");
	look_up(w, "web01"); // asks its group
	assert_int_equal(w->told_result, AZJIT_NOT_MANAGED);
	azjit_target_free(found(w, "i-0a1b", 22));
	azjit_target_free(found(w, "10.9.0.4", 22));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_inventory_is_the_same),
	        cmocka_unit_test(four_queries_stand_for_the_lists_of_all),
	        cmocka_unit_test(who_may_not_ask_reads_the_lists_for_a_while),
	        cmocka_unit_test(a_failure_is_not_remembered),
	        cmocka_unit_test(graph_alone_says_why_it_fails),
	        cmocka_unit_test(a_machine_of_a_policy_is_never_missed),
	        cmocka_unit_test(what_is_not_found_is_read_directly),
	        cmocka_unit_test(a_query_under_way_is_no_last_word),
	        cmocka_unit_test(who_waits_does_not_wait_for_the_queries),
	        cmocka_unit_test(memory_that_runs_out_changes_nothing),
	        cmocka_unit_test(kinds_of_machines),
	        cmocka_unit_test(a_machine_outside_azure_needs_an_address),
	        cmocka_unit_test(an_alias_tells_where_it_is),
	        cmocka_unit_test(it_may_be_in_the_groups_list_only),
	};

	return cmocka_run_group_tests_name("resource graph", tests, NULL, NULL);
}
