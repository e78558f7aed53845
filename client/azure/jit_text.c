// SPDX-License-Identifier: Apache-2.0
// Policies whole, as text, and how they are written.
#include <azjit/jit.h>

#include "call.h"

#define API  "?api-version=2020-01-01"
#define LIST "/providers/Microsoft.Security/jitNetworkAccessPolicies" API

static void text_done(const struct call_result *call)
{
	azjit_jit_text_fn *fn = (azjit_jit_text_fn *)call->fn;
	_cleanup_free_ char *text = call->json ? json_dumps(call->json, JSON_COMPACT) : NULL;

	if (call->json && !text)
		call_misread(call->answer, call->arena, AZJIT_NOMEM, "");
	fn(call->userdata, call->answer, text);
}

static struct azjit_call *start(struct azjit_azure *azure, enum call_shape shape, const char *id,
                                const char *body, struct azjit_call_options options, azjit_jit_text_fn *fn,
                                void *userdata)
{
	return call_new(azure, &(struct call_spec){.shape = shape,
	                                           .id = id,
	                                           .path = shape == CALL_LIST ? LIST : API,
	                                           .unique = "id",
	                                           .body = body,
	                                           .options = options,
	                                           .done = text_done,
	                                           .fn = (void (*)(void))fn,
	                                           .userdata = userdata});
}

struct azjit_call *azjit_jit_list_text(struct azjit_azure *azure, const char *scope,
                                       struct azjit_call_options options, azjit_jit_text_fn *fn,
                                       void *userdata)
{
	return start(azure, CALL_LIST, scope, NULL, options, fn, userdata);
}

struct azjit_call *azjit_jit_get_text(struct azjit_azure *azure, const char *policy_id,
                                      struct azjit_call_options options, azjit_jit_text_fn *fn,
                                      void *userdata)
{
	return start(azure, CALL_OBJECT, policy_id, NULL, options, fn, userdata);
}

struct azjit_call *azjit_jit_put(struct azjit_azure *azure, const char *policy_id, const char *json,
                                 struct azjit_call_options options, azjit_jit_text_fn *fn, void *userdata)
{
	return start(azure, CALL_PUT, policy_id, json, options, fn, userdata);
}

struct azjit_call *azjit_jit_delete(struct azjit_azure *azure, const char *policy_id,
                                    struct azjit_call_options options, azjit_jit_text_fn *fn, void *userdata)
{
	return start(azure, CALL_DELETE, policy_id, NULL, options, fn, userdata);
}
