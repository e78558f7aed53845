// SPDX-License-Identifier: Apache-2.0
#include "vm_state.h"

#include "firewall.h"
#include "policy.h"

#include <azjit/jit.h>
#include <azjit/text.h>
#include <azjit/vm.h>
#include <stdio.h>

// --- addresses and groups -----------------------------------------------------------------------------

struct network {
	bool guarded; // a security group at some level, or a level that could not be read
	const char *private_address, *public_address; // "" if none
};

static void look_at_ipconfig(const json_t *config, bool first, const struct vm_surroundings *around,
                             struct network *ret)
{
	const json_t *subnet = json_by_id(around->subnets, json_text(config, "subnet"));
	const json_t *public = json_by_id(around->public_ips, json_text(config, "public_ip"));

	ret->guarded |= !subnet || *json_text(subnet, "nsg");
	if (first || !*ret->private_address)
		ret->private_address = json_text(config, "address");
	if (first || !*ret->public_address)
		ret->public_address = json_text(public, "address");
}

static void look_at_network(const char *vm_id, const struct vm_surroundings *around, struct network *ret)
{
	*ret = (struct network){.private_address = "", .public_address = ""};
	for (size_t i = 0; i < json_array_size(around->nics); i++) {
		const json_t *nic = json_array_get(around->nics, i),
		             *configs = json_object_get(nic, "ipconfigs");
		bool primary = json_is_true(json_object_get(nic, "primary"));

		if (!azjit_ieq(json_text(nic, "vm_id"), vm_id))
			continue;
		ret->guarded |= *json_text(nic, "nsg") != '\0';
		for (size_t k = 0; k < json_array_size(configs); k++) {
			const json_t *config = json_array_get(configs, k);

			look_at_ipconfig(config, primary && json_is_true(json_object_get(config, "primary")),
			                 around, ret);
		}
	}
}

// --- requests -----------------------------------------------------------------------------------------

struct history {
	size_t recent;
	azjit_ticks last;
	char last_text[AZJIT_TIME_CHARS];
	const char *who;
	int mapped_port; // of the newest request that has one; 0: none
};

// The ports of this VM in a request; false if none, or if Azure failed them all.
static bool approved(const json_t *request, const char *vm_id, int *ret_mapped)
{
	const json_t *ports =
	        json_object_get(json_by_id(json_object_get(request, "virtualMachines"), vm_id), "ports");
	bool any = false;

	*ret_mapped = 0;
	for (size_t i = 0; i < json_array_size(ports); i++) {
		const json_t *port = json_array_get(ports, i);

		if (azjit_request_state(json_text(port, "status"), json_text(port, "statusReason")) ==
		    AZJIT_STATE_FAILED)
			continue;
		any = true;
		if (json_integer_value(json_object_get(port, "mappedPort")) > 0)
			*ret_mapped = (int)json_integer_value(json_object_get(port, "mappedPort"));
	}
	return any;
}

static void add_request(const json_t *request, const char *vm_id, azjit_ticks now, struct history *history)
{
	azjit_ticks start;
	int mapped;

	if (azjit_time_parse(json_text(request, "startTimeUtc"), &start) != AZJIT_OK ||
	    !approved(request, vm_id, &mapped))
		return;
	history->recent += start > now - VM_STATE_DAYS * 86400 * AZJIT_TICKS_PER_S;
	if (start <= history->last)
		return;
	history->last = start;
	history->who = json_text(request, "requestor");
	if (!*history->who)
		history->who = json_text(request, "justification");
	if (mapped)
		history->mapped_port = mapped;
}

// --- the whole ----------------------------------------------------------------------------------------

struct membership {
	json_t *policies, *ports; // owned by who made it
	const char *firewall;     // the public address of an Azure Firewall in front, ""
	struct history history;
};

static bool add_port(json_t *ports, const json_t *number)
{
	for (size_t i = 0; i < json_array_size(ports); i++)
		if (json_equal(json_array_get(ports, i), number))
			return true;
	return json_array_append(ports, (json_t *)(uintptr_t)number) == 0;
}

static bool add_policy(const json_t *policy, const char *vm_id, azjit_ticks now, struct membership *in)
{
	const json_t *entry = policy_entry(policy, vm_id);
	const json_t *requests = json_object_get(json_object_get(policy, "properties"), "requests");
	json_auto_t *ports = policy_ports(entry);
	bool ok = ports != NULL;

	for (size_t i = 0; i < json_array_size(requests); i++)
		add_request(json_array_get(requests, i), vm_id, now, &in->history);
	for (size_t i = 0; ok && i < json_array_size(ports); i++)
		ok = add_port(in->ports, json_object_get(json_array_get(ports, i), "port"));
	if (entry && *json_text(entry, "publicIpAddress"))
		in->firewall = json_text(entry, "publicIpAddress");
	return ok &&
	       (!entry || json_array_append_new(in->policies,
	                                        json_string(azjit_id_name(json_text(policy, "id")))) == 0);
}

static void choose_address(const struct membership *in, const struct network *network,
                           const struct vm_surroundings *around, char *ret, size_t size)
{
	bool public = *network->public_address && (around->prefer_public || !*network->private_address);

	if (*in->firewall && in->history.mapped_port)
		(void)snprintf(ret, size, "%s:%d", in->firewall, in->history.mapped_port);
	else
		(void)snprintf(ret, size, "%s",
		               *in->firewall ? in->firewall
		               : public      ? network->public_address
		                             : network->private_address);
}

// "" if nothing stands in the way of just-in-time access, or it could not be seen.
static const char *why_unsupported(const struct membership *in, const struct network *network,
                                   const struct vm_surroundings *around)
{
	const json_t *firewall = firewall_at(around->firewalls, around->public_ips, in->firewall);

	if (*json_text(firewall, "policy"))
		return "behind an Azure Firewall whose rules are in a firewall policy; just-in-time access "
		       "knows "
		       "classic rules only";
	if (json_array_size(in->policies) > 0 || network->guarded)
		return "";
	return "no network security group at its interface or subnet; an Azure Firewall is not looked for";
}

static const char *why_of(enum azjit_machine machine, const struct membership *in,
                          const struct network *network, const struct vm_surroundings *around)
{
	switch (machine) {
	case AZJIT_MACHINE_CLASSIC:
		return "a classic virtual machine; move it to Azure Resource Manager";
	case AZJIT_MACHINE_OTHER:
		return "experimental: no virtual machine of Azure, only a connection proves a port open";
	case AZJIT_MACHINE_AZURE:
		break;
	}
	return why_unsupported(in, network, around);
}

static const char *state_of(enum azjit_machine machine, bool configured, const char *why)
{
	if (machine == AZJIT_MACHINE_CLASSIC || (machine == AZJIT_MACHINE_AZURE && *why))
		return "Unsupported";
	if (configured)
		return "Configured";
	return *why ? "Unsupported" : "Not configured";
}

static bool describe(json_t *state, struct membership *in, const struct network *network,
                     const struct vm_surroundings *around)
{
	bool configured = json_array_size(in->policies) > 0;
	enum azjit_machine machine = azjit_machine_of(json_text(state, "id"));
	const char *why;
	char address[128];
	json_auto_t *more = NULL;

	if (around->past_firewall)
		in->firewall = "";
	why = why_of(machine, in, network, around);
	choose_address(in, network, around, address, sizeof(address));
	if (in->history.last)
		azjit_time_format(in->history.last, in->history.last_text);
	more = json_pack("{s:s, s:s, s:O, s:O, s:I, s:s, s:s, s:s, s:s, s:s}", "state",
	                 state_of(machine, configured, why), "why", why, "policies", in->policies, "ports",
	                 in->ports, "requests", (json_int_t)in->history.recent, "last_access",
	                 in->history.last_text, "last_requestor", in->history.who ? in->history.who : "",
	                 "address", address, "private_address", network->private_address, "firewall",
	                 in->firewall);
	if (machine == AZJIT_MACHINE_OTHER && json_object_set_new(state, "experimental", json_true()) != 0)
		return false;
	return more && json_object_update(state, more) == 0;
}

json_t *vm_state(const json_t *vm, const struct vm_surroundings *around)
{
	const char *id = json_text(vm, "id");
	json_auto_t *state = json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", id, "name", json_text(vm, "name"),
	                               "group", json_text(vm, "group"), "location", json_text(vm, "location"),
	                               "os", json_text(vm, "os")),
	            *policies = json_array(), *ports = json_array();
	struct membership in = {.policies = policies, .ports = ports, .firewall = ""};
	struct network network;

	if (!state || !policies || !ports)
		return NULL;
	look_at_network(id, around, &network);
	for (size_t i = 0; i < json_array_size(around->policies); i++)
		if (!add_policy(json_array_get(around->policies, i), id, around->now, &in))
			return NULL;
	return describe(state, &in, &network, around) ? json_incref(state) : NULL;
}
