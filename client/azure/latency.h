// SPDX-License-Identifier: Apache-2.0
// How long the service took to answer, of the last exchanges of each operation. Pure.
#ifndef AZJIT_AZURE_LATENCY_H
#define AZJIT_AZURE_LATENCY_H

#include <azjit/macro.h>

#define LATENCY_KEPT 100u

enum operation {
	OPERATION_NONE = 0,
	OPERATION_SUBSCRIPTIONS,
	OPERATION_POLICIES,
	OPERATION_POLICY,
	OPERATION_INITIATE,
	OPERATION_VMS,
	OPERATION_POWER,
	OPERATION_START,
	OPERATION_NICS,
	OPERATION_SUBNETS,
	OPERATION_PUBLIC_IPS,
	OPERATION_FIREWALLS,
	OPERATION_NSG,
	OPERATION_ACTIVITY,
	OPERATION_GRAPH,
	OPERATION_COUNT_,
};
// As azjit_azure_operation has it; never NULL.
const char *operation_name(enum operation operation);

struct latency {
	uint64_t count;            // of all so far
	uint32_t ms[LATENCY_KEPT]; // the last ones, in any order
};
void latency_add(struct latency *latency, uint64_t ms);
// The least of those kept that so many percent of them do not exceed; 0 if there are none.
uint32_t latency_percentile(const struct latency *latency, unsigned percent);

#endif
