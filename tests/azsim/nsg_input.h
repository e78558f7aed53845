// SPDX-License-Identifier: Apache-2.0
#ifndef AZSIM_NSG_INPUT_H
#define AZSIM_NSG_INPUT_H

#include "store.h"

// What --enforce reads: the group, the addresses it guards, its rules in order. New.
json_t *nsg_input_new(const struct sim *sim, const struct resource *nsg);

// The network interfaces of a virtual machine, as an array of ids. New.
json_t *vm_nics_new(const struct resource *vm);
// The groups on the path of an interface: its own, and those of its subnets. NULL: none.
struct resource *nic_nsg(const struct sim *sim, const struct resource *nic);
struct resource *subnet_nsg(const struct sim *sim, const struct resource *nic);
// The private addresses of an interface. New array of strings.
json_t *nic_addresses_new(const struct resource *nic);
// The subnet object (inside its network's body) by id. NULL: none.
json_t *subnet_find(const struct sim *sim, const char *id);

#endif
