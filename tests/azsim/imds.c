// SPDX-License-Identifier: Apache-2.0
/*
 * The instance metadata service of one virtual machine (azure.md §6.2), or where the switch
 * arc_keys is on the agent of Azure Arc (§6.3).
 */
#define _GNU_SOURCE 1
#include <string.h>

#include "arc.h"
#include "imds.h"
#include "principal.h"
#include "route.h"
#include "settings.h"

static void fail(struct request *req, int status, const char *error, const char *description)
{
	reply_json(req, status, jnew("{s:s s:s}", "error", error, "error_description", description));
}

static bool allowed(struct request *req)
{
	const char *metadata = request_header(req, "Metadata");

	reply_header(req, "Server", "IMDS/150.870.65.1854");
	if (!str_ieq(metadata, "true"))
		fail(req, 400, "bad_request_102", "Required metadata header not specified");
	else if (request_header(req, "X-Forwarded-For"))
		fail(req, 400, "bad_request_101", "Request through a proxy is not allowed");
	else if (!query_get(req, "api-version"))
		fail(req, 400, "bad_request_100", "The api-version query parameter is required");
	else
		return true;
	return false;
}

static struct principal *assigned(const struct sim *sim, const char *how, const char *value)
{
	size_t i;
	json_t *name;

	json_array_foreach(jpath(sim->scenario, "imds.identities"), i, name)
	{
		struct principal *p = principal_named(sim, json_string_value(name));

		if (p && str_ieq(!strcmp(how, "client_id")                                   ? p->app_id
		                 : !strcmp(how, "object_id") || !strcmp(how, "principal_id") ? p->object_id
		                                                                             : p->resource_id,
		                 value))
			return p;
	}
	return NULL;
}

static struct principal *unselected(const struct sim *sim, const char **ret_why)
{
	const char *system = json_string_value(jpath(sim->scenario, "imds.system"));
	const json_t *list = jpath(sim->scenario, "imds.identities");

	*ret_why = "Identity not found";
	if (system)
		return principal_named(sim, system);
	if (json_array_size(list) == 1)
		return principal_named(sim, json_string_value(json_array_get(list, 0)));
	if (json_array_size(list) > 1)
		*ret_why = "Multiple user assigned identities exist, please specify the clientId / "
		           "resourceId of the "
		           "identity in the token request";
	return NULL;
}

struct principal *imds_identity(const struct request *req, const char *const selectors[],
                                const char **ret_why)
{
	const char *how = NULL;
	struct principal *p;

	*ret_why = "Identity not found";
	for (size_t i = 0; selectors[i]; i++) {
		if (!query_get(req, selectors[i]))
			continue;
		if (how) {
			*ret_why = "Only one of client_id, object_id and the resource id may be given";
			return NULL;
		}
		how = selectors[i];
	}
	p = how ? assigned(req->sim, how, query_get(req, how)) : unselected(req->sim, ret_why);
	return p;
}

static struct principal *identity_of(struct request *req)
{
	static const char *const selectors[] = {"client_id", "object_id", "msi_res_id", "mi_res_id", NULL};
	const char *why;
	struct principal *p = imds_identity(req, selectors, &why);

	if (!p)
		fail(req, 400, "invalid_request", why);
	return p;
}

static void refresh(struct sim *sim, struct principal *p, const char *resource)
{
	ticks now = clock_now(&sim->clock);
	long long life = jint(sim->scenario, "managed_identity_token_s", 86399);

	if (p->cached_token && sw_bool(sim, "imds_cache") && !strcmp(p->cached_resource, resource) &&
	    p->cached_until > now + life * TICKS_PER_S / 2 && p->cached_from >= p->revoked_before)
		return;
	free(p->cached_token);
	free(p->cached_resource);
	p->cached_token = principal_token(sim, p, resource, life * TICKS_PER_S, "1.0");
	p->cached_resource = xstrdup(resource);
	p->cached_from = now;
	p->cached_until = now + life * TICKS_PER_S;
}

static void token(struct request *req)
{
	const char *resource = query_get(req, "resource");
	struct principal *p;

	if (!allowed(req) || !arc_proved(req))
		return;
	if (!resource || !*resource) {
		fail(req, 400, "invalid_request", "The resource parameter is required");
		return;
	}
	if (!str_istarts(resource, "https://") && !str_istarts(resource, "api://")) {
		fail(req, 400, "invalid_resource",
		     "AADSTS500011: The resource principal named was not found in the tenant.");
		return;
	}
	p = identity_of(req);
	if (!p)
		return;
	refresh(req->sim, p, resource);
	_cleanup_free_ char *in = xasprintf("%lld", time_unix(p->cached_until - clock_now(&req->sim->clock))),
	                    *on = xasprintf("%lld", time_unix(p->cached_until)),
	                    *from = xasprintf("%lld", time_unix(p->cached_from));

	reply_json(req, 200,
	           jnew("{s:s s:s s:s s:s s:s s:s s:s s:s s:s}", "access_token", p->cached_token, "client_id",
	                p->app_id, "expires_in", in, "expires_on", on, "ext_expires_in", in, "not_before",
	                from, "refresh_token", "", "resource", resource, "token_type", "Bearer"));
}

static void instance(struct request *req)
{
	const struct sim *sim = req->sim;
	const char *name = json_string_value(jpath(sim->scenario, "imds.vm"));
	_cleanup_free_ char *id = xasprintf("/subscriptions/%s/resourceGroups/%s/providers/Microsoft.Compute/"
	                                    "virtualMachines/%s",
	                                    sim->subscription, sim->rg, name ? name : "jump");

	if (allowed(req))
		reply_json(req, 200,
		           jnew("{s:{s:s s:s s:s s:s s:s s:s s:s}, s:{s:[]}}", "compute", "azEnvironment",
		                "AzurePublicCloud", "location", sim->location, "name", name ? name : "jump",
		                "osType", "Linux", "resourceGroupName", sim->rg, "resourceId", id,
		                "subscriptionId", sim->subscription, "network", "interface"));
}

static void info(struct request *req)
{
	if (allowed(req))
		reply_json(req, 200, jnew("{s:s}", "tenantId", req->sim->tenant));
}

static void versions(struct request *req)
{
	reply_json(req, 200, jnew("{s:[s,s,s]}", "apiVersions", "2018-02-01", "2019-11-01", "2023-07-01"));
}

#define FLAGS ROUTE_NO_TOKEN | ROUTE_UNSPECIFIED

const struct route routes_imds[] = {
        {"GET", "/metadata/identity/oauth2/token", "ImdsToken", NULL, NULL, MANNERS_PLAIN,
         FLAGS | ROUTE_SECRET, token},
        {"GET", "/metadata/identity/info", "ImdsIdentityInfo", NULL, NULL, MANNERS_PLAIN, FLAGS, info},
        {"GET", "/metadata/instance", "ImdsInstance", NULL, NULL, MANNERS_PLAIN, FLAGS, instance},
        {"GET", "/metadata/versions", "ImdsVersions", NULL, NULL, MANNERS_PLAIN, FLAGS, versions},
        {0},
};
