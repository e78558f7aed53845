// SPDX-License-Identifier: Apache-2.0
#include <azjit/start.h>

#include "parse.h"

#include <azjit/text.h>

#define START "/start?api-version=2024-03-01"

static void start_done(const struct call_result *call)
{
	azjit_vm_start_fn *fn = (azjit_vm_start_fn *)call->fn;

	fn(call->userdata, call->answer, call->answer->result == AZJIT_OK ? call->operation : "");
}

struct azjit_call *azjit_vm_start(struct azjit_azure *azure, const char *vm_id, const char *client_request_id,
                                  struct azjit_call_options options, azjit_vm_start_fn *fn, void *userdata)
{
	return call_new(azure, &(struct call_spec){.shape = CALL_INITIATE,
	                                           .operation = OPERATION_START,
	                                           .id = vm_id,
	                                           .path = START,
	                                           .body = "",
	                                           .client_request_id = client_request_id,
	                                           .options = options,
	                                           .done = start_done,
	                                           .fn = (void (*)(void))fn,
	                                           .userdata = userdata});
}

const char *parse_operation(const json_t *object, struct azjit_operation *ret)
{
	const char *status = js_text(object, "status");
	const json_t *error = js_member(object, "error");

	if (!*status)
		return "an operation without a status";
	*ret = (struct azjit_operation){.code = js_text(error, "code"), .message = js_text(error, "message")};
	if (azjit_ieq(status, "Succeeded"))
		ret->state = AZJIT_OPERATION_SUCCEEDED;
	else if (azjit_ieq(status, "Failed") || azjit_ieq(status, "Canceled"))
		ret->state = AZJIT_OPERATION_FAILED;
	return NULL;
}

static void operation_done(const struct call_result *call)
{
	azjit_operation_fn *fn = (azjit_operation_fn *)call->fn;
	struct azjit_operation operation;
	bool ok = call->json && parse_ok(call, parse_operation(call->json, &operation));

	fn(call->userdata, call->answer, ok ? &operation : NULL);
}

struct azjit_call *azjit_operation_get(struct azjit_azure *azure, const char *link,
                                       struct azjit_call_options options, azjit_operation_fn *fn,
                                       void *userdata)
{
	struct call_spec spec = {.shape = CALL_OBJECT,
	                         .options = options,
	                         .done = operation_done,
	                         .fn = (void (*)(void))fn,
	                         .userdata = userdata};
	_cleanup_free_ char *url = NULL;

	if (url_follow(azure->at.resource_manager, link, &url) != AZJIT_OK)
		spec.refusal = "an operation is asked of Resource Manager's own host only";
	spec.path = url;
	return call_new(azure, &spec);
}
