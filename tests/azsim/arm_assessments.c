// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "arm.h"
#include "route.h"
#include "store.h"

static void list(struct request *req)
{
	arm_list_type(req, TYPE_ASSESSMENT);
}

static void get(struct request *req)
{
	const struct resource *r = store_find(req->sim, req->path);

	if (r && str_ieq(r->type, TYPE_ASSESSMENT))
		reply_json(req, 200, json_deep_copy(r->body));
	else
		reply_error(req, 404, "NotFound", "The assessment '%s' was not found.", param(req, "key"));
}

#define SUB "/subscriptions/{sub}"
#define OF  "/providers/Microsoft.Security/assessments"
#define VM  "/resourceGroups/{rg}/providers/Microsoft.Compute/virtualMachines/{name}"
#define V   "2020-01-01"

const struct route routes_assessments[] = {
        {"GET", SUB OF, "Assessments_List", TYPE_ASSESSMENT "/read", V, MANNERS_OTHER, 0, list},
        {"GET", SUB VM OF "/{key}", "Assessments_Get", TYPE_ASSESSMENT "/read", V, MANNERS_OTHER, 0, get},
        {0},
};
