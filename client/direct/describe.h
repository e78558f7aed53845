// SPDX-License-Identifier: Apache-2.0
// Policies as these commands show them.
#ifndef AZJIT_DIRECT_DESCRIBE_H
#define AZJIT_DIRECT_DESCRIBE_H

#include "direct.h"

// Fills `policies` of the answer: objects with id, name, group, location, state (Azure's provisioningState)
// and virtual_machines: objects with id, name and ports as policy_ports has them. `only` (rows with an id;
// NULL: all): these VMs, and the policies that hold one of them.
enum azjit_result describe_policies(struct direct *direct, const json_t *policies, const json_t *only);

// From these objects the rows of a table: one for each policy (name, group, location, vm_names, state), or
// one for each port (policy, vm, port, protocol, sources, max). NULL if memory ran out.
json_t *describe_lines(const json_t *described);
json_t *describe_ports(const json_t *described);

#endif
