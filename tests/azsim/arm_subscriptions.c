// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include <string.h>

#include "arm.h"
#include "principal.h"
#include "route.h"
#include "store.h"

static bool sees(const struct request *req, const struct resource *subscription)
{
	size_t i;
	json_t *role;

	json_array_foreach(req->caller->roles, i, role)
	{
		const char *scope = jstr(role, "scope", "");

		if (!strcmp(scope, "/") || str_istarts(scope, subscription->id))
			return true;
	}
	return false;
}

static void list(struct request *req)
{
	json_t *items = json_array();

	for (const struct resource *r = req->sim->resources; r; r = r->next)
		if (str_ieq(r->type, TYPE_SUBSCRIPTION) && sees(req, r))
			jpush(items, json_deep_copy(r->body));
	arm_reply_list(req, items, jint(req->sim->scenario, "page_size", 0));
}

static void get(struct request *req)
{
	_cleanup_free_ char *id = xasprintf("/subscriptions/%s", param(req, "sub"));
	const struct resource *r = store_find(req->sim, id);

	if (sees(req, r))
		reply_json(req, 200, json_deep_copy(r->body));
	else
		reply_error(
		        req, 403, "AuthorizationFailed",
		        "The client '%s' with object id '%s' does not have authorization to perform action "
		        "'Microsoft.Resources/subscriptions/read' over scope '%s' or the scope is invalid.",
		        req->caller->app_id, req->caller->object_id, id);
}

static void tenants(struct request *req)
{
	const struct sim *sim = req->sim;
	_cleanup_free_ char *id = xasprintf("/tenants/%s", sim->tenant);

	reply_json(req, 200,
	           jnew("{s:[{s:s s:s s:s s:s s:s s:[s] s:s s:s}]}", "value", "id", id, "tenantId",
	                sim->tenant, "countryCode", "DE", "displayName", "Contoso", "tenantCategory", "Home",
	                "domains", sim->tenant_name, "defaultDomain", sim->tenant_name, "tenantType", "AAD"));
}

static void groups(struct request *req)
{
	arm_list_type(req, TYPE_RG);
}

static void group(struct request *req)
{
	_cleanup_free_ char *id = rg_id(param(req, "sub"), param(req, "rg"));

	reply_json(req, 200, json_deep_copy(store_find(req->sim, id)->body));
}

static void locations(struct request *req)
{
	const char *name = req->sim->location;
	_cleanup_free_ char *id = xasprintf("/subscriptions/%s/locations/%s", param(req, "sub"), name);

	reply_json(req, 200,
	           jnew("{s:[{s:s s:s s:s s:s s:s s:{s:s s:s s:s}}]}", "value", "id", id, "name", name,
	                "type", "Region", "displayName", name, "regionalDisplayName", name, "metadata",
	                "regionType", "Physical", "regionCategory", "Recommended", "geographyGroup",
	                "Europe"));
}

static json_t *provider_new(const struct request *req, const char *namespace)
{
	_cleanup_free_ char *id = xasprintf("/subscriptions/%s/providers/%s", param(req, "sub"), namespace);

	return jnew("{s:s s:s s:s s:s s:[]}", "id", id, "namespace", namespace, "registrationPolicy",
	            "RegistrationRequired", "registrationState", "Registered", "resourceTypes");
}

static void provider(struct request *req)
{
	reply_json(req, 200, provider_new(req, param(req, "namespace")));
}

static void providers(struct request *req)
{
	static const char *const known[] = {"Microsoft.Compute", "Microsoft.Network", "Microsoft.Security",
	                                    "Microsoft.Insights"};
	json_t *items = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		jpush(items, provider_new(req, known[i]));
	arm_reply_list(req, items, jint(req->sim->scenario, "page_size", 0));
}

#define READ_SUB "Microsoft.Resources/subscriptions/read"
#define READ_RG  "Microsoft.Resources/subscriptions/resourceGroups/read"
#define V        "2014-04-01"

const struct route routes_subscriptions[] = {
        {"GET", "/subscriptions", "Subscriptions_List", NULL, V, MANNERS_ARM, 0, list},
        {"GET", "/subscriptions/{sub}", "Subscriptions_Get", NULL, V, MANNERS_ARM, 0, get},
        {"GET", "/subscriptions/{sub}/locations", "Subscriptions_ListLocations", NULL, V, MANNERS_ARM, 0,
         locations},
        {"GET", "/subscriptions/{sub}/resourceGroups", "ResourceGroups_List", READ_RG, V, MANNERS_ARM, 0,
         groups},
        {"GET", "/subscriptions/{sub}/resourceGroups/{rg}", "ResourceGroups_Get", READ_RG, V, MANNERS_ARM, 0,
         group},
        {"GET", "/subscriptions/{sub}/providers", "Providers_List", READ_SUB, V, MANNERS_ARM, 0, providers},
        {"GET", "/subscriptions/{sub}/providers/{namespace}", "Providers_Get", READ_SUB, V, MANNERS_ARM, 0,
         provider},
        {"GET", "/tenants", "Tenants_List", NULL, V, MANNERS_ARM, 0, tenants},
        {0},
};
