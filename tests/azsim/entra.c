// SPDX-License-Identifier: Apache-2.0
/*
 * Entra ID: discovery documents, keys, and the token endpoint for a client secret or assertion (azure.md §6.4);
 * device.c has a person's grants.
 */
#define _GNU_SOURCE 1
#include <string.h>

#include "assertion.h"
#include "cloud.h"
#include "device.h"
#include "entra.h"
#include "jwt.h"
#include "principal.h"
#include "route.h"

const char *entra_tenant(const struct request *req)
{
	const char *t = param(req, "tenant");
	bool ours = str_ieq(t, req->sim->tenant) || str_ieq(t, req->sim->tenant_name) ||
	            str_ieq(t, "common") || str_ieq(t, "organizations");

	return ours ? req->sim->tenant : NULL;
}

void entra_fail(struct request *req, int status, const char *error, int number, const char *message)
{
	_cleanup_free_ char *trace = guid_next(req->sim), *correlation = guid_next(req->sim);
	_cleanup_free_ char *stamp = time_iso(clock_now(&req->sim->clock), 0);
	_cleanup_free_ char *description =
	        xasprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %.10s %.8sZ", number,
	                  message, trace, correlation, stamp, stamp + 11);
	_cleanup_free_ char *uri = xasprintf("https://login.microsoftonline.com/error?code=%d", number);
	_cleanup_free_ char *time = xasprintf("%.10s %.8sZ", stamp, stamp + 11);

	reply_json(req, status,
	           jnew("{s:s s:s s:[i] s:s s:s s:s s:s}", "error", error, "error_description", description,
	                "error_codes", number, "timestamp", time, "trace_id", trace, "correlation_id",
	                correlation, "error_uri", uri));
}

void entra_headers(struct request *req)
{
	_cleanup_free_ char *id = guid_next(req->sim);

	reply_header(req, "Cache-Control", "no-store, no-cache");
	reply_header(req, "Pragma", "no-cache");
	reply_header(req, "Expires", "-1");
	reply_header(req, "Strict-Transport-Security", "max-age=31536000; includeSubDomains");
	reply_header(req, "X-Content-Type-Options", "nosniff");
	reply_header(req, "x-ms-request-id", id);
}

json_t *entra_form_new(const struct request *req)
{
	json_t *form = json_object();
	const char *p = req->body.data ? req->body.data : "";

	while (*p) {
		size_t n = strcspn(p, "&"), eq = strcspn(p, "=");
		_cleanup_free_ char *name = eq < n ? percent_decode(p, eq, true) : NULL;
		_cleanup_free_ char *value = eq < n ? percent_decode(p + eq + 1, n - eq - 1, true) : NULL;
		json_t *text = value ? json_string(value) : NULL;

		if (name && text)
			jset(form, name, text);
		else
			json_decref(text);
		p += n + (p[n] == '&');
	}
	return form;
}

// Of one part of a scope.
static char *resource_of_part(const char *part, size_t n)
{
	const char suffix[] = ".default";
	size_t cut = sizeof(suffix) - 1;

	if (n <= cut + 1 || strncmp(part + n - cut, suffix, cut))
		return NULL;
	n -= cut;
	// One slash separates; a second one is the resource's own.
	return xstrndup(part, part[n - 1] == '/' ? n - 1 : n);
}

char *entra_resource(const char *scope)
{
	char *resource = NULL;

	while (*scope && !resource) {
		size_t n = strcspn(scope, " ");

		resource = resource_of_part(scope, n);
		scope += n + strspn(scope + n, " ");
	}
	return resource;
}

static void grant(struct request *req, struct principal *p, const char *resource, bool v1)
{
	long long life = jint(req->sim->scenario, "token_s", 3599);
	_cleanup_free_ char *token = principal_token(req->sim, p, resource, life * TICKS_PER_S, "1.0");
	json_t *body;

	if (v1) {
		long long now = time_unix(clock_now(&req->sim->clock));
		_cleanup_free_ char *in = xasprintf("%lld", life), *on = xasprintf("%lld", now + life),
		                    *nbf = xasprintf("%lld", now);

		body = jnew("{s:s s:s s:s s:s s:s s:s s:s}", "token_type", "Bearer", "expires_in", in,
		            "ext_expires_in", in, "expires_on", on, "not_before", nbf, "resource", resource,
		            "access_token", token);
	} else {
		body = jnew("{s:s s:I s:I s:s}", "token_type", "Bearer", "expires_in", (json_int_t)life,
		            "ext_expires_in", (json_int_t)life, "access_token", token);
	}
	reply_json(req, 200, body);
}

static bool assertion_proves(struct request *req, const struct principal *p, const json_t *form)
{
	const char *type = jstr(form, "client_assertion_type", "");
	struct refusal why;

	if (strcmp(type, "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"))
		entra_fail(req, 400, "invalid_request", 900144,
		           "The request body must contain the following parameter: 'client_assertion_type'.");
	else if (!assertion_good(req, p, jstr(form, "client_assertion", ""), &why))
		entra_fail(req, 401, "invalid_client", why.number, why.message);
	else
		return true;
	return false;
}

static struct principal *client_of(struct request *req, const json_t *form)
{
	const char *id = jstr(form, "client_id", NULL), *secret = jstr(form, "client_secret", NULL);
	struct principal *p = id ? principal_by_app(req->sim, id) : NULL;

	if (!id)
		entra_fail(req, 400, "invalid_request", 900144,
		           "The request body must contain the following parameter: 'client_id'.");
	else if (!p)
		entra_fail(req, 400, "unauthorized_client", 700016,
		           "Application was not found in the directory.");
	else if (!secret && jstr(form, "client_assertion", NULL))
		return assertion_proves(req, p, form) ? p : NULL;
	else if (!secret)
		entra_fail(req, 401, "invalid_client", 7000218,
		           "The request body must contain the following parameter: 'client_assertion' or "
		           "'client_secret'.");
	else if (!p->secret || strcmp(secret, p->secret))
		entra_fail(req, 401, "invalid_client", 7000215, "Invalid client secret provided.");
	else
		return p;
	return NULL;
}

#define DEVICE_GRANT "urn:ietf:params:oauth:grant-type:device_code"

static void token_with(struct request *req, bool v1)
{
	json_auto_t *form = entra_form_new(req);
	const char *type = jstr(form, "grant_type", NULL), *scope = jstr(form, "scope", NULL);
	_cleanup_free_ char *resource = v1 && jstr(form, "resource", NULL)
	                                        ? xstrdup(jstr(form, "resource", NULL))
	                                : scope ? entra_resource(scope)
	                                        : NULL;
	struct principal *p;

	entra_headers(req);
	if (!entra_tenant(req)) {
		entra_fail(req, 400, "invalid_request", 90002, "Tenant not found.");
	} else if (!type) {
		entra_fail(req, 400, "invalid_request", 900144,
		           "The request body must contain the following parameter: 'grant_type'.");
	} else if (!v1 && (!strcmp(type, DEVICE_GRANT) || !strcmp(type, "device_code"))) {
		device_token(req, form);
	} else if (!v1 && !strcmp(type, "refresh_token")) {
		device_refresh(req, form);
	} else if (strcmp(type, "client_credentials")) {
		entra_fail(req, 400, "unsupported_grant_type", 70003,
		           "The app requested an unsupported grant type.");
	} else if (!resource) {
		entra_fail(req, 400, "invalid_scope", 1002012, "The provided value for scope is not valid.");
	} else {
		p = client_of(req, form);
		if (p)
			grant(req, p, resource, v1);
	}
}

static void token_v2(struct request *req)
{
	token_with(req, false);
}

static void token_v1(struct request *req)
{
	token_with(req, true);
}

static void configuration(struct request *req)
{
	const char *tenant = entra_tenant(req), *name = param(req, "tenant");
	bool v2 = strstr(req->path, "/v2.0/");
	struct cloud c;

	entra_headers(req);
	if (!tenant) {
		entra_fail(req, 400, "invalid_tenant", 90002, "Tenant not found.");
		return;
	}
	cloud_of(req, &c);
	_cleanup_free_ char *base = request_base(req);
	_cleanup_free_ char *prefix = xasprintf("%s/%s/oauth2%s", base, name, v2 ? "/v2.0" : "");
	_cleanup_free_ char *token = xasprintf("%s/token", prefix),
	                    *authorize = xasprintf("%s/authorize", prefix),
	                    *device = xasprintf("%s/devicecode", prefix),
	                    *keys = xasprintf("%s/%s/discovery/v2.0/keys", base, name),
	                    *issuer = v2 ? xasprintf("%s/%s/v2.0", base, tenant)
	                                 : xasprintf("https://sts.windows.net/%s/", tenant);

	reply_json(req, 200,
	           jnew("{s:s s:[s,s] s:s s:[s] s:[s] s:[s] s:s s:s s:s s:[s] s:s s:s s:s}", "token_endpoint",
	                token, "token_endpoint_auth_methods_supported", "client_secret_post",
	                "private_key_jwt", "jwks_uri", keys, "response_modes_supported", "query",
	                "subject_types_supported", "pairwise", "id_token_signing_alg_values_supported",
	                "RS256", "issuer", issuer, "authorization_endpoint", authorize,
	                "device_authorization_endpoint", device, "response_types_supported", "code",
	                "tenant_region_scope", "EU", "cloud_instance_name", "microsoftonline.com",
	                "cloud_graph_host_name", "graph.windows.net"));
	cloud_clear(&c);
}

static json_t *aliases(const struct request *req)
{
	const char *host = request_header(req, "Host");
	json_t *metadata =
	        jnew("[{s:s s:s s:[s,s,s,s]}]", "preferred_network", "login.microsoftonline.com",
	             "preferred_cache", "login.windows.net", "aliases", "login.microsoftonline.com",
	             "login.windows.net", "login.microsoft.com", "sts.windows.net");

	if (host && !str_istarts(host, "login.microsoftonline.com"))
		jpush(metadata, jnew("{s:s s:s s:[s]}", "preferred_network", host, "preferred_cache", host,
		                     "aliases", host));
	return metadata;
}

// https://login.x/tenant/v2.0/… of https://login.x/tenant/oauth2/v2.0/authorize. NULL: no such URL.
static char *configuration_of(const char *authorization_endpoint)
{
	const char *host = strstr(authorization_endpoint, "://"),
	           *tenant = host ? strchr(host + 3, '/') : NULL;

	if (!tenant)
		return NULL;
	return xasprintf("%.*s/v2.0/.well-known/openid-configuration",
	                 (int)((tenant - authorization_endpoint) + 1 + (long)strcspn(tenant + 1, "/")),
	                 authorization_endpoint);
}

static void discovery(struct request *req)
{
	const char *endpoint = query_get(req, "authorization_endpoint");
	_cleanup_free_ char *found = endpoint ? configuration_of(endpoint) : NULL;

	entra_headers(req);
	if (found)
		reply_json(req, 200,
		           jnew("{s:s s:s s:o}", "tenant_discovery_endpoint", found, "api-version", "1.1",
		                "metadata", aliases(req)));
	else
		entra_fail(req, 400, "invalid_request", 900144,
		           "The request must contain the following parameter: 'authorization_endpoint'.");
}

static void keys(struct request *req)
{
	entra_headers(req);
	reply_json(req, 200, key_jwks(req->sim->key));
}

#define FLAGS ROUTE_NO_TOKEN | ROUTE_UNSPECIFIED

const struct route routes_entra[] = {
        {"POST", "/{tenant}/oauth2/v2.0/token", "Token", NULL, NULL, MANNERS_PLAIN, FLAGS | ROUTE_SECRET,
         token_v2},
        {"POST", "/{tenant}/oauth2/v2.0/devicecode", "DeviceCode", NULL, NULL, MANNERS_PLAIN,
         FLAGS | ROUTE_SECRET, device_begin},
        {"POST", "/{tenant}/oauth2/token", "Token", NULL, NULL, MANNERS_PLAIN, FLAGS | ROUTE_SECRET,
         token_v1},
        {"GET", "/common/discovery/instance", "InstanceDiscovery", NULL, NULL, MANNERS_PLAIN, FLAGS,
         discovery},
        {"GET", "/{tenant}/v2.0/.well-known/openid-configuration", "OpenIdConfiguration", NULL, NULL,
         MANNERS_PLAIN, FLAGS, configuration},
        {"GET", "/{tenant}/.well-known/openid-configuration", "OpenIdConfiguration", NULL, NULL,
         MANNERS_PLAIN, FLAGS, configuration},
        {"GET", "/{tenant}/discovery/v2.0/keys", "Keys", NULL, NULL, MANNERS_PLAIN, FLAGS, keys},
        {"GET", "/{tenant}/discovery/keys", "Keys", NULL, NULL, MANNERS_PLAIN, FLAGS, keys},
        {0},
};
