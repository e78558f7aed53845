// SPDX-License-Identifier: Apache-2.0
// Azure Resource Graph: one query over many subscriptions in place of one list for each (Microsoft.ResourceGraph
// 2022-10-01). It needs no right but to read the resources themselves [K], and leaves out in silence what
// the identity may not read; and it lags behind Resource Manager (azure.md §12.7). Hence: to take stock, never
// as evidence. Just-in-time policies are not in it.
#ifndef AZJIT_GRAPH_H
#define AZJIT_GRAPH_H

#include <azjit/vm.h>

#define AZJIT_GRAPH_ROWS          1000 // of one page (the document)
#define AZJIT_GRAPH_SUBSCRIPTIONS 1000 // of one query: what the az CLI asks at once [K]

enum azjit_graph_kind {
	AZJIT_GRAPH_VMS = 0,
	AZJIT_GRAPH_NICS,
	AZJIT_GRAPH_SUBNETS,
	AZJIT_GRAPH_PUBLIC_IPS,
	AZJIT_GRAPH_KINDS_,
};

// One page, in the array of its kind. An entry may come in two pages, as rows move while they are read. A VM has its id, tags and interfaces only.
struct azjit_graph_page {
	const struct azjit_vm *vms;
	const struct azjit_nic *nics;
	const struct azjit_subnet *subnets;
	const struct azjit_public_ip *public_ips;
	size_t count;
	const char *next; // "" in the last one
};
// `page` is NULL unless answer->result is AZJIT_OK. AZJIT_NOT_FOUND: a cloud without Resource Graph.
typedef void azjit_graph_fn(void *userdata, const struct azjit_answer *answer,
                            const struct azjit_graph_page *page);

// A page at a time, so that a hundred thousand machines need no more memory than a thousand. `next`: of
// the page before, with the same kind and subscriptions; "" for the first. At least one subscription, at
// most AZJIT_GRAPH_SUBSCRIPTIONS.
struct azjit_call *azjit_graph_query(struct azjit_azure *azure, enum azjit_graph_kind kind,
                                     const char *const *subscriptions, size_t count, const char *next,
                                     struct azjit_call_options options, azjit_graph_fn *fn, void *userdata);

#endif
