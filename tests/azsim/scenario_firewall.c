// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include <string.h>

#include "scenario.h"
#include "util.h"

static char *subnet_id(const struct sim *sim, const json_t *entry)
{
	const char *text = jstr(entry, "subnet", "vnet/AzureFirewallSubnet"), *slash = strchr(text, '/');

	if (!slash)
		scenario_wrong("firewalls", "a subnet is written network/subnet");
	_cleanup_free_ char *vnet = xstrndup(text, (size_t)(slash - text)),
	                    *id = id_named(sim, entry, TYPE_VNET, vnet);

	return xasprintf("%s/subnets/%s", id, slash + 1);
}

static json_t *ipconfigs(struct sim *sim, const json_t *entry, const struct place *at)
{
	const char *pip = jstr(entry, "public_ip", NULL);
	_cleanup_free_ char *id = xasprintf("%s/azureFirewallIpConfigurations/ipconfig1", at->id),
	                    *subnet = subnet_id(sim, entry),
	                    *pip_id = pip ? id_named(sim, entry, TYPE_PIP, pip) : NULL;

	if (!pip)
		scenario_wrong("firewalls", "an entry needs the name of its public address");
	return jnew("[{s:s s:s s:s s:s s:{s:s s:s s:{s:s} s:{s:s}}}]", "name", "ipconfig1", "id", id, "etag",
	            "", "type", TYPE_FIREWALL "/azureFirewallIpConfigurations", "properties",
	            "provisioningState", "Succeeded", "privateIPAddress",
	            jstr(entry, "private_ip", "10.0.9.4"), "subnet", "id", subnet, "publicIPAddress", "id",
	            pip_id);
}

static void add_firewall(struct sim *sim, const json_t *entry)
{
	struct place at = place_of(sim, entry, TYPE_FIREWALL, NULL);
	_cleanup_free_ char *id = at.id;
	const char *policy = jstr(entry, "policy", NULL);
	const json_t *body = json_object_get(entry, "body");
	json_t *p;

	if (body) {
		store_put(sim, TYPE_FIREWALL, id, json_deep_copy(body));
		return;
	}
	p = jnew("{s:s s:{s:s s:s} s:s s:{} s:o s:[] s:[] s:[]}", "provisioningState", "Succeeded", "sku",
	         "name", "AZFW_VNet", "tier", "Standard", "threatIntelMode", "Alert", "additionalProperties",
	         "ipConfigurations", ipconfigs(sim, entry, &at), "networkRuleCollections",
	         "applicationRuleCollections", "natRuleCollections");
	if (policy) {
		_cleanup_free_ char *policy_id =
		        id_named(sim, entry, "Microsoft.Network/firewallPolicies", policy);

		jset(p, "firewallPolicy", jnew("{s:s}", "id", policy_id));
	}
	resource_touch(sim, store_put(sim, TYPE_FIREWALL, id,
	                              jnew("{s:s s:s s:s s:s s:s s:o}", "name", at.name, "id", id, "etag", "",
	                                   "type", TYPE_FIREWALL, "location", at.location, "properties", p)));
}

void scenario_firewall(struct sim *sim)
{
	size_t i;
	json_t *entry;

	json_array_foreach(json_object_get(sim->scenario, "firewalls"), i, entry) add_firewall(sim, entry);
}
