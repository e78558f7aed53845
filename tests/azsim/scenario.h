// SPDX-License-Identifier: Apache-2.0
/*
 * What exists at start (README.md, "Scenario"): short entries grown into Azure's objects.
 */
#ifndef AZSIM_SCENARIO_H
#define AZSIM_SCENARIO_H

#include "sim.h"
#include "store.h"

// Reads the file into sim->scenario; a mistake ends the process with EX_DATAERR and a sentence.
void scenario_read(struct sim *sim, const char *path);
// Builds the state from sim->scenario; callable again, for a reset.
void scenario_build(struct sim *sim);

// For the parts that grow one kind of entry each: the resource's place and name.
struct place {
	const char *name, *rg, *subscription, *location;
	char *id; // owned
};
struct place place_of(struct sim *sim, const json_t *entry, const char *type, const char *fallback_name);
char *id_named(const struct sim *sim, const json_t *entry, const char *type, const char *name);
// Ends the process: "scenario: <what>: <sentence>".
_Noreturn void scenario_wrong(const char *what, const char *sentence);

// A public address's properties get the name that its label makes; nothing without `dns_label`.
void scenario_dns(json_t *properties, const json_t *entry, const char *location);

// One entry of a section: "subscriptions", "nsgs", "vnets", "public_ips", "nics", "vms", "jit_policies".
void scenario_add(struct sim *sim, const char *section, const json_t *entry);
void scenario_add_nsg(struct sim *sim, const json_t *entry);
void scenario_add_vnet(struct sim *sim, const json_t *entry);
void scenario_add_pip(struct sim *sim, const json_t *entry);
void scenario_add_nic(struct sim *sim, const json_t *entry);
void scenario_add_vm(struct sim *sim, const json_t *entry);
void scenario_add_policy(struct sim *sim, const json_t *entry);
char *scenario_policy_id(struct sim *sim, const json_t *entry);

void scenario_network(struct sim *sim);
void scenario_firewall(struct sim *sim);
void scenario_machines(struct sim *sim);
void scenario_jit(struct sim *sim);
void scenario_policy(struct sim *sim);

#endif
