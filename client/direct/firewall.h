// SPDX-License-Identifier: Apache-2.0
// Azure Firewalls in front of machines (azure.md §3), as the commands that speak for the caller see them. They are
// read only where a policy names the address of one.
#ifndef AZJIT_DIRECT_FIREWALL_H
#define AZJIT_DIRECT_FIREWALL_H

#include "direct.h"

// The address that the policies have of the firewall in front of the VM, "" if none has one; borrowed.
const char *firewall_address(const json_t *policies, const char *vm_id);
// Does any policy have one of any VM?
bool firewall_any(const json_t *policies);

// Of all subscriptions: id, policy (the firewall policy's id, "" if its rules are classic), public_ips (ids),
// subnet (an id or "").
enum azjit_result ask_firewalls(struct direct *direct, json_t **ret);
// The firewall that has this public address; NULL if none of them does. Borrowed.
const json_t *firewall_at(const json_t *firewalls, const json_t *public_ips, const char *address);

#endif
