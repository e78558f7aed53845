// SPDX-License-Identifier: Apache-2.0
// A machine behind an Azure Firewall: does just-in-time access serve that firewall, and do the security groups let
// in what it may send? The rule of a request names the client's address; a firewall that puts an address of its
// own in the source's place is then kept out by just-in-time access's own deny (azure-docs#46777, azure.md §3).
// Whether a firewall does so nobody tells, so what is found is a likely cause and not more.
#include "doctor.h"
#include "firewall.h"
#include "policy.h"

#include <azjit/exposure.h>
#include <azjit/text.h>

#define FIRST_PRIORITY 200 // behind the rules of requests, which begin at 100 (azure.md §2.1)
#define LAST_PRIORITY  999 // before the denies of just-in-time access

// What is known of the firewall in front.
struct front {
	const char *address, *prefix; // prefix of its subnet, "" if not known
	struct azjit_prefix subnet;
};

static const char double_why[] = "Just-in-time access lets in the client's address, and an Azure Firewall "
                                 "may connect from an address of "
                                 "its own subnet: the security group then drops what was asked for.";

// A priority that the group has no rule at, before its rules that deny by just-in-time access.
static int free_priority(const struct azjit_nsg *nsg)
{
	int priority = FIRST_PRIORITY;

	for (size_t i = 0; i < nsg->rule_count && priority < LAST_PRIORITY; i++)
		priority += nsg->rules[i].priority == priority; // they are in order
	return priority;
}

static char *allow_mend(const struct azjit_nsg *nsg, const struct azjit_exposure_path *path,
                        const struct front *front, int port)
{
	char group[128], subscription[64], address[AZJIT_ADDR_CHARS];

	if (!azjit_id_segment(nsg->id, "resourceGroups", group, sizeof(group)) ||
	    !azjit_id_segment(nsg->id, "subscriptions", subscription, sizeof(subscription)))
		return doctor_text("az network nsg show --ids %s", doctor_word(nsg->id).text);
	azjit_addr_format(&path->address, address);
	return doctor_text("az network nsg rule create --subscription %s --resource-group %s --nsg-name %s "
	                   "--name AllowAzureFirewall-%d --priority %d --access Allow --protocol Tcp "
	                   "--source-address-prefixes %s --destination-address-prefixes %s "
	                   "--destination-port-ranges %d",
	                   doctor_word(subscription).text, doctor_word(group).text,
	                   doctor_word(azjit_id_name(nsg->id)).text, port, free_priority(nsg),
	                   *front->prefix ? doctor_word(front->prefix).text : "FIREWALL-SUBNET", address,
	                   port);
}

// The last address of a prefix.
static struct azjit_addr last_of(const struct azjit_prefix *prefix)
{
	struct azjit_addr last = prefix->addr;

	for (unsigned bit = prefix->bits; bit < 32; bit++)
		last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return last;
}

// What one group says of the firewall's own addresses: of both ends of its subnet, or, where that is not known,
// of whatever they are.
static enum azjit_verdict of_own(const struct azjit_nsg *nsg, const struct azjit_exposure_path *path,
                                 bool at_nic, const struct front *front, int port,
                                 struct azjit_verdict_why *ret_why)
{
	const struct azjit_addr ends[] = {front->subnet.addr, last_of(&front->subnet)};
	struct azjit_verdict_why why;

	for (size_t i = 0; i < AZJIT_COUNT(ends); i++) {
		const struct azjit_flow flow = {
		        .source = ends[i],
		        .destination = path->address,
		        .port = (uint16_t)port,
		        .protocol = AZJIT_PROTOCOL_TCP,
		        .destination_asg_ids = path->asg_ids,
		        .destination_asg_count = path->asg_count,
		        .translated = !*front->prefix,
		};

		azjit_nsg_verdict(at_nic ? nsg : NULL, at_nic ? NULL : nsg, &flow, &why);
		if (i == 0 || why.verdict != AZJIT_VERDICT_ALLOW)
			*ret_why = why;
	}
	return ret_why->verdict;
}

// Whom a rule of just-in-time access in the group lets in now, as it is written; "" if nobody.
static const char *asked_for(const struct azjit_nsg *nsg, const struct azjit_exposure_path *path, int port)
{
	for (size_t i = 0; i < nsg->rule_count; i++) {
		const struct azjit_rule_side *source = &nsg->rules[i].source;
		struct azjit_flow flow = {
		        .destination = path->address,
		        .port = (uint16_t)port,
		        .protocol = AZJIT_PROTOCOL_TCP,
		};
		const struct azjit_rule *rule = NULL;
		struct azjit_prefix prefix;

		if (source->text_count == 0 || azjit_prefix_parse(source->texts[0], &prefix) != AZJIT_OK)
			continue;
		flow.source = prefix.addr;
		if (azjit_nsg_has_jit_allow(nsg, &flow, &rule) && rule == &nsg->rules[i])
			return source->texts[0];
	}
	return "";
}

static void look_at_group(struct doctor *doctor, const char *vm, const struct azjit_exposure_path *path,
                          bool at_nic, const struct front *front, int port)
{
	const struct azjit_nsg *nsg = at_nic ? path->nic_nsg : path->subnet_nsg;
	struct azjit_verdict_why why;
	const char *asked;

	if (!nsg)
		return;
	switch (of_own(nsg, path, at_nic, front, port, &why)) {
	case AZJIT_VERDICT_ALLOW:
		return;
	case AZJIT_VERDICT_UNKNOWN:
		doctor_unseen(
		        doctor,
		        "whether port %d of %s lets in the Azure Firewall %s with an address of its own: %s",
		        port, vm, front->address, why.text);
		return;
	case AZJIT_VERDICT_DENY:
		break;
	}
	asked = asked_for(nsg, path, port);
	doctor_find(
	        doctor, AZJIT_SEVERITY_MEDIUM, "firewall-source", double_why,
	        doctor_text(
	                "port %d of %s: the %s '%s' %s%s%skeeps out the Azure Firewall %s itself%s%s (%s)",
	                port, vm, why.level, why.nsg, *asked ? "lets in " : "", asked,
	                *asked ? ", for whom it was asked, and " : "", front->address,
	                *front->prefix ? ", subnet " : "", front->prefix, why.text),
	        allow_mend(nsg, path, front, port));
}

static bool served(struct doctor *doctor, const char *vm, const json_t *firewall, const char *address)
{
	if (!*json_text(firewall, "policy"))
		return true;
	doctor_find(doctor, AZJIT_SEVERITY_HIGH, "firewall-policy",
	            "Just-in-time access writes classic rules; where a firewall policy has a firewall's "
	            "rules it opens "
	            "nothing there.",
	            doctor_text("%s is behind the Azure Firewall '%s' (%s), whose rules are in the firewall "
	                        "policy '%s'",
	                        vm, azjit_id_name(json_text(firewall, "id")), address,
	                        azjit_id_name(json_text(firewall, "policy"))),
	            doctor_text("az network firewall show --ids %s",
	                        doctor_word(json_text(firewall, "id")).text));
	return false;
}

void doctor_firewall(struct doctor *doctor, const char *vm_id, const struct azjit_exposure_path *paths,
                     size_t path_count)
{
	struct doctor_word vm = doctor_name(vm_id);
	struct front front = {.address = firewall_address(doctor->policies, vm_id), .prefix = ""};
	const json_t *firewall = NULL;

	if (!*front.address || (doctor->direct->config && !doctor->direct->config->through_firewall))
		return;
	if (doctor->firewalls) {
		firewall = firewall_at(doctor->firewalls, doctor->public_ips, front.address);
		if (!firewall)
			doctor_unseen(
			        doctor,
			        "the Azure Firewall %s in front of %s: it is in none of the subscriptions",
			        front.address, vm.text);
	}
	if (firewall && !served(doctor, vm.text, firewall, front.address))
		return;
	front.prefix = json_text(json_by_id(doctor->subnets, json_text(firewall, "subnet")), "prefix");
	if (azjit_prefix_parse(front.prefix, &front.subnet) != AZJIT_OK)
		front.prefix = "";
	for (size_t i = 0; i < json_array_size(doctor->policies); i++) {
		json_auto_t *ports = policy_ports(policy_entry(json_array_get(doctor->policies, i), vm_id));

		for (size_t k = 0; k < json_array_size(ports) * path_count * 2; k++) {
			const json_t *row = json_array_get(ports, k / (path_count * 2));

			look_at_group(doctor, vm.text, &paths[k / 2 % path_count], k % 2, &front,
			              (int)json_integer_value(json_object_get(row, "port")));
		}
	}
}
