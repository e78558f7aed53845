// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "nsg.h"

#include <string.h>

#include "activity.h"
#include "enforce.h"
#include "nsg_input.h"
#include "settings.h"
#include "util.h"

static const struct {
	const char *name, *description, *source, *destination, *access, *direction;
	int priority;
} default_rules[] = {
        {"AllowVnetInBound", "Allow inbound traffic from all VMs in VNET", "VirtualNetwork", "VirtualNetwork",
         "Allow", "Inbound", 65000},
        {"AllowAzureLoadBalancerInBound", "Allow inbound traffic from azure load balancer",
         "AzureLoadBalancer", "*", "Allow", "Inbound", 65001},
        {"DenyAllInBound", "Deny all inbound traffic", "*", "*", "Deny", "Inbound", 65500},
        {"AllowVnetOutBound", "Allow outbound traffic from all VMs to all VMs in VNET", "VirtualNetwork",
         "VirtualNetwork", "Allow", "Outbound", 65000},
        {"AllowInternetOutBound", "Allow outbound traffic from all VMs to Internet", "*", "Internet", "Allow",
         "Outbound", 65001},
        {"DenyAllOutBound", "Deny all outbound traffic", "*", "*", "Deny", "Outbound", 65500},
};

static const char *const singular[] = {"sourcePortRange", "destinationPortRange", "sourceAddressPrefix",
                                       "destinationAddressPrefix"};
static const char *const plural[] = {"sourcePortRanges", "destinationPortRanges", "sourceAddressPrefixes",
                                     "destinationAddressPrefixes"};

// Ports and prefixes: singular where given as one value, absent beside a plural.
static void add_singulars(json_t *properties, const json_t *const values[4])
{
	for (int i = 0; i < 4; i++)
		if (!json_is_array(values[i]))
			jsets(properties, singular[i],
			      json_is_string(values[i]) ? json_string_value(values[i]) : "*");
}

static void add_plurals(json_t *properties, const json_t *const values[4])
{
	for (int i = 0; i < 4; i++)
		jset(properties, plural[i],
		     json_is_array(values[i]) ? json_deep_copy(values[i]) : json_array());
}

static json_t *rule_shell(const char *nsg_id, const char *kind, const char *name)
{
	_cleanup_free_ char *id = xasprintf("%s/%s/%s", nsg_id, kind, name);
	_cleanup_free_ char *type = xasprintf("%s/%s", TYPE_NSG, kind);

	return jnew("{s:s s:s s:s s:s s:{s:s}}", "name", name, "id", id, "etag", "", "type", type,
	            "properties", "provisioningState", "Succeeded");
}

json_t *nsg_body_new(const struct sim *sim, const char *id, const char *name, const char *location,
                     const json_t *tags)
{
	_cleanup_free_ char *guid = guid_for(sim, id);
	json_t *rules = json_array(), *body;

	for (size_t i = 0; i < ARRAY_SIZE(default_rules); i++) {
		json_t *rule = rule_shell(id, "defaultSecurityRules", default_rules[i].name);
		json_t *p = json_object_get(rule, "properties");

		jsets(p, "description", default_rules[i].description);
		jsets(p, "protocol", "*");
		jsets(p, "sourcePortRange", "*");
		jsets(p, "destinationPortRange", "*");
		jsets(p, "sourceAddressPrefix", default_rules[i].source);
		jsets(p, "destinationAddressPrefix", default_rules[i].destination);
		jsets(p, "access", default_rules[i].access);
		jset(p, "priority", json_integer(default_rules[i].priority));
		jsets(p, "direction", default_rules[i].direction);
		add_plurals(p, (const json_t *const[4]){0});
		jpush(rules, rule);
	}
	body = jnew("{s:s s:s s:s s:s s:s}", "name", name, "id", id, "etag", "", "type", TYPE_NSG, "location",
	            location);
	if (tags)
		jset(body, "tags", json_deep_copy(tags));
	jset(body, "properties",
	     jnew("{s:s s:s s:[] s:o}", "provisioningState", "Succeeded", "resourceGuid", guid,
	          "securityRules", "defaultSecurityRules", rules));
	return body;
}

json_t *nsg_rule_new(const char *nsg_id, const json_t *entry, char **ret_wrong)
{
	const char *name = jstr(entry, "name", NULL), *description = jstr(entry, "description", NULL);
	const json_t *const values[4] = {json_object_get(entry, "source_ports"),
	                                 json_object_get(entry, "ports"), json_object_get(entry, "source"),
	                                 json_object_get(entry, "destination")};
	long long priority = jint(entry, "priority", 0);
	json_t *rule, *p;

	if (!name || priority < 100 || priority > 4096) {
		*ret_wrong = xstrdup("a rule needs a name and a priority from 100 to 4096");
		return NULL;
	}
	rule = rule_shell(nsg_id, "securityRules", name);
	p = json_object_get(rule, "properties");
	if (description)
		jsets(p, "description", description);
	jsets(p, "protocol", jstr(entry, "protocol", "Tcp"));
	add_singulars(p, values);
	jsets(p, "access", jstr(entry, "access", "Allow"));
	jset(p, "priority", json_integer(priority));
	jsets(p, "direction", jstr(entry, "direction", "Inbound"));
	add_plurals(p, values);
	return rule;
}

json_t *nsg_rules(const struct resource *nsg)
{
	json_t *properties = json_object_get(nsg->body, "properties");
	json_t *rules = json_object_get(properties, "securityRules");

	if (!rules && properties) {
		jset(properties, "securityRules", json_array());
		rules = json_object_get(properties, "securityRules");
	}
	return rules;
}

static size_t rule_index(const struct resource *nsg, const char *name)
{
	size_t i;
	json_t *rule;

	json_array_foreach(nsg_rules(nsg), i, rule) if (str_ieq(jstr(rule, "name", ""), name)) return i;
	return json_array_size(nsg_rules(nsg));
}

json_t *nsg_rule(const struct resource *nsg, const char *name)
{
	return json_array_get(nsg_rules(nsg), rule_index(nsg, name));
}

static void enforce_later(struct sim *sim, void *arg)
{
	json_t *work = arg;

	enforce_queue(sim, json_object_get(work, "change"), json_incref(json_object_get(work, "input")));
	json_decref(work);
}

// Delays may differ from change to change; the order of a group's changes stays.
static void enforce_at(struct sim *sim, struct resource *nsg, ticks at, json_t *change, json_t *input_stolen)
{
	if (at > nsg->enforce_from)
		nsg->enforce_from = at;
	if (nsg->enforce_from <= clock_now(&sim->clock))
		enforce_queue(sim, change, input_stolen);
	else
		timers_add(&sim->timers, nsg->enforce_from, enforce_later,
		           jnew("{s:O s:o}", "change", change, "input", input_stolen));
}

void change_announce(struct sim *sim, struct resource *r, const char *kind, const char *reason,
                     json_t *added_stolen, json_t *removed_stolen, json_t *input_stolen)
{
	ticks now = clock_now(&sim->clock), delay = delay_of(sim, "dataplane_ms");
	_cleanup_free_ char *time = time_iso(now, 6);
	json_int_t seq = (json_int_t)json_array_size(sim->changes) + 1;
	json_t *change = jnew("{s:I s:s s:s s:s s:o s:o s:n}", "seq", seq, kind, r->id, "time", time,
	                      "reason", reason, "added", added_stolen, "removed", removed_stolen, "enforce");
	json_t *input = input_stolen;

	jset(input, "seq", json_integer(seq));
	jsets(input, "reason", reason);
	jsets(input, "time", time);
	jpush(sim->changes, change);
	if (sim->opt.enforce)
		enforce_at(sim, r, now + delay, change, input);
	else
		json_decref(input);
}

void nsg_announce(struct sim *sim, struct resource *nsg, const char *reason, json_t *added_stolen,
                  json_t *removed_stolen)
{
	change_announce(sim, nsg, "nsg", reason, added_stolen, removed_stolen, nsg_input_new(sim, nsg));
}

void nsg_changed(struct sim *sim, struct resource *nsg, const char *reason, json_t *added_stolen,
                 json_t *removed_stolen)
{
	resource_touch(sim, nsg);
	if (sim->building) {
		json_decref(added_stolen);
		json_decref(removed_stolen);
		return;
	}
	nsg_announce(sim, nsg, reason, added_stolen, removed_stolen);
	resource_updating(sim, nsg, delay_of(sim, "nsg_ms"));
}

void nsg_put_rule(struct sim *sim, struct resource *nsg, json_t *stolen, const char *reason,
                  const char *correlation)
{
	_cleanup_free_ char *name = xstrdup(jstr(stolen, "name", "")),
	                    *now = time_iso(clock_now(&sim->clock), 7);
	size_t at = rule_index(nsg, name);

	if (at < json_array_size(nsg_rules(nsg)))
		json_array_set_new(nsg_rules(nsg), at, stolen);
	else
		jpush(nsg_rules(nsg), stolen);
	jsets(nsg->entered, name, now);
	nsg_changed(sim, nsg, reason, jnew("[s]", name), json_array());
	activity_of_nsg_write(sim, nsg, correlation, name);
}

bool nsg_locked(const struct sim *sim, const struct resource *nsg)
{
	size_t i;
	json_t *lock;

	json_array_foreach(sim->locks, i,
	                   lock) if (str_istarts(nsg->id, json_string_value(lock))) return true;
	return false;
}

bool nsg_remove_rule(struct sim *sim, struct resource *nsg, const char *name, const char *reason,
                     const char *correlation)
{
	size_t at = rule_index(nsg, name);

	if (at == json_array_size(nsg_rules(nsg)) || nsg_locked(sim, nsg))
		return false;
	json_array_remove(nsg_rules(nsg), at);
	json_object_del(nsg->entered, name);
	nsg_changed(sim, nsg, reason, json_array(), jnew("[s]", name));
	activity_of_nsg_write(sim, nsg, correlation, name);
	return true;
}

static bool taken(const struct resource *nsg, const char *direction, int priority)
{
	size_t i;
	json_t *rule;

	json_array_foreach(nsg_rules(nsg), i, rule)
	{
		const json_t *p = json_object_get(rule, "properties");

		if (jint(p, "priority", 0) == priority && str_ieq(jstr(p, "direction", ""), direction))
			return true;
	}
	return false;
}

int nsg_free_priority(const struct resource *nsg, const char *direction, int first, int step)
{
	for (int p = first; p >= 100 && p <= 4096; p += step)
		if (!taken(nsg, direction, p))
			return p;
	return 0;
}
