// SPDX-License-Identifier: Apache-2.0
// Machines that a policy names and that are no virtual machines of Azure: those connected from AWS, of which
// no document of Microsoft tells the form of an id (azure.md §3), and classic ones. They are taken as the
// service lists them. No list tells their addresses, so root's configuration does; no security group of
// theirs can be read, so nothing but a handshake proves a port of theirs open.
#include "inventory_store.h"

static void add_address(struct inv_builder *builder, uint32_t vm)
{
	struct inv_snapshot *s = builder->snapshot;
	const struct azjit_config *config = builder->config;
	const char *id = inv_text(&s->text, INV(struct inv_vm, &s->vms, vm)->id);
	struct inv_address *address;

	for (size_t i = 0; i < config->alias_count; i++) {
		const struct azjit_alias *alias = &config->aliases[i];

		if (!inv_addr_number(&alias->address) ||
		    !(azjit_ieq(alias->vm, id) || azjit_ieq(alias->vm, azjit_id_name(id))))
			continue;
		address = inv_push(&s->addresses, 1, sizeof(*address));
		builder->failed |= !address;
		if (!address)
			return;
		address->private_addr = inv_addr_number(&alias->address);
		address->vm = vm;
		address->subnet_unread = true;
		INV(struct inv_vm, &s->vms, vm)->address_count = 1;
		return;
	}
}

static void add_machine(struct inv_builder *builder, const char *id, enum azjit_machine machine)
{
	struct inv_snapshot *s = builder->snapshot;
	struct inv_vm *vm = inv_push(&s->vms, 1, sizeof(*vm));
	inv_str text = vm ? inv_add_text(&s->text, id) : INV_NONE;

	builder->failed |= text == INV_NONE;
	if (builder->failed)
		return;
	vm->id = text;
	vm->first_address = s->addresses.count;
	vm->machine = machine;
	if (machine == AZJIT_MACHINE_OTHER)
		add_address(builder, s->vms.count - 1);
}

static bool claimed_before(const struct inv_builder *builder, uint32_t before, const char *id)
{
	const struct inv_snapshot *s = builder->snapshot;

	for (uint32_t vm = before; vm < s->vms.count; vm++)
		if (azjit_ieq(inv_text(&s->text, INV(struct inv_vm, &s->vms, vm)->id), id))
			return true;
	return false;
}

bool inv_add_foreign(struct inv_builder *builder)
{
	struct inv_snapshot *s = builder->snapshot;
	uint32_t before = s->vms.count;

	for (uint32_t i = 0; i < builder->claims.count && !builder->failed; i++) {
		const char *id = inv_text(&builder->text, INV(struct inv_claim, &builder->claims, i)->vm);
		enum azjit_machine machine = azjit_machine_of(id);

		if (machine != AZJIT_MACHINE_AZURE && inv_vm_by_id(s, id) == INV_NONE &&
		    !claimed_before(builder, before, id))
			add_machine(builder, id, machine);
	}
	return !builder->failed && (s->vms.count == before || inv_snapshot_index(s));
}
