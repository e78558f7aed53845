// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "firewall.h"

#include <string.h>

#include "nsg.h"
#include "nsg_input.h"
#include "settings.h"

#define PRIORITY 100

static const char *first_ipconfig(const struct resource *fw, const char *path)
{
	const char *text = json_string_value(
	        jpath(json_array_get(jpath(fw->body, "properties.ipConfigurations"), 0), path));

	return text ? text : "";
}

static const char *public_address(const struct sim *sim, const struct resource *fw)
{
	const struct resource *pip = store_find(sim, first_ipconfig(fw, "properties.publicIPAddress.id"));
	const char *text = pip ? json_string_value(jpath(pip->body, "properties.ipAddress")) : NULL;

	return text ? text : "";
}

static const char *fronting_address(const struct sim *sim, const struct jit_request *r, const char *vm_id)
{
	const struct resource *policy = r->policy_id ? store_find(sim, r->policy_id) : NULL;

	return policy ? jstr(jit_policy_vm(policy, vm_id), "publicIpAddress", "") : "";
}

bool firewall_fronts(const struct sim *sim, const struct jit_request *r, const char *vm_id)
{
	return *fronting_address(sim, r, vm_id);
}

static struct resource *firewall_at(const struct sim *sim, const char *address)
{
	for (struct resource *r = sim->resources; r; r = r->next)
		if (str_ieq(r->type, TYPE_FIREWALL) && !strcmp(public_address(sim, r), address))
			return r;
	return NULL;
}

// --- mapped ports ------------------------------------------------------------------------------------------

static bool taken(const struct sim *sim, const char *firewall, int port)
{
	for (const struct jit_request *r = sim->requests; r; r = r->next)
		for (size_t i = 0; i < r->count; i++)
			if (r->entries[i].live && r->entries[i].mapped == port &&
			    str_ieq(r->entries[i].firewall, firewall))
				return true;
	return false;
}

static int free_port(const struct sim *sim, const char *firewall)
{
	int port = (int)sw_int(sim, "mapped_port_first");

	while (port < 65535 && taken(sim, firewall, port))
		port++;
	return port;
}

static void map_entry(struct sim *sim, const struct jit_request *r, struct jit_entry *e)
{
	const char *address = fronting_address(sim, r, e->vm_id);
	const struct resource *fw = *address ? firewall_at(sim, address) : NULL;

	if (!*address)
		return;
	if (fw && !jpath(fw->body, "properties.firewallPolicy")) {
		e->mapped = free_port(sim, fw->id);
		e->firewall = xstrdup(fw->id);
	} else if (!sw_is(sim, "firewall_policy", "ignore") && !e->grant->failure) {
		e->grant->failure = xstrdup("InvalidFirewallResource");
	}
}

void firewall_map(struct sim *sim, struct jit_request *r)
{
	for (size_t i = 0; i < r->count; i++)
		map_entry(sim, r, &r->entries[i]);
}

int firewall_shown(const struct sim *sim, const struct jit_entry *e)
{
	if (sw_is(sim, "mapped_port", "never") ||
	    (sw_is(sim, "mapped_port", "initiated") && !strcmp(e->status, "Initiating")))
		return 0;
	return e->mapped;
}

// --- rules -------------------------------------------------------------------------------------------------

static const char *collection_name(const struct sim *sim)
{
	return sw_is(sim, "rule_generation", "asc") ? "ASC-JIT" : "MDC-JIT";
}

static json_t *collections(const struct resource *fw)
{
	return jpath(fw->body, "properties.natRuleCollections");
}

static json_t *collection_of(const struct sim *sim, const struct resource *fw)
{
	const char *name = collection_name(sim);
	size_t i;
	json_t *one;

	json_array_foreach(collections(fw), i, one) if (!strcmp(jstr(one, "name", ""), name)) return one;
	_cleanup_free_ char *id = xasprintf("%s/natRuleCollections/%s", fw->id, name);

	one = jnew("{s:s s:s s:s s:{s:s s:i s:{s:s} s:[]}}", "name", name, "id", id, "etag", "", "properties",
	           "provisioningState", "Succeeded", "priority", PRIORITY, "action", "type", "Dnat", "rules");
	jpush(collections(fw), one);
	return one;
}

static char *private_address(const struct sim *sim, const char *vm_id)
{
	const struct resource *vm = store_find(sim, vm_id);
	json_auto_t *nics = vm ? vm_nics_new(vm) : json_array();
	const char *id = json_string_value(json_array_get(nics, 0));
	const struct resource *nic = id ? store_find(sim, id) : NULL;
	json_auto_t *addresses = nic ? nic_addresses_new(nic) : json_array();
	const char *text = json_string_value(json_array_get(addresses, 0));

	return xstrdup(text ? text : "");
}

static char *rule_name(const struct jit_entry *e)
{
	const char *slash = strrchr(e->vm_id, '/');

	return xasprintf("JIT-%s-%d-%d", slash ? slash + 1 : e->vm_id, e->number, e->mapped);
}

static void enter_one(struct sim *sim, struct jit_entry *e)
{
	struct resource *fw = store_find(sim, e->firewall);
	_cleanup_free_ char *name = rule_name(e), *to = private_address(sim, e->vm_id),
	                    *mapped = xasprintf("%d", e->mapped), *port = xasprintf("%d", e->number);

	if (!fw)
		return;
	jpush(jpath(collection_of(sim, fw), "properties.rules"),
	      jnew("{s:s s:O s:[s] s:[s] s:[s] s:s s:s}", "name", name, "sourceAddresses", e->sources,
	           "destinationAddresses", public_address(sim, fw), "destinationPorts", mapped, "protocols",
	           "TCP", "translatedAddress", to, "translatedPort", port));
	resource_touch(sim, fw);
	e->in_firewall = true;
	firewall_announce(sim, fw, "initiate", jnew("[s]", name), json_array());
}

void firewall_enter(struct sim *sim, struct jit_grant *g)
{
	for (size_t i = 0; i < g->request->count; i++)
		if (g->request->entries[i].grant == g && g->request->entries[i].mapped)
			enter_one(sim, &g->request->entries[i]);
}

// The collection goes with its last rule.
static void remove_rule(struct resource *fw, const char *name)
{
	for (size_t i = json_array_size(collections(fw)); i-- > 0;) {
		json_t *rules = jpath(json_array_get(collections(fw), i), "properties.rules");

		for (size_t k = json_array_size(rules); k-- > 0;)
			if (!strcmp(jstr(json_array_get(rules, k), "name", ""), name))
				json_array_remove(rules, k);
		if (!json_array_size(rules))
			json_array_remove(collections(fw), i);
	}
}

void firewall_sync(struct sim *sim, struct jit_grant *g, const char *reason)
{
	for (size_t i = 0; i < g->request->count; i++) {
		struct jit_entry *e = &g->request->entries[i];
		struct resource *fw = e->firewall ? store_find(sim, e->firewall) : NULL;

		if (e->grant != g || e->live || !e->in_firewall || !fw)
			continue;
		_cleanup_free_ char *name = rule_name(e);

		remove_rule(fw, name);
		resource_touch(sim, fw);
		e->in_firewall = false;
		firewall_announce(sim, fw, reason, json_array(), jnew("[s]", name));
	}
}

// --- the enforcer ------------------------------------------------------------------------------------------

static json_t *input_rules(const struct resource *fw)
{
	json_t *all = json_array(), *collection, *rule;
	size_t i, k;

	json_array_foreach(collections(fw), i, collection)
	        json_array_foreach(jpath(collection, "properties.rules"), k, rule)
	                jpush(all, jnew("{s:s s:s s:O s:O s:O s:O s:O s:O}", "collection",
	                                jstr(collection, "name", ""), "name", jstr(rule, "name", ""),
	                                "sources", json_object_get(rule, "sourceAddresses"), "destinations",
	                                json_object_get(rule, "destinationAddresses"), "ports",
	                                json_object_get(rule, "destinationPorts"), "protocols",
	                                json_object_get(rule, "protocols"), "translated_address",
	                                json_object_get(rule, "translatedAddress"), "translated_port",
	                                json_object_get(rule, "translatedPort")));
	return all;
}

void firewall_announce(struct sim *sim, struct resource *fw, const char *reason, json_t *added_stolen,
                       json_t *removed_stolen)
{
	change_announce(sim, fw, "firewall", reason, added_stolen, removed_stolen,
	                jnew("{s:{s:s s:s} s:s s:s s:b s:o}", "firewall", "id", fw->id, "name", fw->name,
	                     "address", public_address(sim, fw), "private_address",
	                     first_ipconfig(fw, "properties.privateIPAddress"), "own_source",
	                     sw_is(sim, "firewall_source", "firewall"), "rules", input_rules(fw)));
}
