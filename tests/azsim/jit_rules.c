// SPDX-License-Identifier: Apache-2.0
/*
 * What JIT writes into security groups: names, texts and priorities of azure.md §2.
 */
#define _GNU_SOURCE 1
#include <ctype.h>
#include <string.h>

#include "jit.h"
#include "nsg.h"
#include "nsg_input.h"
#include "settings.h"

#define DENY_BOTTOM 4096
#define DENY_TOP    1000

static bool old_names(const struct sim *sim)
{
	return sw_is(sim, "rule_generation", "asc");
}

// SecurityCenter-JITRule-1170687618-8C18BF8921F041989344B4F1E3A0C370; '_' for deny.
static char *rule_name(const struct sim *sim, char separator, const char *nsg_id, const char *vm_id,
                       const char *guid)
{
	_cleanup_free_ char *both = xasprintf("%s %s", nsg_id, vm_id);
	char hex[33], *out = hex;

	for (const char *p = guid; *p; p++)
		if (*p != '-')
			*out++ = (char)toupper((unsigned char)*p);
	*out = '\0';
	return xasprintf("%s-JITRule%c%d%c%s",
	                 old_names(sim) ? "SecurityCenter" : "MicrosoftDefenderForCloud", separator,
	                 (int)(int32_t)hash64(both), separator, hex);
}

static char *description(const struct sim *sim, bool allow, const char *policy, const char *vm)
{
	return xasprintf("%s JIT Network Access rule %sfor policy '%s' of VM '%s'.",
	                 old_names(sim) ? "ASC" : "MDC", allow ? "created by an initiation request " : "",
	                 policy, vm);
}

static const char *last_part(const char *id)
{
	const char *slash = strrchr(id, '/');

	return slash ? slash + 1 : id;
}

static void add_target(json_t *targets, const struct resource *nsg, const json_t *addresses)
{
	size_t i;
	json_t *t;

	if (!nsg)
		return;
	json_array_foreach(targets, i, t) if (str_ieq(jstr(t, "nsg", ""), nsg->id))
	{
		json_array_extend(json_object_get(t, "addresses"), (json_t *)addresses);
		return;
	}
	jpush(targets, jnew("{s:s s:o}", "nsg", nsg->id, "addresses", json_copy((json_t *)addresses)));
}

// The groups a rule for the VM goes into, each with the addresses it is about there. New.
static json_t *targets_of(const struct sim *sim, const char *vm_id)
{
	const struct resource *vm = store_find(sim, vm_id);
	json_auto_t *nics = vm ? vm_nics_new(vm) : json_array();
	json_t *targets = json_array(), *id;
	size_t i;

	json_array_foreach(nics, i, id)
	{
		const struct resource *nic = store_find(sim, json_string_value(id));
		const struct resource *own = nic ? nic_nsg(sim, nic) : NULL,
		                      *subnet = nic ? subnet_nsg(sim, nic) : NULL;

		if (!nic)
			continue;
		json_auto_t *addresses = nic_addresses_new(nic);

		if (!sw_is(sim, "rule_level", "subnet") || !subnet)
			add_target(targets, own, addresses);
		if (!sw_is(sim, "rule_level", "nic") || !own)
			add_target(targets, subnet, addresses);
	}
	return targets;
}

static json_t *one_or_list(const json_t *list)
{
	return json_array_size(list) == 1 ? json_incref(json_array_get(list, 0))
	                                  : json_incref((json_t *)list);
}

static const char *policy_protocol(const struct resource *policy, const char *vm_id, const json_t *ports)
{
	const json_t *listed = policy ? json_object_get(jit_policy_vm(policy, vm_id), "ports") : NULL;
	const char *protocol = NULL;
	size_t i, k;
	json_t *port, *number;

	json_array_foreach(listed, i, port) json_array_foreach(ports, k, number)
	{
		_cleanup_free_ char *text = xasprintf("%lld", jint(port, "number", -1));

		if (strcmp(text, json_string_value(number)))
			continue;
		if (protocol && !str_ieq(protocol, jstr(port, "protocol", "*")))
			return "*";
		protocol = jstr(port, "protocol", "*");
	}
	return !protocol || !strcmp(protocol, "*") ? "*" : str_ieq(protocol, "TCP") ? "Tcp" : "Udp";
}

struct rule_spec {
	const char *policy_id, *vm_id, *access;
	char *name; // owned by the caller
	const json_t *ports, *sources, *addresses;
	int priority;
};

static json_t *rule_new(const struct sim *sim, const struct resource *nsg, const struct rule_spec *s)
{
	bool allow = !strcmp(s->access, "Allow");
	const struct resource *policy = store_find(sim, s->policy_id);
	_cleanup_free_ char *text = description(sim, allow, last_part(s->policy_id), last_part(s->vm_id));
	const char *protocol =
	        sw_is(sim, "rule_protocol", "policy") ? policy_protocol(policy, s->vm_id, s->ports) : "*";
	json_auto_t *entry =
	        jnew("{s:s s:s s:s s:o s:o s:o s:s s:i}", "name", s->name, "description", text, "protocol",
	             protocol, "ports", one_or_list(s->ports), "source", one_or_list(s->sources),
	             "destination", one_or_list(s->addresses), "access", s->access, "priority", s->priority);
	char *wrong = NULL;
	json_t *rule = nsg_rule_new(nsg->id, entry, &wrong);

	free(wrong);
	return rule;
}

// Frees a priority by moving what has it, and whatever that runs into, up by one.
static void make_room(struct resource *nsg, int priority)
{
	size_t i;
	json_t *rule;

	json_array_foreach(nsg_rules(nsg), i, rule)
	{
		json_t *p = json_object_get(rule, "properties");

		if (jint(p, "priority", 0) != priority || !str_ieq(jstr(p, "direction", ""), "Inbound"))
			continue;
		make_room(nsg, priority + 1);
		jset(p, "priority", json_integer(priority + 1));
		return;
	}
}

static bool quota_reached(const struct sim *sim, const struct resource *nsg)
{
	long long max = jint(json_object_get(sim->scenario, "quota"), "nsg_rules", 1000);

	return (long long)json_array_size(nsg_rules(nsg)) >= max;
}

static json_t *live_ports(const struct jit_grant *g)
{
	json_t *ports = json_array();

	for (size_t i = 0; i < g->request->count; i++) {
		const struct jit_entry *e = &g->request->entries[i];
		_cleanup_free_ char *text = xasprintf("%d", e->number);

		if (e->grant == g && e->live)
			jpush(ports, json_string(text));
	}
	return ports;
}

static bool enter_one(struct sim *sim, struct jit_grant *g, const json_t *target, const char *guid)
{
	struct resource *nsg = store_find(sim, jstr(target, "nsg", ""));
	int first = (int)sw_int(sim, "allow_priority");
	_cleanup_free_ char *name = rule_name(sim, '-', nsg->id, g->vm_id, guid),
	                    *now = time_iso(clock_now(&sim->clock), 7);
	json_auto_t *ports = live_ports(g);
	struct rule_spec spec = {g->request->policy_id ? g->request->policy_id : "",
	                         g->vm_id,
	                         "Allow",
	                         name,
	                         ports,
	                         g->sources,
	                         json_object_get(target, "addresses"),
	                         0};

	if (sw_bool(sim, "renumber"))
		make_room(nsg, first);
	spec.priority = nsg_free_priority(nsg, "Inbound", first, 1);
	if (quota_reached(sim, nsg) || !spec.priority) {
		g->failure = xstrdup("NSGRulesQuotaReached");
		return false;
	}
	nsg_put_rule(sim, nsg, rule_new(sim, nsg, &spec), "initiate", g->request->correlation);
	jpush(g->rules,
	      jnew("{s:s s:s s:s s:n}", "nsg", nsg->id, "name", name, "entered_at", now, "left_at"));
	return true;
}

bool jit_rules_enter(struct sim *sim, struct jit_grant *g)
{
	json_auto_t *targets = targets_of(sim, g->vm_id);
	_cleanup_free_ char *guid = guid_next(sim);
	size_t i;
	json_t *target;

	json_array_foreach(targets, i, target) if (!enter_one(sim, g, target, guid)) return false;
	g->entered = true;
	return true;
}

static void rewrite_ports(struct sim *sim, struct resource *nsg, const char *name, json_t *ports,
                          const char *reason)
{
	json_t *rule = json_deep_copy(nsg_rule(nsg, name)), *p = json_object_get(rule, "properties");

	if (!rule)
		return;
	json_object_del(p, "destinationPortRange");
	if (json_array_size(ports) == 1)
		jset(p, "destinationPortRange", json_incref(json_array_get(ports, 0)));
	jset(p, "destinationPortRanges", json_array_size(ports) == 1 ? json_array() : json_deep_copy(ports));
	nsg_put_rule(sim, nsg, rule, reason, NULL);
}

void jit_rules_sync(struct sim *sim, struct jit_grant *g, const char *reason)
{
	json_auto_t *ports = live_ports(g);
	size_t i;
	json_t *written;

	json_array_foreach(g->rules, i, written)
	{
		struct resource *nsg = store_find(sim, jstr(written, "nsg", ""));
		_cleanup_free_ char *now = time_iso(clock_now(&sim->clock), 7);

		if (!nsg || !json_is_null(json_object_get(written, "left_at")))
			continue;
		if (json_array_size(ports))
			rewrite_ports(sim, nsg, jstr(written, "name", ""), ports, reason);
		else if (nsg_remove_rule(sim, nsg, jstr(written, "name", ""), reason, NULL))
			jsets(written, "left_at", now);
	}
}

static int deny_priority(const struct sim *sim, struct resource *nsg)
{
	int at = DENY_TOP;

	if (sw_is(sim, "deny_priority", "bottom"))
		return nsg_free_priority(nsg, "Inbound", DENY_BOTTOM, -1);
	for (size_t i = 0; i < json_array_size(nsg_rules(nsg)); i++)
		at += strstr(jstr(json_array_get(nsg_rules(nsg), i), "name", ""), "-JITRule_") != NULL;
	make_room(nsg, at);
	return at;
}

static void put_deny(struct sim *sim, struct resource *policy, const json_t *vm, const json_t *target,
                     const char *reason)
{
	const char *vm_id = jstr(vm, "id", "");
	struct resource *nsg = store_find(sim, jstr(target, "nsg", ""));
	_cleanup_free_ char *key = xasprintf("deny %s %s", policy->id, vm_id), *guid = guid_for(sim, key),
	                    *name = rule_name(sim, '_', nsg->id, vm_id, guid);
	json_auto_t *ports = json_array(), *any = jnew("[s]", "*");
	struct rule_spec spec = {
	        policy->id, vm_id, "Deny", name, ports, any, json_object_get(target, "addresses"), 0};
	size_t i;
	json_t *port;

	json_array_foreach(json_object_get(vm, "ports"), i, port)
	{
		_cleanup_free_ char *text = xasprintf("%lld", jint(port, "number", 0));

		jpush(ports, json_string(text));
	}
	port = nsg_rule(nsg, name);
	spec.priority = port ? (int)jint(json_object_get(port, "properties"), "priority", 0)
	                     : deny_priority(sim, nsg);
	if (!spec.priority)
		return;
	nsg_put_rule(sim, nsg, rule_new(sim, nsg, &spec), reason, NULL);
	jpush(policy->denies, jnew("{s:s s:s s:s}", "vm", vm_id, "nsg", nsg->id, "rule", name));
}

static void drop_denies(struct sim *sim, struct resource *policy, bool all)
{
	for (size_t i = json_array_size(policy->denies); i-- > 0;) {
		const json_t *d = json_array_get(policy->denies, i);
		struct resource *nsg = store_find(sim, jstr(d, "nsg", ""));

		if (!all && jit_policy_vm(policy, jstr(d, "vm", "")))
			continue;
		if (nsg)
			nsg_remove_rule(sim, nsg, jstr(d, "rule", ""), "policy", NULL);
		json_array_remove(policy->denies, i);
	}
}

void jit_drop_denies(struct sim *sim, struct resource *policy)
{
	drop_denies(sim, policy, true);
}

void jit_sync_denies(struct sim *sim, struct resource *policy, const char *reason)
{
	size_t i, k;
	json_t *vm, *target;

	drop_denies(sim, policy, false);
	json_array_foreach(jpath(policy->body, "properties.virtualMachines"), i, vm)
	{
		json_auto_t *targets = targets_of(sim, jstr(vm, "id", ""));

		json_array_foreach(targets, k, target) put_deny(sim, policy, vm, target, reason);
	}
}
