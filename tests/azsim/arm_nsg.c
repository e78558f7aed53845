// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include <string.h>

#include "arm.h"
#include "nsg.h"
#include "operation.h"
#include "route.h"
#include "settings.h"

static char *nsg_id(const struct request *req)
{
	return xasprintf("/subscriptions/%s/resourceGroups/%s/providers/" TYPE_NSG "/%s", param(req, "sub"),
	                 param(req, "rg"), param(req, "name"));
}

static struct resource *nsg_of(struct request *req)
{
	_cleanup_free_ char *id = nsg_id(req);
	struct resource *r = store_find(req->sim, id);

	if (!r)
		arm_not_found(req, TYPE_NSG, param(req, "name"));
	return r;
}

static void list(struct request *req)
{
	arm_list_type(req, TYPE_NSG);
}

static void get(struct request *req)
{
	_cleanup_free_ char *id = nsg_id(req);

	arm_reply_resource(req, TYPE_NSG, id);
}

// Completes a rule as it was sent to what Azure answers.
static json_t *rule_of(const char *nsg, const char *name, const json_t *sent)
{
	static const char *const arrays[] = {"sourcePortRanges", "destinationPortRanges",
	                                     "sourceAddressPrefixes", "destinationAddressPrefixes"};
	_cleanup_free_ char *id = xasprintf("%s/securityRules/%s", nsg, name);
	json_t *properties = jnew("{s:s}", "provisioningState", "Succeeded");

	json_object_update(properties, json_object_get(sent, "properties"));
	jsets(properties, "provisioningState", "Succeeded");
	for (size_t i = 0; i < ARRAY_SIZE(arrays); i++)
		if (!json_object_get(properties, arrays[i]))
			jset(properties, arrays[i], json_array());
	return jnew("{s:s s:s s:s s:s s:o}", "name", name, "id", id, "etag", "", "type",
	            TYPE_NSG "/securityRules", "properties", properties);
}

static bool rule_good(struct request *req, const json_t *sent)
{
	const json_t *p = json_object_get(sent, "properties");
	long long priority = jint(p, "priority", 0);

	if (strlen(jstr(p, "description", "")) > 140)
		reply_error(req, 400, "InvalidRequestFormat",
		            "The description must not exceed 140 characters.");
	else if (priority < 100 || priority > 4096)
		reply_error(
		        req, 400, "SecurityRuleInvalidPriority",
		        "Security rule has invalid Priority. Value provided: %lld Allowed range 100-4096.",
		        priority);
	else if (!jstr(p, "access", NULL) || !jstr(p, "direction", NULL) || !jstr(p, "protocol", NULL))
		reply_error(req, 400, "InvalidRequestFormat",
		            "Security rule lacks access, direction or protocol.");
	else
		return true;
	return false;
}

static void put(struct request *req)
{
	struct sim *sim = req->sim;
	_cleanup_free_ char *id = nsg_id(req);
	const char *location = jstr(req->json, "location", sim->location);
	struct resource *r = store_find(sim, id);
	bool existed = r;
	json_t *rules = json_array(), *sent, *added = json_array();
	size_t i;

	json_array_foreach(jpath(req->json, "properties.securityRules"), i, sent)
	{
		if (!rule_good(req, sent)) {
			json_decref(rules);
			json_decref(added);
			return;
		}
		jpush(rules, rule_of(id, jstr(sent, "name", "rule"), sent));
		jpush(added, json_string(jstr(sent, "name", "rule")));
	}
	r = store_put(
	        sim, TYPE_NSG, id,
	        nsg_body_new(sim, id, param(req, "name"), location, json_object_get(req->json, "tags")));
	jset(json_object_get(r->body, "properties"), "securityRules", rules);
	nsg_changed(sim, r, "arm", added, json_array());
	resource_updating(sim, r, delay_of(sim, "operation_ms"));
	reply_json(req, existed ? 200 : 201, json_deep_copy(r->body));
	operation_headers(req, NULL, 3);
}

static void delete (struct request *req)
{
	struct resource *r = nsg_of(req);

	if (!r) {
		reply_empty(req, 204);
		return;
	}
	store_remove(req->sim, r->id);
	reply_empty(req, 200);
}

static void child_list(struct request *req, const char *member)
{
	const struct resource *r = nsg_of(req);
	const json_t *rules = r ? json_object_get(json_object_get(r->body, "properties"), member) : NULL;

	if (r)
		arm_reply_list(req, rules ? json_deep_copy(rules) : json_array(),
		               jint(req->sim->scenario, "page_size", 0));
}

static void child(struct request *req, const char *member)
{
	const struct resource *r = nsg_of(req);
	size_t i;
	json_t *rule;

	if (!r)
		return;
	json_array_foreach(json_object_get(json_object_get(r->body, "properties"), member), i,
	                   rule) if (str_ieq(jstr(rule, "name", ""), param(req, "child")))
	{
		reply_json(req, 200, json_deep_copy(rule));
		return;
	}
	_cleanup_free_ char *message =
	        xasprintf("Resource %s/%s/%s not found.", r->id, member, param(req, "child"));

	reply_json(req, 404,
	           jnew("{s:{s:s s:s s:[]}}", "error", "code", "NotFound", "message", message, "details"));
}

static void rules(struct request *req)
{
	child_list(req, "securityRules");
}

static void default_rules(struct request *req)
{
	child_list(req, "defaultSecurityRules");
}

static void rule(struct request *req)
{
	child(req, "securityRules");
}

static void default_rule(struct request *req)
{
	child(req, "defaultSecurityRules");
}

static bool conflict(struct request *req, const struct resource *nsg, const json_t *p, const char *name)
{
	size_t i;
	json_t *other;

	json_array_foreach(nsg_rules(nsg), i, other)
	{
		const json_t *q = json_object_get(other, "properties");

		if (str_ieq(jstr(other, "name", ""), name) ||
		    jint(q, "priority", 0) != jint(p, "priority", 0) ||
		    !str_ieq(jstr(q, "direction", ""), jstr(p, "direction", "")))
			continue;
		reply_error(
		        req, 400, "SecurityRuleConflict",
		        "Security rule %s conflicts with rule %s. Rules cannot have the same Priority and "
		        "Direction.",
		        jstr(other, "name", ""), name);
		return true;
	}
	return false;
}

static void put_rule(struct request *req)
{
	struct resource *nsg = nsg_of(req);
	const char *name = param(req, "child");
	bool existed;

	if (!nsg || !rule_good(req, req->json) ||
	    conflict(req, nsg, json_object_get(req->json, "properties"), name))
		return;
	existed = nsg_rule(nsg, name);
	nsg_put_rule(req->sim, nsg, rule_of(nsg->id, name, req->json), "arm", req->correlation);
	reply_json(req, existed ? 200 : 201, json_deep_copy(nsg_rule(nsg, name)));
	operation_headers(req, NULL, 1);
}

static void delete_rule(struct request *req)
{
	struct resource *nsg = nsg_of(req);
	const char *name = param(req, "child");

	if (!nsg)
		return;
	if (!nsg_rule(nsg, name)) {
		reply_empty(req, 204);
	} else if (nsg_remove_rule(req->sim, nsg, name, "arm", req->correlation)) {
		reply_empty(req, 202);
		operation_headers(req, json_object(), 1);
	} else {
		reply_error(req, 409, "ScopeLocked",
		            "The scope '%s' cannot perform delete operation because following scope(s) are "
		            "locked.",
		            req->path);
	}
}

#define SUB   "/subscriptions/{sub}"
#define RG    SUB "/resourceGroups/{rg}"
#define NSGS  "/providers/Microsoft.Network/networkSecurityGroups"
#define ONE   RG NSGS "/{name}"
#define V     "2015-05-01-preview"
#define M     MANNERS_NETWORK
#define RULES TYPE_NSG "/securityRules"

const struct route routes_nsg[] = {
        {"GET", SUB NSGS, "NetworkSecurityGroups_ListAll", TYPE_NSG "/read", V, M, 0, list},
        {"GET", RG NSGS, "NetworkSecurityGroups_List", TYPE_NSG "/read", V, M, 0, list},
        {"GET", ONE, "NetworkSecurityGroups_Get", TYPE_NSG "/read", V, M, 0, get},
        {"PUT", ONE, "NetworkSecurityGroups_CreateOrUpdate", TYPE_NSG "/write", V, M, 0, put},
        {"DELETE", ONE, "NetworkSecurityGroups_Delete", TYPE_NSG "/delete", V, M, 0, delete},
        {"GET", ONE "/securityRules", "SecurityRules_List", RULES "/read", V, M, 0, rules},
        {"GET", ONE "/securityRules/{child}", "SecurityRules_Get", RULES "/read", V, M, 0, rule},
        {"PUT", ONE "/securityRules/{child}", "SecurityRules_CreateOrUpdate", RULES "/write", V, M, 0,
         put_rule},
        {"DELETE", ONE "/securityRules/{child}", "SecurityRules_Delete", RULES "/delete", V, M, 0,
         delete_rule},
        {"GET", ONE "/defaultSecurityRules", "DefaultSecurityRules_List",
         TYPE_NSG "/defaultSecurityRules/read", V, M, 0, default_rules},
        {"GET", ONE "/defaultSecurityRules/{child}", "DefaultSecurityRules_Get",
         TYPE_NSG "/defaultSecurityRules/read", V, M, 0, default_rule},
        {0},
};
