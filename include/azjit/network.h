// SPDX-License-Identifier: Apache-2.0
// Network security groups, and the verdict on one flow: allow, deny or unknown, never a guess.
// Facts: azure.md §2.2, §2.3, §12.2. Inbound: the subnet's group, then the NIC's; both must allow; no
// group at a level allows there. The verdict is of the groups alone: the admin rules of a Virtual Network
// Manager, which come before them, are not read (docs/design.md §12).
#ifndef AZJIT_NETWORK_H
#define AZJIT_NETWORK_H

#include <azjit/address.h>
#include <azjit/azure.h>
#include <azjit/jit.h>

struct azjit_port_range {
	uint16_t from, to;
};

// Address forms of one side of a rule, all merged from singular and plural.
struct azjit_rule_side {
	const char *const *texts; // "*", CIDRs, service tags, as written
	size_t text_count;
	const char *const *asg_ids;
	size_t asg_count;
	const struct azjit_port_range *ports; // "*" is 0-65535
	size_t port_count;
};

struct azjit_rule {
	const char *name, *description;
	int priority;
	bool allow, inbound;
	enum azjit_protocol protocol; // ANY for "*"
	bool other_protocol;          // Icmp, Esp, Ah or unknown: matches neither TCP nor UDP
	bool succeeded;               // its provisioningState is Succeeded or absent (§2.3)
	bool unreadable;              // a member had a form that we do not know: matches "maybe"
	struct azjit_rule_side source, destination;
};

struct azjit_nsg {
	const char *id;
	bool succeeded;
	const struct azjit_rule *rules; // inbound, custom and default, by priority
	size_t rule_count;
};

typedef void azjit_nsg_fn(void *userdata, const struct azjit_answer *answer, const struct azjit_nsg *nsg);
struct azjit_call *azjit_nsg_get(struct azjit_azure *azure, const char *nsg_id,
                                 struct azjit_call_options options, azjit_nsg_fn *fn, void *userdata);

enum azjit_verdict {
	AZJIT_VERDICT_UNKNOWN = 0,
	AZJIT_VERDICT_DENY,
	AZJIT_VERDICT_ALLOW,
};

struct azjit_flow {
	struct azjit_addr source, destination; // destination: the VM's private address (after DNAT)
	uint16_t port;
	enum azjit_protocol protocol;
	const char *const *destination_asg_ids; // of the ipconfig that owns the address
	size_t destination_asg_count;
	bool from_internet;  // the source is in nobody's virtual network: the tag Internet is met,
	                     // VirtualNetwork and every application security group are not
	bool translated;     // through an Azure Firewall, which may put an address of its own in the source's
	                     // place (azure.md §12.1): only what is about every source is met for sure
	bool without_grants; // allow rules with a JIT name do not count
};

// Why the verdict is what it is; names the rule that decided (for ALLOW at two levels: the rule of
// the last level asked).
struct azjit_verdict_why {
	enum azjit_verdict verdict;
	char nsg[96];      // name of the group, "" if no group was on the path
	const char *level; // "subnet's NSG", "NIC's NSG" or ""
	char rule[96];
	int priority;
	bool jit;       // that rule carries a JIT name of either generation (§2.2)
	char text[256]; // a clause for a person: "deny 90 'block-ssh' in the subnet's NSG 'nsg-web'"
};

// nic_nsg and subnet_nsg: NULL if there is none at that level. A matching rule that is not yet
// `succeeded`, or in a group that is not, is not believed: its verdict is UNKNOWN for allow and
// counts as DENY for deny.
enum azjit_verdict azjit_nsg_verdict(const struct azjit_nsg *nic_nsg, const struct azjit_nsg *subnet_nsg,
                                     const struct azjit_flow *flow, struct azjit_verdict_why *ret_why);

// True if some inbound allow rule with a JIT name matches the flow in this group, wherever it stands:
// with a verdict of DENY this says "shadowed", without it "missing".
bool azjit_nsg_has_jit_allow(const struct azjit_nsg *nsg, const struct azjit_flow *flow,
                             const struct azjit_rule **ret_rule);
// The same of a deny rule with a JIT name: with a verdict of ALLOW it is there in vain.
bool azjit_nsg_has_jit_deny(const struct azjit_nsg *nsg, const struct azjit_flow *flow,
                            const struct azjit_rule **ret_rule);

// Not an address of the public internet (RFC 1918, RFC 3927, RFC 1122, RFC 4193, RFC 4291).
bool azjit_addr_never_internet(const struct azjit_addr *addr);

#endif
