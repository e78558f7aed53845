// SPDX-License-Identifier: Apache-2.0
// What the guard and `azjit status` want of the whole inventory.
#include "inventory_private.h"

#include <strings.h>

// A pair as a number: its address, then its port.
struct pairs {
	uint64_t *items;
	size_t count, alloc;
};

static bool add_pair(struct pairs *pairs, uint32_t number, uint16_t port)
{
	if (pairs->count == pairs->alloc) {
		size_t alloc = pairs->alloc ? pairs->alloc * 2 : 64;
		uint64_t *grown = reallocarray(pairs->items, alloc, sizeof(*grown));

		if (!grown)
			return false;
		pairs->items = grown;
		pairs->alloc = alloc;
	}
	pairs->items[pairs->count++] = (uint64_t)number << 16 | port;
	return true;
}

// A redirect of a forbidden address would take more from this host than Azure has a say in.
static bool is_kept(uint32_t number)
{
	struct azjit_addr addr;
	const char *why;

	inv_addr_from(number, &addr);
	return number && !azjit_addr_forbidden(&addr, &why);
}

static bool add_address(const struct inv_snapshot *s, const struct inv_vm *vm, uint32_t number,
                        struct pairs *pairs)
{
	bool kept = is_kept(number);

	for (uint32_t i = 0; kept && i < vm->port_count; i++) {
		const struct inv_port *port = INV(struct inv_port, &s->ports, vm->first_port + i);

		if (port->protocol != AZJIT_PROTOCOL_UDP && port->number != 0 &&
		    !add_pair(pairs, number, port->number))
			return false;
	}
	return true;
}

static bool add_vm(const struct inv_snapshot *s, const struct inv_vm *vm, struct pairs *pairs)
{
	for (uint32_t j = 0; vm->port_count && j < vm->address_count; j++) {
		const struct inv_address *address =
		        INV(struct inv_address, &s->addresses, vm->first_address + j);

		if (!add_address(s, vm, address->private_addr, pairs) ||
		    !add_address(s, vm, address->public_addr, pairs))
			return false;
	}
	return true;
}

#define DIGIT_BITS 12
#define DIGITS     4 // of 48 bits; an even number, so that the last pass ends where the first began

// By digits: comparing hundreds of thousands would stop the loop ten times as long.
static bool sort(struct pairs *pairs)
{
	_cleanup_free_ uint64_t *other = reallocarray(NULL, pairs->count + 1, sizeof(*other));
	uint64_t *from = pairs->items, *to = other;

	for (unsigned shift = 0; other && shift < DIGITS * DIGIT_BITS; shift += DIGIT_BITS) {
		size_t starts[1 << DIGIT_BITS] = {0}, sum = 0;
		uint64_t *swap = from;

		for (size_t i = 0; i < pairs->count; i++)
			starts[from[i] >> shift & ((1 << DIGIT_BITS) - 1)]++;
		for (size_t digit = 0; digit < AZJIT_COUNT(starts); digit++) {
			size_t count = starts[digit];

			starts[digit] = sum;
			sum += count;
		}
		for (size_t i = 0; i < pairs->count; i++)
			to[starts[from[i] >> shift & ((1 << DIGIT_BITS) - 1)]++] = from[i];
		from = to;
		to = swap;
	}
	return other;
}

enum azjit_result azjit_inventory_managed(const struct azjit_inventory *inventory, struct azjit_managed **ret,
                                          size_t *ret_count)
{
	const struct inv_snapshot *s = inventory->snapshot;
	struct pairs pairs = {NULL, 0, 0};
	struct azjit_managed *list;
	bool ok = true;
	size_t kept = 0;

	for (uint32_t vm = 0; s && ok && vm < s->vms.count; vm++)
		ok = add_vm(s, INV(struct inv_vm, &s->vms, vm), &pairs);
	ok = ok && sort(&pairs);
	list = ok ? reallocarray(NULL, pairs.count + 1, sizeof(*list)) : NULL;
	for (size_t i = 0; list && i < pairs.count; i++) {
		if (i > 0 && pairs.items[i] == pairs.items[i - 1])
			continue;
		inv_addr_from((uint32_t)(pairs.items[i] >> 16), &list[kept].addr);
		list[kept++].port = (uint16_t)pairs.items[i];
	}
	free(pairs.items);
	if (!list)
		return AZJIT_NOMEM;
	*ret = list;
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
