// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "nsg_input.h"

#include <string.h>

#include "util.h"

json_t *vm_nics_new(const struct resource *vm)
{
	json_t *list = json_array(), *nic;
	size_t i;

	json_array_foreach(jpath(vm->body, "properties.networkProfile.networkInterfaces"), i, nic)
	        jpush(list, json_string(jstr(nic, "id", "")));
	return list;
}

json_t *subnet_find(const struct sim *sim, const char *id)
{
	for (const struct resource *r = sim->resources; r; r = r->next) {
		size_t i;
		json_t *subnet;

		if (!str_ieq(r->type, TYPE_VNET) || !str_istarts(id, r->id))
			continue;
		json_array_foreach(jpath(r->body, "properties.subnets"), i,
		                   subnet) if (str_ieq(jstr(subnet, "id", ""), id)) return subnet;
	}
	return NULL;
}

static struct resource *nsg_named_in(const struct sim *sim, const json_t *o)
{
	const char *id = jstr(jpath(o, "properties.networkSecurityGroup"), "id", NULL);

	return id ? store_find(sim, id) : NULL;
}

struct resource *nic_nsg(const struct sim *sim, const struct resource *nic)
{
	return nsg_named_in(sim, nic->body);
}

struct resource *subnet_nsg(const struct sim *sim, const struct resource *nic)
{
	size_t i;
	json_t *config;

	json_array_foreach(jpath(nic->body, "properties.ipConfigurations"), i, config)
	{
		const char *id = jstr(jpath(config, "properties.subnet"), "id", NULL);
		struct resource *nsg = id ? nsg_named_in(sim, subnet_find(sim, id)) : NULL;

		if (nsg)
			return nsg;
	}
	return NULL;
}

json_t *nic_addresses_new(const struct resource *nic)
{
	json_t *list = json_array(), *config;
	size_t i;

	json_array_foreach(jpath(nic->body, "properties.ipConfigurations"), i, config)
	{
		const char *address = jstr(json_object_get(config, "properties"), "privateIPAddress", NULL);

		if (address)
			jpush(list, json_string(address));
	}
	return list;
}

static json_t *one_or_many(const json_t *p, const char *one, const char *many)
{
	json_t *list = json_array(), *v;
	const char *single = jstr(p, one, NULL);
	size_t i;

	if (single && *single)
		jpush(list, json_string(single));
	json_array_foreach(json_object_get(p, many), i, v)
	{
		if (json_is_string(v))
			jpush(list, json_incref(v));
	}
	return list;
}

static json_t *flat_rule(const json_t *rule)
{
	const json_t *p = json_object_get(rule, "properties");

	return jnew("{s:s s:I s:s s:s s:s s:o s:o s:o s:o}", "name", jstr(rule, "name", ""), "priority",
	            (json_int_t)jint(p, "priority", 0), "direction", jstr(p, "direction", ""), "access",
	            jstr(p, "access", ""), "protocol", jstr(p, "protocol", "*"), "sources",
	            one_or_many(p, "sourceAddressPrefix", "sourceAddressPrefixes"), "source_ports",
	            one_or_many(p, "sourcePortRange", "sourcePortRanges"), "destinations",
	            one_or_many(p, "destinationAddressPrefix", "destinationAddressPrefixes"), "ports",
	            one_or_many(p, "destinationPortRange", "destinationPortRanges"));
}

static bool goes_before(const json_t *a, const json_t *b)
{
	int by_direction = strcmp(jstr(a, "direction", ""), jstr(b, "direction", ""));

	return by_direction ? by_direction < 0 : jint(a, "priority", 0) < jint(b, "priority", 0);
}

static void add_sorted(json_t *list, const json_t *rules)
{
	size_t i;
	json_t *rule;

	json_array_foreach(rules, i, rule)
	{
		json_t *flat = flat_rule(rule);
		size_t at = 0;

		while (at < json_array_size(list) && !goes_before(flat, json_array_get(list, at)))
			at++;
		json_array_insert_new(list, at, flat);
	}
}

static void add_guarded(const struct sim *sim, const struct resource *nsg, json_t *input)
{
	json_t *nic_list = json_object_get(input, "nic_addresses"),
	       *all = json_object_get(input, "addresses");

	for (const struct resource *r = sim->resources; r; r = r->next) {
		bool by_nic = str_ieq(r->type, TYPE_NIC) && nic_nsg(sim, r) == nsg;

		if (!str_ieq(r->type, TYPE_NIC) || (!by_nic && subnet_nsg(sim, r) != nsg))
			continue;
		json_auto_t *addresses = nic_addresses_new(r);

		json_array_extend(all, addresses);
		if (by_nic)
			json_array_extend(nic_list, addresses);
	}
}

static void add_prefixes(const struct sim *sim, const struct resource *nsg, json_t *list)
{
	size_t i;
	json_t *subnet;

	for (const struct resource *r = sim->resources; r; r = r->next)
		if (str_ieq(r->type, TYPE_VNET))
			json_array_foreach(jpath(r->body, "properties.subnets"), i,
			                   subnet) if (nsg_named_in(sim, subnet) == nsg)
			        jpush(list, json_string(jstr(json_object_get(subnet, "properties"),
			                                     "addressPrefix", "")));
}

json_t *nsg_input_new(const struct sim *sim, const struct resource *nsg)
{
	json_t *input = jnew("{s:i s:s s:s s:{s:s s:s} s:[] s:[] s:[] s:[]}", "seq", 0, "reason", "", "time",
	                     "", "nsg", "id", nsg->id, "name", nsg->name, "addresses", "nic_addresses",
	                     "subnet_prefixes", "rules");
	json_t *rules = json_object_get(input, "rules");

	add_guarded(sim, nsg, input);
	add_prefixes(sim, nsg, json_object_get(input, "subnet_prefixes"));
	add_sorted(rules, jpath(nsg->body, "properties.securityRules"));
	add_sorted(rules, jpath(nsg->body, "properties.defaultSecurityRules"));
	return input;
}
