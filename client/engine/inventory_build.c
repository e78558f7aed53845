// SPDX-License-Identifier: Apache-2.0
#include "inventory_build.h"

#include <strings.h>

#define SETS_COMPARED 8 // port sets of one policy that are looked at for an equal one

void inv_builder_clear(struct inv_builder *builder)
{
	inv_array_free(&builder->text);
	inv_array_free(&builder->lists);
	inv_array_free(&builder->vm_nics);
	inv_array_free(&builder->nics);
	inv_array_free(&builder->ipconfigs);
	inv_array_free(&builder->subnets);
	inv_array_free(&builder->public_ips);
	inv_array_free(&builder->claims);
	inv_array_free(&builder->interned.slots);
	inv_array_free(&builder->known.slots);
	builder->interned.count = builder->known.count = builder->repeated = 0;
	inv_join_free(STEAL(builder->join));
}

void *inv_builder_push(struct inv_builder *builder, struct inv_array *array, size_t count, size_t item_bytes)
{
	void *room = count < INV_NONE ? inv_push(array, (uint32_t)count, item_bytes) : NULL;

	builder->failed |= room == NULL;
	return room;
}

inv_str inv_builder_text(struct inv_builder *builder, struct inv_array *pool, const char *text)
{
	inv_str string = inv_add_text(pool, text ? text : "");

	builder->failed |= string == INV_NONE;
	return string == INV_NONE ? 0 : string;
}

// --- strings that many records share: each once in the snapshot ---

static bool same_bytes(const char *text, const char *other, size_t len)
{
	return strncasecmp(text, other, len) == 0 && !text[len];
}

struct slot {
	uint32_t hash;
	inv_str string; // 0: empty
};

static struct slot *intern_slot(const struct inv_array *slots, const struct inv_array *pool, uint32_t hash,
                                const char *text, size_t len)
{
	for (uint32_t at = hash;; at++) {
		struct slot *slot = INV(struct slot, slots, at & (slots->count - 1));

		if (!slot->string ||
		    (slot->hash == hash && same_bytes(inv_text(pool, slot->string), text, len)))
			return slot;
	}
}

// What is there differs, so only an empty slot is looked for.
static bool intern_grow(struct inv_builder *builder, struct inv_interned *table)
{
	struct inv_array bigger = {NULL, 0, 0};
	uint32_t size = table->slots.count ? table->slots.count * 2 : 64;

	if (!inv_builder_push(builder, &bigger, size, sizeof(struct slot)))
		return false;
	for (uint32_t i = 0; i < table->slots.count; i++) {
		const struct slot *slot = INV(struct slot, &table->slots, i);
		uint32_t at = slot->hash & (size - 1);

		while (slot->string && INV(struct slot, &bigger, at)->string)
			at = (at + 1) & (size - 1);
		if (slot->string)
			*INV(struct slot, &bigger, at) = *slot;
	}
	inv_array_free(&table->slots);
	table->slots = bigger;
	return true;
}

// In the snapshot's text, or in ours.
static inv_str intern_bytes(struct inv_builder *builder, bool ours, const char *text, size_t len)
{
	struct inv_interned *table = ours ? &builder->known : &builder->interned;
	struct inv_array *pool = ours ? &builder->text : &builder->snapshot->text;
	uint32_t hash = inv_hash_bytes(text, len);
	struct slot *slot;

	if (len == 0)
		return 0;
	if (table->count * 2 >= table->slots.count && !intern_grow(builder, table))
		return 0;
	slot = intern_slot(&table->slots, pool, hash, text, len);
	if (!slot->string) {
		inv_str string = inv_add_bytes(pool, text, len);

		builder->failed |= string == INV_NONE;
		*slot = (struct slot){hash, string == INV_NONE ? 0 : string};
		table->count += slot->string != 0;
	}
	return slot->string;
}

static inv_str intern(struct inv_builder *builder, const char *text)
{
	return text ? intern_bytes(builder, false, text, strlen(text)) : 0;
}

static struct inv_id intern_id(struct inv_builder *builder, bool ours, const char *text)
{
	const char *name = text ? azjit_id_name(text) : "";

	if (!*name)
		return (struct inv_id){0, 0};
	return (struct inv_id){intern_bytes(builder, ours, text, (size_t)(name - text)),
	                       intern_bytes(builder, ours, name, strlen(name))};
}

static uint32_t add_list(struct inv_builder *builder, const char *const *texts, size_t count)
{
	struct inv_array *lists = &builder->snapshot->lists;
	uint32_t at = lists->count;

	if (count == 0 || !inv_builder_push(builder, lists, count + 1, sizeof(uint32_t)))
		return 0;
	*INV(uint32_t, lists, at) = (uint32_t)count;
	for (size_t i = 0; i < count; i++)
		*INV(uint32_t, lists, at + 1 + i) = intern(builder, texts[i]);
	return at;
}

// --- policies ---

static bool same_ports(const struct inv_builder *builder, uint32_t first, const struct azjit_jit_vm *vm)
{
	const struct inv_snapshot *s = builder->snapshot;

	for (size_t i = 0; i < vm->port_count; i++) {
		const struct inv_port *have = INV(struct inv_port, &s->ports, first + i);
		const struct azjit_jit_port *port = &vm->ports[i];
		const uint32_t *list = INV(uint32_t, &s->lists, have->prefixes);

		if (have->number != port->number || have->protocol != (uint8_t)port->protocol ||
		    have->max_duration_s != (uint32_t)port->max_duration_s || list[0] != port->prefix_count)
			return false;
		for (size_t j = 0; j < port->prefix_count; j++)
			if (!azjit_ieq(inv_text(&s->text, list[1 + j]), port->prefixes[j]))
				return false;
	}
	return true;
}

static uint32_t clamp_seconds(int64_t seconds)
{
	return seconds < 0 ? 0 : seconds > 30 * 86400 ? 30 * 86400 : (uint32_t)seconds;
}

static uint32_t add_ports(struct inv_builder *builder, inv_str policy, const struct azjit_jit_vm *vm)
{
	uint32_t first = builder->snapshot->ports.count;

	if (!inv_builder_push(builder, &builder->snapshot->ports, vm->port_count, sizeof(struct inv_port)))
		return 0;
	for (size_t i = 0; i < vm->port_count; i++) {
		const struct azjit_jit_port *port = &vm->ports[i];
		uint32_t prefixes = add_list(builder, port->prefixes, port->prefix_count);

		*INV(struct inv_port, &builder->snapshot->ports, first + i) = (struct inv_port){
		        .policy = policy,
		        .prefixes = prefixes,
		        .max_duration_s = clamp_seconds(port->max_duration_s),
		        .number = port->number,
		        .protocol = (uint8_t)port->protocol,
		};
	}
	return first;
}

// Nearly all VMs of a policy have the same ports: they share one set.
static void feed_policy(struct inv_builder *builder, const struct azjit_jit_policy *policy)
{
	inv_str id = intern(builder, policy->id);
	uint32_t before = builder->claims.count;

	for (size_t i = 0; i < policy->vm_count && !builder->failed; i++) {
		const struct azjit_jit_vm *vm = &policy->vms[i];
		struct claim claim = {.port_count = (uint16_t)vm->port_count, .first_port = INV_NONE};
		struct claim *room;

		if (vm->port_count == 0 || vm->port_count > UINT16_MAX)
			continue;
		for (uint32_t j = builder->claims.count, n = 0; j-- > before && n < SETS_COMPARED; n++) {
			const struct claim *other = INV(struct claim, &builder->claims, j);

			if (other->port_count == vm->port_count &&
			    same_ports(builder, other->first_port, vm)) {
				claim.first_port = other->first_port;
				break;
			}
		}
		if (claim.first_port == INV_NONE)
			claim.first_port = add_ports(builder, id, vm);
		claim.vm = intern_id(builder, true, vm->id);
		claim.firewall = vm->public_address && *vm->public_address;
		claim.firewall_addr = claim.firewall ? inv_addr_read(vm->public_address) : 0;
		room = inv_builder_push(builder, &builder->claims, 1, sizeof(claim));
		if (room)
			*room = claim;
	}
}

void inv_feed_policies(struct inv_builder *builder, const struct azjit_jit_policy *policies, size_t count)
{
	for (size_t i = 0; i < count && !builder->failed; i++)
		feed_policy(builder, &policies[i]);
}

static bool has_port(const struct inv_snapshot *s, const struct inv_vm *vm, const struct inv_port *wanted)
{
	for (uint32_t i = 0; i < vm->port_count; i++) {
		const struct inv_port *port = INV(struct inv_port, &s->ports, vm->first_port + i);

		if (port->number == wanted->number && port->protocol == wanted->protocol &&
		    azjit_ieq(inv_text(&s->text, port->policy), inv_text(&s->text, wanted->policy)))
			return true;
	}
	return false;
}

// A VM in a further policy gets a set of its own: what it had, and the ports that are new.
static size_t merge_ports(struct inv_builder *builder, struct inv_vm *vm, const struct claim *claim)
{
	struct inv_array *ports = &builder->snapshot->ports;
	uint32_t first = ports->count, room = (uint32_t)vm->port_count + claim->port_count;
	uint32_t count = vm->port_count;

	if (room > UINT16_MAX || !inv_builder_push(builder, ports, room, sizeof(struct inv_port)))
		return 0;
	if (vm->port_count)
		memcpy(INV(struct inv_port, ports, first), INV(struct inv_port, ports, vm->first_port),
		       vm->port_count * sizeof(struct inv_port));
	for (uint32_t i = 0; i < claim->port_count; i++) {
		const struct inv_port *port = INV(struct inv_port, ports, claim->first_port + i);

		if (!has_port(builder->snapshot, vm, port))
			*INV(struct inv_port, ports, first + count++) = *port;
	}
	room = count - vm->port_count;
	ports->count = room ? first + count : first;
	if (room) {
		vm->first_port = first;
		vm->port_count = (uint16_t)count;
	}
	return room;
}

size_t inv_add_claim(struct inv_builder *builder, const struct claim *claim)
{
	struct inv_snapshot *s = builder->snapshot;
	uint32_t at = inv_vm_by_parts(s, &builder->text, claim->vm);
	struct inv_vm *vm = at == INV_NONE ? NULL : INV(struct inv_vm, &s->vms, at);

	inv_note_gap(builder, claim, at);
	// A policy may name a VM that is gone (azure.md §1.6), and be listed twice.
	if (!vm)
		return 0;
	if (!vm->firewall_addr)
		vm->firewall_addr = claim->firewall_addr;
	vm->firewall |= claim->firewall;
	if (vm->port_count)
		return merge_ports(builder, vm, claim);
	vm->first_port = claim->first_port;
	vm->port_count = claim->port_count;
	return claim->port_count;
}

bool inv_add_policies(struct inv_builder *builder, size_t *ret_added)
{
	bool foreign = false;
	size_t added = 0;

	for (uint32_t i = 0; i < builder->claims.count && !builder->failed; i++)
		foreign |= inv_add_foreign(builder, INV(struct claim, &builder->claims, i));
	builder->failed |= foreign && !inv_snapshot_index_all(builder->snapshot);
	for (uint32_t i = 0; i < builder->claims.count && !builder->failed; i++)
		added += inv_add_claim(builder, INV(struct claim, &builder->claims, i));
	*ret_added = added;
	return !builder->failed;
}

// --- VMs and what hangs on them ---

static void feed_tags(struct inv_builder *builder, const struct azjit_vm *from, uint32_t vm)
{
	struct inv_tag *tags = from->tag_count ? inv_builder_push(builder, &builder->snapshot->tags,
	                                                          from->tag_count, sizeof(*tags))
	                                       : NULL;

	for (size_t i = 0; tags && i < from->tag_count; i++) {
		inv_tag_hash(from->tags[i].name, strlen(from->tags[i].name), from->tags[i].value,
		             tags[i].hash);
		tags[i].vm = vm;
	}
}

// Names of VMs are seldom the same, so they are not looked for.
struct inv_id inv_builder_vm_id(struct inv_builder *builder, const char *text)
{
	const char *name = azjit_id_name(text);

	return (struct inv_id){intern_bytes(builder, false, text, (size_t)(name - text)),
	                       inv_builder_text(builder, &builder->snapshot->text, name)};
}

void inv_feed_vms(struct inv_builder *builder, const struct azjit_vm *vms, size_t count)
{
	struct inv_snapshot *s = builder->snapshot;

	for (size_t i = 0; i < count && !builder->failed; i++) {
		struct inv_vm *vm = inv_builder_push(builder, &s->vms, 1, sizeof(*vm));
		uint32_t *nics = inv_builder_push(builder, &builder->vm_nics, 1, sizeof(*nics));
		uint32_t at = builder->lists.count;

		if (!vm || !nics ||
		    !inv_builder_push(builder, &builder->lists, 2 * vms[i].nic_count + 1, sizeof(uint32_t)))
			return;
		vm->id = inv_builder_vm_id(builder, vms[i].id);
		vm->stopped = azjit_ieq(vms[i].deny_tag, "deny");
		feed_tags(builder, &vms[i], s->vms.count - 1);
		*nics = at;
		*INV(uint32_t, &builder->lists, at) = (uint32_t)vms[i].nic_count;
		for (size_t j = 0; j < vms[i].nic_count; j++) {
			struct inv_id nic = intern_id(builder, true, vms[i].nic_ids[j]);

			*INV(uint32_t, &builder->lists, at + 1 + 2 * j) = nic.dir;
			*INV(uint32_t, &builder->lists, at + 2 + 2 * j) = nic.name;
		}
	}
}

static void feed_ipconfig(struct inv_builder *builder, const struct azjit_ipconfig *from)
{
	struct ipconfig *config = inv_builder_push(builder, &builder->ipconfigs, 1, sizeof(*config));

	if (!config)
		return;
	config->public_ip = intern_id(builder, true, from->public_ip_id);
	config->subnet = intern_id(builder, true, from->subnet_id);
	config->private_addr = inv_addr_number(&from->private_addr);
	config->asgs = add_list(builder, from->asg_ids, from->asg_count);
	config->primary = from->primary;
}

void inv_feed_nics(struct inv_builder *builder, const struct azjit_nic *nics, size_t count)
{
	for (size_t i = 0; i < count && !builder->failed; i++) {
		struct nic *nic = inv_builder_push(builder, &builder->nics, 1, sizeof(*nic));

		if (!nic)
			return;
		nic->id = intern_id(builder, true, nics[i].id);
		nic->nsg = intern_id(builder, false, nics[i].nsg_id);
		nic->first = builder->ipconfigs.count;
		nic->count = (uint32_t)nics[i].ipconfig_count;
		for (size_t j = 0; j < nics[i].ipconfig_count; j++)
			feed_ipconfig(builder, &nics[i].ipconfigs[j]);
	}
}

void inv_feed_subnets(struct inv_builder *builder, const struct azjit_subnet *subnets, size_t count)
{
	for (size_t i = 0; i < count && !builder->failed; i++) {
		struct subnet *subnet = inv_builder_push(builder, &builder->subnets, 1, sizeof(*subnet));

		if (!subnet)
			return;
		subnet->id = intern_id(builder, true, subnets[i].id);
		subnet->nsg = intern(builder, subnets[i].nsg_id);
	}
}

void inv_feed_public_ips(struct inv_builder *builder, const struct azjit_public_ip *ips, size_t count)
{
	for (size_t i = 0; i < count && !builder->failed; i++) {
		struct public_ip *ip = inv_builder_push(builder, &builder->public_ips, 1, sizeof(*ip));

		if (!ip)
			return;
		ip->id = intern_id(builder, true, ips[i].id);
		ip->dns_name = inv_builder_text(builder, &builder->text, ips[i].dns_name);
		ip->addr = inv_addr_number(&ips[i].addr);
	}
}
