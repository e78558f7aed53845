// SPDX-License-Identifier: Apache-2.0
// Azure's answers, waited for. All JSON is owned by who asked. The sentence of a failure is in
// direct->reason, and names what was asked and, where a right is missing, which.
#ifndef AZJIT_DIRECT_ASK_H
#define AZJIT_DIRECT_ASK_H

#include "direct.h"

// The files ask*.c share this: one call under way, or the like of several.
struct ask {
	struct direct *direct;
	const char *what, *scope;    // for the sentence: "the policies", of which scope
	const char *done_to, *right; // "read"; the right that it takes
	json_t *into;                // an array that gets what was answered
	json_t *one;                 // or the one object
	struct kept *kept;           // or structs (ask_kept.h)
	enum azjit_result result;
	int http_status;
	bool unsure, done;
};
typedef struct azjit_call *ask_start_fn(struct ask *ask, const char *scope);
// Waits for the end of a call that `ask` was given to; NULL counts as memory that ran out.
enum azjit_result ask_await(struct ask *ask, struct azjit_call *call);
// The same list of each subscription, or of the group of that name in each.
enum azjit_result ask_all(struct direct *direct, const char *group, const struct ask *like,
                          ask_start_fn *start, json_t **ret);
// For callbacks: notes the end, and what came of it; true if it is good.
bool ask_take_status(struct ask *ask, const struct azjit_answer *answer);
// Takes over `row`; NULL counts as memory that ran out.
void ask_add_row(struct ask *ask, json_t *row);
// A new array; NULL if memory ran out.
json_t *ask_texts(const char *const *list, size_t count);

// Fills direct->subscriptions with what the identity sees if nobody named some.
enum azjit_result ask_subscriptions(struct direct *direct);

// The VMs of the subscriptions, or of one group of them: objects with id, name, group, subscription,
// location, os (Linux, Windows or ""), metadata_protocol (vm.h), nics (ids), tags (an object of texts). Fills
// direct->subscriptions first if nobody named some.
enum azjit_result ask_vms(struct direct *direct, const char *group, json_t **ret);
// The policies, as Azure wrote them. A subscription's list can leave some out (azure.md §1.1).
enum azjit_result ask_policies(struct direct *direct, const char *group, json_t **ret);
// Those of the scope "/subscriptions/ID/resourceGroups/NAME" that `policies` does not have are appended.
enum azjit_result ask_group_policies(struct direct *direct, const char *scope, json_t *policies);
// *ret NULL if there is no such policy.
enum azjit_result ask_policy(struct direct *direct, const char *id, json_t **ret);

// Writes the policy; a body of NULL deletes it. *ret_unsure: it may have been done although the result is
// not AZJIT_OK; reading tells.
enum azjit_result ask_write(struct direct *direct, const char *id, const json_t *body, bool *ret_unsure);

// Of all subscriptions. Interfaces: vm_id, nsg, primary, ipconfigs (address, public_ip, subnet, primary, asgs;
// ids or "" but for address); subnets: id, nsg, prefix ("" if not one); public addresses: id, address.
enum azjit_result ask_nics(struct direct *direct, json_t **ret);
enum azjit_result ask_subnets(struct direct *direct, json_t **ret);
enum azjit_result ask_public_ips(struct direct *direct, json_t **ret);

// That the state of this machine can be read.
enum azjit_result ask_power(struct direct *direct, const char *vm_id);
// That the Activity Log of this subscription can be read, by its last minute.
enum azjit_result ask_log(struct direct *direct, const char *subscription);
// That there is a token.
enum azjit_result ask_token(struct direct *direct);

#endif
