// SPDX-License-Identifier: Apache-2.0
#include "route.h"

#include <string.h>
#include <strings.h>

static const struct route *const tables[SERVICE_COUNT][16] = {
        [SERVICE_ARM] = {routes_subscriptions, routes_metadata, routes_jit, routes_pricings, routes_compute,
                         routes_network, routes_nsg, routes_firewall, routes_activity, routes_policy,
                         routes_assessments, routes_graph},
        [SERVICE_LOGIN] = {routes_entra},
        [SERVICE_IMDS] = {routes_imds, routes_app_service},
};

static void forget_params(struct request *req)
{
	for (size_t i = 0; i < req->param_count; i++)
		free(req->params[i].value);
	req->param_count = 0;
}

static bool matches(struct request *req, const char *pattern)
{
	const char *p = req->path;

	forget_params(req);
	while (*pattern == '/' && *p == '/') {
		size_t want, have;

		pattern++;
		p++;
		want = strcspn(pattern, "/");
		have = strcspn(p, "/");
		if (*pattern == '{' && have && req->param_count < MAX_PARAMS)
			req->params[req->param_count++] =
			        (struct param){pattern + 1, want - 2, xstrndup(p, have)};
		else if (want != have || strncasecmp(pattern, p, want))
			return false;
		pattern += want;
		p += have;
	}
	return !*pattern && !*p;
}

bool route_find(struct request *req)
{
	bool known = false;

	req->route = NULL;
	for (size_t t = 0; t < ARRAY_SIZE(tables[0]) && tables[req->service][t]; t++)
		for (const struct route *r = tables[req->service][t]; r->method; r++) {
			if (!matches(req, r->pattern))
				continue;
			known = true;
			if (strcmp(r->method, req->method))
				continue;
			req->route = r;
			return true;
		}
	if (!known)
		forget_params(req);
	return known;
}
