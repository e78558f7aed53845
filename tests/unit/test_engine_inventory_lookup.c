// SPDX-License-Identifier: Apache-2.0
// Looking up with patience, a group's own list, and size.
#include "../../client/engine/inventory_private.h"
#include "test_engine_inventory.h"

#include <time.h>

struct asked {
	struct world *world;
	enum azjit_result result;
	char reason[512];
	struct azjit_target *target;
	unsigned times;
	struct azjit_lookup *lookup;
	struct asked *cancels; // its lookup is canceled in this one's callback
	bool frees;            // the inventory is freed in this one's callback
};

static void answered(void *userdata, enum azjit_result result, const char *reason,
                     struct azjit_target *target)
{
	struct asked *a = userdata;

	a->result = result;
	(void)snprintf(a->reason, sizeof(a->reason), "%s", reason);
	a->target = target;
	a->times++;
	a->lookup = NULL;
	a->world->done++;
	if (a->cancels)
		a->cancels->lookup = azjit_lookup_cancel(a->cancels->lookup);
	if (a->frees) {
		azjit_inventory_free(a->world->inventory);
		a->world->inventory = NULL;
	}
}

static void ask(struct world *w, struct asked *a, const char *what, uint16_t port, unsigned deadline_ms)
{
	a->world = w;
	a->times = 0;
	a->lookup = azjit_inventory_lookup(w->inventory, what, port, deadline_ms, answered, a);
	assert_non_null(a->lookup);
	assert_int_equal(a->times, 0);
}

// Asks and waits for the answer.
static struct asked answer_of(struct world *w, const char *what, uint16_t port)
{
	struct asked a = {.world = w};

	ask(w, &a, what, port, 10000);
	world_wait(w, &a.times, 1);
	assert_int_equal(a.times, 1);
	return a;
}

// The pause between reads for misses is 10 s: let the newest read be older.
static void let_time_pass(struct world *w)
{
	struct inv_group *group;

	w->inventory->read_ms -= INV_MISS_PAUSE_MS;
	LIST_FOREACH(group, &w->inventory->groups, link)
	group->asked_ms -= INV_MISS_PAUSE_MS;
}

static void what_is_known_costs_no_call(void **state)
{
	struct world *w = world_new("");
	struct asked a;

	add_vm(w, 0, "rg", "web01", "10.0.0.4", "");
	add_vm(w, 0, "rg-b", "web01", "10.0.0.5", "");
	add_policy(w, 0, "rg", "default", "web01", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	world_run(w);
	a = answer_of(w, "web01@rg", 22);
	assert_int_equal(a.result, AZJIT_OK);
	assert_string_equal(a.target->vm_name, "web01");
	azjit_target_free(a.target);
	a = answer_of(w, "web01", 22);
	assert_int_equal(a.result, AZJIT_AMBIGUOUS);
	assert_null(a.target);
	assert_int_equal(w->calls[KIND_VMS], 2);
	assert_int_equal(w->group_calls, 0);
	world_free(w);
}

static void the_first_refresh_is_waited_for(void **state)
{
	struct world *w = world_new("");
	struct asked a = {.world = w};

	add_vm(w, 0, "rg", "web01", "10.0.0.4", "");
	add_policy(w, 0, "rg", "default", "web01", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	world_start(w);
	ask(w, &a, "web01", 22, 10000);
	world_wait(w, &w->done, 1);
	assert_int_equal(a.result, AZJIT_OK);
	azjit_target_free(a.target);
	assert_int_equal(w->calls[KIND_VMS], 2);
	world_free(w);
}

static void many_who_miss_share_one_refresh(void **state)
{
	enum { MANY = 50 };
	static struct asked all[MANY];
	struct world *w = world_new("");

	memset(all, 0, sizeof(all));
	add_vm(w, 0, "rg", "web01", "10.0.0.4", "");
	add_policy(w, 0, "rg", "default", "web01", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	world_run(w);
	let_time_pass(w);
	add_vm(w, 0, "rg", "new01", "10.0.0.5", "");
	add_policy(w, 0, "rg", "default", "new01", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	for (size_t i = 0; i < MANY; i++)
		ask(w, &all[i], i % 2 ? "new01" : "never01", 22, 10000);
	world_wait(w, &w->done, MANY);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(all[i].times, 1);
		assert_int_equal(all[i].result, i % 2 ? AZJIT_OK : AZJIT_NOT_FOUND);
		azjit_target_free(all[i].target);
	}
	assert_int_equal(w->calls[KIND_SUBSCRIPTIONS], 2);
	assert_int_equal(w->calls[KIND_VMS], 4);
	world_free(w);
}

static void misses_cannot_make_us_read_without_pause(void **state)
{
	struct world *w = world_new("");

	add_vm(w, 0, "rg", "web01", "10.0.0.4", "");
	world_run(w);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(answer_of(w, "never01", 22).result, AZJIT_NOT_FOUND);
		assert_int_equal(answer_of(w, "web01", 22).result, AZJIT_NOT_MANAGED);
	}
	assert_int_equal(w->calls[KIND_SUBSCRIPTIONS], 1);
	assert_int_equal(w->group_calls, 1);
	world_free(w);
}

static void a_failed_refresh_is_not_an_absence(void **state)
{
	struct world *w = world_new("");
	struct asked a;

	add_vm(w, 0, "rg", "web01", "10.0.0.4", "");
	world_run(w);
	let_time_pass(w);
	w->fail_kind = KIND_NICS;
	a = answer_of(w, "new01", 22);
	assert_int_equal(a.result, AZJIT_FORBIDDEN);
	assert_non_null(
	        strstr(a.reason, "new01 is not known, and the network interfaces of /subscriptions/"));
	w->fail_kind = KIND_POLICIES;
	a = answer_of(w, "web01", 22);
	assert_int_equal(a.result, AZJIT_UNREACHABLE);
	assert_non_null(strstr(a.reason, "whether web01:22 is under a policy is not known"));
	world_free(w);
}

static void a_group_shows_what_the_subscription_left_out(void **state)
{
	struct world *w = world_new("");
	uint64_t generation;
	struct azjit_managed *managed;
	size_t count;
	struct asked a, second = {.world = w};

	add_vm(w, 0, "rg", "web01", "10.0.0.4", "");
	add_policy(w, 0, "rg", "default", "web01", 22, 3600, AZJIT_PROTOCOL_TCP, true);
	add_policy(w, 0, "rg", "default", "web01", 3389, 3600, AZJIT_PROTOCOL_TCP, true);
	add_vm(w, 0, "rg-none", "db01", "10.0.0.5", "");
	world_run(w);
	generation = azjit_inventory_generation(w->inventory);
	missing(w, "web01", 22, AZJIT_NOT_MANAGED, "web01 is under no just-in-time policy");
	ask(w, &second, "10.0.0.4", 3389, 10000);
	a = answer_of(w, "web01", 22);
	world_wait(w, &w->done, 2);
	assert_int_equal(a.result, AZJIT_OK);
	assert_int_equal(second.result, AZJIT_OK);
	assert_string_equal(a.target->policy.name, "default");
	azjit_target_free(a.target);
	azjit_target_free(second.target);
	assert_int_equal(w->group_calls, 1);
	assert_true(azjit_inventory_generation(w->inventory) > generation);
	assert_int_equal(azjit_inventory_managed(w->inventory, &managed, &count), AZJIT_OK);
	assert_int_equal(count, 2);
	free(managed);
	world_wait(w, &w->told, 2);

	a = answer_of(w, "db01", 22);
	assert_int_equal(a.result, AZJIT_NOT_MANAGED);
	assert_int_equal(w->group_calls, 2);

	// It is not forgotten by the next refresh, which asks the fruitful group only.
	azjit_inventory_refresh(w->inventory);
	world_wait(w, &w->told, 3);
	azjit_target_free(found(w, "web01", 22));
	assert_int_equal(w->group_calls, 3);
	w->group_gone = true; // which keeps nothing else from being read
	azjit_inventory_refresh(w->inventory);
	world_wait(w, &w->told, 4);
	assert_int_equal(w->group_calls, 4);
	assert_int_equal(azjit_inventory_generation(w->inventory), generation + 3);
	world_free(w);
}

static void a_port_added_to_a_policy_is_seen_at_once(void **state)
{
	struct world *w = world_new("");
	struct asked a;

	add_vm(w, 0, "rg", "web01", "10.0.0.4", "");
	add_policy(w, 0, "rg", "default", "web01", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	world_run(w);
	add_policy(w, 0, "rg", "default", "web01", 8080, 1800, AZJIT_PROTOCOL_TCP, false);
	a = answer_of(w, "web01", 8080);
	assert_int_equal(a.result, AZJIT_OK);
	assert_int_equal(a.target->policy.max_duration_s, 1800);
	azjit_target_free(a.target);
	azjit_target_free(found(w, "web01", 22));
	missing(w, "web01", 80, AZJIT_NOT_MANAGED, "which has 22, 8080");
	assert_int_equal(w->calls[KIND_VMS], 2);
	world_free(w);
}

// The refresh under way had not heard of the group when it began.
static void a_group_found_during_a_refresh_is_kept(void **state)
{
	struct world *w = world_new("");
	struct asked a = {.world = w};

	add_vm(w, 0, "rg", "web01", "10.0.0.4", "");
	add_policy(w, 0, "rg", "default", "web01", 22, 3600, AZJIT_PROTOCOL_TCP, true);
	world_run(w);
	w->answer_ms = 200;
	azjit_inventory_refresh(w->inventory);
	while (w->calls[KIND_POLICIES] < 3)
		assert_int_equal(azjit_loop_turn(w->loop, 1000), AZJIT_OK);
	w->answer_ms = 1;
	ask(w, &a, "web01", 22, 10000);
	world_wait(w, &w->done, 1);
	assert_int_equal(a.result, AZJIT_OK);
	azjit_target_free(a.target);
	world_wait(w, &w->told, 3);
	assert_int_equal(azjit_inventory_generation(w->inventory), 3);
	azjit_target_free(found(w, "web01", 22));
	world_free(w);
}

static void a_lookup_ends_at_its_deadline(void **state)
{
	struct world *w = world_new("");
	struct asked a = {.world = w};

	w->answer_ms = 15000;
	world_start(w);
	ask(w, &a, "web01", 22, 50);
	world_wait(w, &w->done, 1);
	assert_int_equal(a.result, AZJIT_DEADLINE);
	assert_non_null(strstr(a.reason, "whether there is a web01"));
	world_free(w);
}

static void lookups_can_be_canceled_anywhere(void **state)
{
	struct world *w = world_new("");
	struct asked first = {.world = w}, second = {.world = w}, third = {.world = w}, last = {.world = w};

	world_start(w);
	ask(w, &first, "a", 22, 10000);
	ask(w, &second, "b", 22, 10000);
	ask(w, &third, "c", 22, 10000);
	first.cancels = &second;
	second.cancels = &first;
	third.lookup = azjit_lookup_cancel(third.lookup);
	assert_null(azjit_lookup_cancel(NULL));
	world_wait(w, &w->done, 1);
	ask(w, &last, "d", 22, 10000);
	world_wait(w, &w->done, 2);
	assert_int_equal(first.times + second.times, 1);
	assert_int_equal(third.times, 0);
	assert_int_equal(last.times, 1);
	world_free(w);
}

static void frees_it(void *userdata, enum azjit_result result, const char *reason)
{
	struct world *w = userdata;

	w->done++;
	azjit_inventory_free(STEAL(w->inventory));
}

static void the_inventory_can_be_freed_in_a_callback(void **state)
{
	struct world *w = world_new("");
	struct asked first = {.world = w, .frees = true}, second = {.world = w, .frees = true};

	world_start(w);
	ask(w, &first, "a", 22, 10000);
	ask(w, &second, "b", 22, 10000);
	world_wait(w, &w->done, 1);
	assert_int_equal(first.times + second.times, 1);
	assert_null(w->inventory);
	world_free(w);

	w = world_new(""); // by one of several that watch
	world_start(w);
	azjit_inventory_watch(w->inventory, frees_it, w);
	azjit_inventory_watch(w->inventory, frees_it, w);
	world_wait(w, &w->done, 1);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->told, 0);
	world_free(w);

	w = world_new(""); // in the middle of a refresh
	w->answer_ms = 1000;
	world_start(w);
	while (w->in_flight == 0)
		assert_int_equal(azjit_loop_turn(w->loop, 1000), AZJIT_OK);
	azjit_inventory_free(STEAL(w->inventory));
	assert_int_equal(w->canceled, 1);
	world_free(w);
}

// --- size ---

enum { BIG = 100000, PER_GROUP = 500, TAGS = 5 };

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void fill_policies(struct world *w, struct sub *sub, struct azjit_jit_vm *jit)
{
	sub->policies = keep(w, calloc(BIG / PER_GROUP, sizeof(*sub->policies)));
	sub->policy_count = BIG / PER_GROUP;
	for (int g = 0; g < BIG / PER_GROUP; g++)
		sub->policies[g] = (struct azjit_jit_policy){
		        .id = text(w,
		                   "/subscriptions/" SUB0 "/resourceGroups/rg-production-%03d/providers/"
		                   "Microsoft.Security/locations/westeurope/jitNetworkAccessPolicies/default",
		                   g),
		        .vms = &jit[g * PER_GROUP],
		        .vm_count = PER_GROUP};
}

static char **fill_big(struct world *w, struct sub *sub)
{
	static struct azjit_jit_port ports[2];
	static const char *const any[] = {"*"}, *const names[TAGS] = {"host", "env", "team", "owner", "cost"};
	struct azjit_tag *tags = keep(w, calloc((size_t)BIG * TAGS, sizeof(*tags)));
	struct azjit_ipconfig *configs = keep(w, calloc(BIG, sizeof(*configs)));
	struct azjit_jit_vm *jit = keep(w, calloc(BIG, sizeof(*jit)));
	const char **nic_ids = keep(w, calloc(BIG, sizeof(*nic_ids)));
	char **made = keep(w, calloc(BIG * 3, sizeof(*made)));

	sub->vms = keep(w, calloc(BIG, sizeof(*sub->vms)));
	sub->nics = keep(w, calloc(BIG, sizeof(*sub->nics)));
	sub->ips = keep(w, calloc(BIG, sizeof(*sub->ips)));
	ports[0] = (struct azjit_jit_port){22, AZJIT_PROTOCOL_TCP, any, 1, 10800};
	ports[1] = (struct azjit_jit_port){3389, AZJIT_PROTOCOL_TCP, any, 1, 10800};
	for (int i = 0; i < BIG; i++) {
		assert_true(asprintf(&made[3 * i],
		                     "/subscriptions/" SUB0 "/resourceGroups/rg-production-%03d/providers/"
		                     "Microsoft.Compute/virtualMachines/vm-production-%06d",
		                     i / PER_GROUP, i) > 0);
		assert_true(asprintf(&made[3 * i + 1], "/nics/rg-production-%03d/nic-%06d", i / PER_GROUP,
		                     i) > 0);
		assert_true(asprintf(&made[3 * i + 2], "/pips/rg-production-%03d/pip-%06d", i / PER_GROUP,
		                     i) > 0);
		nic_ids[i] = made[3 * i + 1];
		sub->vms[i] = (struct azjit_vm){.id = made[3 * i],
		                                .name = "",
		                                .nic_ids = &nic_ids[i],
		                                .nic_count = 1,
		                                .tags = &tags[i * TAGS],
		                                .tag_count = TAGS,
		                                .deny_tag = ""};
		for (int t = 0; t < TAGS; t++)
			tags[i * TAGS + t] =
			        (struct azjit_tag){names[t], t ? "prod" : strrchr(made[3 * i], '-')};
		configs[i] = (struct azjit_ipconfig){
		        .private_addr = {AZJIT_IPV4, {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}},
		        .public_ip_id = made[3 * i + 2],
		        .subnet_id = "/subnet/1",
		        .primary = true};
		sub->nics[i] = (struct azjit_nic){.id = nic_ids[i],
		                                  .vm_id = "",
		                                  .nsg_id = "/nsg/nic",
		                                  .ipconfigs = &configs[i],
		                                  .ipconfig_count = 1};
		sub->ips[i] = (struct azjit_public_ip){
		        made[3 * i + 2],
		        {AZJIT_IPV4, {20, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}},
		        ""};
		jit[i] = (struct azjit_jit_vm){.id = made[3 * i], .ports = ports, .port_count = 2};
	}
	fill_policies(w, sub, jit);
	sub->vm_count = sub->ip_count = BIG;
	return made;
}

// So many are joined a part at a time, and a group's own list may come between two parts.
static void group_found_while_joining(struct world *w)
{
	struct asked a = {.world = w};
	unsigned told = w->told;

	w->subs[0].hidden[5] = true;
	azjit_inventory_refresh(w->inventory);
	world_wait(w, &w->told, told + 1);
	missing(w, "vm-production-002700", 22, AZJIT_NOT_MANAGED, "under no just-in-time policy");
	azjit_inventory_refresh(w->inventory);
	do
		assert_int_equal(azjit_loop_turn(w->loop, 1000), AZJIT_OK);
	while (w->in_flight > 0);
	assert_non_null(w->inventory->refresh);
	ask(w, &a, "vm-production-002700", 22, 10000);
	world_wait(w, &w->group_calls, 1);
	w->answer_ms = 1000; // its list for the new snapshot comes when all else is joined
	world_wait(w, &w->done, 1);
	assert_int_equal(a.result, AZJIT_OK);
	assert_non_null(w->inventory->refresh);
	azjit_target_free(a.target);
	while (w->inventory->refresh)
		assert_int_equal(azjit_loop_turn(w->loop, 1000), AZJIT_OK);
	azjit_target_free(found(w, "vm-production-002700", 22));
}

static void a_hundred_thousand_vms_stay_small_and_fast(void **state)
{
	struct world *w = world_new("");
	struct azjit_inventory_counts counts;
	double begin, took;
	size_t bytes;
	char **made;

	w->visible_subs = 1;
	made = fill_big(w, &w->subs[0]);
	begin = seconds();
	world_run(w);
	took = seconds() - begin;
	assert_int_equal(w->told_result, AZJIT_OK);
	azjit_inventory_counts(w->inventory, &counts);
	assert_int_equal(counts.vms, BIG);
	assert_int_equal(counts.policies, BIG / PER_GROUP);
	assert_int_equal(counts.managed_ports, 2 * BIG);
	bytes = inv_snapshot_bytes(w->inventory->snapshot) / BIG;
	begin = seconds();
	for (int i = 0; i < 1000; i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "VM-production-%06d@RG-production-%03d", i * 97,
		               i * 97 / PER_GROUP);
		azjit_target_free(found(w, name, 3389));
	}
	print_message("refresh %.0f ms, %zu bytes a VM, %zu of them for %d tags, look-up %.1f us\n",
	              took * 1000, bytes, w->inventory->snapshot->tags.alloc * sizeof(struct inv_tag) / BIG,
	              TAGS, (seconds() - begin) * 1000);
	assert_true(bytes < 400);
	azjit_target_free(found(w, "tag:host=-065536", 22));
	missing(w, "tag:env=prod", 22, AZJIT_AMBIGUOUS, "fits 100000 virtual machines");
	assert_int_equal(w->inventory->snapshot->ports.count, 2 * BIG / PER_GROUP);
	assert_true((seconds() - begin) / 1000 < 0.001);
	group_found_while_joining(w);
	for (int i = 0; i < BIG * 3; i++)
		free(made[i]);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_is_known_costs_no_call),
	        cmocka_unit_test(the_first_refresh_is_waited_for),
	        cmocka_unit_test(many_who_miss_share_one_refresh),
	        cmocka_unit_test(misses_cannot_make_us_read_without_pause),
	        cmocka_unit_test(a_failed_refresh_is_not_an_absence),
	        cmocka_unit_test(a_group_shows_what_the_subscription_left_out),
	        cmocka_unit_test(a_port_added_to_a_policy_is_seen_at_once),
	        cmocka_unit_test(a_group_found_during_a_refresh_is_kept),
	        cmocka_unit_test(a_lookup_ends_at_its_deadline),
	        cmocka_unit_test(lookups_can_be_canceled_anywhere),
	        cmocka_unit_test(the_inventory_can_be_freed_in_a_callback),
	        cmocka_unit_test(a_hundred_thousand_vms_stay_small_and_fast),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
