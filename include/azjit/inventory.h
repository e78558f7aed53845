// SPDX-License-Identifier: Apache-2.0
// What is there: VMs under JIT policies, their addresses, the security groups on their path. Refreshed
// in the background; a miss refreshes once. For look-up only, never evidence (design §8).
//
// Trust: whoever may create a VM, NIC or public address in a subscription that the identity reads
// decides which names and addresses stand there, and may call his VM like yours. Hence: a name that fits
// several VMs is ambiguous, never the first; an address that azjit_addr_forbidden names is never dialled
// and never in the guard's set; access rules should name VMs with their group or id (`subscriptions` in
// azjit.conf narrows what is read). An alias leads to the VM that root named; a VM of the alias's name
// makes it ambiguous, and takes nobody elsewhere. A DNS name is compared as text with what Azure tells of
// the public address, which is then dialled; nothing is resolved, so no name server has a say. A tag is
// written by whoever may tag, who needs no other right on the VM and may move it to another: it leads to
// no VM that a rule does not give anyway. Who may write a policy says which address the Azure Firewall in front
// of a VM has; so it is dialled only if it is public, and no address of a VM that we know.
//
// A refresh that fails, in any part, changes nothing: a list that is read half would take ports out of the
// guard's set.
#ifndef AZJIT_INVENTORY_H
#define AZJIT_INVENTORY_H

#include <azjit/config.h>
#include <azjit/jit.h>
#include <azjit/network.h>
#include <azjit/vm.h>

struct azjit_inventory;

// A policy that lists a VM's port for TCP.
struct azjit_target_policy {
	char *id, *name;
	enum azjit_protocol protocol;
	struct azjit_strings prefixes; // allowed sources: "*", addresses, CIDRs
	int64_t max_duration_s;
};

// A VM's port under JIT, resolved: a copy, owned by who asked.
struct azjit_target {
	char *vm_id, *vm_name, *group, *subscription;
	uint16_t port;
	struct azjit_target_policy
	        policy; // the one to ask: the longest time, until azjit_request_check chose
	struct azjit_target_policy *others; // that list the port, too, the longest first
	size_t other_count;
	struct azjit_addr private_addr, public_addr; // family NONE if none
	struct azjit_addr dial;                      // the one to dial
	char *nic_nsg_id, *subnet_nsg_id;            // NULL if none at that level
	bool subnet_unread;           // the subnet could not be read: whether it has a group is not known
	struct azjit_strings asg_ids; // of the ipconfig that owns private_addr
	bool stopped_by_tag;          // tag azjit=deny
	bool experimental; // no virtual machine of Azure (vm.h): its groups cannot be read, a handshake decides
	bool firewall;     // a policy names an Azure Firewall's address for it (azure.md §3)
	bool through_firewall; // `dial` is that address; the port there comes with each request (mappedPort)
};
void azjit_target_free(struct azjit_target *target);
AZJIT_DEFINE_CLEANUP(struct azjit_target *, azjit_target_free);

enum azjit_result azjit_inventory_new(struct azjit_loop *loop, struct azjit_azure *azure,
                                      const struct azjit_config *config, struct azjit_inventory **ret);
void azjit_inventory_free(struct azjit_inventory *inventory);

// Calls `fn` after each refresh, with its result (for status and the guard's set).
typedef void azjit_inventory_fn(void *userdata, enum azjit_result result, const char *reason);
void azjit_inventory_watch(struct azjit_inventory *inventory, azjit_inventory_fn *fn, void *userdata);
// Starts a refresh now unless one is running. The first one starts by itself at azjit_inventory_new.
void azjit_inventory_refresh(struct azjit_inventory *inventory);
// 0 before the first complete refresh, then counts up.
uint64_t azjit_inventory_generation(const struct azjit_inventory *inventory);
// The reason why the newest refresh failed, "" if it did not.
const char *azjit_inventory_error(const struct azjit_inventory *inventory);

#define AZJIT_TAG_PREFIX "tag:"

// Looks up what a person wrote: VM name, name@group, resource id, private or public address, DNS name
// of a public address (with or without a dot at its end), "tag:NAME=VALUE" (up to the first '='), alias
// of azjit.conf; without case. No call is made. AZJIT_OK; AZJIT_NOT_FOUND (no such VM); AZJIT_CONFIG (an
// alias of what is no VM); AZJIT_NOT_MANAGED (a VM, but this port is under no policy); AZJIT_AMBIGUOUS
// (the reason lists the candidates). A name of a host that is no VM of ours is NOT_FOUND.
enum azjit_result azjit_inventory_find(const struct azjit_inventory *inventory, const char *what,
                                       uint16_t port, struct azjit_target **ret, struct azjit_reason *reason);

// Each VM that `what` fits (at most AZJIT_CANDIDATES_MAX of them), for who may hear only of some; `written`
// is how to name it alone. Returns how many there are in all.
#define AZJIT_CANDIDATES_MAX 32
typedef void azjit_candidate_fn(void *userdata, const char *vm_id, const char *written);
size_t azjit_inventory_candidates(const struct azjit_inventory *inventory, const char *what,
                                  azjit_candidate_fn *fn, void *userdata);

// The same as azjit_inventory_find, waiting for the running or one new refresh if it is not found: `fn` runs once, later,
// from the loop. The target is the callback's to keep.
typedef void azjit_inventory_found_fn(void *userdata, enum azjit_result result, const char *reason,
                                      struct azjit_target *target);
struct azjit_lookup;
struct azjit_lookup *azjit_inventory_lookup(struct azjit_inventory *inventory, const char *what,
                                            uint16_t port, unsigned deadline_ms, azjit_inventory_found_fn *fn,
                                            void *userdata);
// Accepts NULL; returns NULL; fn never runs.
struct azjit_lookup *azjit_lookup_cancel(struct azjit_lookup *lookup);

// Every managed address and port pair, for the guard: IPv4 only, each once, sorted.
struct azjit_managed {
	struct azjit_addr addr;
	uint16_t port;
};
enum azjit_result azjit_inventory_managed(const struct azjit_inventory *inventory, struct azjit_managed **ret,
                                          size_t *ret_count);

// Counts for `azjit status`.
struct azjit_inventory_counts {
	size_t vms, policies, managed_ports;
	azjit_ticks refreshed; // 0: never
	bool graph;            // from Resource Graph, else from the lists of each subscription
	const char *why_lists; // "" unless Resource Graph was asked and did not tell; the inventory's
};
void azjit_inventory_counts(const struct azjit_inventory *inventory, struct azjit_inventory_counts *ret);

#endif
