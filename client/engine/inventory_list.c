// SPDX-License-Identifier: Apache-2.0
// What the guard and `azjit status` want of the whole inventory.
#include "inventory_private.h"

#include <strings.h>

struct pairs {
	struct azjit_managed *items;
	size_t count, alloc;
};

static bool add_pair(struct pairs *pairs, uint32_t number, uint16_t port)
{
	struct azjit_addr addr;
	const char *why;

	inv_addr_from(number, &addr);
	// A redirect of such an address would take more from this host than Azure has a say in.
	if (!number || azjit_addr_forbidden(&addr, &why))
		return true;
	if (pairs->count == pairs->alloc) {
		size_t alloc = pairs->alloc ? pairs->alloc * 2 : 64;
		struct azjit_managed *grown = reallocarray(pairs->items, alloc, sizeof(*grown));

		if (!grown)
			return false;
		pairs->items = grown;
		pairs->alloc = alloc;
	}
	pairs->items[pairs->count++] = (struct azjit_managed){addr, port};
	return true;
}

static bool add_vm(const struct inv_snapshot *s, const struct inv_vm *vm, struct pairs *pairs)
{
	for (uint32_t i = 0; i < vm->port_count; i++) {
		const struct inv_port *port = INV(struct inv_port, &s->ports, vm->first_port + i);

		if (port->protocol == AZJIT_PROTOCOL_UDP || port->number == 0)
			continue;
		for (uint32_t j = 0; j < vm->address_count; j++) {
			const struct inv_address *address =
			        INV(struct inv_address, &s->addresses, vm->first_address + j);

			if (!add_pair(pairs, address->private_addr, port->number) ||
			    !add_pair(pairs, address->public_addr, port->number))
				return false;
		}
	}
	return true;
}

static int compare_pairs(const void *a, const void *b)
{
	const struct azjit_managed *x = a, *y = b;
	int order = memcmp(x->addr.bytes, y->addr.bytes, 4);

	return order ? order : (x->port > y->port) - (x->port < y->port);
}

enum azjit_result azjit_inventory_managed(const struct azjit_inventory *inventory, struct azjit_managed **ret,
                                          size_t *ret_count)
{
	const struct inv_snapshot *s = inventory->snapshot;
	struct pairs pairs = {NULL, 0, 0};
	size_t kept = 0;

	for (uint32_t vm = 0; s && vm < s->vms.count; vm++) {
		if (add_vm(s, INV(struct inv_vm, &s->vms, vm), &pairs))
			continue;
		free(pairs.items);
		return AZJIT_NOMEM;
	}
	if (pairs.count)
		qsort(pairs.items, pairs.count, sizeof(*pairs.items), compare_pairs);
	for (size_t i = 0; i < pairs.count; i++)
		if (kept == 0 || compare_pairs(&pairs.items[kept - 1], &pairs.items[i]) != 0)
			pairs.items[kept++] = pairs.items[i];
	*ret = pairs.items;
	*ret_count = kept;
	return AZJIT_OK;
}

// --- counts ---

static int compare_texts(const void *a, const void *b)
{
	return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

// Ports of one policy lie together and sets are shared, so this is a list of few.
static size_t count_policies(const struct inv_snapshot *s)
{
	_cleanup_free_ const char **ids = calloc((size_t)s->ports.count + 1, sizeof(*ids));
	size_t count = 0, distinct = 0;

	for (uint32_t i = 0; ids && i < s->ports.count; i++) {
		inv_str policy = INV(struct inv_port, &s->ports, i)->policy;

		if (i == 0 || policy != INV(struct inv_port, &s->ports, i - 1)->policy)
			ids[count++] = inv_text(&s->text, policy);
	}
	if (count)
		qsort(ids, count, sizeof(*ids), compare_texts);
	for (size_t i = 0; i < count; i++)
		distinct += i == 0 || strcasecmp(ids[i - 1], ids[i]) != 0;
	return distinct;
}

static size_t count_ports(const struct inv_snapshot *s, const struct inv_vm *vm)
{
	size_t distinct = 0;

	for (uint32_t i = 0; i < vm->port_count; i++) {
		uint16_t number = INV(struct inv_port, &s->ports, vm->first_port + i)->number;
		bool again = false;

		for (uint32_t j = 0; j < i && !again; j++)
			again = INV(struct inv_port, &s->ports, vm->first_port + j)->number == number;
		distinct += !again;
	}
	return distinct;
}

void azjit_inventory_counts(const struct azjit_inventory *inventory, struct azjit_inventory_counts *ret)
{
	const struct inv_snapshot *s = inventory->snapshot;

	*ret = (struct azjit_inventory_counts){.refreshed = inventory->refreshed};
	ret->graph = inventory->from_graph;
	ret->why_lists = inventory->graph_error.text;
	if (!s)
		return;
	ret->vms = s->vms.count;
	ret->policies = count_policies(s);
	for (uint32_t vm = 0; vm < s->vms.count; vm++)
		ret->managed_ports += count_ports(s, INV(struct inv_vm, &s->vms, vm));
}
