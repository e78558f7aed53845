// SPDX-License-Identifier: Apache-2.0
#include "firewall.h"

#include "ask.h"
#include "policy.h"

#include <azjit/firewall.h>
#include <azjit/text.h>

const char *firewall_address(const json_t *policies, const char *vm_id)
{
	for (size_t i = 0; i < json_array_size(policies); i++) {
		const json_t *entry = policy_entry(json_array_get(policies, i), vm_id);

		if (*json_text(entry, "publicIpAddress"))
			return json_text(entry, "publicIpAddress");
	}
	return "";
}

bool firewall_any(const json_t *policies)
{
	for (size_t i = 0; i < json_array_size(policies); i++) {
		const json_t *vms = policy_vms(json_array_get(policies, i));

		for (size_t k = 0; k < json_array_size(vms); k++)
			if (*json_text(json_array_get(vms, k), "publicIpAddress"))
				return true;
	}
	return false;
}

static void got_firewalls(void *userdata, const struct azjit_answer *answer,
                          const struct azjit_firewall *firewalls, size_t count)
{
	struct ask *ask = userdata;

	if (!ask_take_status(ask, answer))
		return;
	for (size_t i = 0; i < count; i++)
		ask_add_row(ask,
		            json_pack("{s:s, s:s, s:s, s:o}", "id", firewalls[i].id, "policy",
		                      firewalls[i].policy_id, "subnet", firewalls[i].subnet_id, "public_ips",
		                      ask_texts(firewalls[i].public_ip_ids, firewalls[i].public_ip_count)));
}

static struct azjit_call *start_firewalls(struct ask *ask, const char *scope)
{
	return azjit_firewall_list(ask->direct->azure, scope, (struct azjit_call_options){.retries = 4},
	                           got_firewalls, ask);
}

enum azjit_result ask_firewalls(struct direct *direct, json_t **ret)
{
	const struct ask like = {.what = "the Azure Firewalls",
	                         .done_to = "read",
	                         .right = "Microsoft.Network/azureFirewalls/read"};

	return ask_all(direct, NULL, &like, start_firewalls, ret);
}

const json_t *firewall_at(const json_t *firewalls, const json_t *public_ips, const char *address)
{
	for (size_t i = 0; i < json_array_size(firewalls); i++) {
		const json_t *firewall = json_array_get(firewalls, i),
		             *ips = json_object_get(firewall, "public_ips");

		for (size_t k = 0; k < json_array_size(ips); k++) {
			const json_t *ip = json_by_id(public_ips, json_string_value(json_array_get(ips, k)));

			if (*address && azjit_streq(json_text(ip, "address"), address))
				return firewall;
		}
	}
	return NULL;
}
