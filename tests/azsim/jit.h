// SPDX-License-Identifier: Apache-2.0
/*
 * Just-in-time access: policies, requests and what becomes of them (azure.md §1, §2).
 *
 * A request's entries that share VM, sources and end are one grant: one allow rule in each NSG on the
 * VM's path. An entry is live from the request until its end or revocation.
 */
#ifndef AZSIM_JIT_H
#define AZSIM_JIT_H

#include "request.h"
#include "store.h"

struct jit_grant;

struct jit_entry {
	char *vm_id;
	int number;
	json_t *sources; // array of strings
	bool plural;     // asked for, and shown, as allowedSourceAddressPrefixes
	ticks end;
	char *end_text;
	char *status, *reason;
	bool live;
	struct jit_grant *grant; // NULL until jit_start
	char *firewall;          // the id of the one in front, NULL: none
	int mapped;              // its port
	bool in_firewall;        // the DNAT rule stands
};

struct jit_request {
	struct jit_request *next;
	char *policy_id; // NULL: forgotten by its policy, still running out
	ticks start;
	char *requestor, *justification; // justification NULL: none given
	char *requestor_object;
	char *correlation, *client_request_id;
	struct jit_entry *entries;
	size_t count;
};

struct jit_grant {
	struct jit_request *request;
	char *vm_id;
	json_t *sources;
	ticks end;
	char *failure; // the reason it will fail with; NULL: it will not
	json_t *rules; // [{"nsg","name","entered_at","left_at"}]
	bool entered;
};

// Checks an initiate body against form and policy; on a refusal the reply is made and NULL returned.
struct jit_request *jit_check(struct request *req, struct resource *policy, const char *policy_id);
void jit_request_free(struct jit_request *r);

// Takes the request on: its timers run from now.
void jit_start(struct sim *sim, struct jit_request *r_stolen);
// Ends a live entry with this status reason; its rule goes with it unless `keep_rule`.
void jit_end_entry(struct sim *sim, struct jit_entry *e, const char *reason, bool keep_rule,
                   const char *change);
// Whatever the policy has open ends; with `forget` it no longer shows.
void jit_end_policy(struct sim *sim, const struct resource *policy, bool end, bool forget);
void jit_clear(struct sim *sim);

// The 202 body of a request, and a policy as GET shows it. New.
json_t *jit_request_json(const struct sim *sim, const struct jit_request *r);
json_t *jit_policy_json(const struct sim *sim, const struct resource *policy);

// Deny rules: makes those of the policy's present VMs, removes those of others.
void jit_sync_denies(struct sim *sim, struct resource *policy, const char *reason);
void jit_drop_denies(struct sim *sim, struct resource *policy);

// Rules of a grant: written into the NSGs (false: a reason is in grant->failure), brought in line with
// the entries that are still live.
bool jit_rules_enter(struct sim *sim, struct jit_grant *g);
void jit_rules_sync(struct sim *sim, struct jit_grant *g, const char *reason);

// The policy's object for a VM. NULL: it has none.
json_t *jit_policy_vm(const struct resource *policy, const char *vm_id);

#endif
