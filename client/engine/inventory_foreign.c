// SPDX-License-Identifier: Apache-2.0
// Machines that a policy names and that are no virtual machines of Azure: those connected from AWS, of which
// no document of Microsoft tells the form of an id (azure.md §3), and classic ones. They are taken as the
// service lists them. No list tells their addresses, so root's configuration does; no security group of
// theirs can be read, so nothing but a handshake proves a port of theirs open.
#include "inventory_build.h"

static void add_address(struct inv_builder *builder, uint32_t vm, const char *id)
{
	struct inv_snapshot *s = builder->snapshot;
	const struct azjit_config *config = builder->config;
	struct inv_address *address;

	for (size_t i = 0; i < config->alias_count; i++) {
		const struct azjit_alias *alias = &config->aliases[i];

		if (!inv_addr_number(&alias->address) ||
		    !(azjit_ieq(alias->vm, id) || azjit_ieq(alias->vm, azjit_id_name(id))))
			continue;
		address = inv_builder_push(builder, &s->addresses, 1, sizeof(*address));
		if (!address)
			return;
		address->private_addr = inv_addr_number(&alias->address);
		address->vm = vm;
		address->subnet_unread = true;
		INV(struct inv_vm, &s->vms, vm)->address_count = 1;
		return;
	}
}

static bool add_machine(struct inv_builder *builder, const char *id, enum azjit_machine machine)
{
	struct inv_snapshot *s = builder->snapshot;
	struct inv_vm *vm = inv_builder_push(builder, &s->vms, 1, sizeof(*vm));

	if (!vm)
		return false;
	vm->id = inv_builder_vm_id(builder, id);
	vm->first_address = s->addresses.count;
	vm->machine = machine;
	if (machine == AZJIT_MACHINE_OTHER)
		add_address(builder, s->vms.count - 1, id);
	return !builder->failed;
}

// Those that were added since VMs were made to be found by their id.
static bool is_there(const struct inv_builder *builder, const char *id)
{
	const struct inv_snapshot *s = builder->snapshot;

	for (uint32_t vm = builder->vm_nics.count; vm < s->vms.count; vm++)
		if (inv_id_is(&s->text, INV(struct inv_vm, &s->vms, vm)->id, id))
			return true;
	return false;
}

bool inv_add_foreign(struct inv_builder *builder, const struct claim *claim)
{
	_cleanup_free_ char *id = NULL;
	enum azjit_machine machine;

	if (inv_vm_by_parts(builder->snapshot, &builder->text, claim->vm) != INV_NONE)
		return false;
	id = inv_id_text(&builder->text, claim->vm);
	builder->failed |= !id;
	machine = id ? azjit_machine_of(id) : AZJIT_MACHINE_AZURE;
	return machine != AZJIT_MACHINE_AZURE && !is_there(builder, id) && add_machine(builder, id, machine);
}
