// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include <string.h>

#include "arm.h"
#include "route.h"
#include "store.h"

#define BEFORE_ENFORCEMENT "2018-12-31" // api-versions up to here know no enforcementMode

static char *assignment_id(const struct request *req)
{
	return xasprintf("/subscriptions/%s/providers/" TYPE_ASSIGNMENT "/%s", param(req, "sub"),
	                 param(req, "name"));
}

static json_t *as_version_shows(const struct request *req, const struct resource *r)
{
	json_t *body = json_deep_copy(r->body);

	if (strcmp(query_get(req, "api-version"), BEFORE_ENFORCEMENT) < 0)
		json_object_del(json_object_get(body, "properties"), "enforcementMode");
	return body;
}

// All that apply: the subscription's, those of what it contains, those of the groups it is in.
static void list(struct request *req)
{
	json_t *items = json_array();

	for (const struct resource *r = req->sim->resources; r; r = r->next)
		if (str_ieq(r->type, TYPE_ASSIGNMENT) &&
		    (str_ieq(r->subscription, param(req, "sub")) ||
		     str_istarts(r->id, "/providers/Microsoft.Management/")))
			jpush(items, as_version_shows(req, r));
	arm_reply_list(req, items, jint(req->sim->scenario, "page_size", 0));
}

static void get(struct request *req)
{
	_cleanup_free_ char *id = assignment_id(req);
	const struct resource *r = store_find(req->sim, id);

	if (r)
		reply_json(req, 200, as_version_shows(req, r));
	else
		reply_error(req, 404, "PolicyAssignmentNotFound", "The policy assignment '%s' is not found.",
		            param(req, "name"));
}

static bool parameters_sound(const json_t *parameters)
{
	const char *k;
	json_t *v;

	json_object_foreach((json_t *)parameters, k, v) if (!json_object_get(v, "value")) return false;
	return !parameters || json_is_object(parameters);
}

// What is not in the body is gone: a PUT replaces all, and no etag guards it.
static void put(struct request *req)
{
	_cleanup_free_ char *id = assignment_id(req),
	                    *scope = xasprintf("/subscriptions/%s", param(req, "sub"));
	const json_t *given = json_object_get(req->json, "properties");
	json_t *body, *properties;

	if (!*jstr(given, "policyDefinitionId", "") ||
	    !parameters_sound(json_object_get(given, "parameters"))) {
		reply_error(req, 400, "InvalidRequestContent",
		            "The request content was invalid and could not be deserialized.");
		return;
	}
	body = json_deep_copy(req->json);
	properties = json_object_get(body, "properties");
	jsets(body, "id", id);
	jsets(body, "type", TYPE_ASSIGNMENT);
	jsets(body, "name", param(req, "name"));
	jsets(properties, "scope", scope);
	jsets(properties, "enforcementMode", jstr(given, "enforcementMode", "Default"));
	if (!json_object_get(given, "notScopes"))
		jset(properties, "notScopes", json_array());
	if (!json_object_get(given, "parameters"))
		jset(properties, "parameters", json_object());
	reply_json(req, 201, as_version_shows(req, store_put(req->sim, TYPE_ASSIGNMENT, id, body)));
}

static void definition(struct request *req)
{
	const struct resource *r = store_find(req->sim, req->path);

	if (r)
		reply_json(req, 200, json_deep_copy(r->body));
	else
		reply_error(req, 404, "PolicyDefinitionNotFound", "The policy definition '%s' is not found.",
		            param(req, "name"));
}

#define ASSIGNMENTS "/subscriptions/{sub}/providers/Microsoft.Authorization/policyAssignments"
#define DEFINITION  "/providers/Microsoft.Authorization/policyDefinitions/{name}"
#define SET         "/providers/Microsoft.Authorization/policySetDefinitions/{name}"
#define V           "2018-05-01"
#define V_VERSIONS  "2023-04-01" // the first whose document knows `version`

const struct route routes_policy[] = {
        {"GET", ASSIGNMENTS, "PolicyAssignments_List", TYPE_ASSIGNMENT "/read", V, MANNERS_OTHER, 0, list},
        {"GET", ASSIGNMENTS "/{name}", "PolicyAssignments_Get", TYPE_ASSIGNMENT "/read", V, MANNERS_OTHER, 0,
         get},
        {"PUT", ASSIGNMENTS "/{name}", "PolicyAssignments_Create", TYPE_ASSIGNMENT "/write", V, MANNERS_OTHER,
         0, put},
        {"GET", DEFINITION, "PolicyDefinitions_GetBuiltIn", NULL, V_VERSIONS, MANNERS_OTHER, 0, definition},
        {"GET", SET, "PolicySetDefinitions_GetBuiltIn", NULL, V_VERSIONS, MANNERS_OTHER, 0, definition},
        {0},
};
