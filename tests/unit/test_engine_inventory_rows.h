// SPDX-License-Identifier: Apache-2.0
// What Resource Graph answers in the world of test_engine_inventory.h, which includes this.
#ifndef AZJIT_TEST_ENGINE_INVENTORY_ROWS_H
#define AZJIT_TEST_ENGINE_INVENTORY_ROWS_H

// The rows of one kind over all subscriptions that the call names: here, all of the world's.
static void *graph_rows(const struct world *w, enum azjit_graph_kind kind, size_t *ret_count)
{
	static const size_t sizes[] = {sizeof(struct azjit_vm), sizeof(struct azjit_nic),
	                               sizeof(struct azjit_subnet), sizeof(struct azjit_public_ip)};
	char *all = malloc(SUBS * ITEMS * sizes[kind]), *end = all;

	assert_non_null(all);
	for (size_t i = 0; i < w->visible_subs; i++) {
		const struct sub *sub = &w->subs[i];
		const void *const from[] = {sub->vms, sub->nics, &sub->subnet, sub->ips};
		size_t vms = w->lags ? sub->graph_vms : sub->vm_count,
		       ips = w->lags ? sub->graph_ips : sub->ip_count;
		const size_t counts[] = {vms, vms, sub->subnet_count, ips};

		memcpy(end, from[kind], counts[kind] * sizes[kind]);
		end += counts[kind] * sizes[kind];
	}
	*ret_count = (size_t)(end - all) / sizes[kind];
	return all;
}

static void answer_graph(const struct azjit_call *call, struct azjit_answer *answer)
{
	struct world *w = the_world;
	long left = allocations_left;
	size_t count, first = call->first, end;
	struct azjit_graph_page page = {.next = ""};
	char next[32];
	void *all;

	allocations_left = 0;
	all = graph_rows(w, call->rows, &count);
	end = w->page_rows && first + w->page_rows < count ? first + w->page_rows : count;
	(void)snprintf(next, sizeof(next), "%zu", end);
	if (end < count)
		page.next = next;
	first -= first > 0;
	page.count = end - first;
	page.vms = call->rows == AZJIT_GRAPH_VMS ? (struct azjit_vm *)all + first : NULL;
	page.nics = call->rows == AZJIT_GRAPH_NICS ? (struct azjit_nic *)all + first : NULL;
	page.subnets = call->rows == AZJIT_GRAPH_SUBNETS ? (struct azjit_subnet *)all + first : NULL;
	page.public_ips = call->rows == AZJIT_GRAPH_PUBLIC_IPS ? (struct azjit_public_ip *)all + first : NULL;
	if (w->graph_result != AZJIT_OK) {
		answer->result = w->graph_result;
		answer->http_status = w->graph_status;
		answer->code = "AccessDenied";
		answer->message = "Access denied.";
	}
	allocations_left = left;
	call->graph(call->userdata, answer, answer->result == AZJIT_OK ? &page : NULL);
	free(all);
}

#endif
