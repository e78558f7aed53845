// SPDX-License-Identifier: Apache-2.0
// Makes a snapshot of what the lists told: a few steps, each over all records of some kind, of which so many
// are done at a time.
#include "inventory_build.h"

#define RECORDS_A_TURN 2048 // about a millisecond

struct inv_join {
	size_t step;
	bool begun;
	uint32_t at, count;   // of the step's records
	uint32_t found_by_id; // VMs
	uint32_t looked_at;   // claims, for machines that are none of Azure's
	struct inv_index nics, subnets, public_ips;
	struct inv_indexed indexed[INV_INDEXES];
};

void inv_join_free(struct inv_join *join)
{
	if (!join)
		return;
	inv_index_free(&join->nics);
	inv_index_free(&join->subnets);
	inv_index_free(&join->public_ips);
	free(join);
}

// --- tables of what is found by its id ----------------------------------------------------------------

struct table {
	const struct inv_array *records;
	size_t item_bytes;
	struct inv_index *index;
};

enum { TABLE_NICS, TABLE_SUBNETS, TABLE_PUBLIC_IPS };

static struct table table_of(const struct inv_builder *builder, int which)
{
	const struct table tables[] = {
	        [TABLE_NICS] = {&builder->nics, sizeof(struct nic), &builder->join->nics},
	        [TABLE_SUBNETS] = {&builder->subnets, sizeof(struct subnet), &builder->join->subnets},
	        [TABLE_PUBLIC_IPS] = {&builder->public_ips, sizeof(struct public_ip),
	                              &builder->join->public_ips},
	};

	return tables[which];
}

static const struct inv_id *id_of(const struct table *table, uint32_t record)
{
	return (const void *)((const char *)table->records->items + record * table->item_bytes);
}

static uint32_t hash_of(struct inv_id id)
{
	return inv_hash_number(id.dir * 31 + id.name);
}

static uint32_t begin_table(struct inv_builder *builder, int which)
{
	struct table table = table_of(builder, which);

	builder->failed |= !inv_index_new(table.index, table.records->count);
	return table.records->count;
}

static void add_to_table(struct inv_builder *builder, int which, uint32_t record)
{
	struct table table = table_of(builder, which);

	record = table.records->count - 1 - record;
	inv_index_add(table.index, record, hash_of(*id_of(&table, record)));
}

static const void *find(const struct inv_builder *builder, int which, struct inv_id id)
{
	struct table table = table_of(builder, which);
	uint32_t record = id.name ? inv_index_first(table.index, hash_of(id)) : INV_NONE;

	for (; record != INV_NONE; record = inv_index_next(table.index, record)) {
		const struct inv_id *have = id_of(&table, record);

		if (have->dir == id.dir && have->name == id.name)
			return have;
	}
	return NULL;
}

// --- addresses of VMs ---------------------------------------------------------------------------------

// Few have one, so it takes no room in the address.
static void add_dns_name(struct inv_builder *builder, const struct public_ip *ip, uint32_t address)
{
	struct inv_dns_name *name;

	if (!ip || !ip->dns_name)
		return;
	name = inv_builder_push(builder, &builder->snapshot->dns_names, 1, sizeof(*name));
	if (!name)
		return;
	name->text =
	        inv_builder_text(builder, &builder->snapshot->text, inv_text(&builder->text, ip->dns_name));
	name->address = address;
}

static void add_address(struct inv_builder *builder, uint32_t vm, const struct nic *nic,
                        const struct ipconfig *config)
{
	const struct public_ip *ip = find(builder, TABLE_PUBLIC_IPS, config->public_ip);
	const struct subnet *subnet = find(builder, TABLE_SUBNETS, config->subnet);
	struct inv_vm *owner = INV(struct inv_vm, &builder->snapshot->vms, vm);
	struct inv_address *address;

	owner->gap |= !subnet || (config->public_ip.name && !ip);
	// An IPv6 configuration is none for just-in-time access (azure.md §0.7).
	if ((!config->private_addr && !(ip && ip->addr)) || owner->address_count == UINT8_MAX)
		return;
	address = inv_builder_push(builder, &builder->snapshot->addresses, 1, sizeof(*address));
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

static uint32_t begin_vms(struct inv_builder *builder, int which)
{
	(void)which;
	return builder->vm_nics.count; // those that were fed
}

// The primary NIC comes first in the VM's list; its primary configuration first of it.
static void join_vm(struct inv_builder *builder, int which, uint32_t vm)
{
	uint32_t list = *INV(uint32_t, &builder->vm_nics, vm);
	uint32_t count = *INV(uint32_t, &builder->lists, list);

	(void)which;
	INV(struct inv_vm, &builder->snapshot->vms, vm)->first_address = builder->snapshot->addresses.count;
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t *parts = INV(uint32_t, &builder->lists, list + 1 + 2 * i);
		const struct nic *nic = find(builder, TABLE_NICS, (struct inv_id){parts[0], parts[1]});

		if (!nic)
			INV(struct inv_vm, &builder->snapshot->vms, vm)->gap = true;
		for (int primary = 1; nic && primary >= 0; primary--)
			for (uint32_t j = 0; j < nic->count; j++) {
				const struct ipconfig *config =
				        INV(struct ipconfig, &builder->ipconfigs, nic->first + j);

				if (config->primary == (primary == 1))
					add_address(builder, vm, nic, config);
			}
	}
}

// --- the snapshot's own indexes -----------------------------------------------------------------------

static uint32_t begin_index(struct inv_builder *builder, int which)
{
	struct inv_indexed *indexed = builder->join->indexed;

	inv_snapshot_indexed(builder->snapshot, indexed);
	if (which == 0 && builder->join->found_by_id == indexed[which].count)
		return 0; // since the first time none came to them
	if (which == 0)
		builder->join->found_by_id = indexed[which].count;
	builder->failed |= !inv_index_new(indexed[which].index, indexed[which].count);
	return indexed[which].count;
}

static void add_to_index(struct inv_builder *builder, int which, uint32_t record)
{
	const struct inv_indexed *indexed = &builder->join->indexed[which];

	record = indexed->count - 1 - record;
	inv_index_add(indexed->index, record, indexed->hash(builder->snapshot, record));
}

// --- what is there twice, what no list tells, policies ------------------------------------------------

static void look_for_repeated(struct inv_builder *builder, int which, uint32_t vm)
{
	(void)which;
	inv_mark_repeated(builder, vm);
}

// At once: it is seldom that there are any.
static uint32_t drop_repeated(struct inv_builder *builder, int which)
{
	(void)which;
	builder->failed |= !inv_drop_repeated(builder);
	builder->join->found_by_id = builder->snapshot->vms.count;
	return 0;
}

static uint32_t begin_foreign(struct inv_builder *builder, int which)
{
	(void)which;
	builder->join->looked_at = builder->claims.count;
	return builder->claims.count;
}

static void take_foreign(struct inv_builder *builder, int which, uint32_t claim)
{
	(void)which;
	(void)inv_add_foreign(builder, INV(struct claim, &builder->claims, claim));
}

static uint32_t begin_claims(struct inv_builder *builder, int which)
{
	(void)which;
	return builder->claims.count;
}

// One that came while we joined may name a machine that only it tells of: the indexes are made again.
static void take_claim(struct inv_builder *builder, int which, uint32_t at)
{
	const struct claim *claim = INV(struct claim, &builder->claims, at);

	(void)which;
	if (at >= builder->join->looked_at && inv_add_foreign(builder, claim))
		builder->failed |= !inv_snapshot_index_all(builder->snapshot);
	if (!builder->failed)
		(void)inv_add_claim(builder, claim);
}

// --- all of it ----------------------------------------------------------------------------------------

static const struct step {
	uint32_t (*begin)(struct inv_builder *builder, int which); // how many records there are
	void (*one)(struct inv_builder *builder, int which, uint32_t record);
	int which;
} steps[] = {
        {begin_table, add_to_table, TABLE_NICS},
        {begin_table, add_to_table, TABLE_SUBNETS},
        {begin_table, add_to_table, TABLE_PUBLIC_IPS},
        {begin_index, add_to_index, 0},
        {begin_vms, look_for_repeated, 0},
        {drop_repeated, NULL, 0},
        {begin_foreign, take_foreign, 0},
        {begin_vms, join_vm, 0},
        {begin_index, add_to_index, 0},
        {begin_index, add_to_index, 1},
        {begin_index, add_to_index, 2},
        {begin_index, add_to_index, 3},
        {begin_index, add_to_index, 4},
        {begin_index, add_to_index, 5},
        {begin_claims, take_claim, 0},
};
_Static_assert(AZJIT_COUNT(steps) == 9 + INV_INDEXES, "each index has a step");

bool inv_build_some(struct inv_builder *builder)
{
	struct inv_join *join = builder->join;

	if (!join)
		join = builder->join = calloc(1, sizeof(*join));
	builder->failed |= !join;
	// More claims may have come since the last time.
	if (join && join->step == AZJIT_COUNT(steps) - 1)
		join->count = builder->claims.count;
	for (unsigned left = RECORDS_A_TURN; left > 0 && !builder->failed;) {
		const struct step *step = &steps[join->step];

		if (!join->begun) {
			join->at = 0;
			join->count = step->begin(builder, step->which);
			join->begun = true;
		} else if (join->at < join->count) {
			step->one(builder, step->which, join->at++);
			left--;
		} else if (join->step == AZJIT_COUNT(steps) - 1) {
			inv_snapshot_trim(builder->snapshot);
			return false;
		} else {
			join->step++;
			join->begun = false;
		}
	}
	return !builder->failed;
}
