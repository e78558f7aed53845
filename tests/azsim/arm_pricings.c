// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "arm.h"
#include "route.h"
#include "store.h"

static char *pricing_id(const struct request *req)
{
	return xasprintf("/subscriptions/%s/providers/%s/%s", param(req, "sub"), TYPE_PRICING,
	                 param(req, "name"));
}

static void list(struct request *req)
{
	json_t *items = json_array();

	for (const struct resource *r = NULL;
	     (r = store_next(req->sim, r, TYPE_PRICING, param(req, "sub"), NULL));)
		jpush(items, json_deep_copy(r->body));
	reply_json(req, 200, jnew("{s:o}", "value", items));
}

static void get(struct request *req)
{
	_cleanup_free_ char *id = pricing_id(req);
	const struct resource *r = store_find(req->sim, id);

	if (r)
		reply_json(req, 200, json_deep_copy(r->body));
	else
		reply_error(req, 404, "ResourceNotFound", "Pricing '%s' was not found.", param(req, "name"));
}

static void put(struct request *req)
{
	_cleanup_free_ char *id = pricing_id(req);
	const char *tier = json_string_value(jpath(req->json, "properties.pricingTier")),
	           *plan = json_string_value(jpath(req->json, "properties.subPlan"));
	struct resource *r = store_find(req->sim, id);

	if (!tier) {
		reply_error(req, 400, "InvalidInput", "The field 'PricingTier' is required.");
		return;
	}
	if (!r)
		r = store_put(req->sim, TYPE_PRICING, id,
		              jnew("{s:s s:s s:s s:{s:s s:s s:s}}", "id", id, "name", param(req, "name"),
		                   "type", TYPE_PRICING, "properties", "subPlan", "P2", "pricingTier", tier,
		                   "freeTrialRemainingTime", "PT0S"));
	jsets(json_object_get(r->body, "properties"), "pricingTier", tier);
	if (plan)
		jsets(json_object_get(r->body, "properties"), "subPlan", plan);
	reply_json(req, 200, json_deep_copy(r->body));
}

#define BASE "/subscriptions/{sub}/providers/Microsoft.Security/pricings"
#define V    "2017-08-01-preview"

const struct route routes_pricings[] = {
        {"GET", BASE, "Pricings_List", TYPE_PRICING "/read", V, MANNERS_PRICING, 0, list},
        {"GET", BASE "/{name}", "Pricings_Get", TYPE_PRICING "/read", V, MANNERS_PRICING, 0, get},
        {"PUT", BASE "/{name}", "Pricings_Update", TYPE_PRICING "/write", V, MANNERS_PRICING, 0, put},
        {0},
};
