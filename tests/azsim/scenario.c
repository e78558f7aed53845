// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "scenario.h"

#include <string.h>
#include <sys/random.h>
#include <sysexits.h>

#include "arm_graph.h"
#include "firewall.h"
#include "generate.h"
#include "jit.h"
#include "nsg.h"
#include "principal.h"
#include "settings.h"
#include "util.h"

// section, then the members an entry may have; "" for a section that is no array of entries.
static const struct {
	const char *section, *members;
} sections[] = {
        {"tenant", ""},
        {"tenant_name", ""},
        {"clock", ""},
        {"defaults", "subscription rg location"},
        {"subscriptions", "id name state body"},
        {"resource_groups", "name location subscription tags"},
        {"vnets", "name rg subscription location prefixes subnets body"},
        {"nsgs", "name rg subscription location rules tags body"},
        {"public_ips", "name rg subscription location address allocation dns_label body"},
        {"firewalls", "name rg subscription location public_ip private_ip subnet policy body"},
        {"nics", "name rg subscription location ip_configs nsg vm body"},
        {"vms", "name rg subscription location nics private_ip subnet nsg public_ip dns_label os size power "
                "tags body "
                "instance_view"},
        {"jit_policies", "name rg subscription location vms state deny requests body"},
        {"generate", "subscriptions groups vms policies_per_group public_percent nsg_per_vm ports"},
        {"pricings", "name tier sub_plan body subscription"},
        {"policy_assignments",
         "name subscription scope display_name definition parameters not_scopes enforcement "
         "metadata body"},
        {"assessments", "vm rg subscription name code cause description display_name body"},
        {"resources", NULL},
        {"principals", "name kind app_id object_id secret certificates federated upn resource_id roles"},
        {"imds", "identities system vm"},
        {"endpoints", "login arm"},
        {"token_s", ""},
        {"managed_identity_token_s", ""},
        {"page_size", ""},
        {"activity_page_size", ""},
        {"locks", NULL},
        {"quota", "nsg_rules"},
        {"throttle", "reads reads_per_s writes writes_per_s deletes deletes_per_s queries"},
        {"seed", ""},
        {"delays", NULL},
        {"switches", NULL},
};

void scenario_wrong(const char *what, const char *sentence)
{
	die(EX_DATAERR, "scenario: %s: %s", what, sentence);
}

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; *p; p += strcspn(p, " "), p += *p == ' ')
		if (!strncmp(p, word, n) && (p[n] == ' ' || !p[n]))
			return true;
	return false;
}

static void check_entry(const char *section, const char *members, const json_t *entry)
{
	const char *k;
	json_t *v;

	json_object_foreach((json_t *)entry, k, v) if (!has_word(members, k))
	        die(EX_DATAERR, "scenario: %s: there is no member '%s'", section, k);
}

static void check_section(const char *name, const json_t *value)
{
	size_t i;
	json_t *entry;

	for (size_t s = 0; s < ARRAY_SIZE(sections); s++) {
		if (strcmp(sections[s].section, name))
			continue;
		if (!sections[s].members || !*sections[s].members)
			return;
		if (json_is_object(value))
			check_entry(name, sections[s].members, value);
		json_array_foreach(value, i, entry) check_entry(name, sections[s].members, entry);
		return;
	}
	scenario_wrong(name, "there is no such member");
}

void scenario_read(struct sim *sim, const char *path)
{
	json_error_t err;
	const char *k;
	json_t *v;

	sim->scenario = !strcmp(path, "-") ? json_loadf(stdin, JSON_REJECT_DUPLICATES, &err)
	                                   : json_load_file(path, JSON_REJECT_DUPLICATES, &err);
	if (!json_is_object(sim->scenario))
		die(EX_DATAERR, "scenario: %s:%d: %s", path, err.line, err.text);
	json_object_foreach(sim->scenario, k, v) check_section(k, v);
}

char *id_named(const struct sim *sim, const json_t *entry, const char *type, const char *name)
{
	const char *rg = jstr(entry, "rg", sim->rg), *sub = jstr(entry, "subscription", sim->subscription);

	if (name[0] == '/')
		return xstrdup(name);
	return xasprintf("/subscriptions/%s/resourceGroups/%s/providers/%s/%s", sub, rg, type, name);
}

struct place place_of(struct sim *sim, const json_t *entry, const char *type, const char *fallback_name)
{
	struct place p = {
	        .name = jstr(entry, "name", fallback_name),
	        .rg = jstr(entry, "rg", sim->rg),
	        .subscription = jstr(entry, "subscription", sim->subscription),
	        .location = jstr(entry, "location", sim->location),
	};

	if (!p.name)
		scenario_wrong(type, "an entry has no name");
	p.id = id_named(sim, entry, type, p.name);
	store_ensure_rg(sim, p.subscription, p.rg, p.location);
	return p;
}

static void set_defaults(struct sim *sim)
{
	const json_t *s = sim->scenario, *d = json_object_get(s, "defaults"),
	             *subs = json_object_get(s, "subscriptions");

	sim->tenant = jstr(s, "tenant", "72f988bf-86f1-41af-91ab-2d7cd011db47");
	sim->tenant_name = jstr(s, "tenant_name", "contoso.onmicrosoft.com");
	sim->subscription = jstr(d, "subscription",
	                         jstr(json_array_get(subs, 0), "id", "00000000-0000-4000-8000-000000000001"));
	sim->rg = jstr(d, "rg", "rg1");
	sim->location = jstr(d, "location", "westeurope");
	sim->seed = (uint64_t)jint(s, "seed", 1);
	if (!sim->seed && getrandom(&sim->seed, sizeof(sim->seed), 0) != sizeof(sim->seed))
		scenario_wrong("seed", "the system gives no random number");
	sim->draws = 0;
	sim->turns = 0;
}

static void add_subscription(struct sim *sim, const json_t *entry, const char *guid)
{
	_cleanup_free_ char *id = xasprintf("/subscriptions/%s", guid);
	const json_t *body = json_object_get(entry, "body");

	store_put(sim, TYPE_SUBSCRIPTION, id,
	          body ? json_deep_copy(body)
	               : jnew("{s:s s:s s:[] s:s s:s s:s s:s s:{s:s s:s s:s}}", "id", id,
	                      "authorizationSource", "RoleBased", "managedByTenants", "subscriptionId", guid,
	                      "tenantId", sim->tenant, "displayName", jstr(entry, "name", "azsim"), "state",
	                      jstr(entry, "state", "Enabled"), "subscriptionPolicies", "locationPlacementId",
	                      "Public_2014-09-01", "quotaId", "PayAsYouGo_2014-09-01", "spendingLimit",
	                      "Off"));
}

static void add_subscription_entry(struct sim *sim, const json_t *entry)
{
	if (!jstr(entry, "id", NULL))
		scenario_wrong("subscriptions", "an entry has no id");
	add_subscription(sim, entry, jstr(entry, "id", NULL));
}

static void scenario_subscriptions(struct sim *sim)
{
	size_t i;
	json_t *entry;
	_cleanup_free_ char *id = xasprintf("/subscriptions/%s", sim->subscription);

	json_array_foreach(json_object_get(sim->scenario, "subscriptions"), i, entry)
	        add_subscription_entry(sim, entry);
	if (!store_find(sim, id))
		add_subscription(sim, NULL, sim->subscription);
	json_array_foreach(json_object_get(sim->scenario, "resource_groups"), i, entry)
	{
		const char *sub = jstr(entry, "subscription", sim->subscription);
		_cleanup_free_ char *group = rg_id(sub, jstr(entry, "name", ""));

		store_ensure_rg(sim, sub, jstr(entry, "name", ""), jstr(entry, "location", sim->location));
		if (json_object_get(entry, "tags"))
			jset(store_find(sim, group)->body, "tags",
			     json_deep_copy(json_object_get(entry, "tags")));
	}
}

void scenario_add(struct sim *sim, const char *section, const json_t *entry)
{
	static const struct {
		const char *section;
		void (*add)(struct sim *sim, const json_t *entry);
	} adders[] = {
	        {"subscriptions", add_subscription_entry},
	        {"nsgs", scenario_add_nsg},
	        {"vnets", scenario_add_vnet},
	        {"public_ips", scenario_add_pip},
	        {"nics", scenario_add_nic},
	        {"vms", scenario_add_vm},
	        {"jit_policies", scenario_add_policy},
	};

	for (size_t i = 0; i < ARRAY_SIZE(adders); i++)
		if (!strcmp(adders[i].section, section))
			adders[i].add(sim, entry);
}

static void scenario_principals(struct sim *sim)
{
	size_t i;
	json_t *entry;

	json_array_foreach(json_object_get(sim->scenario, "principals"), i, entry)
	{
		char *wrong = jstr(entry, "name", NULL) ? principal_add(sim, entry)
		                                        : xstrdup("an entry has no name");

		if (wrong)
			scenario_wrong("principals", wrong);
	}
	json_array_foreach(jpath(sim->scenario, "imds.identities"), i,
	                   entry) if (!principal_named(sim, json_string_value(entry)))
	        scenario_wrong("imds", "identities names someone who is not in principals");
}

static void scenario_settings(struct sim *sim)
{
	char *wrong;

	settings_init(sim);
	wrong = switches_set(sim, json_object_get(sim->scenario, "switches"));
	if (wrong)
		scenario_wrong("switches", wrong);
	wrong = delays_set(sim, json_object_get(sim->scenario, "delays"));
	if (wrong)
		scenario_wrong("delays", wrong);
	json_decref(sim->locks);
	sim->locks = json_object_get(sim->scenario, "locks")
	                     ? json_deep_copy(json_object_get(sim->scenario, "locks"))
	                     : json_array();
}

static void scenario_literals(struct sim *sim)
{
	size_t i;
	json_t *r;

	json_array_foreach(json_object_get(sim->scenario, "resources"), i, r)
	{
		if (!jstr(r, "id", NULL) || !jstr(r, "type", NULL))
			scenario_wrong("resources", "an entry has no id or no type");
		store_put(sim, jstr(r, "type", NULL), jstr(r, "id", NULL), json_deep_copy(r));
	}
}

static void forget_everything(struct sim *sim)
{
	json_t **const lists[] = {&sim->activity,   &sim->changes,  &sim->operations,
	                          &sim->assertions, &sim->counters, &sim->exchanges,
	                          &sim->buckets,    &sim->devices,  &sim->refresh_tokens};

	timers_drop(&sim->timers, NULL);
	jit_clear(sim);
	store_clear(sim);
	principals_clear(sim);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		json_decref(*lists[i]);
	sim->activity = json_array();
	sim->changes = json_array();
	sim->operations = json_object();
	sim->assertions = json_object();
	sim->counters = json_object();
	sim->exchanges = json_array();
	sim->buckets = json_object();
	sim->devices = json_object();
	sim->refresh_tokens = json_object();
}

static void enforce_all(struct sim *sim)
{
	for (struct resource *r = sim->resources; r; r = r->next) {
		json_t *names = json_array(), *rule;
		size_t i;

		if (str_ieq(r->type, TYPE_FIREWALL))
			firewall_announce(sim, r, "start", json_array(), json_array());
		if (!str_ieq(r->type, TYPE_NSG)) {
			json_decref(names);
			continue;
		}
		json_array_foreach(nsg_rules(r), i, rule) jpush(names, json_string(jstr(rule, "name", "")));
		nsg_announce(sim, r, "start", names, json_array());
	}
}

void scenario_build(struct sim *sim)
{
	const char *start = jstr(sim->scenario, "clock", NULL);
	ticks at = 0;

	if (start && !time_parse(start, &at))
		scenario_wrong("clock", "it is not a time");
	clock_init(&sim->clock, sim->opt.manual, sim->opt.manual ? at : 0);
	set_defaults(sim);
	forget_everything(sim);
	sim->building = true;
	scenario_settings(sim);
	tenant_new(sim);
	scenario_subscriptions(sim);
	scenario_network(sim);
	scenario_firewall(sim);
	scenario_machines(sim);
	scenario_literals(sim);
	scenario_principals(sim);
	scenario_jit(sim);
	scenario_policy(sim);
	sim->building = false;
	if (sw_bool(sim, "graph_lag"))
		graph_remember(sim);
	enforce_all(sim);
}
