// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "operation.h"

#include "settings.h"

#define OPERATIONS "/subscriptions/%s/providers/Microsoft.Network/locations/%s"

void operation_headers(struct request *req, json_t *result_stolen, int retry_after_s)
{
	struct sim *sim = req->sim;
	ticks done = clock_now(&sim->clock) + delay_of(sim, "operation_ms");
	const char *sub = param(req, "sub"), *version = query_get(req, "api-version");
	_cleanup_free_ char *base = request_base(req);

	reply_header(req, "azure-asyncnotification", "Enabled");
	reply_headerf(req, "azure-asyncoperation", "%s" OPERATIONS "/operations/%s?api-version=%s", base, sub,
	              sim->location, req->request_id, version);
	if (result_stolen)
		reply_headerf(req, "Location", "%s" OPERATIONS "/operationResults/%s?api-version=%s", base,
		              sub, sim->location, req->request_id, version);
	reply_headerf(req, "Retry-After", "%d", retry_after_s);
	jset(sim->operations, req->request_id,
	     jnew("{s:I s:o}", "done", (json_int_t)done, "result",
	          result_stolen ? result_stolen : json_null()));
}

static const json_t *find(struct request *req, bool *ret_done)
{
	const json_t *op = json_object_get(req->sim->operations, param(req, "name"));

	if (!op)
		reply_error(req, 404, "NotFound", "The operation '%s' was not found.", param(req, "name"));
	*ret_done = op && jint(op, "done", 0) <= clock_now(&req->sim->clock);
	return op;
}

void operation_status(struct request *req)
{
	bool done;

	if (!find(req, &done))
		return;
	reply_json(req, 200, jnew("{s:s}", "status", done ? "Succeeded" : "InProgress"));
	if (!done)
		reply_header(req, "Retry-After", "1");
}

void operation_result(struct request *req)
{
	bool done;
	const json_t *op = find(req, &done);
	_cleanup_free_ char *base = request_base(req);

	if (op && done) {
		reply_json(req, 200, json_deep_copy(json_object_get(op, "result")));
	} else if (op) {
		reply_empty(req, 202);
		reply_headerf(req, "Location", "%s%s", base, req->target);
		reply_header(req, "Retry-After", "1");
	}
}
