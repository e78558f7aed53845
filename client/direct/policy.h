// SPDX-License-Identifier: Apache-2.0
// A JIT policy as Azure writes it (azure.md §1.2), read and changed as JSON, so that what is not known here
// survives: unknown members, their order, the casing of ids. Nothing here speaks to anybody.
//
// False or NULL from a function that returns no result means that memory ran out.
#ifndef AZJIT_DIRECT_POLICY_H
#define AZJIT_DIRECT_POLICY_H

#include <azjit/result.h>
#include <azjit/time.h>
#include <jansson.h>

#define POLICY_PORTS_MAX   64
#define POLICY_NAMES_MAX   56 // characters of policy name and VM name together
#define POLICY_MIN_S       300
#define POLICY_MAX_S       86400
#define POLICY_DEFAULT_S   10800 // the portal's: three hours,
#define POLICY_DEFAULT_FOR "*"   // any source and
#define POLICY_DEFAULT_BY  "*"   // any protocol (§1.7)

// What a person said of ports; what was not said is kept, or is the portal's default for a new port.
struct port_wish {
	uint16_t ports[POLICY_PORTS_MAX];
	size_t port_count;    // 0: not said
	const char *protocol; // "TCP", "UDP", "*"; NULL: not said
	json_t *sources;      // an array of texts; NULL: not said
	int64_t max_s;        // 0: not said
};

// The text of a member; "" if it is none.
const char *json_text(const json_t *object, const char *name);
// The row whose `id` is this one, compared without case; NULL if none.
json_t *json_by_id(const json_t *rows, const char *id);

// An owned policy without a VM, of that id (/subscriptions/…/jitNetworkAccessPolicies/NAME).
json_t *policy_new(const char *id);
const json_t *policy_vms(const json_t *policy);
// The entry of a VM, by its id compared without case; NULL if there is none.
json_t *policy_entry(const json_t *policy, const char *vm_id);

// Adds an entry at the end; the VM has none, and wish->port_count is not 0.
bool policy_add(json_t *policy, const char *vm_id, const struct port_wish *wish);
// Changes the entry: with ports said the VM has these and no others.
bool policy_set(json_t *entry, const struct port_wish *wish);
// Gives the VM these ports, as Azure wrote them for another; its entry is made if it has none.
bool policy_copy(json_t *policy, const char *vm_id, const json_t *ports);
// Takes the VM out; true also if it was not in.
bool policy_remove(json_t *policy, const char *vm_id);

// What is PUT: all but what only Azure writes (id, name, type, location; provisioningState, requests).
json_t *policy_body(const json_t *policy);

// What differs between two policies (NULL: none there): an array of objects with `change` ("add" or
// "remove"), `vm`, `vm_id`, `port`, `protocol` (tcp, udp, any), `sources` (an array), `max_s`. In the order
// of `before`, then of `after`. Ids, protocols and sources are compared as Azure does, whatever their
// case, order and form. Empty: the same.
json_t *policy_changes(const json_t *before, const json_t *after);
// Has one of the changes been undone by those that came `since`, of the policy that they led to? It has if
// that has it, too: what was added is to be added again, what was removed to be removed.
bool policy_undone(const json_t *changes, const json_t *since);
// The same objects, without `change`, for one entry: its ports.
json_t *policy_ports(const json_t *entry);

// Has the policy a request for this port that Azure neither failed nor revoked, and whose end is to come?
bool policy_granted(const json_t *policy, const char *vm_id, int port, azjit_ticks now);
// Has one of these? Whatever policy a port was asked under, the rule is in the same group.
bool policies_granted(const json_t *policies, const char *vm_id, int port, azjit_ticks now);

// What Azure would refuse, or should not have been asked: names longer than POLICY_NAMES_MAX, no port, a
// port twice, a source that is no IPv4 address or prefix, a time out of bounds. AZJIT_USAGE with a sentence.
enum azjit_result policy_check(const char *policy_name, const json_t *entry, struct azjit_reason *reason);

#endif
