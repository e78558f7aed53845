// SPDX-License-Identifier: Apache-2.0
// What who asked takes along of a VM: a copy that outlives the snapshot.
//
// Against: an Azure object that claims an address which must never be dialled. Whoever may write a NIC or a
// public address in a subscription that we read decides what stands there, so azjit_addr_forbidden has the
// last word.
#include "inventory_private.h"

static void clear_strings(struct azjit_strings *strings)
{
	for (size_t i = 0; i < strings->count; i++)
		free(strings->items[i]);
	free(strings->items);
}

static void clear_policy(struct azjit_target_policy *policy)
{
	free(policy->id);
	free(policy->name);
	clear_strings(&policy->prefixes);
}

void azjit_target_free(struct azjit_target *target)
{
	if (!target)
		return;
	free(target->vm_id);
	free(target->vm_name);
	free(target->group);
	free(target->subscription);
	clear_policy(&target->policy);
	for (size_t i = 0; i < target->other_count; i++)
		clear_policy(&target->others[i]);
	free(target->others);
	free(target->nic_nsg_id);
	free(target->subnet_nsg_id);
	clear_strings(&target->asg_ids);
	free(target);
}

static bool copy_list(const struct inv_snapshot *s, uint32_t list, struct azjit_strings *ret)
{
	uint32_t count = *INV(uint32_t, &s->lists, list);

	ret->items = calloc((size_t)count + 1, sizeof(char *));
	for (uint32_t i = 0; ret->items && i < count; i++) {
		ret->items[i] = strdup(inv_text(&s->text, *INV(uint32_t, &s->lists, list + 1 + i)));
		if (!ret->items[i])
			return false;
		ret->count++;
	}
	return ret->items != NULL;
}

static bool copy_policy(const struct inv_snapshot *s, const struct inv_port *port,
                        struct azjit_target_policy *ret)
{
	const char *id = inv_text(&s->text, port->policy);

	ret->id = strdup(id);
	ret->name = strdup(azjit_id_name(id));
	ret->protocol = (enum azjit_protocol)port->protocol;
	ret->max_duration_s = port->max_duration_s;
	return ret->id && ret->name && copy_list(s, port->prefixes, &ret->prefixes);
}

static bool copy_policies(const struct inv_snapshot *s, const struct inv_port *const *policies, size_t count,
                          struct azjit_target *ret)
{
	ret->others = calloc(count, sizeof(*ret->others));
	if (!ret->others || !copy_policy(s, policies[0], &ret->policy))
		return false;
	for (size_t i = 1; i < count; i++)
		if (!copy_policy(s, policies[i], &ret->others[ret->other_count++]))
			return false;
	return true;
}

static bool copy_names(const struct inv_snapshot *s, const struct inv_vm *vm, struct azjit_target *ret)
{
	const char *id = inv_text(&s->text, vm->id.dir);
	char group[128] = "", subscription[64] = "";

	(void)azjit_id_segment(id, "resourceGroups", group, sizeof(group));
	(void)azjit_id_segment(id, "subscriptions", subscription, sizeof(subscription));
	ret->vm_id = inv_id_text(&s->text, vm->id);
	ret->vm_name = strdup(inv_text(&s->text, vm->id.name));
	ret->group = strdup(group);
	ret->subscription = strdup(subscription);
	return ret->vm_id && ret->vm_name && ret->group && ret->subscription;
}

static bool copy_path(const struct inv_snapshot *s, const struct inv_address *address,
                      struct azjit_target *ret)
{
	inv_addr_from(address->private_addr, &ret->private_addr);
	inv_addr_from(address->public_addr, &ret->public_addr);
	ret->subnet_unread = address->subnet_unread;
	if (address->nic_nsg.name) {
		ret->nic_nsg_id = inv_id_text(&s->text, address->nic_nsg);
		if (!ret->nic_nsg_id)
			return false;
	}
	if (address->subnet_nsg) {
		ret->subnet_nsg_id = strdup(inv_text(&s->text, address->subnet_nsg));
		if (!ret->subnet_nsg_id)
			return false;
	}
	return copy_list(s, address->asgs, &ret->asg_ids);
}

// An Azure Firewall in front is the way for whoever is not told that there is another. Else, named by address or
// by its DNS name: that one. Else the private one, the public one where configured or only there.
static uint32_t choose_dial(const struct inv_vm *vm, const struct inv_address *address,
                            const struct inv_match *match, const struct azjit_config *config)
{
	bool prefer_public = config->prefer_public;

	if (vm->firewall && config->through_firewall)
		return vm->firewall_addr;
	if (match->address != INV_NONE)
		return match->by_public ? address->public_addr : address->private_addr;
	if (address->public_addr && (prefer_public || !address->private_addr))
		return address->public_addr;
	return address->private_addr;
}

static enum azjit_result check_dial(const struct azjit_target *target, struct azjit_reason *reason)
{
	char text[AZJIT_ADDR_CHARS];
	const char *why;

	if (target->dial.family == AZJIT_FAMILY_NONE)
		return azjit_fail(
		        reason, AZJIT_NOT_FOUND,
		        "the public address of %s has no number now; a dynamic one gets it when the "
		        "machine is started",
		        target->vm_name);
	if (!azjit_addr_forbidden(&target->dial, &why))
		return AZJIT_OK;
	azjit_addr_format(&target->dial, text);
	return azjit_fail(reason, AZJIT_DENIED,
	                  "Azure gives %s the address %s (%s), to which nothing is ever connected",
	                  target->vm_name, text, why);
}

// Whoever may write the policy wrote this address; what is behind another one than a firewall's is not his to
// give.
static enum azjit_result check_firewall(const struct inv_snapshot *s, uint32_t number,
                                        const struct azjit_target *target, struct azjit_reason *reason)
{
	char text[AZJIT_ADDR_CHARS];
	const char *why = NULL;

	if (target->dial.family == AZJIT_FAMILY_NONE)
		return azjit_fail(
		        reason, AZJIT_PROTOCOL,
		        "the policy '%s' says that %s is behind an Azure Firewall, and its address there "
		        "is no IPv4 address",
		        target->policy.name, target->vm_name);
	if (!azjit_addr_forbidden(&target->dial, &why) && azjit_addr_never_internet(&target->dial))
		why = "private";
	else if (!why && inv_address_known(s, number))
		why = "a virtual machine's own";
	if (!why)
		return AZJIT_OK;
	azjit_addr_format(&target->dial, text);
	return azjit_fail(
	        reason, AZJIT_DENIED,
	        "the policy '%s' gives the Azure Firewall in front of %s the address %s (%s), to which "
	        "nothing is ever connected",
	        target->policy.name, target->vm_name, text, why);
}

enum azjit_result inv_target(const struct azjit_inventory *inventory, const struct inv_match *match,
                             const struct inv_port *const *policies, size_t policy_count,
                             struct azjit_target **ret, struct azjit_reason *reason)
{
	_cleanup_(azjit_target_freep) struct azjit_target *target = calloc(1, sizeof(*target));
	const struct inv_snapshot *s = inventory->snapshot;
	const struct inv_vm *vm = INV(struct inv_vm, &s->vms, match->vm);
	uint32_t at = match->address != INV_NONE ? match->address : vm->first_address;
	const struct inv_address *address = INV(struct inv_address, &s->addresses, at);
	enum azjit_result result;

	if (!target || !copy_names(s, vm, target) || !copy_path(s, address, target) ||
	    !copy_policies(s, policies, policy_count, target))
		return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	target->port = policies[0]->number;
	target->stopped_by_tag = vm->stopped;
	target->firewall = vm->firewall;
	target->experimental = vm->machine == AZJIT_MACHINE_OTHER;
	target->through_firewall = vm->firewall && inventory->config->through_firewall;
	inv_addr_from(choose_dial(vm, address, match, inventory->config), &target->dial);
	result = AZJIT_OK;
	if (target->through_firewall)
		result = check_firewall(s, vm->firewall_addr, target, reason);
	if (result == AZJIT_OK)
		result = check_dial(target, reason);
	if (result == AZJIT_OK)
		*ret = STEAL(target);
	return result;
}
