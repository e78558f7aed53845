// SPDX-License-Identifier: Apache-2.0
/*
 * A tenant of many machines (README.md, "generate"), of which nothing exists until it is asked for: a list
 * makes the objects of its page and forgets them; a single one that is asked for brings its whole
 * resource group into the store, where it stays. Both grow the entries that a scenario would have, through
 * the code that grows a scenario's, so a machine is like one that was written by hand.
 */
#ifndef AZSIM_GENERATE_H
#define AZSIM_GENERATE_H

#include "sim.h"

// From the scenario's "generate", if it has one, in place of what was; its subscriptions and resource groups
// are in the store afterwards.
void tenant_new(struct sim *sim);
// Brings the group of this id into the store. False: it is none of the tenant's, or is there already.
bool tenant_make(struct tenant *tenant, const char *id);

// How many of a type the tenant has in a subscription or, unless rg is NULL, in the group.
size_t tenant_count(const struct tenant *tenant, const char *type, const char *subscription, const char *rg);
// The one with that number among them, as a list shows it; NULL: it was deleted.
json_t *tenant_item_new(struct tenant *tenant, const char *type, const char *subscription, const char *rg,
                        size_t number);

#endif
