// SPDX-License-Identifier: Apache-2.0
// Azure Firewalls (azure.md §3; Microsoft.Network 2024-01-01/azureFirewall.json). Just-in-time access writes a
// DNAT rule into the classic rules of one; one whose rules are in a firewall policy it does not serve.
#ifndef AZJIT_FIREWALL_H
#define AZJIT_FIREWALL_H

#include <azjit/azure.h>

struct azjit_firewall {
	const char *id;
	const char *policy_id;            // of the firewall policy that has its rules, "" if they are classic
	const char *const *public_ip_ids; // the addresses in front
	size_t public_ip_count;
	const char *subnet_id; // where it stands, "" if not told (a firewall of a virtual hub)
};

typedef void azjit_firewalls_fn(void *userdata, const struct azjit_answer *answer,
                                const struct azjit_firewall *firewalls, size_t count);
// Needs Microsoft.Network/azureFirewalls/read.
struct azjit_call *azjit_firewall_list(struct azjit_azure *azure, const char *scope,
                                       struct azjit_call_options options, azjit_firewalls_fn *fn,
                                       void *userdata);

#endif
