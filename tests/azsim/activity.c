// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "activity.h"

#include <ctype.h>
#include <string.h>

#include "principal.h"
#include "route.h"
#include "settings.h"
#include "store.h"

#define TICKS_0001_TO_1970 621355968000000000LL
#define SCHEMA             "http://schemas.microsoft.com/identity/claims/"

struct event {
	const char *name, *local_name; // BeginRequest, Begin request
	const char *action, *local_action;
	char *resource_id; // owned
	const char *correlation, *operation_id, *caller, *status;
	json_t *claims, *http, *properties; // owned
	int http_status;                    // 0: begin
	ticks at;
};

static const struct {
	const char *action, *label;
} labels[] = {
        {"Microsoft.Security/locations/jitNetworkAccessPolicies/initiate/action",
         "Initiate JIT Network Access Policy"},
        {"Microsoft.Security/locations/jitNetworkAccessPolicies/write",
         "Create or update JIT Network Access Policy"},
        {"Microsoft.Security/locations/jitNetworkAccessPolicies/delete", "Delete JIT Network Access Policy"},
        {"Microsoft.Compute/virtualMachines/start/action", "Start Virtual Machine"},
        {"Microsoft.Network/networkSecurityGroups/write", "Create or Update Network Security Group"},
        {"Microsoft.Network/networkSecurityGroups/securityRules/write", "Create or Update Security Rule"},
};

static const char *label_of(const char *action)
{
	for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
		if (str_ieq(labels[i].action, action))
			return labels[i].label;
	return action;
}

static const char *reason_phrase(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 201:
		return "Created";
	case 202:
		return "Accepted";
	case 204:
		return "NoContent";
	case 400:
		return "BadRequest";
	case 403:
		return "Forbidden";
	case 404:
		return "NotFound";
	case 409:
		return "Conflict";
	default:
		return status < 500 ? "BadRequest" : "InternalServerError";
	}
}

static char *cased(const struct sim *sim, const char *text)
{
	char *copy = xstrdup(text);

	for (char *p = copy; *p && !sw_is(sim, "activity_casing", "mixed"); p++)
		*p = (char)(sw_is(sim, "activity_casing", "upper") ? toupper((unsigned char)*p)
		                                                   : tolower((unsigned char)*p));
	return copy;
}

static json_t *localizable(const char *value, const char *local)
{
	return jnew("{s:s s:s}", "value", value, "localizedValue", local);
}

static json_t *substatus(int status)
{
	const char *phrase = status ? reason_phrase(status) : "";
	_cleanup_free_ char *local =
	        status ? xasprintf("%s (HTTP Status Code: %d)", phrase, status) : xstrdup("");

	return localizable(phrase, local);
}

static char *provider_of(const char *id)
{
	const char *p = strcasestr(id, "/providers/");

	return p ? xstrndup(p + 11, strcspn(p + 11, "/")) : xstrdup("Microsoft.Resources");
}

// Microsoft.X/a/b of …/providers/Microsoft.X/a/name/b/name.
static char *type_of(const char *id)
{
	const char *p = strcasestr(id, "/providers/");
	struct buf b = {0};

	buf_adds(&b, "");
	if (!p)
		return b.data;
	p += 11;
	for (int part = 0; *p; part++, p += strcspn(p, "/"), p += *p == '/')
		if (part == 0 || part % 2) {
			buf_adds(&b, part ? "/" : "");
			buf_add(&b, p, strcspn(p, "/"));
		}
	return b.data;
}

static char *group_of(const char *id)
{
	const char *p = strcasestr(id, "/resourceGroups/");

	return p ? xstrndup(p + 16, strcspn(p + 16, "/")) : xstrdup("");
}

static void add_event(struct sim *sim, struct event *e)
{
	ticks visible = e->at + delay_of(sim, "activity_ms");
	_cleanup_free_ char *data_id = guid_next(sim), *at = time_iso(e->at, 7), *seen = time_iso(visible, 7),
	                    *id = cased(sim, e->resource_id), *action = cased(sim, e->action),
	                    *provider = provider_of(id), *type = type_of(id), *group = group_of(id),
	                    *subscription = xstrndup(id + strlen("/subscriptions/"),
	                                             strcspn(id + strlen("/subscriptions/"), "/")),
	                    *event_id = xasprintf("%s/events/%s/ticks/%lld", id, data_id,
	                                          (long long)e->at + TICKS_0001_TO_1970);
	json_t *event = jnew("{s:{s:s s:s} s:s s:o s:s s:s s:s}", "authorization", "action", action, "scope",
	                     id, "caller", e->caller, "claims", e->claims, "correlationId", e->correlation,
	                     "description", "", "eventDataId", data_id);

	jset(event, "eventName", localizable(e->name, e->local_name));
	jset(event, "category", localizable("Administrative", "Administrative"));
	jset(event, "httpRequest", e->http);
	jsets(event, "id", event_id);
	jsets(event, "level", e->http_status >= 400 ? "Error" : "Informational");
	jsets(event, "resourceGroupName", group);
	jset(event, "resourceProviderName", localizable(provider, provider));
	jsets(event, "resourceId", id);
	jset(event, "resourceType", localizable(type, type));
	jsets(event, "operationId", e->operation_id);
	jset(event, "operationName", localizable(action, e->local_action));
	jset(event, "properties", e->properties);
	jset(event, "status", localizable(e->status, e->status));
	jset(event, "subStatus", substatus(e->http_status));
	jsets(event, "eventTimestamp", at);
	jsets(event, "submissionTimestamp", seen);
	jsets(event, "subscriptionId", subscription);
	jsets(event, "tenantId", sim->tenant);
	jset(event, "_visible", json_integer(visible));
	jset(event, "_at", json_integer(e->at));
	jpush(sim->activity, event);
}

static json_t *claims_new(const struct request *req)
{
	const struct principal *p = req->caller;
	_cleanup_free_ char *iss = xasprintf("https://sts.windows.net/%s/", req->sim->tenant);
	_cleanup_free_ char *iat = xasprintf("%lld", time_unix(req->received));
	json_t *claims = jnew("{s:s s:s s:s s:s s:s s:s s:s}", "aud", "https://management.azure.com/", "iss",
	                      iss, "iat", iat, "appid", p->app_id, SCHEMA "objectidentifier", p->object_id,
	                      SCHEMA "tenantid", req->sim->tenant, "ver", "1.0");

	if (p->kind == PRINCIPAL_USER)
		jsets(claims, "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn", p->upn);
	if (p->kind == PRINCIPAL_MANAGED)
		jsets(claims, "xms_mirid", p->resource_id);
	return claims;
}

static json_t *http_new(const struct request *req)
{
	const char *client = request_header(req, "x-ms-client-request-id");
	_cleanup_free_ char *base = request_base(req);
	_cleanup_free_ char *uri = xasprintf("%s%s", base, req->target);
	json_t *http = json_object();

	if (sw_bool(req->sim, "activity_client_request_id"))
		jsets(http, "clientRequestId", client ? client : req->correlation);
	jsets(http, "clientIpAddress", req->peer);
	jsets(http, "method", req->method);
	jsets(http, "uri", uri);
	return http;
}

static json_t *properties_new(const struct request *req, const char *scope, int status)
{
	json_t *p = jnew("{s:s s:s s:s s:s}", "eventCategory", "Administrative", "entity", scope, "message",
	                 req->route->action, "hierarchy", req->sim->tenant);

	if (status) {
		jsets(p, "statusCode", reason_phrase(status));
		jsets(p, "serviceRequestId", "");
	}
	if (req->json && sw_bool(req->sim, "activity_detail")) {
		_cleanup_free_ char *body = json_dumps(req->json, JSON_COMPACT | JSON_ENCODE_ANY);

		jsets(p, "requestbody", body);
	}
	return p;
}

static char *entity_of(const struct request *req)
{
	const char *last = strrchr(req->route->pattern, '/');
	char *id = xstrdup(req->path);

	if (last[1] != '{')
		*strrchr(id, '/') = '\0';
	return id;
}

void activity_of_request(struct request *req)
{
	int status = req->reply.status;
	const char *end =
	        status >= 400 ? "Failed"
	        : status == 202 && str_ieq(req->route->operation, "JitNetworkAccessPolicies_Initiate")
	                ? sw_text(req->sim, "activity_end_status")
	        : status == 201 || status == 202 ? "Accepted"
	                                         : "Succeeded";
	_cleanup_free_ char *id = entity_of(req);

	for (int i = 0; i < 2; i++) {
		struct event e = {
		        .name = i ? "EndRequest" : "BeginRequest",
		        .local_name = i ? "End request" : "Begin request",
		        .action = req->route->action,
		        .local_action = label_of(req->route->action),
		        .resource_id = id,
		        .correlation = req->correlation,
		        .operation_id = req->correlation,
		        .caller = principal_label(req->caller),
		        .status = i ? end : "Started",
		        .claims = claims_new(req),
		        .http = http_new(req),
		        .properties = properties_new(req, id, i ? status : 0),
		        .http_status = i ? status : 0,
		        .at = i ? clock_now(&req->sim->clock) : req->received,
		};

		add_event(req->sim, &e);
	}
}

void activity_of_nsg_write(struct sim *sim, const struct resource *nsg, const char *correlation,
                           const char *rule)
{
	_cleanup_free_ char *own = guid_next(sim);
	struct event e = {
	        .name = "EndRequest",
	        .local_name = "End request",
	        .action = "Microsoft.Network/networkSecurityGroups/write",
	        .local_action = label_of("Microsoft.Network/networkSecurityGroups/write"),
	        .resource_id = nsg->id,
	        .correlation = correlation ? correlation : own,
	        .operation_id = own,
	        .caller = "Windows Azure Security Resource Provider",
	        .status = "Succeeded",
	        .claims = jnew("{s:s}", "appid", "8edd93e1-2103-40b4-bd70-6e34e586362d"),
	        .http = jnew("{s:s s:s}", "clientRequestId", own, "method", "PUT"),
	        .properties = jnew("{s:s s:s s:s}", "statusCode", "OK", "eventCategory", "Administrative",
	                           "message", rule ? rule : ""),
	        .http_status = 200,
	        .at = clock_now(&sim->clock),
	};

	if (sw_bool(sim, "activity_nsg_events"))
		add_event(sim, &e);
	else {
		json_decref(e.claims);
		json_decref(e.http);
		json_decref(e.properties);
	}
}
