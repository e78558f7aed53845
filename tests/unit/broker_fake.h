// SPDX-License-Identifier: Apache-2.0
// A broker under test: the real one, in a process of its own, over the real configuration, rules, ledger
// and sessions; Azure, inventory and engine are small fakes, and who speaks is what `shared->uid` says
// (SO_PEERCRED is replaced). The test is the caller and, where it wants one, the relay. Included once.
#ifndef AZJIT_TESTS_BROKER_FAKE_H
#define AZJIT_TESTS_BROKER_FAKE_H

#include "broker.h"

#include <azjit/wire.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#define ALICE 1001 // rule "web": web* port 22
#define BOB   1002 // no rule
#define CAROL 1003 // rule "desk": web* at login, which waits 2 s
#define DAVE  1004 // rule "ring": web* at login of sshd, which does not wait
#define VM_ID(name)                                                                  \
	"/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/rg-lab/" \
	"providers/Microsoft.Compute/virtualMachines/" name
#define ANSWER_MS 20000

enum need_mode { NEED_OK = 0, NEED_FAIL, NEED_NEVER };

// Written by both processes.
struct shared {
	unsigned uid;
	enum need_mode mode;
	bool may_start; // rule "web"
	int start_needs;
	int needs, cancels, lookups, flows_begun, flows_ended, probe_needs;
	int fail_at; // test_broker_nomem: the allocation that fails, counting down
	int log_reads;
	bool foreign_relay;              // who listens at the relay's socket has another uid
	bool log_down;                   // the Activity Log of the second subscription
	char firewall[AZJIT_ADDR_CHARS]; // in front of every VM, "" for none; and the grant's port there
	uint16_t mapped_port;
	bool unproven;
	bool inventory_down, tagged; // tagged: every VM carries azjit=deny
};
static struct shared *shared;

struct stage {
	char dir[64], socket[96], relay[96], kill[96];
	pid_t broker;
};

// --- who speaks ---------------------------------------------------------------------------------------

int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	int result = (int)syscall(SYS_getsockopt, fd, level, name, value, len), type = 0;
	socklen_t type_len = sizeof(type);

	if (result != 0 || level != SOL_SOCKET || name != SO_PEERCRED || !shared ||
	    syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &type_len) != 0)
		return result;
	if (type == SOCK_STREAM)
		((struct ucred *)value)->uid = shared->uid;
	else if (shared->foreign_relay)
		((struct ucred *)value)->uid++;
	return result;
}

static enum azjit_result person(const char *user, unsigned uid, struct azjit_person *ret)
{
	*ret = (struct azjit_person){.uid = uid};
	(void)azjit_copy(ret->user, sizeof(ret->user), user);
	return AZJIT_OK;
}

enum azjit_result azjit_person_by_uid(unsigned uid, struct azjit_person *ret, struct azjit_reason *reason)
{
	switch (uid) {
	case 0:
		return person("root", 0, ret);
	case ALICE:
		return person("alice", uid, ret);
	case BOB:
		return person("bob", uid, ret);
	case CAROL:
		return person("carol", uid, ret);
	case DAVE:
		return person("dave", uid, ret);
	default:
		return azjit_fail(reason, AZJIT_NOT_FOUND, "there is no such user");
	}
}

enum azjit_result azjit_person_by_name(const char *user, struct azjit_person *ret,
                                       struct azjit_reason *reason)
{
	if (azjit_streq(user, "alice"))
		return azjit_person_by_uid(ALICE, ret, reason);
	if (azjit_streq(user, "bob"))
		return azjit_person_by_uid(BOB, ret, reason);
	if (azjit_streq(user, "carol"))
		return azjit_person_by_uid(CAROL, ret, reason);
	if (azjit_streq(user, "dave"))
		return azjit_person_by_uid(DAVE, ret, reason);
	return azjit_fail(reason, AZJIT_NOT_FOUND, "there is no such user");
}

void azjit_person_clear(struct azjit_person *p)
{
	*p = (struct azjit_person){.uid = UINT32_MAX};
}

bool azjit_person_in_group(const struct azjit_person *p, const char *group)
{
	return azjit_streq(group, "glass") && p->uid == BOB;
}

// --- Azure: nothing -----------------------------------------------------------------------------------

enum azjit_result azjit_azure_new(struct azjit_loop *loop, const struct azjit_azure_options *options,
                                  struct azjit_reason *reason, struct azjit_azure **ret)
{
	(void)loop;
	(void)options;
	(void)reason;
	*ret = NULL;
	return AZJIT_OK;
}

void azjit_azure_free(struct azjit_azure *azure)
{
	(void)azure;
}

azjit_ticks azjit_azure_now(const struct azjit_azure *azure)
{
	(void)azure;
	return azjit_time_now();
}

void azjit_azure_counts(const struct azjit_azure *azure, struct azjit_azure_counts *ret)
{
	(void)azure;
	*ret = (struct azjit_azure_counts){.held = 7, .token_age_s = 60};
}

bool azjit_azure_operation(const struct azjit_azure *azure, size_t index, struct azjit_azure_operation *ret)
{
	(void)azure;
	*ret = (struct azjit_azure_operation){index ? "initiate" : "never-asked", index, 20, 90};
	return index < 2;
}

// --- the Activity Log: one foreign event in each subscription, or `log_down` in the second ------------

struct azjit_call {
	struct azjit_source *timer;
	bool second;
	azjit_activity_fn *fn;
	void *userdata;
};
static struct azjit_loop *fake_loop;

static void on_activity(void *userdata)
{
	struct azjit_call *call = userdata;
	bool down = call->second && shared->log_down;
	struct azjit_answer answer = {.result = down ? AZJIT_THROTTLED : AZJIT_OK,
	                              .message = down ? "Azure asks to wait" : ""};
	struct azjit_activity_event event = {
	        .event_data_id = call->second ? "e2" : "e1",
	        .correlation_id = call->second ? "c2" : "c1",
	        .operation = "Microsoft.Security/locations/jitNetworkAccessPolicies/initiate/action",
	        .event_name = "EndRequest",
	        .status = "Succeeded",
	        .caller = "someone",
	        .resource_id = VM_ID("web01"),
	        .event_time = azjit_time_now() - 60 * AZJIT_TICKS_PER_S};

	call->fn(call->userdata, &answer, &event, down ? 0 : 1);
	azjit_source_free(call->timer);
	free(call);
}

struct azjit_call *azjit_activity_list(struct azjit_azure *azure, const char *subscription, azjit_ticks from,
                                       azjit_ticks to, const char *correlation_id,
                                       struct azjit_call_options options, azjit_activity_fn *fn,
                                       void *userdata)
{
	struct azjit_call *call = calloc(1, sizeof(*call));

	(void)azure;
	(void)from;
	(void)to;
	(void)correlation_id;
	(void)options;
	shared->log_reads++;
	if (!call || azjit_loop_timer(fake_loop, 5, on_activity, call, &call->timer) != AZJIT_OK) {
		free(call);
		return NULL;
	}
	call->second = subscription[0] == '3';
	call->fn = fn;
	call->userdata = userdata;
	return call;
}

struct azjit_call *azjit_call_cancel(struct azjit_call *call)
{
	if (call)
		azjit_source_free(call->timer);
	free(call);
	return NULL;
}

// --- inventory: web01 and db01, port 22 ---------------------------------------------------------------

struct azjit_lookup {
	struct azjit_source *timer;
	char what[256];
	uint16_t port;
	azjit_inventory_found_fn *fn;
	void *userdata;
};

enum azjit_result azjit_inventory_new(struct azjit_loop *loop, struct azjit_azure *azure,
                                      const struct azjit_config *config, struct azjit_inventory **ret)
{
	(void)azure;
	(void)config;
	fake_loop = loop;
	*ret = NULL;
	return AZJIT_OK;
}

void azjit_inventory_free(struct azjit_inventory *inventory)
{
	(void)inventory;
}

void azjit_inventory_watch(struct azjit_inventory *inventory, azjit_inventory_fn *fn, void *userdata)
{
	(void)inventory;
	(void)fn;
	(void)userdata;
}

uint64_t azjit_inventory_generation(const struct azjit_inventory *inventory)
{
	(void)inventory;
	return 1;
}

const char *azjit_inventory_error(const struct azjit_inventory *inventory)
{
	(void)inventory;
	return shared->inventory_down ? "Azure is out of reach" : "";
}

void azjit_inventory_counts(const struct azjit_inventory *inventory, struct azjit_inventory_counts *ret)
{
	(void)inventory;
	*ret = (struct azjit_inventory_counts){.vms = 2};
}

enum azjit_result azjit_inventory_managed(const struct azjit_inventory *inventory, struct azjit_managed **ret,
                                          size_t *ret_count)
{
	(void)inventory;
	*ret = calloc(1, sizeof(**ret));
	*ret_count = 1;
	if (!*ret)
		return AZJIT_NOMEM;
	(*ret)->port = 22;
	return azjit_addr_parse("10.20.1.4", &(*ret)->addr);
}

void azjit_target_free(struct azjit_target *target)
{
	if (!target)
		return;
	free(target->vm_id);
	free(target->vm_name);
	free(target);
}

size_t azjit_inventory_candidates(const struct azjit_inventory *inventory, const char *what,
                                  azjit_candidate_fn *fn, void *userdata)
{
	(void)inventory;
	if (!azjit_streq(what, "twin") && !azjit_streq(what, "tag:a=b"))
		return 0;
	fn(userdata, VM_ID("secret01"), "secret01@secret-group");
	if (azjit_streq(what, "tag:a=b"))
		fn(userdata, VM_ID("web01"), "web01@rg");
	if (azjit_streq(what, "tag:a=b"))
		fn(userdata, VM_ID("web02"), "web02@rg");
	return 3;
}

enum azjit_result azjit_inventory_find(const struct azjit_inventory *inventory, const char *what,
                                       uint16_t port, struct azjit_target **ret, struct azjit_reason *reason)
{
	bool second = azjit_streq(what, "web02@rg"),
	     web = second || azjit_streq(what, "web01") || azjit_streq(what, "web01@rg") ||
	           azjit_streq(what, "10.20.1.4"),
	     db = azjit_streq(what, "db01");
	struct azjit_target *target;

	(void)inventory;
	if (azjit_streq(what, "twin") || azjit_streq(what, "tag:a=b"))
		return azjit_fail(reason, AZJIT_AMBIGUOUS, "twin is twin@secret-group or twin@other-group");
	if (azjit_streq(what, "stale"))
		return azjit_fail(reason, AZJIT_CONFIG, "stale is an alias of a secret VM");
	if (!web && !db)
		return azjit_fail(reason, AZJIT_NOT_FOUND, "no VM of that name");
	if (port != 22)
		return azjit_fail(reason, AZJIT_NOT_MANAGED, "a secret VM, but not this port");
	target = calloc(1, sizeof(*target));
	if (!target)
		return azjit_fail(reason, AZJIT_NOMEM, "no memory");
	target->vm_id = strdup(second ? VM_ID("web02") : web ? VM_ID("web01") : VM_ID("db01"));
	target->vm_name = strdup(second ? "web02" : web ? "web01" : "db01");
	if (!target->vm_id || !target->vm_name) {
		azjit_target_free(target);
		return azjit_fail(reason, AZJIT_NOMEM, "no memory");
	}
	target->port = port;
	target->stopped_by_tag = shared->tagged;
	*ret = target;
	(void)azjit_addr_parse(web ? "10.20.1.4" : "10.20.1.5", &target->private_addr);
	target->dial = target->private_addr;
	target->firewall = target->through_firewall = shared->firewall[0];
	return target->firewall ? azjit_addr_parse(shared->firewall, &target->dial) : AZJIT_OK;
}

static void on_lookup(void *userdata)
{
	struct azjit_lookup *lookup = userdata;
	struct azjit_target *target = NULL;
	struct azjit_reason reason = {""};
	azjit_inventory_found_fn *fn = lookup->fn;
	void *to = lookup->userdata;
	enum azjit_result result = azjit_inventory_find(NULL, lookup->what, lookup->port, &target, &reason);

	azjit_source_free(lookup->timer);
	free(lookup);
	fn(to, result, reason.text, target);
}

struct azjit_lookup *azjit_inventory_lookup(struct azjit_inventory *inventory, const char *what,
                                            uint16_t port, unsigned deadline_ms, azjit_inventory_found_fn *fn,
                                            void *userdata)
{
	struct azjit_lookup *lookup = calloc(1, sizeof(*lookup));

	(void)inventory;
	(void)deadline_ms;
	if (!lookup)
		return NULL;
	shared->lookups++;
	lookup->port = port;
	lookup->fn = fn;
	lookup->userdata = userdata;
	(void)azjit_copy(lookup->what, sizeof(lookup->what), what);
	if (azjit_loop_timer(fake_loop, 0, on_lookup, lookup, &lookup->timer) == AZJIT_OK)
		return lookup;
	free(lookup);
	return NULL;
}

struct azjit_lookup *azjit_lookup_cancel(struct azjit_lookup *lookup)
{
	if (lookup)
		azjit_source_free(lookup->timer);
	free(lookup);
	return NULL;
}

#include "broker_fake_engine.h"

#endif
