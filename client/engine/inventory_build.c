// SPDX-License-Identifier: Apache-2.0
#include "inventory_store.h"

struct nic {
	inv_str id, nsg; // nsg: of the snapshot
	uint32_t first, count;
};
struct ipconfig {
	inv_str public_ip, subnet;
	uint32_t private_addr, asgs; // asgs: of the snapshot
	bool primary;
};
struct subnet {
	inv_str id, nsg; // nsg: of the snapshot
};
struct public_ip {
	inv_str id, dns_name;
	uint32_t addr;
};
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
	inv_array_free(&builder->interned);
	builder->interned_count = 0;
}

static void *push(struct inv_builder *builder, struct inv_array *array, size_t count, size_t item_bytes)
{
	void *room = count < INV_NONE ? inv_push(array, (uint32_t)count, item_bytes) : NULL;

	builder->failed |= room == NULL;
	return room;
}

static inv_str add_text(struct inv_builder *builder, struct inv_array *pool, const char *text)
{
	inv_str string = inv_add_text(pool, text ? text : "");

	builder->failed |= string == INV_NONE;
	return string == INV_NONE ? 0 : string;
}

// --- strings that many records share: each once in the snapshot ---

static inv_str *intern_slot(const struct inv_builder *builder, const struct inv_array *table,
                            const char *text)
{
	uint32_t mask = table->count - 1, at = inv_hash_text(text) & mask;

	while (*INV(inv_str, table, at) &&
	       !azjit_ieq(inv_text(&builder->snapshot->text, *INV(inv_str, table, at)), text))
		at = (at + 1) & mask;
	return INV(inv_str, table, at);
}

static bool intern_grow(struct inv_builder *builder)
{
	struct inv_array bigger = {NULL, 0, 0};
	uint32_t size = builder->interned.count ? builder->interned.count * 2 : 64;

	if (!push(builder, &bigger, size, sizeof(inv_str)))
		return false;
	for (uint32_t i = 0; i < builder->interned.count; i++) {
		inv_str string = *INV(inv_str, &builder->interned, i);

		if (string)
			*intern_slot(builder, &bigger, inv_text(&builder->snapshot->text, string)) = string;
	}
	inv_array_free(&builder->interned);
	builder->interned = bigger;
	return true;
}

static inv_str intern(struct inv_builder *builder, const char *text)
{
	inv_str *slot;

	if (!text || !*text)
		return 0;
	if (builder->interned_count * 2 >= builder->interned.count && !intern_grow(builder))
		return 0;
	slot = intern_slot(builder, &builder->interned, text);
	if (!*slot) {
		*slot = add_text(builder, &builder->snapshot->text, text);
		builder->interned_count += *slot != 0;
	}
	return *slot;
}

static uint32_t add_list(struct inv_builder *builder, const char *const *texts, size_t count)
{
	struct inv_array *lists = &builder->snapshot->lists;
	uint32_t at = lists->count;

	if (count == 0 || !push(builder, lists, count + 1, sizeof(uint32_t)))
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

	if (!push(builder, &builder->snapshot->ports, vm->port_count, sizeof(struct inv_port)))
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
		struct inv_claim claim = {.port_count = (uint16_t)vm->port_count, .first_port = INV_NONE};
		struct inv_claim *room;

		if (vm->port_count == 0 || vm->port_count > UINT16_MAX)
			continue;
		for (uint32_t j = builder->claims.count, n = 0; j-- > before && n < SETS_COMPARED; n++) {
			const struct inv_claim *other = INV(struct inv_claim, &builder->claims, j);

			if (other->port_count == vm->port_count &&
			    same_ports(builder, other->first_port, vm)) {
				claim.first_port = other->first_port;
				break;
			}
		}
		if (claim.first_port == INV_NONE)
			claim.first_port = add_ports(builder, id, vm);
		claim.vm = add_text(builder, &builder->text, vm->id);
		claim.firewall = vm->public_address && *vm->public_address;
		claim.firewall_addr = claim.firewall ? inv_addr_read(vm->public_address) : 0;
		room = push(builder, &builder->claims, 1, sizeof(claim));
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
static size_t merge_ports(struct inv_builder *builder, struct inv_vm *vm, const struct inv_claim *claim)
{
	struct inv_array *ports = &builder->snapshot->ports;
	uint32_t first = ports->count, room = (uint32_t)vm->port_count + claim->port_count;
	uint32_t count = vm->port_count;

	if (room > UINT16_MAX || !push(builder, ports, room, sizeof(struct inv_port)))
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

bool inv_add_policies(struct inv_builder *builder, size_t *ret_added)
{
	struct inv_snapshot *s = builder->snapshot;
	size_t added = 0;

	if (!inv_add_foreign(builder))
		return false;
	for (uint32_t i = 0; i < builder->claims.count && !builder->failed; i++) {
		const struct inv_claim *claim = INV(struct inv_claim, &builder->claims, i);
		uint32_t at = inv_vm_by_id(s, inv_text(&builder->text, claim->vm));
		struct inv_vm *vm = at == INV_NONE ? NULL : INV(struct inv_vm, &s->vms, at);

		// A policy may name a VM that is gone (azure.md §1.6), and be listed twice.
		if (vm && !vm->firewall_addr)
			vm->firewall_addr = claim->firewall_addr;
		if (vm)
			vm->firewall |= claim->firewall;
		if (vm && vm->port_count == 0) {
			vm->first_port = claim->first_port;
			vm->port_count = claim->port_count;
			added += claim->port_count;
		} else if (vm) {
			added += merge_ports(builder, vm, claim);
		}
	}
	*ret_added = added;
	return !builder->failed;
}

// --- VMs and what hangs on them ---

static void feed_tags(struct inv_builder *builder, const struct azjit_vm *from, uint32_t vm)
{
	struct inv_tag *tags =
	        from->tag_count ? push(builder, &builder->snapshot->tags, from->tag_count, sizeof(*tags))
	                        : NULL;

	for (size_t i = 0; tags && i < from->tag_count; i++) {
		inv_tag_hash(from->tags[i].name, strlen(from->tags[i].name), from->tags[i].value,
		             tags[i].hash);
		tags[i].vm = vm;
	}
}

void inv_feed_vms(struct inv_builder *builder, const struct azjit_vm *vms, size_t count)
{
	struct inv_snapshot *s = builder->snapshot;

	for (size_t i = 0; i < count && !builder->failed; i++) {
		struct inv_vm *vm = push(builder, &s->vms, 1, sizeof(*vm));
		uint32_t *nics = push(builder, &builder->vm_nics, 1, sizeof(*nics));
		uint32_t at = builder->lists.count;

		if (!vm || !nics || !push(builder, &builder->lists, vms[i].nic_count + 1, sizeof(uint32_t)))
			return;
		vm->id = add_text(builder, &s->text, vms[i].id);
		vm->stopped = azjit_ieq(vms[i].deny_tag, "deny");
		feed_tags(builder, &vms[i], s->vms.count - 1);
		*nics = at;
		*INV(uint32_t, &builder->lists, at) = (uint32_t)vms[i].nic_count;
		for (size_t j = 0; j < vms[i].nic_count; j++)
			*INV(uint32_t, &builder->lists, at + 1 + j) =
			        add_text(builder, &builder->text, vms[i].nic_ids[j]);
	}
}

static void feed_ipconfig(struct inv_builder *builder, const struct azjit_ipconfig *from)
{
	struct ipconfig *config = push(builder, &builder->ipconfigs, 1, sizeof(*config));

	if (!config)
		return;
	config->public_ip = add_text(builder, &builder->text, from->public_ip_id);
	config->subnet = add_text(builder, &builder->text, from->subnet_id);
	config->private_addr = inv_addr_number(&from->private_addr);
	config->asgs = add_list(builder, from->asg_ids, from->asg_count);
	config->primary = from->primary;
}

void inv_feed_nics(struct inv_builder *builder, const struct azjit_nic *nics, size_t count)
{
	for (size_t i = 0; i < count && !builder->failed; i++) {
		struct nic *nic = push(builder, &builder->nics, 1, sizeof(*nic));

		if (!nic)
			return;
		nic->id = add_text(builder, &builder->text, nics[i].id);
		nic->nsg = intern(builder, nics[i].nsg_id);
		nic->first = builder->ipconfigs.count;
		nic->count = (uint32_t)nics[i].ipconfig_count;
		for (size_t j = 0; j < nics[i].ipconfig_count; j++)
			feed_ipconfig(builder, &nics[i].ipconfigs[j]);
	}
}

void inv_feed_subnets(struct inv_builder *builder, const struct azjit_subnet *subnets, size_t count)
{
	for (size_t i = 0; i < count && !builder->failed; i++) {
		struct subnet *subnet = push(builder, &builder->subnets, 1, sizeof(*subnet));

		if (!subnet)
			return;
		subnet->id = add_text(builder, &builder->text, subnets[i].id);
		subnet->nsg = intern(builder, subnets[i].nsg_id);
	}
}

void inv_feed_public_ips(struct inv_builder *builder, const struct azjit_public_ip *ips, size_t count)
{
	for (size_t i = 0; i < count && !builder->failed; i++) {
		struct public_ip *ip = push(builder, &builder->public_ips, 1, sizeof(*ip));

		if (!ip)
			return;
		ip->id = add_text(builder, &builder->text, ips[i].id);
		ip->dns_name = add_text(builder, &builder->text, ips[i].dns_name);
		ip->addr = inv_addr_number(&ips[i].addr);
	}
}

// --- joining ---

// A table of records that begin with their id in the builder's pool.
struct table {
	const struct inv_builder *builder;
	const struct inv_array *records;
	size_t item_bytes;
	struct inv_index index;
};

static const char *record_id(const struct table *table, uint32_t record)
{
	const char *at = (const char *)table->records->items + record * table->item_bytes;

	return inv_text(&table->builder->text, *(const inv_str *)(const void *)at);
}

static uint32_t hash_record(const void *context, uint32_t record)
{
	return inv_hash_text(record_id(context, record));
}

static bool table_make(struct table *table, const struct inv_builder *builder,
                       const struct inv_array *records, size_t item_bytes)
{
	*table = (struct table){builder, records, item_bytes, {NULL, NULL, 0}};
	return inv_index_build(&table->index, records->count, hash_record, table);
}

static const void *table_find(const struct table *table, const char *id)
{
	uint32_t record = *id ? inv_index_first(&table->index, inv_hash_text(id)) : INV_NONE;

	while (record != INV_NONE && !azjit_ieq(record_id(table, record), id))
		record = inv_index_next(&table->index, record);
	return record == INV_NONE ? NULL : (const char *)table->records->items + record * table->item_bytes;
}

struct tables {
	struct table nics, subnets, public_ips;
};

// Few have one, so it takes no room in the address.
static void add_dns_name(struct inv_builder *builder, const struct public_ip *ip, uint32_t address)
{
	struct inv_dns_name *name;

	if (!ip || !ip->dns_name)
		return;
	name = push(builder, &builder->snapshot->dns_names, 1, sizeof(*name));
	if (!name)
		return;
	name->text = add_text(builder, &builder->snapshot->text, inv_text(&builder->text, ip->dns_name));
	name->address = address;
}

static void add_address(struct inv_builder *builder, const struct tables *tables, uint32_t vm,
                        const struct nic *nic, const struct ipconfig *config)
{
	const char *subnet_id = inv_text(&builder->text, config->subnet);
	const struct public_ip *ip =
	        table_find(&tables->public_ips, inv_text(&builder->text, config->public_ip));
	const struct subnet *subnet = table_find(&tables->subnets, subnet_id);
	struct inv_vm *owner = INV(struct inv_vm, &builder->snapshot->vms, vm);
	struct inv_address *address;

	owner->gap |= !subnet || (config->public_ip && !ip);
	// An IPv6 configuration is none for just-in-time access (azure.md §0.7).
	if ((!config->private_addr && !(ip && ip->addr)) || owner->address_count == UINT8_MAX)
		return;
	address = push(builder, &builder->snapshot->addresses, 1, sizeof(*address));
	if (!address)
		return;
	*address = (struct inv_address){
	        .private_addr = config->private_addr,
	        .public_addr = ip ? ip->addr : 0,
	        .nic_nsg = nic->nsg,
	        .subnet_nsg = subnet ? subnet->nsg : 0,
	        .asgs = config->asgs,
	        .vm = vm,
	        .subnet_unread = !subnet,
	};
	owner->address_count++;
	add_dns_name(builder, ip, builder->snapshot->addresses.count - 1);
}

// The primary NIC comes first in the VM's list; its primary configuration first of it.
static void join_vm(struct inv_builder *builder, const struct tables *tables, uint32_t vm)
{
	uint32_t list = *INV(uint32_t, &builder->vm_nics, vm);
	uint32_t count = *INV(uint32_t, &builder->lists, list);

	INV(struct inv_vm, &builder->snapshot->vms, vm)->first_address = builder->snapshot->addresses.count;
	for (uint32_t i = 0; i < count; i++) {
		const char *id = inv_text(&builder->text, *INV(uint32_t, &builder->lists, list + 1 + i));
		const struct nic *nic = table_find(&tables->nics, id);

		if (!nic)
			INV(struct inv_vm, &builder->snapshot->vms, vm)->gap = true;
		for (int primary = 1; nic && primary >= 0; primary--)
			for (uint32_t j = 0; j < nic->count; j++) {
				const struct ipconfig *config =
				        INV(struct ipconfig, &builder->ipconfigs, nic->first + j);

				if (config->primary == (primary == 1))
					add_address(builder, tables, vm, nic, config);
			}
	}
}

static bool join(struct inv_builder *builder)
{
	struct tables t = {0};
	bool ok = table_make(&t.nics, builder, &builder->nics, sizeof(struct nic)) &&
	          table_make(&t.subnets, builder, &builder->subnets, sizeof(struct subnet)) &&
	          table_make(&t.public_ips, builder, &builder->public_ips, sizeof(struct public_ip));

	for (uint32_t vm = 0; ok && vm < builder->snapshot->vms.count && !builder->failed; vm++)
		join_vm(builder, &t, vm);
	inv_index_free(&t.nics.index);
	inv_index_free(&t.subnets.index);
	inv_index_free(&t.public_ips.index);
	return ok && !builder->failed;
}

bool inv_build(struct inv_builder *builder)
{
	size_t added;

	if (builder->failed || !inv_drop_repeated(builder) || !join(builder) ||
	    !inv_snapshot_index(builder->snapshot) || !inv_add_policies(builder, &added))
		return false;
	inv_note_gaps(builder);
	inv_snapshot_trim(builder->snapshot);
	return true;
}
