// SPDX-License-Identifier: Apache-2.0
/*
 * What Resource Manager does around every call: token, api-version, subscription, role check before;
 * correlation, rate-limit and provider headers and the Activity Log after.
 */
#ifndef AZSIM_ARM_H
#define AZSIM_ARM_H

#include "request.h"

struct resource;

void arm_begin(struct request *req);
void arm_serve(struct request *req);
void arm_finish(struct request *req);

// 200 with the resource, or its 404.
void arm_reply_resource(struct request *req, const char *type, const char *id);
void arm_not_found(struct request *req, const char *type, const char *name);

// {"value":[…]} with nextLink as page sizes and mutations ask; takes `items` over.
void arm_reply_list(struct request *req, json_t *items_stolen, long long page_size);
// The same of `total` objects, each made when its page is asked for; NULL leaves one out.
typedef json_t *arm_item_fn(struct request *req, const void *list, size_t i);
void arm_reply_items(struct request *req, size_t total, arm_item_fn *item_new, const void *list,
                     long long page_size);
// The resources of a type in the subscription, or in the group of the path.
void arm_list_type(struct request *req, const char *type);
// The same, as `json_new` shows those in the store, less those that are not to be `kept`.
void arm_list_shown(struct request *req, const char *type,
                    json_t *(*json_new)(const struct sim *sim, const struct resource *r),
                    bool (*kept)(const struct request *req, const json_t *body));

#endif
