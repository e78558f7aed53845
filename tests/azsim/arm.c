// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "arm.h"

#include <ctype.h>
#include <string.h>

#include "activity.h"
#include "generate.h"
#include "principal.h"
#include "route.h"
#include "settings.h"
#include "store.h"
#include "throttle.h"

static bool is_guid(const char *s)
{
	for (size_t i = 0; s && i < 36; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return false;
	return s && strlen(s) == 36;
}

void arm_begin(struct request *req)
{
	const char *theirs = request_header(req, "x-ms-correlation-request-id");

	req->request_id = guid_next(req->sim);
	req->correlation = is_guid(theirs) && sw_is(req->sim, "correlation", "caller") ? xstrdup(theirs)
	                                                                               : guid_next(req->sim);
}

static bool authenticate(struct request *req)
{
	const char *authorization = request_header(req, "Authorization");
	const char *code = "AuthenticationFailed",
	           *message = "Authentication failed. The 'Authorization' header is missing.";

	if (authorization && !str_istarts(authorization, "Bearer "))
		message =
		        "Authentication failed. The 'Authorization' header is provided in an invalid format.";
	else if (authorization)
		req->caller = principal_of_token(req->sim, authorization + 7, request_header(req, "Host"),
		                                 &code, &message);
	if (req->caller)
		return true;
	reply_error(req, 401, code, "%s", message);
	reply_headerf(req, "WWW-Authenticate",
	              "Bearer authorization_uri=\"https://login.windows.net/%s\", error=\"invalid_token\", "
	              "error_description=\"%s\"",
	              req->sim->tenant, message);
	return false;
}

static bool is_version(const char *v)
{
	static const char shape[] = "dddd-dd-dd";

	for (size_t i = 0; i < 10; i++)
		if (shape[i] == 'd' ? !isdigit((unsigned char)v[i]) : v[i] != '-')
			return false;
	return !v[10] || !strcmp(v + 10, "-preview") || !strcmp(v + 10, "-alpha") || !strcmp(v + 10, "-beta");
}

static bool check_version(struct request *req)
{
	const char *v = query_get(req, "api-version"),
	           *min = req->route ? req->route->min_version : "2014-01-01";

	if (!min)
		return true;
	if (!v || !*v) {
		reply_error(req, 400, "MissingApiVersionParameter",
		            "The api-version query parameter (?api-version=) is required for all requests.");
		return false;
	}
	if (is_version(v) && strncmp(v, min, 10) >= 0)
		return true;
	reply_error(req, 400, "InvalidApiVersionParameter",
	            "The api-version '%s' is invalid. The supported versions are those from '%s' on.", v,
	            min);
	return false;
}

static bool check_subscription(struct request *req)
{
	_cleanup_free_ char *id = xasprintf("/subscriptions/%s", param(req, "sub"));
	const char *sub = param(req, "sub");

	if (!*sub || store_find(req->sim, id))
		return true;
	if (!is_guid(sub))
		reply_error(req, 400, "InvalidSubscriptionId",
		            "The provided subscription identifier '%s' is malformed or invalid.", sub);
	else
		reply_error(req, 404, "SubscriptionNotFound", "The subscription '%s' could not be found.",
		            sub);
	return false;
}

// The scope a right is needed at: the resource itself; for an action and a list what stands before.
static char *scope_of(const struct request *req)
{
	char *scope = xstrdup(req->path), *slash;
	const char *last = strrchr(req->route->pattern, '/');

	if (last[1] == '{')
		return scope;
	slash = strrchr(scope, '/');
	*slash = '\0';
	slash = strcasestr(scope, "/providers/");
	if (slash && !strchr(slash + strlen("/providers/"), '/'))
		*slash = '\0';
	return scope;
}

static bool check_role(struct request *req)
{
	const char *action = req->route->action;
	_cleanup_free_ char *scope = NULL;

	if (!action)
		return true;
	scope = scope_of(req);
	if (principal_may(req->caller, action, scope))
		return true;
	reply_error(
	        req, 403, "AuthorizationFailed",
	        "The client '%s' with object id '%s' does not have authorization to perform action '%s' over "
	        "scope '%s' or the scope is invalid. If access was recently granted, please refresh your "
	        "credentials.",
	        req->caller->kind == PRINCIPAL_USER ? req->caller->upn : req->caller->app_id,
	        req->caller->object_id, action, scope);
	return false;
}

static bool check_group(struct request *req)
{
	_cleanup_free_ char *id = rg_id(param(req, "sub"), param(req, "rg"));

	if (!*param(req, "rg") || store_find(req->sim, id))
		return true;
	reply_error(req, 404, "ResourceGroupNotFound", "Resource group '%s' could not be found.",
	            param(req, "rg"));
	return false;
}

// A GET of something no table knows: a literal resource of the scenario, or what Resource Manager says.
static void serve_unknown(struct request *req, bool path_known)
{
	struct resource *r = store_find(req->sim, req->path);
	const char *provider = strcasestr(req->path, "/providers/");

	if (!authenticate(req) || !check_version(req))
		return;
	if (r && !strcmp(req->method, "GET")) {
		_cleanup_free_ char *action = xasprintf("%s/read", r->type);

		if (principal_may(req->caller, action, req->path))
			reply_json(req, 200, json_deep_copy(r->body));
		else
			reply_error(
			        req, 403, "AuthorizationFailed",
			        "The client '%s' with object id '%s' does not have authorization to perform "
			        "action '%s' over scope '%s' or the scope is invalid.",
			        req->caller->app_id, req->caller->object_id, action, req->path);
	} else if (path_known) {
		reply_error(req, 405, "HttpMethodNotAllowed",
		            "The HTTP method '%s' is not supported at scope '%s'.", req->method, req->path);
	} else if (provider) {
		provider += strlen("/providers/");
		reply_error(
		        req, 404, "InvalidResourceType",
		        "The resource type could not be found in the namespace '%.*s' for api version '%s'.",
		        (int)strcspn(provider, "/"), provider, query_get(req, "api-version"));
	} else {
		reply_error(req, 404, "NotFound",
		            "No HTTP resource was found that matches the request URI '%s'.", req->path);
	}
}

static bool json_expected(struct request *req)
{
	if (!req->body.len || req->json)
		return true;
	reply_error(req, 400, "InvalidRequestContent",
	            "The request content was invalid and could not be deserialized.");
	return false;
}

void arm_serve(struct request *req)
{
	bool write = strcmp(req->method, "GET") && strcmp(req->method, "HEAD");
	bool known = req->route || route_find(req);

	if (!req->route) {
		serve_unknown(req, known);
		return;
	}
	if (!(req->route->flags & ROUTE_NO_TOKEN) && !authenticate(req))
		return;
	if (!check_version(req) || !check_subscription(req) || !throttle_take(req))
		return;
	if (!check_role(req)) {
		if (write && !(req->route->flags & ROUTE_NO_LOG))
			activity_of_request(req);
		return;
	}
	if (!check_group(req) || !json_expected(req))
		return;
	req->route->handle(req);
	if (write && !(req->route->flags & ROUTE_NO_LOG))
		activity_of_request(req);
}

void arm_not_found(struct request *req, const char *type, const char *name)
{
	reply_error(
	        req, 404, "ResourceNotFound",
	        "The Resource '%s/%s' under resource group '%s' was not found. For more details please go to "
	        "https://aka.ms/ARMResourceNotFoundFix",
	        type, name, param(req, "rg"));
}

void arm_reply_resource(struct request *req, const char *type, const char *id)
{
	const struct resource *r = store_find(req->sim, id);
	const char *slash = strrchr(id, '/');

	if (r && str_ieq(r->type, type))
		reply_json(req, 200, json_deep_copy(r->body));
	else
		arm_not_found(req, type, slash ? slash + 1 : id);
}

struct listed {
	const char *type, *subscription, *rg;
	json_t *(*json_new)(const struct sim *sim, const struct resource *r);
	bool (*kept)(const struct request *req, const json_t *body);
	const struct resource **own; // those of the store, before those that are generated
	size_t own_count;
};

static json_t *listed_item(struct request *req, const void *list, size_t i)
{
	const struct listed *l = list;
	json_t *body = i < l->own_count ? l->json_new(req->sim, l->own[i])
	                                : tenant_item_new(req->sim->generated, l->type, l->subscription,
	                                                  l->rg, i - l->own_count);

	if (!body || l->kept(req, body))
		return body;
	json_decref(body);
	return NULL;
}

void arm_list_shown(struct request *req, const char *type,
                    json_t *(*json_new)(const struct sim *sim, const struct resource *r),
                    bool (*kept)(const struct request *req, const json_t *body))
{
	struct listed l = {.type = type,
	                   .subscription = param(req, "sub"),
	                   .rg = *param(req, "rg") ? param(req, "rg") : NULL,
	                   .json_new = json_new,
	                   .kept = kept};
	size_t room = 0;

	for (const struct resource *r = NULL; (r = store_next(req->sim, r, type, l.subscription, l.rg));) {
		if (r->generated)
			continue;
		if (l.own_count == room)
			l.own = xrealloc(l.own, (room = 2 * room + 64) * sizeof(struct resource *));
		l.own[l.own_count++] = r;
	}
	arm_reply_items(req, l.own_count + tenant_count(req->sim->generated, type, l.subscription, l.rg),
	                listed_item, &l, jint(req->sim->scenario, "page_size", 0));
	free(l.own);
}

static json_t *as_it_is(const struct sim *sim, const struct resource *r)
{
	(void)sim;
	return json_deep_copy(r->body);
}

static bool all(const struct request *req, const json_t *body)
{
	(void)req;
	(void)body;
	return true;
}

void arm_list_type(struct request *req, const char *type)
{
	arm_list_shown(req, type, as_it_is, all);
}
