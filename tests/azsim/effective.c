// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "effective.h"

#include <string.h>

#include "nsg_input.h"
#include "prefix.h"
#include "util.h"

static char *port_range(const char *text)
{
	if (!strcmp(text, "*"))
		return xstrdup("0-65535");
	return strchr(text, '-') ? xstrdup(text) : xasprintf("%s-%s", text, text);
}

static char *address_range(const char *text)
{
	struct prefix p;

	if (!strcmp(text, "*"))
		return xstrdup("0.0.0.0/0");
	return prefix_parse(text, &p) && !strchr(text, '/') ? xasprintf("%s/32", text) : xstrdup(text);
}

// One value in the singular member, several in the plural one.
static void add(json_t *rule, const char *one, const char *many, const json_t *values,
                char *(*range)(const char *))
{
	json_t *list = json_array(), *v;
	size_t i;

	json_array_foreach(values, i, v)
	{
		_cleanup_free_ char *text = range(json_string_value(v));

		jpush(list, json_string(text));
	}
	if (json_array_size(list) == 1)
		jset(rule, one, json_incref(json_array_get(list, 0)));
	jset(rule, many, list);
}

static json_t *effective_rule(const json_t *flat, bool is_default)
{
	const char *protocol = jstr(flat, "protocol", "*");
	_cleanup_free_ char *name = xasprintf("%s/%s", is_default ? "defaultSecurityRules" : "securityRules",
	                                      jstr(flat, "name", ""));
	json_t *rule = jnew("{s:s s:s}", "name", name, "protocol",
	                    !strcmp(protocol, "*")     ? "All"
	                    : str_ieq(protocol, "tcp") ? "Tcp"
	                                               : "Udp");

	add(rule, "sourcePortRange", "sourcePortRanges", json_object_get(flat, "source_ports"), port_range);
	add(rule, "destinationPortRange", "destinationPortRanges", json_object_get(flat, "ports"),
	    port_range);
	add(rule, "sourceAddressPrefix", "sourceAddressPrefixes", json_object_get(flat, "sources"),
	    address_range);
	add(rule, "destinationAddressPrefix", "destinationAddressPrefixes",
	    json_object_get(flat, "destinations"), address_range);
	jsets(rule, "access", jstr(flat, "access", ""));
	jset(rule, "priority", json_incref(json_object_get(flat, "priority")));
	jsets(rule, "direction", jstr(flat, "direction", ""));
	return rule;
}

static void add_group(const struct sim *sim, json_t *value, const struct resource *nsg,
                      json_t *association_stolen)
{
	json_auto_t *input = nsg ? nsg_input_new(sim, nsg) : NULL;
	json_t *rules = json_array(), *flat;
	size_t i;

	json_array_foreach(json_object_get(input, "rules"), i, flat)
	        jpush(rules, effective_rule(flat, jint(flat, "priority", 0) >= 65000));
	if (nsg) {
		jpush(value, jnew("{s:{s:s} s:o s:o}", "networkSecurityGroup", "id", nsg->id, "association",
		                  association_stolen, "effectiveSecurityRules", rules));
		return;
	}
	json_decref(association_stolen);
	json_decref(rules);
}

json_t *effective_new(const struct sim *sim, const struct resource *nic)
{
	const json_t *config = json_array_get(jpath(nic->body, "properties.ipConfigurations"), 0);
	const char *subnet = json_string_value(jpath(config, "properties.subnet.id"));
	json_t *value = json_array();

	add_group(sim, value, subnet_nsg(sim, nic), jnew("{s:{s:s}}", "subnet", "id", subnet ? subnet : ""));
	add_group(sim, value, nic_nsg(sim, nic), jnew("{s:{s:s}}", "networkInterface", "id", nic->id));
	return jnew("{s:o}", "value", value);
}
