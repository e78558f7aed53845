// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include <string.h>

#include "jit.h"
#include "scenario.h"
#include "util.h"

static json_t *port_new(const json_t *entry)
{
	const json_t *source = json_object_get(entry, "source");
	json_t *port = jnew("{s:I s:s}", "number", (json_int_t)jint(entry, "number", 22), "protocol",
	                    jstr(entry, "protocol", "TCP"));

	if (json_is_array(source))
		jset(port, "allowedSourceAddressPrefixes", json_deep_copy(source));
	else
		jsets(port, "allowedSourceAddressPrefix", jstr(entry, "source", "*"));
	jsets(port, "maxRequestAccessDuration", jstr(entry, "max", "PT3H"));
	return port;
}

static json_t *vm_new(const struct sim *sim, const json_t *policy, const json_t *entry)
{
	const char *name = jstr(entry, "id", jstr(entry, "name", NULL)),
	           *public_ip = jstr(entry, "public_ip", NULL);
	json_t *ports = json_array(), *vm, *port;
	size_t i;

	if (!name)
		scenario_wrong("jit_policies", "a virtual machine needs a name or an id");
	_cleanup_free_ char *id = id_named(sim, policy, TYPE_VM, name);

	json_array_foreach(json_object_get(entry, "ports"), i, port) jpush(ports, port_new(port));
	vm = jnew("{s:s s:o}", "id", id, "ports", ports);
	if (public_ip)
		jsets(vm, "publicIpAddress", public_ip);
	return vm;
}

static json_t *body_new(const struct sim *sim, const json_t *entry, const struct place *at, const char *id)
{
	json_t *vms = json_array(), *vm;
	size_t i;

	json_array_foreach(json_object_get(entry, "vms"), i, vm) jpush(vms, vm_new(sim, entry, vm));
	return jnew("{s:s s:{s:o s:[] s:s s:b} s:s s:s s:s s:s}", "kind", "Basic", "properties",
	            "virtualMachines", vms, "requests", "provisioningState",
	            jstr(entry, "state", "Succeeded"), "appendMode", 0, "id", id, "name", at->name, "type",
	            TYPE_JIT, "location", at->location);
}

char *scenario_policy_id(struct sim *sim, const json_t *entry)
{
	struct place at = place_of(sim, entry, TYPE_JIT, "default");

	free(at.id);
	return xasprintf("/subscriptions/%s/resourceGroups/%s/providers/Microsoft.Security/"
	                 "locations/%s/jitNetworkAccessPolicies/%s",
	                 at.subscription, at.rg, at.location, at.name);
}

void scenario_add_policy(struct sim *sim, const json_t *entry)
{
	struct place at = place_of(sim, entry, TYPE_JIT, "default");
	const json_t *body = json_object_get(entry, "body"), *history = json_object_get(entry, "requests");

	free(at.id);
	_cleanup_free_ char *id = scenario_policy_id(sim, entry);
	struct resource *r =
	        store_put(sim, TYPE_JIT, id, body ? json_deep_copy(body) : body_new(sim, entry, &at, id));

	if (!history && body)
		history = jpath(body, "properties.requests");
	if (history)
		r->history = json_deep_copy(history);
	if (jbool(entry, "deny", true))
		jit_sync_denies(sim, r, "start");
}

static void add_pricing(struct sim *sim, const char *name, const json_t *entry)
{
	const json_t *body = json_object_get(entry, "body");
	_cleanup_free_ char *id = xasprintf("/subscriptions/%s/providers/" TYPE_PRICING "/%s",
	                                    jstr(entry, "subscription", sim->subscription), name);

	const char *plan = jstr(entry, "sub_plan", "P2");

	store_put(sim, TYPE_PRICING, id,
	          body ? json_deep_copy(body)
	               : jnew("{s:s s:s s:s s:{s:s* s:s s:s}}", "id", id, "name", name, "type", TYPE_PRICING,
	                      "properties", "subPlan", *plan ? plan : NULL, "pricingTier",
	                      jstr(entry, "tier", "Standard"), "freeTrialRemainingTime", "PT0S"));
}

void scenario_jit(struct sim *sim)
{
	size_t i;
	json_t *entry;

	if (!json_object_get(sim->scenario, "pricings"))
		add_pricing(sim, "VirtualMachines", NULL);
	json_array_foreach(json_object_get(sim->scenario, "pricings"), i, entry)
	        add_pricing(sim, jstr(entry, "name", "VirtualMachines"), entry);
	json_array_foreach(json_object_get(sim->scenario, "jit_policies"), i, entry)
	        scenario_add_policy(sim, entry);
}
