// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "jit.h"

#include <string.h>

#include "firewall.h"
#include "nsg.h"
#include "nsg_input.h"
#include "settings.h"

static void set_text(char **text, const char *value)
{
	free(*text);
	*text = xstrdup(value);
}

static bool same_sources(const json_t *a, const json_t *b)
{
	return json_equal((json_t *)a, (json_t *)b);
}

static bool share_source(const json_t *a, const json_t *b)
{
	size_t i, k;
	json_t *x, *y;

	json_array_foreach(a, i, x) json_array_foreach(b, k, y) if (json_equal(x, y)) return true;
	return false;
}

static struct jit_grant *grant_of(struct jit_request *r, size_t upto, const struct jit_entry *e)
{
	for (size_t i = 0; i < upto; i++) {
		struct jit_grant *g = r->entries[i].grant;

		if (str_ieq(g->vm_id, e->vm_id) && g->end == e->end && same_sources(g->sources, e->sources))
			return g;
	}
	return NULL;
}

static struct jit_grant *grant_new(struct jit_request *r, const struct jit_entry *e)
{
	struct jit_grant *g = xcalloc(1, sizeof(*g));

	g->request = r;
	g->vm_id = xstrdup(e->vm_id);
	g->sources = json_incref(e->sources);
	g->end = e->end;
	g->rules = json_array();
	return g;
}

static void set_status(struct jit_grant *g, const char *status, const char *reason, bool live)
{
	for (size_t i = 0; i < g->request->count; i++) {
		struct jit_entry *e = &g->request->entries[i];

		if (e->grant != g || !e->live)
			continue;
		set_text(&e->status, status);
		if (reason)
			set_text(&e->reason, reason);
		e->live = live;
	}
}

static bool any_live(const struct jit_grant *g)
{
	for (size_t i = 0; i < g->request->count; i++)
		if (g->request->entries[i].grant == g && g->request->entries[i].live)
			return true;
	return false;
}

// Its rules go, those of the firewall, too.
static void leave(struct sim *sim, struct jit_grant *g, const char *reason)
{
	jit_rules_sync(sim, g, reason);
	firewall_sync(sim, g, reason);
}

void jit_end_entry(struct sim *sim, struct jit_entry *e, const char *reason, bool keep_rule,
                   const char *change)
{
	if (!e->live)
		return;
	set_text(&e->status, "Revoked");
	set_text(&e->reason, reason);
	e->live = false;
	if (!keep_rule && e->grant->entered)
		leave(sim, e->grant, change);
}

static bool supersedes(const struct sim *sim, const struct jit_grant *g, const struct jit_request *old,
                       const struct jit_entry *e)
{
	if (sw_is(sim, "supersede", "same_port"))
		return true;
	if (sw_is(sim, "supersede", "same_source"))
		return share_source(g->sources, e->sources);
	return sw_is(sim, "supersede", "same_requestor") &&
	       str_ieq(old->requestor_object, g->request->requestor_object);
}

static bool has_port(const struct jit_grant *g, int number)
{
	for (size_t i = 0; i < g->request->count; i++)
		if (g->request->entries[i].grant == g && g->request->entries[i].number == number)
			return true;
	return false;
}

static void end_older(struct sim *sim, const struct jit_grant *g)
{
	for (struct jit_request *r = sim->requests; r && r != g->request; r = r->next)
		for (size_t i = 0; i < r->count; i++) {
			struct jit_entry *e = &r->entries[i];

			if (e->live && str_ieq(e->vm_id, g->vm_id) && has_port(g, e->number) &&
			    supersedes(sim, g, r, e))
				jit_end_entry(sim, e, "NewerRequestInitiated", false, "superseded");
		}
}

static void rule_due(struct sim *sim, void *arg)
{
	struct jit_grant *g = arg;

	if (!any_live(g) || g->failure)
		return;
	if (!sw_bool(sim, "rule_never") && !jit_rules_enter(sim, g)) {
		set_status(g, sw_text(sim, "failed_status"), g->failure, false);
		return;
	}
	if (g->entered)
		firewall_enter(sim, g);
	end_older(sim, g);
}

static void status_due(struct sim *sim, void *arg)
{
	struct jit_grant *g = arg;

	if (g->failure)
		set_status(g, sw_text(sim, "failed_status"), g->failure, false);
	else if (!sw_bool(sim, "stay_initiating"))
		set_status(g, sw_text(sim, "initiated_status"), NULL, true);
}

static void end_due(struct sim *sim, void *arg)
{
	struct jit_grant *g = arg;
	bool keep = sw_bool(sim, "expiry_keeps_rule");

	set_status(g, "Revoked", "Expired", false);
	if (g->entered && !keep)
		leave(sim, g, "expiry");
}

// What the service finds out only after its 202.
static char *failure_of(const struct sim *sim, const struct jit_request *r, const char *vm_id)
{
	const struct resource *vm = store_find(sim, vm_id);
	bool guarded = firewall_fronts(sim, r, vm_id);
	size_t i;
	json_t *id;

	if (sw_text(sim, "async_failure"))
		return xstrdup(sw_text(sim, "async_failure"));
	// What is none of Azure's has its gate elsewhere (azure.md §3, AWS).
	if (!vm && !strcasestr(vm_id, "/providers/" TYPE_VM "/"))
		return NULL;
	if (!vm)
		return xstrdup("VMNotFound");
	json_auto_t *nics = vm_nics_new(vm);

	json_array_foreach(nics, i, id)
	{
		const struct resource *nic = store_find(sim, json_string_value(id));

		guarded |= nic && (nic_nsg(sim, nic) || subnet_nsg(sim, nic));
	}
	return guarded ? NULL : xstrdup("MissingNSGs");
}

void jit_start(struct sim *sim, struct jit_request *r_stolen)
{
	struct jit_request *r = r_stolen;

	*sim->requests_tail = r;
	sim->requests_tail = &r->next;
	for (size_t i = 0; i < r->count; i++) {
		struct jit_entry *e = &r->entries[i];
		struct jit_grant *g = e->grant = grant_of(r, i, e);

		if (g)
			continue;
		g = e->grant = grant_new(r, e);
		g->failure = failure_of(sim, r, e->vm_id);
		timers_add(&sim->timers, r->start + delay_of(sim, "initiated_ms"), status_due, g);
		if (!g->failure)
			timers_add(&sim->timers, r->start + delay_of(sim, "rule_ms"), rule_due, g);
		timers_add(&sim->timers, g->end + delay_of(sim, "expiry_ms"), end_due, g);
	}
	firewall_map(sim, r);
}

void jit_end_policy(struct sim *sim, const struct resource *policy, bool end, bool forget)
{
	for (struct jit_request *r = sim->requests; r; r = r->next) {
		if (!str_ieq(r->policy_id, policy->id))
			continue;
		for (size_t i = 0; i < r->count && end; i++)
			jit_end_entry(sim, &r->entries[i], "UserRequested", false, "policy");
		if (forget) {
			free(r->policy_id);
			r->policy_id = NULL;
		}
	}
}

static void grants_free(struct jit_request *r)
{
	for (size_t i = 0; i < r->count; i++) {
		struct jit_grant *g = r->entries[i].grant;

		for (size_t k = i; k < r->count; k++)
			if (r->entries[k].grant == g)
				r->entries[k].grant = NULL;
		if (!g)
			continue;
		free(g->vm_id);
		free(g->failure);
		json_decref(g->sources);
		json_decref(g->rules);
		free(g);
	}
}

void jit_clear(struct sim *sim)
{
	while (sim->requests) {
		struct jit_request *r = sim->requests;

		sim->requests = r->next;
		grants_free(r);
		jit_request_free(r);
	}
	sim->requests_tail = &sim->requests;
}

static json_t *entry_json(const struct sim *sim, const struct jit_entry *e)
{
	json_t *port = jnew("{s:i}", "number", e->number);
	int mapped = firewall_shown(sim, e);

	if (e->plural)
		jset(port, "allowedSourceAddressPrefixes", json_deep_copy(e->sources));
	else
		jset(port, "allowedSourceAddressPrefix", json_deep_copy(json_array_get(e->sources, 0)));
	jsets(port, "endTimeUtc", e->end_text);
	jsets(port, "status", e->status);
	jsets(port, "statusReason", e->reason);
	if (mapped)
		jset(port, "mappedPort", json_integer(mapped));
	return port;
}

json_t *jit_request_json(const struct sim *sim, const struct jit_request *r)
{
	_cleanup_free_ char *start = time_iso(r->start, 7);
	json_t *vms = json_array(), *vm = NULL, *body;

	for (size_t i = 0; i < r->count; i++) {
		const struct jit_entry *e = &r->entries[i];

		if (!e->live && sw_is(sim, "history", "drop"))
			continue;
		if (!vm || !str_ieq(jstr(vm, "id", ""), e->vm_id)) {
			vm = jnew("{s:s s:[]}", "id", e->vm_id, "ports");
			jpush(vms, vm);
		}
		jpush(json_object_get(vm, "ports"), entry_json(sim, e));
	}
	body = jnew("{s:o s:s s:s}", "virtualMachines", vms, "startTimeUtc", start, "requestor",
	            r->requestor);
	if (r->justification)
		jsets(body, "justification", r->justification);
	return body;
}

json_t *jit_policy_json(const struct sim *sim, const struct resource *policy)
{
	json_t *body = json_deep_copy(policy->body), *list = json_array();

	if (policy->history)
		json_array_extend(list, policy->history);
	for (const struct jit_request *r = sim->requests; r; r = r->next) {
		json_t *one;

		if (!str_ieq(r->policy_id, policy->id))
			continue;
		one = jit_request_json(sim, r);
		if (json_array_size(json_object_get(one, "virtualMachines")))
			jpush(list, one);
		else
			json_decref(one);
	}
	jset(json_object_get(body, "properties"), "requests", list);
	return body;
}
