// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include <string.h>

#include "nsg.h"
#include "scenario.h"
#include "util.h"

static json_t *or_literal(const json_t *entry, json_t *made)
{
	const json_t *body = json_object_get(entry, "body");

	if (!body)
		return made;
	json_decref(made);
	return json_deep_copy(body);
}

static json_t *reference(const struct sim *sim, const json_t *entry, const char *type, const char *name)
{
	_cleanup_free_ char *id = id_named(sim, entry, type, name);

	return jnew("{s:s}", "id", id);
}

static json_t *subnet_new(const struct sim *sim, const json_t *vnet, const char *vnet_id, const json_t *entry)
{
	const char *name = jstr(entry, "name", NULL), *nsg = jstr(entry, "nsg", NULL),
	           *prefix = jstr(entry, "prefix", NULL);
	json_t *subnet, *p;

	if (json_object_get(entry, "body"))
		return json_deep_copy(json_object_get(entry, "body"));
	if (!name || !prefix)
		scenario_wrong("vnets", "a subnet needs a name and a prefix");
	_cleanup_free_ char *id = xasprintf("%s/subnets/%s", vnet_id, name);

	p = jnew("{s:s s:s}", "provisioningState", "Succeeded", "addressPrefix", prefix);
	if (nsg)
		jset(p, "networkSecurityGroup", reference(sim, vnet, TYPE_NSG, nsg));
	jset(p, "delegations", json_array());
	jsets(p, "privateEndpointNetworkPolicies", "Disabled");
	jsets(p, "privateLinkServiceNetworkPolicies", jstr(entry, "private_link", "Enabled"));
	subnet = jnew("{s:s s:s s:s s:o s:s}", "name", name, "id", id, "etag", "", "properties", p, "type",
	              TYPE_VNET "/subnets");
	return subnet;
}

void scenario_add_vnet(struct sim *sim, const json_t *entry)
{
	struct place at = place_of(sim, entry, TYPE_VNET, NULL);
	_cleanup_free_ char *id = at.id, *guid = guid_for(sim, at.id);
	const json_t *prefixes = json_object_get(entry, "prefixes");
	json_t *subnets = json_array(), *subnet;
	size_t i;

	json_array_foreach(json_object_get(entry, "subnets"), i, subnet)
	        jpush(subnets, subnet_new(sim, entry, id, subnet));
	resource_touch(
	        sim,
	        store_put(sim, TYPE_VNET, id,
	                  or_literal(entry,
	                             jnew("{s:s s:s s:s s:s s:s s:{s:s s:s s:{s:o} s:o s:[] s:b}}", "name",
	                                  at.name, "id", id, "etag", "", "type", TYPE_VNET, "location",
	                                  at.location, "properties", "provisioningState", "Succeeded",
	                                  "resourceGuid", guid, "addressSpace", "addressPrefixes",
	                                  prefixes ? json_deep_copy(prefixes) : jnew("[s]", "10.0.0.0/16"),
	                                  "subnets", subnets, "virtualNetworkPeerings",
	                                  "enableDdosProtection", 0))));
}

void scenario_add_nsg(struct sim *sim, const json_t *entry)
{
	struct place at = place_of(sim, entry, TYPE_NSG, NULL);
	_cleanup_free_ char *id = at.id;
	struct resource *r = store_put(sim, TYPE_NSG, id,
	                               or_literal(entry, nsg_body_new(sim, id, at.name, at.location,
	                                                              json_object_get(entry, "tags"))));
	json_t *rule;
	size_t i;

	json_array_foreach(json_object_get(entry, "rules"), i, rule)
	{
		char *wrong = NULL;
		json_t *made = nsg_rule_new(id, rule, &wrong);

		if (!made)
			scenario_wrong("nsgs", wrong);
		jpush(nsg_rules(r), made);
	}
	if (!json_object_get(entry, "body"))
		resource_touch(sim, r);
}

void scenario_dns(json_t *properties, const json_t *entry, const char *location)
{
	const char *label = jstr(entry, "dns_label", NULL);
	_cleanup_free_ char *fqdn = label ? xasprintf("%s.%s.cloudapp.azure.com", label, location) : NULL;

	if (label)
		jset(properties, "dnsSettings", jnew("{s:s s:s}", "domainNameLabel", label, "fqdn", fqdn));
}

void scenario_add_pip(struct sim *sim, const json_t *entry)
{
	struct place at = place_of(sim, entry, TYPE_PIP, NULL);
	_cleanup_free_ char *id = at.id, *guid = guid_for(sim, at.id);
	const char *address = jstr(entry, "address", NULL);
	const char *method = jstr(entry, "allocation", address ? "Static" : "Dynamic");
	json_t *p = jnew("{s:s s:s}", "provisioningState", "Succeeded", "resourceGuid", guid);
	struct resource *r;

	if (address)
		jsets(p, "ipAddress", address);
	jsets(p, "publicIPAddressVersion", "IPv4");
	jsets(p, "publicIPAllocationMethod", method);
	jset(p, "idleTimeoutInMinutes", json_integer(4));
	jset(p, "ipTags", json_array());
	scenario_dns(p, entry, at.location);
	r = store_put(
	        sim, TYPE_PIP, id,
	        or_literal(entry, jnew("{s:s s:s s:s s:s s:o s:s s:{s:s s:s}}", "name", at.name, "id", id,
	                               "etag", "", "location", at.location, "properties", p, "type", TYPE_PIP,
	                               "sku", "name", address ? "Standard" : "Basic", "tier", "Regional")));
	if (!json_object_get(entry, "body"))
		resource_touch(sim, r);
}

static void each(struct sim *sim, const char *section, void (*add)(struct sim *sim, const json_t *entry))
{
	size_t i;
	json_t *entry;

	json_array_foreach(json_object_get(sim->scenario, section), i, entry) add(sim, entry);
}

void scenario_network(struct sim *sim)
{
	each(sim, "nsgs", scenario_add_nsg);
	each(sim, "vnets", scenario_add_vnet);
	each(sim, "public_ips", scenario_add_pip);
}
