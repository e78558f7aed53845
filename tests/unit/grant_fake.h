// SPDX-License-Identifier: Apache-2.0
// A small Azure in memory for the engine's tests: one VM (web01), one policy, one NIC with one group.
// Replaces what the engine calls of jit.h, network.h, inventory.h and azure.h. Included once.
#ifndef TESTS_UNIT_GRANT_FAKE_H
#define TESTS_UNIT_GRANT_FAKE_H

#include <azjit/firewall.h>
#include <azjit/grant.h>
#include <azjit/log.h>
#include <azjit/policy.h>
#include <azjit/start.h>
#include <azjit/vm.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#define SUB      "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/lab/providers/"
#define VM       SUB "Microsoft.Compute/virtualMachines/web01"
#define NSG      SUB "Microsoft.Network/networkSecurityGroups/web01-nsg"
#define POLICY   SUB "Microsoft.Security/locations/westeurope/jitNetworkAccessPolicies/default"
#define DELAY_MS 300

enum supersede { SUPERSEDE_NEVER, SUPERSEDE_SAME_SOURCE, SUPERSEDE_SAME_PORT };
enum plural { PLURAL_ACCEPT, PLURAL_REFUSE, PLURAL_DROP };
enum separate { SEPARATE_BOTH, SEPARATE_LAST, SEPARATE_REFUSE };

struct fake_entry {
	char sources[4][AZJIT_PREFIX_CHARS];
	const char *texts[4];
	size_t count;
	unsigned request; // the number of the POST that made it
	azjit_ticks end, start;
	uint64_t due_ms;
	bool ruled, revoked;
};

// The end that a source's own first request named: no later request may reach beyond it.
struct own_end {
	char source[AZJIT_PREFIX_CHARS];
	azjit_ticks end;
};

struct fake {
	struct azjit_loop *loop;
	struct azjit_config *config;
	struct azjit_ledger *ledger;
	struct azjit_engine *engine;
	char dir[64], path[96];
	struct azjit_access_rule rule;
	struct fake_entry entries[32];
	size_t entry_count;
	struct own_end own[8];
	size_t own_count;
	enum supersede supersede;
	enum plural plural;
	enum separate separate;
	unsigned refuse_next; // so many POSTs are answered with 400
	unsigned initiates, intents_at_post;
	char last_client_request_id[AZJIT_UUID_CHARS];
	bool inventory_down, inventory_failed; // no machine is found; one was looked for meanwhile
	bool rule_never, subnet_unread, shadow, lose_answer, wrong_echo, too_long;
	int refuse;
	const char *fail_later;
	const char *power; // NULL: may not be read
	bool no_group, firewall, probe;
	// Behind an Azure Firewall: when its port is told; a rule for every source; a policy manages it; not seen.
	bool through_firewall, map_at_once, any_source, managed, firewalls_unread;
	uint16_t mapped_port, probed_port;
	unsigned firewall_calls, guard_calls;
	unsigned probes, probe_stops, power_calls;
	bool start; // needs ask for it
	unsigned deadline_ms;
	unsigned starts, intents_at_start;
	int start_status;        // 202 unless set
	const char *start_fails; // later
	unsigned start_ms;
	uint64_t start_due_ms;
	bool start_shown; // "starting" meanwhile
	bool operation_unread, operation_hangs;
	bool killed; // the kill switch is on
	enum azjit_plan plan;
	bool plan_unread;
	struct azjit_source *check;
	struct answer *first, *second;
	const char *want_open;
	uint64_t give_up_ms;
	bool good;
};
static struct fake *the; // the engine's calls carry no pointer of ours

struct answer {
	bool done;
	enum azjit_result result;
	char reason[512], grant[AZJIT_UUID_CHARS];
};

// --- calls: each answers in a later turn of the loop ------------------------------------------------
struct azjit_call {
	struct azjit_source *timer;
	void (*answer)(struct azjit_call *call);
	void *fn, *userdata;
	size_t entry, entry_count; // what the POST made
};

static void call_fire(void *userdata)
{
	struct azjit_call *call = userdata;

	call->timer = azjit_source_free(call->timer);
	call->answer(call);
	free(call);
}

static struct azjit_call *call_new(void (*answer)(struct azjit_call *), void *fn, void *userdata)
{
	struct azjit_call *call = calloc(1, sizeof(*call));

	assert_non_null(call);
	call->answer = answer;
	call->fn = fn;
	call->userdata = userdata;
	assert_int_equal(azjit_loop_timer(the->loop, 5, call_fire, call, &call->timer), AZJIT_OK);
	return call;
}

struct azjit_call *azjit_call_cancel(struct azjit_call *call)
{
	if (call)
		azjit_source_free(call->timer);
	free(call);
	return NULL;
}

azjit_ticks azjit_azure_now(const struct azjit_azure *azure)
{
	(void)azure;
	return azjit_time_now();
}

static void fake_settle(void)
{
	for (size_t i = 0; i < the->entry_count; i++) {
		struct fake_entry *entry = &the->entries[i];

		if (entry->ruled || entry->revoked || azjit_time_monotonic_ms() < entry->due_ms)
			continue;
		entry->ruled = true;
		for (size_t j = 0; j < i && the->supersede != SUPERSEDE_NEVER; j++)
			if (the->entries[j].request != entry->request &&
			    (the->supersede == SUPERSEDE_SAME_PORT ||
			     azjit_streq(the->entries[j].texts[0], entry->texts[0])))
				the->entries[j].revoked = true;
	}
}

static struct azjit_jit_request fake_request(const struct fake_entry *entry)
{
	return (struct azjit_jit_request){.vm_id = VM,
	                                  .port = 22,
	                                  .prefixes = entry->texts,
	                                  .prefix_count = entry->count,
	                                  .end = entry->end,
	                                  .start = entry->start,
	                                  .status = "Initiating",
	                                  .status_reason = "UserRequested",
	                                  .requestor = "",
	                                  .justification = "",
	                                  .mapped_port =
	                                          the->map_at_once || entry->ruled ? the->mapped_port : 0};
}

static void answer_initiate(struct azjit_call *call)
{
	azjit_jit_initiate_fn *fn = (azjit_jit_initiate_fn *)call->fn;
	struct azjit_answer answer = {.result = AZJIT_OK,
	                              .http_status = 202,
	                              .code = "",
	                              .message = "",
	                              .correlation_id = "c0ffee00-0000-4000-8000-000000000000",
	                              .retry_after_ms = -1};
	struct azjit_jit_request echoes[8];

	if (call->entry_count == 0) {
		answer.result = AZJIT_REQUEST_REFUSED;
		answer.http_status = the->refuse ? the->refuse : 400;
		answer.code = the->refuse ? "ScopeLocked" : "InvalidInitiateInput";
		answer.message = "refused by the test";
		fn(call->userdata, &answer, NULL, 0);
		return;
	}
	if (the->lose_answer) {
		answer.result = AZJIT_UNREACHABLE;
		answer.http_status = 504;
		answer.maybe_done = true;
		fn(call->userdata, &answer, NULL, 0);
		return;
	}
	for (size_t i = 0; i < call->entry_count; i++)
		echoes[i] = fake_request(&the->entries[call->entry + i]);
	if (the->wrong_echo)
		echoes[0].end += AZJIT_TICKS_PER_S;
	fn(call->userdata, &answer, echoes, call->entry_count);
}

static unsigned count_entries(struct fake *fake, enum azjit_entry_kind kind, const char *event);

static void check_end(const struct azjit_jit_initiate *request)
{
	for (size_t i = 0; i < request->source_count; i++) {
		char source[AZJIT_PREFIX_CHARS];
		size_t j = 0;

		azjit_prefix_format(&request->sources[i], source);
		while (j < the->own_count && !azjit_streq(the->own[j].source, source))
			j++;
		if (j < the->own_count) {
			the->too_long |= request->end > the->own[j].end;
			continue;
		}
		assert_true(the->own_count < AZJIT_COUNT(the->own));
		azjit_copy(the->own[the->own_count].source, AZJIT_PREFIX_CHARS, source);
		the->own[the->own_count++].end = request->end;
	}
}

// An entry of `count` of the request's sources from `from` on.
static void add_entry(const struct azjit_jit_initiate *request, size_t from, size_t count)
{
	struct fake_entry *entry = &the->entries[the->entry_count++];

	assert_true(the->entry_count <= AZJIT_COUNT(the->entries));
	*entry = (struct fake_entry){.end = request->end,
	                             .start = azjit_time_now(),
	                             .due_ms = azjit_time_monotonic_ms() + DELAY_MS,
	                             .request = the->initiates,
	                             .count = count};
	for (size_t i = 0; i < count; i++) {
		azjit_prefix_format(&request->sources[from + i], entry->sources[i]);
		entry->texts[i] = entry->sources[i];
	}
	if (count > 1 && the->plural == PLURAL_DROP) {
		entry->count = 1;
		entry->texts[0] = "192.0.2.1";
	}
}

struct azjit_call *azjit_jit_initiate(struct azjit_azure *azure, const struct azjit_jit_initiate *request,
                                      struct azjit_call_options options, azjit_jit_initiate_fn *fn,
                                      void *userdata)
{
	struct azjit_call *call = call_new(answer_initiate, (void *)fn, userdata);
	bool several = request->source_count > 1, separate = several && request->separate;

	(void)azure;
	(void)options;
	the->initiates++;
	check_end(request);
	the->intents_at_post = count_entries(the, AZJIT_ENTRY_INTENT, "sending");
	azjit_copy(the->last_client_request_id, AZJIT_UUID_CHARS, request->client_request_id);
	if (the->refuse_next > 0) {
		the->refuse_next--;
		return call;
	}
	if (the->refuse || (several && !separate && the->plural == PLURAL_REFUSE) ||
	    (separate && the->separate == SEPARATE_REFUSE))
		return call;
	call->entry = the->entry_count;
	if (!separate)
		add_entry(request, 0, request->source_count);
	for (size_t i = the->separate == SEPARATE_LAST ? request->source_count - 1 : 0;
	     separate && i < request->source_count; i++)
		add_entry(request, i, 1);
	call->entry_count = the->entry_count - call->entry;
	return call;
}

static void answer_policy(struct azjit_call *call)
{
	azjit_jit_policies_fn *fn = (azjit_jit_policies_fn *)call->fn;
	struct azjit_answer answer = {
	        .result = AZJIT_OK, .http_status = 200, .code = "", .message = "", .correlation_id = ""};
	static const char *const any[] = {"*"};
	struct azjit_jit_port port = {
	        .number = 22, .prefixes = any, .prefix_count = 1, .max_duration_s = 10800};
	struct azjit_jit_vm vm = {.id = VM, .public_address = "", .ports = &port, .port_count = 1};
	struct azjit_jit_request requests[32];
	struct azjit_jit_policy policy = {.id = POLICY,
	                                  .name = "default",
	                                  .location = "westeurope",
	                                  .provisioning_state = "Succeeded",
	                                  .vms = &vm,
	                                  .vm_count = 1,
	                                  .requests = requests,
	                                  .request_count = the->entry_count};

	fake_settle();
	for (size_t i = 0; i < the->entry_count; i++) {
		struct fake_entry *entry = &the->entries[i];

		requests[i] = fake_request(entry);
		if (entry->ruled)
			requests[i].status = the->fail_later ? "Failed" : "Initiated";
		if (entry->ruled && the->fail_later)
			requests[i].status_reason = the->fail_later;
		if (entry->revoked) {
			requests[i].status = "Revoked";
			requests[i].status_reason = "NewerRequestInitiated";
		}
	}
	fn(call->userdata, &answer, &policy, 1);
}

struct azjit_call *azjit_jit_get(struct azjit_azure *azure, const char *policy_id,
                                 struct azjit_call_options options, azjit_jit_policies_fn *fn, void *userdata)
{
	(void)azure;
	(void)options;
	assert_string_equal(policy_id, POLICY);
	return call_new(answer_policy, (void *)fn, userdata);
}

#include "grant_fake_firewall.h"

static void answer_nsg(struct azjit_call *call)
{
	azjit_nsg_fn *fn = (azjit_nsg_fn *)call->fn;
	struct azjit_answer answer = {
	        .result = AZJIT_OK, .http_status = 200, .code = "", .message = "", .correlation_id = ""};
	static const char *const any[] = {"*"};
	static const struct azjit_port_range ssh = {22, 22}, every = {0, 65535};
	struct azjit_rule rules[40] = {0};
	size_t count = 0;

	fake_settle();
	if (the->shadow)
		rules[count++] = (struct azjit_rule){
		        .name = "block-all",
		        .description = "",
		        .priority = 90,
		        .inbound = true,
		        .succeeded = true,
		        .source = {.texts = any, .text_count = 1, .ports = &ssh, .port_count = 1},
		        .destination = {.texts = any, .text_count = 1, .ports = &ssh, .port_count = 1}};
	if (the->any_source)
		rules[count++] = any_source_rule();
	for (size_t i = 0; i < the->entry_count; i++) {
		struct fake_entry *entry = &the->entries[i];

		if (!entry->ruled || entry->revoked || the->rule_never || the->fail_later)
			continue;
		rules[count] = (struct azjit_rule){
		        .name = "MicrosoftDefenderForCloud-JITRule-1-0123456789ABCDEF0123456789ABCDEF",
		        .description = "",
		        .priority = 100 + (int)i,
		        .allow = true,
		        .inbound = true,
		        .succeeded = true,
		        .source = {.texts = entry->texts, .text_count = entry->count},
		        .destination = {.texts = any, .text_count = 1, .ports = &ssh, .port_count = 1}};
		count++;
	}
	rules[count++] = (struct azjit_rule){
	        .name = "jit-deny-web01",
	        .description = "",
	        .priority = 4096,
	        .inbound = true,
	        .succeeded = true,
	        .source = {.texts = any, .text_count = 1},
	        .destination = {.texts = any, .text_count = 1, .ports = &ssh, .port_count = 1}};
	for (size_t i = 0; i < count; i++) {
		rules[i].source.ports = &every;
		rules[i].source.port_count = 1;
	}
	fn(call->userdata, &answer,
	   &(struct azjit_nsg){.id = NSG, .succeeded = true, .rules = rules, .rule_count = count});
}

struct azjit_call *azjit_nsg_get(struct azjit_azure *azure, const char *nsg_id,
                                 struct azjit_call_options options, azjit_nsg_fn *fn, void *userdata)
{
	(void)azure;
	(void)options;
	assert_string_equal(nsg_id, NSG);
	return call_new(answer_nsg, (void *)fn, userdata);
}

static void answer_plan(struct azjit_call *call)
{
	azjit_pricing_fn *fn = (azjit_pricing_fn *)call->fn;
	const struct azjit_pricing pricing = {.plan = the->plan, .tier = "", .sub_plan = ""};
	struct azjit_answer answer = {.result = the->plan_unread ? AZJIT_FORBIDDEN : AZJIT_OK,
	                              .code = "",
	                              .message = "",
	                              .correlation_id = ""};

	fn(call->userdata, &answer, the->plan_unread ? NULL : &pricing);
}

struct azjit_call *azjit_pricing_get(struct azjit_azure *azure, const char *scope,
                                     struct azjit_call_options options, azjit_pricing_fn *fn, void *userdata)
{
	(void)azure;
	(void)options;
	assert_string_equal(scope, "/subscriptions/22222222-2222-2222-2222-222222222222");
	return call_new(answer_plan, (void *)fn, userdata);
}

#include "grant_fake_power.h"

// --- inventory: web01 is always known -----------------------------------------------------------------
static struct azjit_target *fake_target(void)
{
	struct azjit_target *target = calloc(1, sizeof(*target));

	assert_non_null(target);
	target->vm_id = strdup(VM);
	target->vm_name = strdup("web01");
	target->group = strdup("lab");
	target->subscription = strdup("22222222-2222-2222-2222-222222222222");
	target->policy.id = strdup(POLICY);
	target->policy.name = strdup("default");
	target->port = 22;
	target->policy.prefixes.items = calloc(1, sizeof(char *));
	target->policy.prefixes.items[0] = strdup("*");
	target->policy.prefixes.count = 1;
	target->policy.max_duration_s = 10800;
	target->nic_nsg_id = the->no_group ? NULL : strdup(NSG);
	target->firewall = the->firewall;
	target->subnet_unread = the->subnet_unread;
	assert_int_equal(azjit_addr_parse("10.20.1.4", &target->private_addr), AZJIT_OK);
	target->dial = target->private_addr;
	target->through_firewall = the->through_firewall;
	if (the->through_firewall)
		assert_int_equal(azjit_addr_parse("20.60.0.9", &target->dial), AZJIT_OK);
	return target;
}

struct azjit_lookup {
	struct azjit_source *timer;
	azjit_inventory_found_fn *fn;
	void *userdata;
};

static void lookup_fire(void *userdata)
{
	struct azjit_lookup *lookup = userdata;

	azjit_source_free(lookup->timer);
	the->inventory_failed = the->inventory_down;
	if (the->inventory_down)
		lookup->fn(lookup->userdata, AZJIT_UNREACHABLE, "Azure does not answer", NULL);
	else
		lookup->fn(lookup->userdata, AZJIT_OK, "", fake_target());
	free(lookup);
}

struct azjit_lookup *azjit_inventory_lookup(struct azjit_inventory *inventory, const char *what,
                                            uint16_t port, unsigned deadline_ms, azjit_inventory_found_fn *fn,
                                            void *userdata)
{
	struct azjit_lookup *lookup = calloc(1, sizeof(*lookup));

	(void)inventory;
	(void)deadline_ms;
	assert_string_equal(what, VM);
	assert_int_equal(port, 22);
	assert_non_null(lookup);
	lookup->fn = fn;
	lookup->userdata = userdata;
	assert_int_equal(azjit_loop_timer(the->loop, 5, lookup_fire, lookup, &lookup->timer), AZJIT_OK);
	return lookup;
}

struct azjit_lookup *azjit_lookup_cancel(struct azjit_lookup *lookup)
{
	if (lookup)
		azjit_source_free(lookup->timer);
	free(lookup);
	return NULL;
}

#endif
