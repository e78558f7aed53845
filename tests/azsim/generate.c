// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "generate.h"

#include <string.h>

#include "jit.h"
#include "scenario.h"
#include "util.h"

#define GROUPS_MAX   65536
#define MACHINES_MAX 250 // of one group: its subnet is a /24

struct tenant {
	struct sim *sim;
	size_t subscriptions, groups, machines, policies; // the last two: of one group
	size_t public_percent;
	bool nsg_per_vm;
	const json_t *ports;
	ticks at; // when it all was created
	bool *made;
	bool busy; // its own look-ups make nothing
};

// --- entries, as in a scenario ------------------------------------------------------------------------

static char *subscription_of(size_t number)
{
	return xasprintf("5ca1e000-0000-4000-8000-%012zu", number);
}

static json_t *entry_new(const struct tenant *t, size_t group)
{
	_cleanup_free_ char *rg = xasprintf("rg-app-%05zu", group),
	                    *sub = subscription_of(group * t->subscriptions / t->groups);

	return jnew("{s:s s:s}", "rg", rg, "subscription", sub);
}

static char *machine_name(const struct tenant *t, size_t group, size_t i)
{
	return xasprintf("vm-app-%06zu", group * t->machines + i);
}

static void set_name(json_t *entry, const char *fmt, const char *of)
{
	size_t stem = strcspn(fmt, "*");
	_cleanup_free_ char *name = xasprintf("%.*s%s%s", (int)stem, fmt, of, fmt + stem + 1);

	jsets(entry, "name", name);
}

static json_t *subnet_nsg_entry(const struct tenant *t, size_t group, size_t i)
{
	json_t *entry = entry_new(t, group);

	(void)i;
	set_name(entry, "snet-*-nsg", jstr(entry, "rg", ""));
	jset(entry, "rules",
	     jnew("[{s:s s:i s:s s:[s]}]", "name", "AllowHttps", "priority", 300, "source", "VirtualNetwork",
	          "ports", "443"));
	return entry;
}

static json_t *nsg_entry(const struct tenant *t, size_t group, size_t i)
{
	_cleanup_free_ char *vm = machine_name(t, group, i);
	json_t *entry = entry_new(t, group);

	set_name(entry, "*-nsg", vm);
	return entry;
}

static json_t *vnet_entry(const struct tenant *t, size_t group, size_t i)
{
	_cleanup_free_ char *prefix = xasprintf("10.%zu.%zu.0/24", group / 256, group % 256);
	_cleanup_free_ char *nsg = NULL;
	json_t *entry = entry_new(t, group);

	(void)i;
	nsg = xasprintf("snet-%s-nsg", jstr(entry, "rg", ""));
	jsets(entry, "name", "vnet");
	jset(entry, "prefixes", jnew("[s]", prefix));
	jset(entry, "subnets", jnew("[{s:s s:s s:s}]", "name", "servers", "prefix", prefix, "nsg", nsg));
	return entry;
}

static bool is_public(const struct tenant *t, size_t i)
{
	return (i + 1) * t->public_percent / 100 > i * t->public_percent / 100;
}

// The i-th that has a public address.
static size_t public_machine(const struct tenant *t, size_t i)
{
	size_t machine = 0;

	while (!is_public(t, machine) || i--)
		machine++;
	return machine;
}

static json_t *pip_entry(const struct tenant *t, size_t group, size_t i)
{
	size_t machine = public_machine(t, i);
	_cleanup_free_ char *vm = machine_name(t, group, machine),
	                    *address = xasprintf("20.%zu.%zu.%zu", group / 256, group % 256, machine + 4);
	json_t *entry = entry_new(t, group);

	set_name(entry, "*-ip", vm);
	jsets(entry, "address", address);
	jsets(entry, "dns_label", vm);
	return entry;
}

static json_t *nic_entry(const struct tenant *t, size_t group, size_t i)
{
	_cleanup_free_ char *vm = machine_name(t, group, i), *nsg = xasprintf("%s-nsg", vm),
	                    *pip = xasprintf("%s-ip", vm),
	                    *address = xasprintf("10.%zu.%zu.%zu", group / 256, group % 256, i + 4);
	json_t *entry = entry_new(t, group), *config;

	set_name(entry, "*-nic", vm);
	jsets(entry, "vm", vm);
	if (t->nsg_per_vm)
		jsets(entry, "nsg", nsg);
	config = jnew("{s:s s:s}", "private_ip", address, "subnet", "vnet/servers");
	if (is_public(t, i))
		jsets(config, "public_ip", pip);
	jset(entry, "ip_configs", jnew("[o]", config));
	return entry;
}

static json_t *vm_entry(const struct tenant *t, size_t group, size_t i)
{
	_cleanup_free_ char *vm = machine_name(t, group, i), *nic = xasprintf("%s-nic", vm),
	                    *serial = xasprintf("A%zu", group * t->machines + i);
	json_t *entry = entry_new(t, group);

	jsets(entry, "name", vm);
	jset(entry, "nics", jnew("[s]", nic));
	jset(entry, "tags", jnew("{s:s s:s}", "env", i % 2 ? "prod" : "test", "asset", serial));
	return entry;
}

static json_t *policy_entry(const struct tenant *t, size_t group, size_t i)
{
	json_t *entry = entry_new(t, group), *vms = json_array();
	_cleanup_free_ char *name = i ? xasprintf("policy-%zu", i + 1) : xstrdup("default");

	for (size_t k = i; k < t->machines; k += t->policies) {
		_cleanup_free_ char *vm = machine_name(t, group, k);

		jpush(vms, jnew("{s:s s:O}", "name", vm, "ports", t->ports));
	}
	jsets(entry, "name", name);
	jset(entry, "vms", vms);
	return entry;
}

// --- kinds, in the order in which a group is made -----------------------------------------------------

static size_t one(const struct tenant *t)
{
	(void)t;
	return 1;
}

static size_t each_machine(const struct tenant *t)
{
	return t->machines;
}

static size_t each_nsg(const struct tenant *t)
{
	return t->nsg_per_vm ? t->machines : 0;
}

static size_t each_public(const struct tenant *t)
{
	return t->machines * t->public_percent / 100;
}

static size_t each_policy(const struct tenant *t)
{
	return t->policies;
}

static const struct kind {
	const char *type, *section;
	size_t (*count)(const struct tenant *t); // in a group
	json_t *(*entry_new)(const struct tenant *t, size_t group, size_t i);
} kinds[] = {
        {TYPE_NSG, "nsgs", one, subnet_nsg_entry},
        {TYPE_NSG, "nsgs", each_nsg, nsg_entry},
        {TYPE_VNET, "vnets", one, vnet_entry},
        {TYPE_PIP, "public_ips", each_public, pip_entry},
        {TYPE_NIC, "nics", each_machine, nic_entry},
        {TYPE_VM, "vms", each_machine, vm_entry},
        {TYPE_JIT, "jit_policies", each_policy, policy_entry},
};

// What is drawn and what time it is are the resource's own, so that it is the same each time it is grown.
static void grow(struct tenant *t, const struct kind *kind, const json_t *entry)
{
	struct sim *sim = t->sim;
	uint64_t draws = sim->draws;
	ticks pinned = sim->clock.pinned;
	_cleanup_free_ char *id = id_named(sim, entry, kind->type, jstr(entry, "name", ""));

	sim->draws = hash64(id);
	sim->clock.pinned = t->at;
	scenario_add(sim, kind->section, entry);
	sim->draws = draws;
	sim->clock.pinned = pinned;
}

// --- one by one ---------------------------------------------------------------------------------------

static void make_group(struct tenant *t, size_t group)
{
	struct sim *sim = t->sim;
	bool building = sim->building;

	t->made[group] = sim->building = true;
	for (const struct kind *kind = kinds; kind < kinds + ARRAY_SIZE(kinds); kind++)
		for (size_t i = 0; i < kind->count(t); i++) {
			json_auto_t *entry = kind->entry_new(t, group, i);
			struct resource **tail = sim->resources_tail;

			grow(t, kind, entry);
			if (*tail)
				(*tail)->generated = true;
		}
	sim->building = building;
}

static bool number_after(const char *text, const char *prefix, size_t digits, size_t *ret)
{
	_cleanup_free_ char *number = NULL;
	long long n;

	if (!str_istarts(text, prefix))
		return false;
	text += strlen(prefix);
	if (strcspn(text, "/") != digits)
		return false;
	number = xstrndup(text, digits);
	if (!parse_number(number, 0, 999999999999, &n))
		return false;
	*ret = (size_t)n;
	return true;
}

bool tenant_make(struct tenant *t, const char *id)
{
	size_t group, subscription;
	const char *rg = t && !t->busy ? strcasestr(id, "/resourceGroups/") : NULL;

	if (!rg || !strcasestr(rg, "/providers/") ||
	    !number_after(id, "/subscriptions/5ca1e000-0000-4000-8000-", 12, &subscription) ||
	    !number_after(rg, "/resourceGroups/rg-app-", 5, &group))
		return false;
	if (group >= t->groups || t->made[group] || group * t->subscriptions / t->groups != subscription)
		return false;
	make_group(t, group);
	return true;
}

// --- lists --------------------------------------------------------------------------------------------

static bool groups_of(const struct tenant *t, const char *subscription, const char *rg, size_t *ret_first,
                      size_t *ret_count)
{
	size_t number, group, first;

	if (!number_after(subscription, "5ca1e000-0000-4000-8000-", 12, &number) ||
	    number >= t->subscriptions)
		return false;
	first = (number * t->groups + t->subscriptions - 1) / t->subscriptions;
	*ret_first = first;
	*ret_count = ((number + 1) * t->groups + t->subscriptions - 1) / t->subscriptions - first;
	if (!rg)
		return true;
	if (!number_after(rg, "rg-app-", 5, &group) || group < first || group >= first + *ret_count)
		return false;
	*ret_first = group;
	*ret_count = 1;
	return true;
}

static size_t count_in_group(const struct tenant *t, const char *type)
{
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_ieq(kinds[i].type, type))
			count += kinds[i].count(t);
	return count;
}

size_t tenant_count(const struct tenant *t, const char *type, const char *subscription, const char *rg)
{
	size_t first, groups;

	if (!t || !groups_of(t, subscription, rg, &first, &groups))
		return 0;
	return groups * count_in_group(t, type);
}

// In a store of its own, which holds nothing else.
static json_t *grown_apart(struct tenant *t, const struct kind *kind, json_t *entry)
{
	struct sim *sim = t->sim, kept = *sim;
	bool empty = sim->resources_tail == &sim->resources;
	json_t *body;

	sim->resources = NULL;
	sim->resources_tail = &sim->resources;
	sim->slots = NULL;
	sim->slot_count = sim->resource_count = 0;
	t->busy = true;
	jset(entry, "deny", json_false());
	grow(t, kind, entry);
	body = NULL;
	for (struct resource *r = sim->resources; r; r = r->next)
		if (str_ieq(r->type, kind->type))
			body = json_incref(r->body);
	store_clear(sim);
	sim->resources = kept.resources;
	sim->resources_tail = empty ? &sim->resources : kept.resources_tail;
	sim->slots = kept.slots;
	sim->slot_count = kept.slot_count;
	sim->resource_count = kept.resource_count;
	t->busy = false;
	return body;
}

static json_t *from_store(struct tenant *t, const struct kind *kind, const json_t *entry)
{
	bool policy = str_ieq(kind->type, TYPE_JIT);
	_cleanup_free_ char *id = policy ? scenario_policy_id(t->sim, entry)
	                                 : id_named(t->sim, entry, kind->type, jstr(entry, "name", ""));
	const struct resource *r = store_find(t->sim, id);

	if (!r)
		return NULL;
	return policy ? jit_policy_json(t->sim, r) : json_deep_copy(r->body);
}

json_t *tenant_item_new(struct tenant *t, const char *type, const char *subscription, const char *rg,
                        size_t number)
{
	size_t first, groups, in_group = count_in_group(t, type), i = number % in_group, group;

	if (!groups_of(t, subscription, rg, &first, &groups))
		return NULL;
	group = first + number / in_group;
	for (const struct kind *kind = kinds; kind < kinds + ARRAY_SIZE(kinds); kind++) {
		size_t count = str_ieq(kind->type, type) ? kind->count(t) : 0;

		if (i < count) {
			json_auto_t *entry = kind->entry_new(t, group, i);

			return t->made[group] ? from_store(t, kind, entry) : grown_apart(t, kind, entry);
		}
		i -= count;
	}
	return NULL;
}

// --- beginning ----------------------------------------------------------------------------------------

static size_t number_of(const json_t *set, const char *member, long long fallback, long long max)
{
	long long n = jint(set, member, fallback);

	if (n < 0 || n > max)
		scenario_wrong("generate", "a number is out of range");
	return (size_t)n;
}

static void add_places(struct tenant *t)
{
	for (size_t k = 0; k < t->subscriptions; k++) {
		_cleanup_free_ char *id = subscription_of(k), *name = xasprintf("Scale %zu", k);
		json_auto_t *entry = jnew("{s:s s:s}", "id", id, "name", name);

		scenario_add(t->sim, "subscriptions", entry);
	}
	for (size_t group = 0; group < t->groups; group++) {
		json_auto_t *entry = entry_new(t, group);

		store_ensure_rg(t->sim, jstr(entry, "subscription", ""), jstr(entry, "rg", ""),
		                t->sim->location);
	}
}

void tenant_new(struct sim *sim)
{
	const json_t *set = json_object_get(sim->scenario, "generate");
	struct tenant *t = sim->generated;
	size_t vms = number_of(set, "vms", 0, (long long)GROUPS_MAX * MACHINES_MAX);

	if (t)
		free(t->made);
	free(t);
	sim->generated = NULL;
	if (!set)
		return;
	t = sim->generated = xcalloc(1, sizeof(*t));
	t->sim = sim;
	t->subscriptions = number_of(set, "subscriptions", 1, 1000);
	t->groups = number_of(set, "groups", 1, GROUPS_MAX);
	if (!t->subscriptions || t->groups < t->subscriptions || vms % t->groups)
		scenario_wrong("generate",
		               "every subscription has a group, and every group as many machines");
	t->machines = vms / t->groups;
	t->policies = number_of(set, "policies_per_group", 1, MACHINES_MAX);
	t->public_percent = number_of(set, "public_percent", 10, 100);
	t->nsg_per_vm = jbool(set, "nsg_per_vm", true);
	t->ports = json_object_get(set, "ports");
	if (t->machines > MACHINES_MAX || !json_array_size(t->ports))
		scenario_wrong("generate", "it needs ports, and at most 250 machines in a group");
	t->at = clock_now(&sim->clock);
	t->made = xcalloc(t->groups, sizeof(*t->made));
	add_places(t);
}
