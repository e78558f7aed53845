// SPDX-License-Identifier: Apache-2.0
/*
 * The endpoint that App Service and its kin give to a program for its managed identity (azure.md §6.1), on the
 * --imds listener, where the switch app_service_header is on.
 */
#define _GNU_SOURCE 1
#include <string.h>

#include "imds.h"
#include "principal.h"
#include "route.h"
#include "settings.h"

static void fail(struct request *req, int status, const char *message)
{
	reply_json(req, status, jnew("{s:i s:s}", "statusCode", status, "message", message));
}

static bool allowed(struct request *req)
{
	const char *wanted = sw_text(req->sim, "app_service_header"),
	           *shown = request_header(req, "X-IDENTITY-HEADER"),
	           *version = query_get(req, "api-version");

	if (!wanted)
		fail(req, 404, "There is no such endpoint.");
	else if (!shown || strcmp(shown, wanted))
		fail(req, 401, "The X-IDENTITY-HEADER is missing or wrong.");
	else if (!version || strcmp(version, "2019-08-01"))
		fail(req, 400, "The api-version is not supported.");
	else if (!query_get(req, "resource"))
		fail(req, 400, "The resource parameter is required.");
	else
		return true;
	return false;
}

static void token(struct request *req)
{
	static const char *const selectors[] = {"client_id", "principal_id", "object_id", "mi_res_id", NULL};
	long long life = jint(req->sim->scenario, "managed_identity_token_s", 86399);
	const char *why = NULL, *resource = query_get(req, "resource");
	struct principal *p;

	if (!allowed(req))
		return;
	p = imds_identity(req, selectors, &why);
	if (!p) {
		fail(req, 400, why);
		return;
	}
	_cleanup_free_ char *access = principal_token(req->sim, p, resource, life * TICKS_PER_S, "1.0"),
	                    *on = xasprintf("%lld", time_unix(clock_now(&req->sim->clock)) + life),
	                    *in = xasprintf("%lld", life);
	json_t *body = jnew("{s:s s:s s:s s:s s:s}", "access_token", access, "expires_on", on, "resource",
	                    resource, "token_type", "Bearer", "client_id", p->app_id);

	if (sw_bool(req->sim, "app_service_expires_in"))
		jsets(body, "expires_in", in);
	reply_json(req, 200, body);
}

const struct route routes_app_service[] = {
        {"GET", "/msi/token", "AppServiceToken", NULL, NULL, MANNERS_PLAIN,
         ROUTE_NO_TOKEN | ROUTE_UNSPECIFIED | ROUTE_SECRET, token},
        {0},
};
