// SPDX-License-Identifier: Apache-2.0
#include "ask.h"

#include <azjit/vm.h>

static const struct azjit_call_options read_options = {.retries = 4};

// --- interfaces ---------------------------------------------------------------------------------------

static json_t *address(const struct azjit_addr *addr)
{
	char text[AZJIT_ADDR_CHARS] = "";

	if (addr->family != AZJIT_FAMILY_NONE)
		azjit_addr_format(addr, text);
	return json_string(text);
}

static json_t *ipconfigs(const struct azjit_nic *nic)
{
	json_auto_t *list = json_array();

	for (size_t i = 0; list && i < nic->ipconfig_count; i++) {
		const struct azjit_ipconfig *config = &nic->ipconfigs[i];

		if (json_array_append_new(
		            list, json_pack("{s:o, s:s, s:s, s:b, s:o}", "address",
		                            address(&config->private_addr), "public_ip", config->public_ip_id,
		                            "subnet", config->subnet_id, "primary", (int)config->primary,
		                            "asgs", ask_texts(config->asg_ids, config->asg_count))) != 0)
			return NULL;
	}
	return list ? json_incref(list) : NULL;
}

static void got_nics(void *userdata, const struct azjit_answer *answer, const struct azjit_nic *nics,
                     size_t count)
{
	struct ask *ask = userdata;

	if (!ask_take_status(ask, answer))
		return;
	for (size_t i = 0; i < count; i++)
		ask_add_row(ask,
		            json_pack("{s:s, s:s, s:b, s:o}", "vm_id", nics[i].vm_id, "nsg", nics[i].nsg_id,
		                      "primary", (int)nics[i].primary, "ipconfigs", ipconfigs(&nics[i])));
}

static struct azjit_call *start_nics(struct ask *ask, const char *scope)
{
	return azjit_nic_list(ask->direct->azure, scope, read_options, got_nics, ask);
}

enum azjit_result ask_nics(struct direct *direct, json_t **ret)
{
	const struct ask like = {.what = "the network interfaces",
	                         .done_to = "read",
	                         .right = "Microsoft.Network/networkInterfaces/read"};

	return ask_all(direct, NULL, &like, start_nics, ret);
}

// --- subnets ------------------------------------------------------------------------------------------

static void got_subnets(void *userdata, const struct azjit_answer *answer, const struct azjit_subnet *subnets,
                        size_t count)
{
	struct ask *ask = userdata;

	if (!ask_take_status(ask, answer))
		return;
	for (size_t i = 0; i < count; i++)
		ask_add_row(ask, json_pack("{s:s, s:s, s:s}", "id", subnets[i].id, "nsg", subnets[i].nsg_id,
		                           "prefix", subnets[i].prefix));
}

static struct azjit_call *start_subnets(struct ask *ask, const char *scope)
{
	return azjit_subnet_list(ask->direct->azure, scope, read_options, got_subnets, ask);
}

enum azjit_result ask_subnets(struct direct *direct, json_t **ret)
{
	const struct ask like = {.what = "the virtual networks",
	                         .done_to = "read",
	                         .right = "Microsoft.Network/virtualNetworks/read"};

	return ask_all(direct, NULL, &like, start_subnets, ret);
}

// --- public addresses ---------------------------------------------------------------------------------

static void got_public_ips(void *userdata, const struct azjit_answer *answer,
                           const struct azjit_public_ip *ips, size_t count)
{
	struct ask *ask = userdata;

	if (!ask_take_status(ask, answer))
		return;
	for (size_t i = 0; i < count; i++)
		ask_add_row(ask, json_pack("{s:s, s:o}", "id", ips[i].id, "address", address(&ips[i].addr)));
}

static struct azjit_call *start_public_ips(struct ask *ask, const char *scope)
{
	return azjit_public_ip_list(ask->direct->azure, scope, read_options, got_public_ips, ask);
}

enum azjit_result ask_public_ips(struct direct *direct, json_t **ret)
{
	const struct ask like = {.what = "the public addresses",
	                         .done_to = "read",
	                         .right = "Microsoft.Network/publicIPAddresses/read"};

	return ask_all(direct, NULL, &like, start_public_ips, ret);
}
