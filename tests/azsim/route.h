// SPDX-License-Identifier: Apache-2.0
/*
 * Which handler answers what. One table per provider; segments compare without regard to case.
 */
#ifndef AZSIM_ROUTE_H
#define AZSIM_ROUTE_H

#include "request.h"

// Whose manners an answer follows: headers, layout (azure.md §1.4, §5, the recordings).
enum manners {
	MANNERS_ARM,      // Resource Manager itself
	MANNERS_SECURITY, // Microsoft.Security, JIT
	MANNERS_FANOUT,   // the subscription-wide JIT list, gathered by Resource Manager
	MANNERS_PRICING,  // Microsoft.Security, pricings
	MANNERS_NETWORK,
	MANNERS_COMPUTE,
	MANNERS_INSIGHTS,
	MANNERS_OTHER, // a provider of whom nothing was recorded
	MANNERS_PLAIN, // no Azure headers: Entra ID, IMDS
};

#define ROUTE_NO_TOKEN    1  // answered to anyone
#define ROUTE_UNSPECIFIED 2  // no OpenAPI document has it
#define ROUTE_NO_LOG      4  // a write without Activity Log events
#define ROUTE_SECRET      8  // bodies carry tokens or secrets: recorded without them
#define ROUTE_OWN_QUOTA   16 // counted by the handler, in no bucket of Resource Manager

struct route {
	const char *method;
	const char *pattern;     // /subscriptions/{sub}/…
	const char *operation;   // operationId of the OpenAPI document
	const char *action;      // right that is needed; NULL: none
	const char *min_version; // NULL: no api-version needed
	enum manners manners;
	unsigned flags;
	void (*handle)(struct request *req);
};

extern const struct route routes_subscriptions[], routes_metadata[], routes_jit[], routes_pricings[],
        routes_compute[], routes_network[], routes_nsg[], routes_firewall[], routes_activity[],
        routes_policy[], routes_assessments[], routes_graph[], routes_entra[], routes_imds[],
        routes_app_service[];

// Sets route and params. True when some route has the path (its method may differ: route stays NULL).
bool route_find(struct request *req);

#endif
