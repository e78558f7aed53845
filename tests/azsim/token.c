// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "jwt.h"
#include "principal.h"
#include "util.h"

static const char *const audiences[] = {
        "https://management.azure.com",         "https://management.core.windows.net",
        "https://management.usgovcloudapi.net", "https://management.core.usgovcloudapi.net",
        "https://management.chinacloudapi.cn",  "https://management.core.chinacloudapi.cn",
};

static json_t *claims_new(struct sim *sim, const struct principal *p, const char *resource, ticks life,
                          const char *version)
{
	ticks now = clock_now(&sim->clock);
	_cleanup_free_ char *uti = guid_next(sim);
	_cleanup_free_ char *iss = xasprintf("https://sts.windows.net/%s/", sim->tenant);
	json_t *claims =
	        jnew("{s:s s:s s:I s:I s:I s:s s:s s:s s:s s:s s:s s:s s:s s:I}", "aud", resource, "iss", iss,
	             "iat", (json_int_t)time_unix(now), "nbf", (json_int_t)time_unix(now), "exp",
	             (json_int_t)time_unix(now + life), "appid", p->app_id, "appidacr", "1", "idp", iss,
	             "oid", p->object_id, "sub", p->object_id, "tid", sim->tenant, "uti", uti, "ver", version,
	             "azsim_iat", (json_int_t)now);

	if (p->kind == PRINCIPAL_USER)
		jsets(claims, "upn", p->upn);
	else
		jsets(claims, "idtyp", "app");
	if (p->kind == PRINCIPAL_MANAGED)
		jsets(claims, "xms_mirid", p->resource_id);
	return claims;
}

char *principal_token(struct sim *sim, struct principal *p, const char *resource, ticks life,
                      const char *version)
{
	json_auto_t *claims = claims_new(sim, p, resource, life, version);

	return jwt_sign(sim->key, claims);
}

char *principal_user_token(struct sim *sim, const struct principal *p, const char *client,
                           const char *resource, ticks life)
{
	json_auto_t *claims = claims_new(sim, p, resource, life, "1.0");

	jsets(claims, "appid", client);
	jsets(claims, "appidacr", "0");
	jsets(claims, "scp", "user_impersonation");
	return jwt_sign(sim->key, claims);
}

static bool audience_good(const char *aud, const char *host)
{
	_cleanup_free_ char *own = xasprintf("https://%s", host ? host : "");
	size_t n = strlen(aud);

	while (n && aud[n - 1] == '/')
		n--;
	_cleanup_free_ char *bare = xstrndup(aud, n);

	for (size_t i = 0; i < ARRAY_SIZE(audiences); i++)
		if (str_ieq(bare, audiences[i]))
			return true;
	return host && str_ieq(bare, own);
}

struct principal *principal_of_token(struct sim *sim, const char *token, const char *host,
                                     const char **ret_code, const char **ret_message)
{
	json_auto_t *claims = jwt_verify(sim->key, token);
	struct principal *p = claims ? principal_by_object(sim, jstr(claims, "oid", "")) : NULL;
	ticks now = clock_now(&sim->clock);

	if (!p) {
		*ret_code = "InvalidAuthenticationToken";
		*ret_message = "The access token is invalid.";
	} else if (!audience_good(jstr(claims, "aud", ""), host)) {
		*ret_code = "InvalidAuthenticationToken";
		*ret_message = "The access token has been obtained for wrong audience or resource. It should "
		               "exactly "
		               "match one of the allowed audiences of the service.";
	} else if (!str_ieq(jstr(claims, "tid", ""), sim->tenant)) {
		*ret_code = "InvalidAuthenticationTokenTenant";
		*ret_message =
		        "The access token is from the wrong issuer. It must match the tenant associated with "
		        "this subscription.";
	} else if (jint(claims, "exp", 0) * TICKS_PER_S <= now ||
	           jint(claims, "azsim_iat", 0) < p->revoked_before) {
		*ret_code = "ExpiredAuthenticationToken";
		*ret_message = "The access token expiry is in the past or the token was revoked.";
	} else {
		return p;
	}
	return NULL;
}
