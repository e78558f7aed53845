// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "device.h"

#include <string.h>

#include "entra.h"
#include "principal.h"
#include "settings.h"

#define AZURE_CLI  "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
#define INACTIVE_S (90LL * 86400) // of a refresh token
#define VERIFY     "https://microsoft.com/devicelogin"

// --- clients ------------------------------------------------------------------------------------------

// A public client is one that has nothing to prove itself by.
static bool has_proof(const struct principal *p)
{
	return p->secret || p->trust.certificates || p->trust.federations;
}

// The client_id of the form; NULL after a refusal.
static const char *client_of(struct request *req, const json_t *form)
{
	const char *id = jstr(form, "client_id", NULL);
	const struct principal *p = id ? principal_by_app(req->sim, id) : NULL;

	if (!id)
		entra_fail(req, 400, "invalid_request", 900144,
		           "The request body must contain the following parameter: 'client_id'.");
	else if (!p && !str_ieq(id, AZURE_CLI))
		entra_fail(req, 400, "unauthorized_client", 700016,
		           "Application was not found in the directory.");
	else if (p && has_proof(p))
		entra_fail(req, 401, "invalid_client", 7000218,
		           "The request body must contain the following parameter: 'client_assertion' or "
		           "'client_secret'.");
	else
		return id;
	return NULL;
}

// --- codes --------------------------------------------------------------------------------------------

// Nine letters and digits that cannot be taken for each other.
static char *user_code_new(struct sim *sim)
{
	static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
	char *code = xcalloc(10, 1);

	for (size_t i = 0; i < 9; i++)
		code[i] = letters[draw(sim) % (sizeof(letters) - 1)];
	return code;
}

static char *long_code_new(struct sim *sim, const char *prefix)
{
	_cleanup_free_ char *a = guid_next(sim), *b = guid_next(sim);

	return xasprintf("%s%s.%s", prefix, a, b);
}

void device_begin(struct request *req)
{
	struct sim *sim = req->sim;
	json_auto_t *form = entra_form_new(req);
	const char *scope = jstr(form, "scope", ""), *client;
	_cleanup_free_ char *resource = entra_resource(scope), *user = NULL, *code = NULL, *message = NULL;
	long long life = sw_int(sim, "device_expires_s"), interval = sw_int(sim, "device_interval_s");
	const char *text = sw_text(sim, "device_message");

	entra_headers(req);
	if (!entra_tenant(req)) {
		entra_fail(req, 400, "invalid_request", 90002, "Tenant not found.");
		return;
	}
	client = client_of(req, form);
	if (!client)
		return;
	if (!resource) {
		entra_fail(req, 400, "invalid_scope", 1002012, "The provided value for scope is not valid.");
		return;
	}
	user = user_code_new(sim);
	code = long_code_new(sim, "");
	message = xasprintf("To sign in, use a web browser to open the page " VERIFY
	                    " and enter the code %s to authenticate.",
	                    user);
	jset(sim->devices, code,
	     jnew("{s:s s:s s:s s:b s:s s:I s:I s:I}", "user_code", user, "client_id", client, "resource",
	          resource, "offline", strstr(scope, "offline_access") != NULL, "state", "pending", "expires",
	          (json_int_t)(clock_now(&sim->clock) + life * TICKS_PER_S), "interval", (json_int_t)interval,
	          "polled", (json_int_t)clock_now(&sim->clock)));
	reply_json(req, 200,
	           jnew("{s:s s:s s:s s:I s:I s:s}", "user_code", user, "device_code", code,
	                "verification_uri", VERIFY, "expires_in", (json_int_t)life, "interval",
	                (json_int_t)interval, "message", text ? text : message));
}

// --- tokens -------------------------------------------------------------------------------------------

static void grant(struct request *req, struct principal *user, const char *client, const char *resource,
                  const char *refresh_token)
{
	struct sim *sim = req->sim;
	long long life = jint(sim->scenario, "token_s", 3599);
	_cleanup_free_ char *access = principal_user_token(sim, user, client, resource, life * TICKS_PER_S);
	_cleanup_free_ char *scope = xasprintf("%s%suser_impersonation", resource,
	                                       resource[strlen(resource) - 1] == '/' ? "" : "/");
	json_t *body = jnew("{s:s s:s s:I s:I s:s}", "token_type", "Bearer", "scope", scope, "expires_in",
	                    (json_int_t)life, "ext_expires_in", (json_int_t)life, "access_token", access);

	if (refresh_token)
		jsets(body, "refresh_token", refresh_token);
	reply_json(req, 200, body);
}

static char *refresh_new(struct sim *sim, const struct principal *user, const char *client)
{
	char *token = long_code_new(sim, "0.A");

	jset(sim->refresh_tokens, token,
	     jnew("{s:s s:s s:I s:I}", "principal", user->name, "client_id", client, "issued",
	          (json_int_t)clock_now(&sim->clock), "used", (json_int_t)clock_now(&sim->clock)));
	return token;
}

static void pending(struct request *req, json_t *device)
{
	ticks now = clock_now(&req->sim->clock), last = jint(device, "polled", 0);
	long long interval = jint(device, "interval", 5);

	jset(device, "polled", json_integer(now));
	if (sw_bool(req->sim, "device_slow_down") && now < last + interval * TICKS_PER_S) {
		// RFC 8628 §3.5: for this and all subsequent requests.
		jset(device, "interval", json_integer(interval + 5));
		entra_fail(req, 400, "slow_down", 70000, "The client polls more often than it may.");
	} else {
		entra_fail(req, 400, "authorization_pending", 70016,
		           "OAuth 2.0 device flow error. Authorization is pending. Continue polling.");
	}
}

static void approved(struct request *req, json_t *device, const char *client)
{
	struct sim *sim = req->sim;
	struct principal *user = principal_named(sim, jstr(device, "principal", ""));
	_cleanup_free_ char *refresh =
	        jbool(device, "offline", false) ? refresh_new(sim, user, client) : NULL;

	jsets(device, "state", "used");
	grant(req, user, client, jstr(device, "resource", ""), refresh);
}

void device_token(struct request *req, const json_t *form)
{
	struct sim *sim = req->sim;
	const char *client = client_of(req, form);
	json_t *device = json_object_get(sim->devices, jstr(form, "device_code", ""));
	const char *state = jstr(device, "state", "used");

	if (!client)
		return;
	if (!strcmp(state, "used") || !str_ieq(jstr(device, "client_id", ""), client))
		entra_fail(req, 400, "bad_verification_code", 70018, "The device code is not recognized.");
	else if (!strcmp(state, "expired") || clock_now(&sim->clock) >= jint(device, "expires", 0))
		entra_fail(req, 400, "expired_token", 70019, "The device code has expired.");
	else if (!strcmp(state, "declined"))
		entra_fail(req, 400, "authorization_declined", 70000, "The end user declined to authorize.");
	else if (!strcmp(state, "approved"))
		approved(req, device, client);
	else
		pending(req, device);
}

// The person of a refresh token that is good; NULL after a refusal.
static struct principal *user_of(struct request *req, const json_t *entry, const char *client)
{
	struct principal *user = principal_named(req->sim, jstr(entry, "principal", ""));
	ticks now = clock_now(&req->sim->clock);

	if (!user || !str_ieq(jstr(entry, "client_id", ""), client))
		entra_fail(req, 400, "invalid_grant", 70000,
		           "The provided value for the input parameter 'refresh_token' is not valid.");
	else if (jint(entry, "issued", 0) < user->revoked_before)
		entra_fail(req, 400, "invalid_grant", 50173,
		           "The provided grant has expired due to it being revoked, a fresh auth token is "
		           "needed.");
	else if (now >= jint(entry, "used", 0) + INACTIVE_S * TICKS_PER_S)
		entra_fail(req, 400, "invalid_grant", 700082,
		           "The refresh token has expired due to inactivity.");
	else
		return user;
	return NULL;
}

void device_refresh(struct request *req, const json_t *form)
{
	struct sim *sim = req->sim;
	const char *client = client_of(req, form), *token = jstr(form, "refresh_token", "");
	json_t *entry = json_object_get(sim->refresh_tokens, token);
	_cleanup_free_ char *resource = entra_resource(jstr(form, "scope", "")), *next = NULL;
	struct principal *user = client ? user_of(req, entry, client) : NULL;

	if (!user)
		return;
	if (!resource) {
		entra_fail(req, 400, "invalid_scope", 1002012, "The provided value for scope is not valid.");
		return;
	}
	jset(entry, "used", json_integer(clock_now(&sim->clock)));
	if (!sw_is(sim, "refresh_rotation", "same"))
		next = refresh_new(sim, user, client);
	if (sw_is(sim, "refresh_rotation", "revoke"))
		json_object_del(sim->refresh_tokens, token);
	grant(req, user, client, resource, next);
}

// --- the browser --------------------------------------------------------------------------------------

static json_t *waiting(const struct sim *sim, const char *user_code)
{
	json_t *device, *found = NULL;
	const char *code;

	json_object_foreach(sim->devices, code,
	                    device) if (!strcmp(jstr(device, "state", ""), "pending") &&
	                                (!user_code || !strcmp(jstr(device, "user_code", ""), user_code)))
	        found = device;
	return found;
}

char *device_answer(struct sim *sim, const char *user_code, const char *answer, const char *who)
{
	json_t *device = waiting(sim, user_code);
	const struct principal *user = who ? principal_named(sim, who) : NULL;

	if (!device)
		return xstrdup("no such code waits for a person");
	if (!strcmp(answer, "approve") && (!user || user->kind != PRINCIPAL_USER))
		return xstrdup("principal is a user of the scenario");
	if (!strcmp(answer, "approve")) {
		jsets(device, "principal", user->name);
		jsets(device, "state", "approved");
	} else if (!strcmp(answer, "decline")) {
		jsets(device, "state", "declined");
	} else if (!strcmp(answer, "expire")) {
		jsets(device, "state", "expired");
	} else {
		return xstrdup("answer is approve, decline or expire");
	}
	return NULL;
}

json_t *device_list_new(const struct sim *sim)
{
	json_t *list = json_array(), *device;
	const char *code;

	json_object_foreach(sim->devices, code, device)
	        jpush(list, jnew("{s:s s:s s:s}", "user_code", jstr(device, "user_code", ""), "client_id",
	                         jstr(device, "client_id", ""), "state", jstr(device, "state", "")));
	return list;
}
