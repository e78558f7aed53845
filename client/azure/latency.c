// SPDX-License-Identifier: Apache-2.0
#include "latency.h"

const char *operation_name(enum operation operation)
{
	switch (operation) {
	case OPERATION_SUBSCRIPTIONS:
		return "list-subscriptions";
	case OPERATION_POLICIES:
		return "list-policies";
	case OPERATION_POLICY:
		return "get-policy";
	case OPERATION_INITIATE:
		return "initiate";
	case OPERATION_VMS:
		return "list-vms";
	case OPERATION_POWER:
		return "get-vm-state";
	case OPERATION_START:
		return "start-vm";
	case OPERATION_NICS:
		return "list-interfaces";
	case OPERATION_SUBNETS:
		return "list-networks";
	case OPERATION_PUBLIC_IPS:
		return "list-public-addresses";
	case OPERATION_FIREWALLS:
		return "list-firewalls";
	case OPERATION_NSG:
		return "get-security-group";
	case OPERATION_ACTIVITY:
		return "list-activity";
	case OPERATION_GRAPH:
		return "query-graph";
	case OPERATION_NONE:
	case OPERATION_COUNT_:
		break;
	}
	return "none";
}

void latency_add(struct latency *latency, uint64_t ms)
{
	latency->ms[latency->count++ % LATENCY_KEPT] = ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

uint32_t latency_percentile(const struct latency *latency, unsigned percent)
{
	size_t kept = latency->count < LATENCY_KEPT ? (size_t)latency->count : LATENCY_KEPT;
	uint32_t sorted[LATENCY_KEPT];

	if (kept == 0)
		return 0;
	memcpy(sorted, latency->ms, kept * sizeof(sorted[0]));
	qsort(sorted, kept, sizeof(sorted[0]), by_value);
	return sorted[(kept * percent + 99) / 100 - 1];
}
