// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "operation.h"

#include "settings.h"

#define OPERATIONS "/subscriptions/%s/providers/%s/locations/%s"

static void headers(struct request *req, const char *provider, bool location, int retry_after_s)
{
	const char *sub = param(req, "sub"), *version = query_get(req, "api-version"),
	           *region = req->sim->location;
	_cleanup_free_ char *base = request_base(req);

	reply_header(req, "azure-asyncnotification", "Enabled");
	reply_headerf(req, "azure-asyncoperation", "%s" OPERATIONS "/operations/%s?api-version=%s", base, sub,
	              provider, region, req->request_id, version);
	if (location)
		reply_headerf(req, "Location", "%s" OPERATIONS "/operationResults/%s?api-version=%s", base,
		              sub, provider, region, req->request_id, version);
	reply_headerf(req, "Retry-After", "%d", retry_after_s);
}

void operation_headers(struct request *req, json_t *result_stolen, int retry_after_s)
{
	struct sim *sim = req->sim;
	ticks done = clock_now(&sim->clock) + delay_of(sim, "operation_ms");

	headers(req, "Microsoft.Network", result_stolen != NULL, retry_after_s);
	jset(sim->operations, req->request_id,
	     jnew("{s:I s:o}", "done", (json_int_t)done, "result",
	          result_stolen ? result_stolen : json_null()));
}

void operation_of_compute(struct request *req, ticks done, const char *failure)
{
	headers(req, "Microsoft.Compute", true, 10);
	jset(req->sim->operations, req->request_id,
	     jnew("{s:I s:n s:s?}", "done", (json_int_t)done, "result", "failure", failure));
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
	const json_t *op = find(req, &done);
	const char *failure = jstr(op, "failure", NULL);

	if (!op)
		return;
	if (done && failure)
		reply_json(req, 200,
		           jnew("{s:s s:{s:s s:s}}", "status", "Failed", "error", "code", failure, "message",
		                "The operation failed as the switch says."));
	else
		reply_json(req, 200, jnew("{s:s}", "status", done ? "Succeeded" : "InProgress"));
	if (!done)
		reply_header(req, "Retry-After", "1");
}

void operation_result(struct request *req)
{
	bool done;
	const json_t *op = find(req, &done);
	_cleanup_free_ char *base = request_base(req);

	if (op && done && json_is_null(json_object_get(op, "result"))) {
		reply_empty(req, 200);
	} else if (op && done) {
		reply_json(req, 200, json_deep_copy(json_object_get(op, "result")));
	} else if (op) {
		reply_empty(req, 202);
		reply_headerf(req, "Location", "%s%s", base, req->target);
		reply_header(req, "Retry-After", "1");
	}
}
