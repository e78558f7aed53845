// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include <string.h>

#include "control.h"
#include "device.h"
#include "fault.h"
#include "jit.h"
#include "nsg.h"
#include "nsg_input.h"

static json_t *nsgs(struct sim *sim)
{
	json_t *all = json_object();

	for (const struct resource *r = sim->resources; r; r = r->next) {
		size_t i;
		json_t *rule;

		if (!str_ieq(r->type, TYPE_NSG))
			continue;
		json_auto_t *input = nsg_input_new(sim, r);

		json_array_foreach(json_object_get(input, "rules"), i, rule)
		{
			const char *entered = jstr(r->entered, jstr(rule, "name", ""), NULL);

			if (entered)
				jsets(rule, "entered_at", entered);
		}
		jset(all, r->id,
		     jnew("{s:s s:s s:O s:O}", "name", r->name, "etag", jstr(r->body, "etag", ""),
		          "addresses", json_object_get(input, "addresses"), "rules",
		          json_object_get(input, "rules")));
	}
	return all;
}

static json_t *changes(struct sim *sim)
{
	return json_deep_copy(sim->changes);
}

static json_t *policies(struct sim *sim)
{
	json_t *all = json_array();

	for (const struct resource *r = sim->resources; r; r = r->next)
		if (str_ieq(r->type, TYPE_JIT))
			jpush(all, jit_policy_json(sim, r));
	return all;
}

static json_t *entry_state(const struct jit_request *r, const struct jit_entry *e)
{
	const char *slash = strrchr(e->vm_id, '/');
	_cleanup_free_ char *start = time_iso(r->start, 7);

	return jnew("{s:s s:s s:i s:O s:s s:s s:s s:b s:s s:s s:s? s:s s:s s:s? s:O}", "vm",
	            slash ? slash + 1 : e->vm_id, "vm_id", e->vm_id, "port", e->number, "sources", e->sources,
	            "end", e->end_text, "status", e->status, "statusReason", e->reason, "live", e->live,
	            "start", start, "requestor", r->requestor, "justification", r->justification,
	            "correlation_id", r->correlation, "client_request_id", r->client_request_id, "policy",
	            r->policy_id, "rules", e->grant->rules);
}

static json_t *requests(struct sim *sim)
{
	json_t *all = json_array();

	for (const struct jit_request *r = sim->requests; r; r = r->next)
		for (size_t i = 0; i < r->count; i++)
			jpush(all, entry_state(r, &r->entries[i]));
	return all;
}

static json_t *activity(struct sim *sim)
{
	json_t *all = json_deep_copy(sim->activity), *event;
	size_t i;

	json_array_foreach(all, i, event)
	{
		_cleanup_free_ char *visible = time_iso(jint(event, "_visible", 0), 7);

		jsets(event, "visible", visible);
		json_object_del(event, "_visible");
		json_object_del(event, "_at");
	}
	return all;
}

static json_t *counters(struct sim *sim)
{
	return json_deep_copy(sim->counters);
}

static json_t *exchanges(struct sim *sim)
{
	return json_deep_copy(sim->exchanges);
}

static json_t *vms(struct sim *sim)
{
	json_t *all = json_object();

	for (const struct resource *r = sim->resources; r; r = r->next) {
		json_auto_t *addresses = json_array();
		size_t i;
		json_t *id;

		if (!str_ieq(r->type, TYPE_VM))
			continue;
		json_auto_t *nics = vm_nics_new(r);

		json_array_foreach(nics, i, id)
		{
			const struct resource *nic = store_find(sim, json_string_value(id));
			json_auto_t *own = nic ? nic_addresses_new(nic) : json_array();

			json_array_extend(addresses, own);
		}
		jset(all, r->name,
		     jnew("{s:s s:s s:O}", "id", r->id, "power", r->power, "addresses", addresses));
	}
	return all;
}

static json_t *faults(struct sim *sim)
{
	return faults_list_new(sim);
}

static json_t *switches(struct sim *sim)
{
	return json_deep_copy(sim->switches);
}

static json_t *delays(struct sim *sim)
{
	return json_deep_copy(sim->delays);
}

static json_t *devices(struct sim *sim)
{
	return device_list_new(sim);
}

static json_t *now(struct sim *sim)
{
	_cleanup_free_ char *text = time_iso(clock_now(&sim->clock), 7);

	return json_string(text);
}

json_t *control_state_new(struct sim *sim, const char *part)
{
	static const struct {
		const char *name;
		json_t *(*make)(struct sim *sim);
	} parts[] = {
	        {"now", now},           {"nsgs", nsgs},           {"changes", changes},
	        {"policies", policies}, {"requests", requests},   {"activity", activity},
	        {"counters", counters}, {"exchanges", exchanges}, {"vms", vms},
	        {"faults", faults},     {"switches", switches},   {"delays", delays},
	        {"devices", devices},
	};
	json_t *all = json_object(), *one = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (!*part)
			jset(all, parts[i].name, parts[i].make(sim));
		else if (!strcmp(part, parts[i].name))
			one = parts[i].make(sim);
	if (!*part)
		return all;
	json_decref(all);
	return one;
}
