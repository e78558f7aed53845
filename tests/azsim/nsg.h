// SPDX-License-Identifier: Apache-2.0
/*
 * Security groups: their rules, which addresses they guard, and the log of their changes, each of which
 * is handed to the enforcer.
 */
#ifndef AZSIM_NSG_H
#define AZSIM_NSG_H

#include "store.h"

// The Azure form of a rule from the scenario's short form. New; NULL with *ret_wrong (caller frees).
json_t *nsg_rule_new(const char *nsg_id, const json_t *entry, char **ret_wrong);
// A whole group with its default rules and no others. New.
json_t *nsg_body_new(const struct sim *sim, const char *id, const char *name, const char *location,
                     const json_t *tags);

json_t *nsg_rules(const struct resource *nsg); // the array of security rules
json_t *nsg_rule(const struct resource *nsg, const char *name);

// Puts a rule in (replacing one of its name) or takes it out, as one change of the group.
// `stolen` is taken over. The reason and the correlation id (may be NULL) are for state and Activity Log.
void nsg_put_rule(struct sim *sim, struct resource *nsg, json_t *stolen, const char *reason,
                  const char *correlation);
// False: a lock forbids it, or there is no such rule.
bool nsg_remove_rule(struct sim *sim, struct resource *nsg, const char *name, const char *reason,
                     const char *correlation);
bool nsg_locked(const struct sim *sim, const struct resource *nsg);

// Logs a change of a group or a firewall (`kind`: "nsg", "firewall") and hands its state to the enforcer.
void change_announce(struct sim *sim, struct resource *r, const char *kind, const char *reason,
                     json_t *added_stolen, json_t *removed_stolen, json_t *input_stolen);
// Logs the group as it now stands and hands it to the enforcer; its body stays.
void nsg_announce(struct sim *sim, struct resource *nsg, const char *reason, json_t *added_stolen,
                  json_t *removed_stolen);
// Notes a change made otherwise (a PUT of the whole group): new etags, and announced.
void nsg_changed(struct sim *sim, struct resource *nsg, const char *reason, json_t *added_stolen,
                 json_t *removed_stolen);

// A priority no rule of that direction has, from `first` on in steps of `step`; 0 when there is none.
int nsg_free_priority(const struct resource *nsg, const char *direction, int first, int step);

#endif
