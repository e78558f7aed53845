// SPDX-License-Identifier: Apache-2.0
// An Azure made of arrays, for the inventory's tests: included once by each test program, it defines the
// list calls that the inventory makes, answers them from the loop, counts them and fails them on demand.
#ifndef AZJIT_TEST_ENGINE_INVENTORY_H
#define AZJIT_TEST_ENGINE_INVENTORY_H

#include "test_engine_memory.h"

#include <azjit/graph.h>
#include <azjit/inventory.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

AZJIT_DEFINE_CLEANUP(struct azjit_config *, azjit_config_free);
#define _cleanup_target_ _cleanup_(azjit_target_freep)

#define SUBS 4
#define SUB0 "36c3b2ab-3f5f-4b2a-9c6f-06bfc8c0a0a0"
#define SUB1 "36c3b2ab-3f5f-4b2a-9c6f-06bfc8c0a0a1"
#define VM_ID(group, name) \
	"/subscriptions/" SUB0 "/resourceGroups/" group "/providers/Microsoft.Compute/virtualMachines/" name
#define POLICY_ID(group, name)                          \
	"/subscriptions/" SUB0 "/resourceGroups/" group \
	"/providers/Microsoft.Security/locations/westeurope/jitNetworkAccessPolicies/" name

enum kind {
	KIND_POLICIES,
	KIND_VMS,
	KIND_NICS,
	KIND_SUBNETS,
	KIND_PUBLIC_IPS,
	KIND_SUBSCRIPTIONS,
	KIND_GRAPH,
	KINDS
};

#define ITEMS 128
struct sub {
	struct azjit_vm *vms;
	struct azjit_nic *nics;
	struct azjit_public_ip *ips;
	struct azjit_jit_policy *policies; // the first listed_count are in the subscription's list
	bool hidden[ITEMS];                // only in the group's list
	struct azjit_subnet subnet;
	const struct azjit_subnet *subnets; // NULL: that one
	size_t vm_count, ip_count, policy_count, subnet_count;
	size_t graph_vms, graph_ips; // Resource Graph knows so many of them yet, where the world lags
};

struct world {
	struct azjit_loop *loop;
	struct azjit_config *config;
	struct azjit_inventory *inventory;
	struct sub subs[SUBS];
	size_t visible_subs;
	struct azjit_source *guard; // ends a test that hangs
	char *kept[8192];           // strings and arrays of the world
	size_t kept_count;

	int fail_kind;    // -1: none
	bool group_gone;  // its list is not found
	bool lags;        // Resource Graph does
	size_t page_rows; // of its pages, which repeat the row before; 0: one page
	enum azjit_result graph_result;
	int graph_status;   // with it
	uint64_t answer_ms; // how long an answer takes
	unsigned calls[KINDS], group_calls, canceled;
	size_t in_flight, max_in_flight;

	unsigned told, done; // watchers, lookups
	enum azjit_result told_result;
	char told_reason[512];
};

static struct world *the_world;
static inline void world_fail_allocation(struct world *w, long n)
{
	allocations_left = n;
}

// --- the calls ---

struct azjit_call {
	enum kind kind;
	char scope[256];
	struct azjit_source *timer;
	azjit_jit_policies_fn *policies;
	azjit_vms_fn *vms;
	azjit_nics_fn *nics;
	azjit_subnets_fn *subnets;
	azjit_public_ips_fn *ips;
	azjit_subscriptions_fn *subscriptions;
	azjit_graph_fn *graph;
	enum azjit_graph_kind rows;
	size_t first; // row of its page
	void *userdata;
};

static void call_end(struct azjit_call *call)
{
	the_world->in_flight--;
	azjit_source_free(call->timer);
	free(call);
}

struct azjit_call *azjit_call_cancel(struct azjit_call *call)
{
	if (call) {
		the_world->canceled++;
		call_end(call);
	}
	return NULL;
}

static void answer_subscriptions(const struct azjit_call *call, const struct azjit_answer *answer)
{
	struct azjit_subscription list[SUBS];
	char ids[SUBS][AZJIT_UUID_CHARS];

	for (size_t i = 0; i < SUBS; i++) {
		(void)snprintf(ids[i], sizeof(ids[i]), "36c3b2ab-3f5f-4b2a-9c6f-06bfc8c0a0a%zu", i);
		list[i] = (struct azjit_subscription){ids[i], "name", "Enabled"};
	}
	call->subscriptions(call->userdata, answer, list,
	                    answer->result == AZJIT_OK ? the_world->visible_subs : 0);
}

static void answer_policies(const struct azjit_call *call, const struct azjit_answer *answer,
                            const struct sub *sub)
{
	bool whole = strstr(call->scope, "/resourceGroups/") != NULL;
	struct azjit_jit_policy *list = malloc((sub->policy_count + 1) * sizeof(*list));
	size_t count = 0;

	for (size_t i = 0; i < sub->policy_count; i++) {
		bool in_scope = strncasecmp(sub->policies[i].id, call->scope, strlen(call->scope)) == 0;

		if (in_scope && (whole || i >= ITEMS || !sub->hidden[i]))
			list[count++] = sub->policies[i];
	}
	call->policies(call->userdata, answer, list, answer->result == AZJIT_OK ? count : 0);
	free(list);
}

#include "test_engine_inventory_rows.h"

static void answer(void *userdata)
{
	struct azjit_call *call = userdata, copy = *call;
	bool fails = the_world->fail_kind == (int)call->kind;
	struct azjit_answer a = {
	        .result = fails ? AZJIT_FORBIDDEN : AZJIT_OK,
	        .http_status = fails ? 403 : 200,
	        .code = fails ? "AuthorizationFailed" : "",
	        .message = fails ? "The client does not have authorization." : "",
	        .correlation_id = "",
	        .retry_after_ms = -1,
	};
	struct sub *sub = NULL;
	char id[AZJIT_UUID_CHARS];

	if (the_world->group_gone && strstr(copy.scope, "/resourceGroups/"))
		a.result = AZJIT_NOT_FOUND;
	if (azjit_id_segment(copy.scope, "subscriptions", id, sizeof(id)))
		sub = &the_world->subs[id[AZJIT_UUID_CHARS - 2] - '0'];
	call_end(call);
	if (copy.kind == KIND_GRAPH)
		answer_graph(&copy, &a);
	else if (copy.kind == KIND_SUBSCRIPTIONS)
		answer_subscriptions(&copy, &a);
	else if (copy.kind == KIND_POLICIES)
		answer_policies(&copy, &a, sub);
	else if (copy.kind == KIND_VMS)
		copy.vms(copy.userdata, &a, sub->vms, fails ? 0 : sub->vm_count);
	else if (copy.kind == KIND_NICS)
		copy.nics(copy.userdata, &a, sub->nics, fails ? 0 : sub->vm_count);
	else if (copy.kind == KIND_SUBNETS)
		copy.subnets(copy.userdata, &a, sub->subnets ? sub->subnets : &sub->subnet,
		             fails ? 0 : sub->subnet_count);
	else
		copy.ips(copy.userdata, &a, sub->ips, fails ? 0 : sub->ip_count);
}

static struct azjit_call *call_new(enum kind kind, const char *scope, struct azjit_call from)
{
	struct world *w = the_world;
	struct azjit_call *call;
	long left = allocations_left;

	// What stands for Azure does not run out of memory.
	allocations_left = 0;
	call = calloc(1, sizeof(*call));
	assert_non_null(call);
	*call = from;
	call->kind = kind;
	(void)snprintf(call->scope, sizeof(call->scope), "%s", scope);
	w->calls[kind]++;
	w->group_calls += kind == KIND_POLICIES && strstr(scope, "/resourceGroups/");
	w->in_flight++;
	if (w->in_flight > w->max_in_flight)
		w->max_in_flight = w->in_flight;
	assert_int_equal(azjit_loop_timer(w->loop, w->answer_ms, answer, call, &call->timer), AZJIT_OK);
	allocations_left = left;
	return call;
}

struct azjit_call *azjit_subscriptions_list(struct azjit_azure *azure, struct azjit_call_options options,
                                            azjit_subscriptions_fn *fn, void *userdata)
{
	assert_false(options.piecewise); // the lists begin when all are known
	return call_new(KIND_SUBSCRIPTIONS, "",
	                (struct azjit_call){.subscriptions = fn, .userdata = userdata});
}

struct azjit_call *azjit_jit_list(struct azjit_azure *azure, const char *scope,
                                  struct azjit_call_options options, azjit_jit_policies_fn *fn,
                                  void *userdata)
{
	return call_new(KIND_POLICIES, scope, (struct azjit_call){.policies = fn, .userdata = userdata});
}

struct azjit_call *azjit_vm_list(struct azjit_azure *azure, const char *scope,
                                 struct azjit_call_options options, azjit_vms_fn *fn, void *userdata)
{
	return call_new(KIND_VMS, scope, (struct azjit_call){.vms = fn, .userdata = userdata});
}

struct azjit_call *azjit_nic_list(struct azjit_azure *azure, const char *scope,
                                  struct azjit_call_options options, azjit_nics_fn *fn, void *userdata)
{
	return call_new(KIND_NICS, scope, (struct azjit_call){.nics = fn, .userdata = userdata});
}

struct azjit_call *azjit_subnet_list(struct azjit_azure *azure, const char *scope,
                                     struct azjit_call_options options, azjit_subnets_fn *fn, void *userdata)
{
	return call_new(KIND_SUBNETS, scope, (struct azjit_call){.subnets = fn, .userdata = userdata});
}

struct azjit_call *azjit_public_ip_list(struct azjit_azure *azure, const char *scope,
                                        struct azjit_call_options options, azjit_public_ips_fn *fn,
                                        void *userdata)
{
	return call_new(KIND_PUBLIC_IPS, scope, (struct azjit_call){.ips = fn, .userdata = userdata});
}

struct azjit_call *azjit_graph_query(struct azjit_azure *azure, enum azjit_graph_kind kind,
                                     const char *const *subscriptions, size_t count, const char *next,
                                     struct azjit_call_options options, azjit_graph_fn *fn, void *userdata)
{
	uint64_t first = 0;

	assert_int_equal(count, the_world->visible_subs);
	assert_true(!*next || azjit_parse_u64(next, 1, SUBS * ITEMS, &first) == AZJIT_OK);
	return call_new(KIND_GRAPH, "",
	                (struct azjit_call){.graph = fn, .rows = kind, .first = first, .userdata = userdata});
}

// --- what the world holds ---

static void *keep(struct world *w, void *memory)
{
	assert_non_null(memory);
	assert_true(w->kept_count < AZJIT_COUNT(w->kept));
	w->kept[w->kept_count++] = memory;
	return memory;
}

static const char *_printf_(2, 3) text(struct world *w, const char *fmt, ...)
{
	char *made = NULL;
	va_list args;

	va_start(args, fmt);
	assert_true(vasprintf(&made, fmt, args) >= 0);
	va_end(args);
	return keep(w, made);
}

static struct azjit_vm *add_vm(struct world *w, size_t sub_index, const char *group, const char *name,
                               const char *private_addr, const char *public_addr)
{
	struct sub *sub = &w->subs[sub_index];
	struct azjit_vm *vm = &sub->vms[sub->vm_count];
	struct azjit_nic *nic = &sub->nics[sub->vm_count];
	struct azjit_ipconfig *config = keep(w, calloc(1, sizeof(*config)));
	const char **ids = keep(w, calloc(2, sizeof(*ids)));

	assert_true(sub->vm_count < ITEMS);
	ids[0] = text(w, "/nic/%s/%zu/%s", name, sub_index, group);
	ids[1] = text(w, "/asg/%s", group);
	*vm = (struct azjit_vm){
	        .id = text(
	                w,
	                "/subscriptions/36c3b2ab-3f5f-4b2a-9c6f-06bfc8c0a0a%zu/resourceGroups/%s/providers/"
	                "Microsoft.Compute/virtualMachines/%s",
	                sub_index, group, name),
	        .name = text(w, "%s", name),
	        .nic_ids = ids,
	        .nic_count = 1,
	        .deny_tag = "",
	};
	config->public_ip_id = "";
	config->subnet_id = "/SUBNET/1";
	config->asg_ids = &ids[1];
	config->asg_count = 1;
	config->primary = true;
	if (*private_addr)
		assert_int_equal(azjit_addr_parse(private_addr, &config->private_addr), AZJIT_OK);
	if (*public_addr) {
		struct azjit_public_ip *ip = &sub->ips[sub->ip_count++];

		ip->id = config->public_ip_id = text(w, "/pip/%s/%zu", name, sub_index);
		ip->dns_name = "";
		assert_int_equal(azjit_addr_parse(public_addr, &ip->addr), AZJIT_OK);
	}
	*nic = (struct azjit_nic){
	        // Azure does not promise the casing of ids in references.
	        .id = text(w, "/NIC/%s/%zu/%s", name, sub_index, group),
	        .vm_id = vm->id,
	        .nsg_id = text(w, "/nsg/nic-%s", name),
	        .primary = true,
	        .ipconfigs = config,
	        .ipconfig_count = 1,
	};
	sub->vm_count++;
	return vm;
}

// Each "NAME=VALUE".
static inline void add_tags(struct world *w, struct azjit_vm *vm, const char *const *pairs, size_t count)
{
	struct azjit_tag *tags = keep(w, calloc(count, sizeof(*tags)));

	for (size_t i = 0; i < count; i++) {
		size_t len = strcspn(pairs[i], "=");

		tags[i].name = text(w, "%.*s", (int)len, pairs[i]);
		tags[i].value = text(w, "%s", pairs[i] + len + 1);
	}
	vm->tags = tags;
	vm->tag_count = count;
}

static void add_policy(struct world *w, size_t sub_index, const char *group, const char *name,
                       const char *vm_name, uint16_t port, int64_t max_s, enum azjit_protocol protocol,
                       bool hidden)
{
	static const char *const prefixes[] = {"20.0.0.0/8", "10.0.0.0/8"};
	struct sub *sub = &w->subs[sub_index];
	struct azjit_jit_policy *policy = &sub->policies[sub->policy_count];
	struct azjit_jit_vm *vm = keep(w, calloc(1, sizeof(*vm)));
	struct azjit_jit_port *ports = keep(w, calloc(1, sizeof(*ports)));

	assert_true(sub->policy_count < ITEMS);
	*ports = (struct azjit_jit_port){port, protocol, prefixes, 2, max_s};
	vm->id = text(w,
	              "/subscriptions/36C3B2AB-3f5f-4b2a-9c6f-06bfc8c0a0a%zu/resourcegroups/%s/providers/"
	              "microsoft.compute/virtualmachines/%s",
	              sub_index, group, vm_name);
	vm->public_address = "";
	vm->ports = ports;
	vm->port_count = 1;
	policy->id = text(w,
	                  "/subscriptions/36c3b2ab-3f5f-4b2a-9c6f-06bfc8c0a0a%zu/resourceGroups/%s/providers/"
	                  "Microsoft.Security/locations/westeurope/jitNetworkAccessPolicies/%s",
	                  sub_index, group, name);
	policy->name = name;
	policy->location = "westeurope";
	policy->provisioning_state = "Succeeded";
	policy->vms = vm;
	policy->vm_count = 1;
	sub->hidden[sub->policy_count] = hidden;
	sub->policy_count++;
}

// --- running ---

static void hangs(void *userdata)
{
	fail_msg("the test did not come to its end within 20 s");
}

static void watcher(void *userdata, enum azjit_result result, const char *reason)
{
	struct world *w = userdata;

	w->told++;
	w->told_result = result;
	(void)snprintf(w->told_reason, sizeof(w->told_reason), "%s", reason);
}

static inline struct world *world_new(const char *config)
{
	struct world *w = calloc(1, sizeof(*w));
	struct azjit_reason reason = {""};

	assert_non_null(w);
	the_world = w;
	w->fail_kind = -1;
	w->graph_result = AZJIT_OK;
	w->visible_subs = 2;
	w->answer_ms = 1;
	for (size_t i = 0; i < SUBS; i++) {
		w->subs[i].vms = keep(w, calloc(ITEMS, sizeof(struct azjit_vm)));
		w->subs[i].nics = keep(w, calloc(ITEMS, sizeof(struct azjit_nic)));
		w->subs[i].ips = keep(w, calloc(ITEMS, sizeof(struct azjit_public_ip)));
		w->subs[i].policies = keep(w, calloc(ITEMS, sizeof(struct azjit_jit_policy)));
		w->subs[i].subnet = (struct azjit_subnet){"/subnet/1", "/nsg/subnet", ""};
		w->subs[i].subnet_count = 1;
	}
	assert_int_equal(azjit_loop_new(&w->loop), AZJIT_OK);
	// By the lists, unless the test says otherwise.
	if (azjit_config_parse(
	            text(w, "%s%s", config,
	                 strstr(config, "inventory") ? "" : " inventory = { source = \"lists\"; };"),
	            "t", &reason, &w->config) != AZJIT_OK)
		fail_msg("%s", reason.text);
	assert_int_equal(azjit_loop_timer(w->loop, 20000, hangs, w, &w->guard), AZJIT_OK);
	return w;
}

// Runs the loop until the counter has the value.
static inline void world_wait(struct world *w, const unsigned *counter, unsigned value)
{
	while (*counter < value)
		assert_int_equal(azjit_loop_turn(w->loop, 1000), AZJIT_OK);
}

static inline void world_start(struct world *w)
{
	assert_int_equal(azjit_inventory_new(w->loop, NULL, w->config, &w->inventory), AZJIT_OK);
	azjit_inventory_watch(w->inventory, watcher, w);
}

static inline void world_run(struct world *w)
{
	world_start(w);
	world_wait(w, &w->told, 1);
}

static inline void world_free(struct world *w)
{
	azjit_inventory_free(w->inventory);
	assert_int_equal(w->in_flight, 0);
	azjit_source_free(w->guard);
	azjit_loop_free(w->loop);
	azjit_config_free(w->config);
	for (size_t i = 0; i < w->kept_count; i++)
		free(w->kept[i]);
	free(w);
}

static inline struct azjit_target *found(struct world *w, const char *what, uint16_t port)
{
	struct azjit_target *target = NULL;
	struct azjit_reason reason = {""};
	enum azjit_result result = azjit_inventory_find(w->inventory, what, port, &target, &reason);

	if (result != AZJIT_OK)
		fail_msg("%s:%u: %s: %s", what, port, azjit_result_name(result), reason.text);
	return target;
}

static inline void missing(struct world *w, const char *what, uint16_t port, enum azjit_result wanted,
                           const char *sentence)
{
	struct azjit_target *target = NULL;
	struct azjit_reason reason = {""};
	enum azjit_result result = azjit_inventory_find(w->inventory, what, port, &target, &reason);

	if (result != wanted || target || !strstr(reason.text, sentence))
		fail_msg("%s:%u: %s: \"%s\", wanted \"%s\"", what, port, azjit_result_name(result),
		         reason.text, sentence);
}

#endif
