// SPDX-License-Identifier: Apache-2.0
// What the portal's page of just-in-time access tells of a VM: from JSON to JSON, and pure.
#ifndef AZJIT_DIRECT_VM_STATE_H
#define AZJIT_DIRECT_VM_STATE_H

#include <azjit/time.h>
#include <jansson.h>

#define VM_STATE_DAYS 7

struct vm_surroundings {
	const json_t *policies;                    // whole
	const json_t *nics, *subnets, *public_ips; // of ask.h
	const json_t *firewalls;                   // of firewall.h; NULL: not read
	bool prefer_public;                        // of a VM that has both addresses
	bool past_firewall;                        // connected to without the Azure Firewall in front
	azjit_ticks now;
};

// `vm` (a row of ask_vms) as an object of id, name, group, location, os; state ("Configured", "Not
// configured", "Unsupported"), why ("" unless unsupported or experimental), experimental (true, and only of what
// is no virtual machine of Azure), policies (names), ports (numbers), requests (that
// Azure did not fail, of the last VM_STATE_DAYS days), last_access (a time, "" if never), last_requestor
// (or the justification: Azure may leave the requestor empty, azure.md §0.5), address (the one to connect
// to: the firewall's with its mapped port where there is one; "" if unknown), private_address, firewall (the
// address of the Azure Firewall that leads there; "" if none does). NULL if memory ran out.
json_t *vm_state(const json_t *vm, const struct vm_surroundings *around);

#endif
