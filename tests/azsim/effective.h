// SPDX-License-Identifier: Apache-2.0
#ifndef AZSIM_EFFECTIVE_H
#define AZSIM_EFFECTIVE_H

#include "store.h"

// The effective rules of an interface: those of its subnet's group and of its own (azure.md §2.4). New.
json_t *effective_new(const struct sim *sim, const struct resource *nic);

#endif
