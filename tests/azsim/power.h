// SPDX-License-Identifier: Apache-2.0
/*
 * Starting a virtual machine (Microsoft.Compute 2024-03-01, VirtualMachines_Start; azure.md §5.2).
 */
#ifndef AZSIM_POWER_H
#define AZSIM_POWER_H

#include "request.h"
#include "store.h"

// What an instance view says now: "running", "starting", "deallocated" …
const char *power_shown(const struct sim *sim, const struct resource *vm);
// From now on; a start that is under way is forgotten.
void power_set(struct resource *vm, const char *power);
// Answers the POST.
void power_start(struct request *req, struct resource *vm);

#endif
