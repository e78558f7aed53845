// SPDX-License-Identifier: Apache-2.0
/*
 * The resources that exist. Ids and types compare without regard to case and keep the casing they
 * were made with, as Resource Manager does.
 */
#ifndef AZSIM_STORE_H
#define AZSIM_STORE_H

#include "sim.h"

struct resource {
	struct resource *next, *chained;
	char *id, *type, *name;
	char *subscription, *rg; // rg is "" for a resource of the subscription itself
	json_t *body;            // as a GET shows it
	json_t *entered;         // NSG: rule name -> ISO time at which it came
	json_t *history;         // JIT policy: literal requests of the scenario
	json_t *denies;          // JIT policy: [{"vm","nsg","rule"}] it has written
	ticks enforce_from;      // NSG: no later change reaches --enforce before this moment
	char *power;             // VM
	ticks starts;            // VM: when a start that was accepted is over; 0: none is under way
	char *start_failure;     // VM: how it ends, NULL: it runs
	json_t *instance_view;   // VM: literal, or NULL
	ticks settled;           // when provisioningState becomes Succeeded; 0: it is
	bool generated;          // it has its place among what generate.c lists
};

#define TYPE_VM           "Microsoft.Compute/virtualMachines"
#define TYPE_NIC          "Microsoft.Network/networkInterfaces"
#define TYPE_NSG          "Microsoft.Network/networkSecurityGroups"
#define TYPE_VNET         "Microsoft.Network/virtualNetworks"
#define TYPE_PIP          "Microsoft.Network/publicIPAddresses"
#define TYPE_FIREWALL     "Microsoft.Network/azureFirewalls"
#define TYPE_JIT          "Microsoft.Security/locations/jitNetworkAccessPolicies"
#define TYPE_PRICING      "Microsoft.Security/pricings"
#define TYPE_ASSIGNMENT   "Microsoft.Authorization/policyAssignments"
#define TYPE_POLICY       "Microsoft.Authorization/policyDefinitions"
#define TYPE_POLICY_SET   "Microsoft.Authorization/policySetDefinitions"
#define TYPE_ASSESSMENT   "Microsoft.Security/assessments"
#define TYPE_RG           "Microsoft.Resources/resourceGroups"
#define TYPE_SUBSCRIPTION "Microsoft.Resources/subscriptions"

// Adds or replaces the resource of that id; takes `body_stolen` over.
struct resource *store_put(struct sim *sim, const char *type, const char *id, json_t *body_stolen);
struct resource *store_find(const struct sim *sim, const char *id);
// By the last part of the id; the first that matches.
struct resource *store_named(const struct sim *sim, const char *type, const char *name);
bool store_remove(struct sim *sim, const char *id);
void store_clear(struct sim *sim);

// Walks the resources of a type, oldest first: the one after `prev` (NULL: the first) that is in the
// subscription and, unless rg is NULL, in the group.
struct resource *store_next(const struct sim *sim, const struct resource *prev, const char *type,
                            const char *subscription, const char *rg);

char *rg_id(const char *subscription, const char *rg);
// Makes the group exist.
void store_ensure_rg(struct sim *sim, const char *subscription, const char *rg, const char *location);

// A new etag in the body and, where it carries them, its parts.
void resource_touch(struct sim *sim, struct resource *r);
// "Updating" until `delay` from now has passed, then "Succeeded".
void resource_updating(struct sim *sim, struct resource *r, ticks delay);

#endif
