// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include <string.h>

#include "arm.h"
#include "jit.h"
#include "principal.h"
#include "route.h"
#include "settings.h"

#define MAX_NAMES 56 // policy and VM name together (azure.md §1.2)

static char *policy_id(const struct request *req)
{
	return xasprintf("/subscriptions/%s/resourceGroups/%s/providers/Microsoft.Security/locations/%s/"
	                 "jitNetworkAccessPolicies/%s",
	                 param(req, "sub"), param(req, "rg"), param(req, "loc"), param(req, "name"));
}

static void not_found(struct request *req, const char *id)
{
	reply_error(req, 404, "PolicyNotFound", "Just-In-Time Network Access Policy '%s' does not exist.",
	            id);
}

static bool omitted(const struct request *req, const char *name)
{
	size_t i;
	json_t *v;

	if (req->route->manners != MANNERS_FANOUT)
		return false;
	json_array_foreach(json_object_get(req->sim->switches, "list_omits"), i,
	                   v) if (str_ieq(json_string_value(v), name)) return true;
	return false;
}

static bool kept(const struct request *req, const json_t *body)
{
	const char *loc = param(req, "loc");

	return !omitted(req, jstr(body, "name", "")) && (!*loc || str_ieq(loc, jstr(body, "location", "")));
}

static void list(struct request *req)
{
	arm_list_shown(req, TYPE_JIT, jit_policy_json, kept);
}

static void get(struct request *req)
{
	_cleanup_free_ char *id = policy_id(req);
	const struct resource *r = store_find(req->sim, id);

	if (r)
		reply_json(req, 200, jit_policy_json(req->sim, r));
	else
		not_found(req, id);
}

static bool port_good(struct request *req, const json_t *port)
{
	const json_t *number = json_object_get(port, "number");
	const char *protocol = jstr(port, "protocol", NULL);
	long long n = jint(port, "number", -1);
	ticks max;

	if (json_is_string(number) && !parse_number(json_string_value(number), 0, 65535, &n))
		n = -1;
	if (n < 0 || n > 65535)
		reply_error(req, 400, "InvalidInput", "The field 'Number' must be between 0 and 65535.");
	else if (!protocol)
		reply_error(req, 400, "InvalidInput", "The field 'Protocol' is required.");
	else if (!*protocol)
		reply_error(req, 500, "InternalServerError", "Internal server error");
	else if (!duration_parse(jstr(port, "maxRequestAccessDuration", ""), &max) ||
	         max < 300 * TICKS_PER_S || max > 86400 * TICKS_PER_S)
		reply_error(req, 400, "InvalidInput",
		            "The field 'MaxRequestAccessDuration' must be between PT5M and P1D.");
	else
		return true;
	return false;
}

static bool vm_good(struct request *req, const json_t *vm)
{
	const char *id = jstr(vm, "id", ""), *slash = strrchr(id, '/');
	const json_t *ports = json_object_get(vm, "ports");
	const struct resource *r = store_find(req->sim, id);
	size_t i;
	json_t *port;

	if (!r || !str_ieq(r->type, TYPE_VM)) {
		reply_error(
		        req, 400, "InvalidInput",
		        "Just-In-Time Network Access Policy: '%s' contains non-existent virtual machines: %s",
		        param(req, "name"), id);
		return false;
	}
	if (strlen(param(req, "name")) + strlen(slash ? slash + 1 : id) > MAX_NAMES) {
		reply_error(req, 400, "InvalidInput",
		            "The combined length of the policy name and the virtual machine name must not "
		            "exceed %d "
		            "characters.",
		            MAX_NAMES);
		return false;
	}
	if (!principal_may(req->caller, TYPE_VM "/write", id)) {
		reply_error(req, 403, "LinkedAuthorizationFailed",
		            "The client '%s' with object id '%s' has permission to perform action '%s' on "
		            "scope '%s'; "
		            "however, it does not have permission to perform action(s) '" TYPE_VM
		            "/write' on the "
		            "linked scope(s) '%s' or the linked scope(s) are invalid.",
		            req->caller->app_id, req->caller->object_id, req->route->action, req->path, id);
		return false;
	}
	if (!json_is_array(ports) || !json_array_size(ports)) {
		reply_error(req, 400, "InvalidInput", "The field 'Ports' is required.");
		return false;
	}
	json_array_foreach(ports, i, port) if (!port_good(req, port)) return false;
	return true;
}

static bool body_good(struct request *req)
{
	const json_t *vms = jpath(req->json, "properties.virtualMachines");
	size_t i;
	json_t *vm;

	if (!json_is_array(vms)) {
		reply_error(req, 400, "InvalidInput", "The field 'VirtualMachines' is required.");
		return false;
	}
	json_array_foreach(vms, i, vm) if (!vm_good(req, vm)) return false;
	return true;
}

// Azure keeps port numbers as numbers, whatever was sent.
static json_t *vms_new(const struct request *req)
{
	json_t *vms = json_deep_copy(jpath(req->json, "properties.virtualMachines")), *vm, *port;
	size_t i, k;

	json_array_foreach(vms, i, vm) json_array_foreach(json_object_get(vm, "ports"), k, port)
	{
		const json_t *number = json_object_get(port, "number");
		long long n;

		if (json_is_string(number) && parse_number(json_string_value(number), 0, 65535, &n))
			jset(port, "number", json_integer(n));
	}
	return vms;
}

static void denies_due(struct sim *sim, void *arg)
{
	jit_sync_denies(sim, arg, "policy");
}

static void put(struct request *req)
{
	struct sim *sim = req->sim;
	_cleanup_free_ char *id = policy_id(req), *location = str_lower(param(req, "loc"));
	struct resource *r = store_find(sim, id);
	ticks delay = delay_of(sim, "policy_ms");
	json_t *properties;

	if (!body_good(req))
		return;
	if (r)
		jit_end_policy(sim, r, !sw_bool(sim, "put_keeps_rules"), !sw_bool(sim, "put_keeps_history"));
	properties = jnew("{s:o s:[] s:s s:b}", "virtualMachines", vms_new(req), "requests",
	                  "provisioningState", "Updating", "appendMode", 0);
	r = store_put(sim, TYPE_JIT, id,
	              jnew("{s:s s:o s:s s:s s:s s:s}", "kind", jstr(req->json, "kind", "Basic"),
	                   "properties", properties, "id", id, "name", param(req, "name"), "type", TYPE_JIT,
	                   "location", location));
	if (!sw_bool(sim, "put_keeps_history")) {
		json_decref(r->history);
		r->history = NULL;
	}
	reply_json(req, 200, json_deep_copy(r->body));
	resource_updating(sim, r, delay);
	timers_add(&sim->timers, clock_now(&sim->clock) + delay, denies_due, r);
}

static void delete (struct request *req)
{
	_cleanup_free_ char *id = policy_id(req);
	struct resource *r = store_find(req->sim, id);

	reply_empty(req, r ? 200 : 204);
	if (!r)
		return;
	if (sw_bool(req->sim, "delete_revokes"))
		jit_drop_denies(req->sim, r);
	jit_end_policy(req->sim, r, sw_bool(req->sim, "delete_revokes"), true);
	store_remove(req->sim, id);
}

static void initiate(struct request *req)
{
	_cleanup_free_ char *id = policy_id(req);
	struct jit_request *r = jit_check(req, store_find(req->sim, id), id);

	if (!r)
		return;
	jit_start(req->sim, r);
	reply_json(req, 202, jit_request_json(req->sim, r));
	req->reply.delay_ms = delay_of(req->sim, "answer_ms") / TICKS_PER_MS;
}

#define SUB     "/subscriptions/{sub}"
#define RG      SUB "/resourceGroups/{rg}"
#define JIT     "/providers/Microsoft.Security/jitNetworkAccessPolicies"
#define JIT_LOC "/providers/Microsoft.Security/locations/{loc}/jitNetworkAccessPolicies"
#define MAY     TYPE_JIT
#define V       "2015-06-01-preview"

const struct route routes_jit[] = {
        {"GET", SUB JIT, "JitNetworkAccessPolicies_List", MAY "/read", V, MANNERS_FANOUT, 0, list},
        {"GET", SUB JIT_LOC, "JitNetworkAccessPolicies_ListByRegion", MAY "/read", V, MANNERS_SECURITY, 0,
         list},
        {"GET", RG JIT, "JitNetworkAccessPolicies_ListByResourceGroup", MAY "/read", V, MANNERS_SECURITY, 0,
         list},
        {"GET", RG JIT_LOC, "JitNetworkAccessPolicies_ListByResourceGroupAndRegion", MAY "/read", V,
         MANNERS_SECURITY, 0, list},
        {"GET", RG JIT_LOC "/{name}", "JitNetworkAccessPolicies_Get", MAY "/read", V, MANNERS_SECURITY, 0,
         get},
        {"PUT", RG JIT_LOC "/{name}", "JitNetworkAccessPolicies_CreateOrUpdate", MAY "/write", V,
         MANNERS_SECURITY, 0, put},
        {"DELETE", RG JIT_LOC "/{name}", "JitNetworkAccessPolicies_Delete", MAY "/delete", V,
         MANNERS_SECURITY, 0, delete},
        {"POST", RG JIT_LOC "/{name}/initiate", "JitNetworkAccessPolicies_Initiate", MAY "/initiate/action",
         V, MANNERS_SECURITY, 0, initiate},
        {0},
};
