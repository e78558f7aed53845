// SPDX-License-Identifier: Apache-2.0
/*
 * Azure Firewalls with classic rules, and what JIT writes into them: a DNAT rule for each port of a grant, in
 * the collection MDC-JIT (azure.md §3). Of a mapped port no sample is known: which number it is, and when it
 * is shown, are switches.
 */
#ifndef AZSIM_FIREWALL_H
#define AZSIM_FIREWALL_H

#include "jit.h"

// Gives the entries of a request that are about machines behind a firewall their ports of it. Where there is
// no such firewall, or a firewall policy has its rules, the grant is marked as failing; not so with the switch
// firewall_policy at `ignore`.
void firewall_map(struct sim *sim, struct jit_request *r);
// Is the machine behind one, whatever manages it?
bool firewall_fronts(const struct sim *sim, const struct jit_request *r, const char *vm_id);
// The port as the entry shows it now; 0: not at all.
int firewall_shown(const struct sim *sim, const struct jit_entry *e);

// The rules of a grant are written; those of its entries that are over are taken out.
void firewall_enter(struct sim *sim, struct jit_grant *g);
void firewall_sync(struct sim *sim, struct jit_grant *g, const char *reason);

// Hands the firewall as it now stands to the enforcer.
void firewall_announce(struct sim *sim, struct resource *fw, const char *reason, json_t *added_stolen,
                       json_t *removed_stolen);

#endif
