// SPDX-License-Identifier: Apache-2.0
#include <azjit/jit.h>

#include "parse.h"

#include <azjit/text.h>

#define API    "?api-version=2020-01-01"
#define LIST   "/providers/Microsoft.Security/jitNetworkAccessPolicies" API
#define ACTION "/initiate" API

// --- calls --------------------------------------------------------------------------------------------

static void list_done(const struct call_result *call)
{
	azjit_jit_policies_fn *fn = (azjit_jit_policies_fn *)call->fn;
	const struct azjit_jit_policy *policies = NULL;
	size_t count = 0;

	if (call->json && parse_ok(call, parse_policies(call->arena, call->json, &policies)))
		count = js_count(call->json);
	fn(call->userdata, call->answer, count ? policies : NULL, count);
}

struct azjit_call *azjit_jit_list(struct azjit_azure *azure, const char *scope,
                                  struct azjit_call_options options, azjit_jit_policies_fn *fn,
                                  void *userdata)
{
	return call_new(azure, &(struct call_spec){.shape = CALL_LIST,
	                                           .operation = OPERATION_POLICIES,
	                                           .id = scope,
	                                           .path = LIST,
	                                           .unique = "id",
	                                           .options = options,
	                                           .done = list_done,
	                                           .fn = (void (*)(void))fn,
	                                           .userdata = userdata});
}

static void get_done(const struct call_result *call)
{
	azjit_jit_policies_fn *fn = (azjit_jit_policies_fn *)call->fn;
	const struct azjit_jit_policy *policy = NULL;
	bool ok = call->json && parse_ok(call, parse_policy(call->arena, call->json, &policy));

	fn(call->userdata, call->answer, ok ? policy : NULL, ok ? 1 : 0);
}

struct azjit_call *azjit_jit_get(struct azjit_azure *azure, const char *policy_id,
                                 struct azjit_call_options options, azjit_jit_policies_fn *fn, void *userdata)
{
	return call_new(azure, &(struct call_spec){.shape = CALL_OBJECT,
	                                           .operation = OPERATION_POLICY,
	                                           .id = policy_id,
	                                           .path = API,
	                                           .options = options,
	                                           .done = get_done,
	                                           .fn = (void (*)(void))fn,
	                                           .userdata = userdata});
}

// --- initiate -----------------------------------------------------------------------------------------

// An entry of the port for `count` sources from `from` on.
static json_t *port_entry(const struct azjit_jit_initiate *request, size_t from, size_t count)
{
	json_auto_t *texts = json_array(), *entry = NULL;
	char text[AZJIT_PREFIX_CHARS], end[AZJIT_TIME_CHARS];

	azjit_time_format(request->end, end);
	for (size_t i = from; texts && i < from + count; i++) {
		azjit_prefix_format(&request->sources[i], text);
		if (json_array_append_new(texts, json_string(text)))
			return NULL;
	}
	if (texts)
		entry = json_pack("{s:i, s:O, s:s}", "number", (int)request->port,
		                  count == 1 ? "allowedSourceAddressPrefix" : "allowedSourceAddressPrefixes",
		                  count == 1 ? json_array_get(texts, 0) : texts, "endTimeUtc", end);
	return STEAL(entry);
}

static json_t *port_entries(const struct azjit_jit_initiate *request)
{
	json_auto_t *entries = json_array();
	size_t each = request->separate ? 1 : request->source_count;

	for (size_t i = 0; entries && i < request->source_count; i += each)
		if (json_array_append_new(entries, port_entry(request, i, each)))
			return NULL;
	return STEAL(entries);
}

enum azjit_result initiate_body(const struct azjit_jit_initiate *request, struct azjit_buf *ret)
{
	json_auto_t *body = NULL, *entries = port_entries(request);
	json_error_t error = {0};
	_cleanup_free_ char *text = NULL;

	if (!entries)
		return AZJIT_NOMEM;
	body = json_pack_ex(&error, 0, "{s:[{s:s, s:O}], s:s*}", "virtualMachines", "id", request->vm_id,
	                    "ports", entries, "justification", request->justification);
	if (!body && json_error_code(&error) == json_error_invalid_utf8)
		return AZJIT_USAGE;
	text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	return text && azjit_buf_str(ret, text) ? AZJIT_OK : AZJIT_NOMEM;
}

// `key` is "PORT VM-ID": which entries of the echo are ours. The number of those put into ret.
static size_t our_echoes(const struct azjit_jit_request *list, size_t count, const char *key,
                         struct azjit_jit_request *ret)
{
	char port[8] = "";
	uint16_t number;
	size_t ours = 0;

	(void)memcpy(port, key, strcspn(key, " "));
	if (!ret || azjit_parse_port(port, &number) != AZJIT_OK)
		return 0;
	for (size_t i = 0; i < count; i++)
		if (list[i].port == number && azjit_ieq(list[i].vm_id, strchr(key, ' ') + 1))
			ret[ours++] = list[i];
	return ours;
}

static void initiate_done(const struct call_result *call)
{
	azjit_jit_initiate_fn *fn = (azjit_jit_initiate_fn *)call->fn;
	const struct azjit_jit_request *list = NULL;
	struct azjit_jit_request *echoes = NULL;
	json_auto_t *entries = call->json ? json_array() : NULL;
	size_t count = 0;

	// The service took it, whatever can be read of its echo.
	if (entries && json_array_append(entries, (json_t *)(uintptr_t)call->json) == 0 &&
	    !parse_requests(call->arena, entries, &list, &count))
		echoes = arena_array(call->arena, count, sizeof(*echoes));
	fn(call->userdata, call->answer, echoes, our_echoes(list, count, call->key, echoes));
}

struct azjit_call *azjit_jit_initiate(struct azjit_azure *azure, const struct azjit_jit_initiate *request,
                                      struct azjit_call_options options, azjit_jit_initiate_fn *fn,
                                      void *userdata)
{
	_cleanup_buf_ struct azjit_buf body = AZJIT_BUF(65536), key = AZJIT_BUF(URL_MAX_BYTES);
	struct call_spec spec = {.shape = CALL_INITIATE,
	                         .operation = OPERATION_INITIATE,
	                         .id = request->policy_id,
	                         .path = ACTION,
	                         .client_request_id = request->client_request_id,
	                         .correlation_id = request->correlation_id,
	                         .options = options,
	                         .done = initiate_done,
	                         .fn = (void (*)(void))fn,
	                         .userdata = userdata};
	enum azjit_result result = AZJIT_USAGE;

	// Without a source Azure takes the address that the request came from: never by accident.
	if (!request->policy_id || !request->vm_id || !request->port || !request->source_count)
		spec.refusal = "a request names a policy, a VM, a port and a source";
	else
		result = initiate_body(request, &body);
	if (result == AZJIT_USAGE && !spec.refusal)
		spec.refusal = "the justification of a request is text in UTF-8";
	else if (result == AZJIT_NOMEM ||
	         (result == AZJIT_OK && !azjit_buf_printf(&key, "%u %s", request->port, request->vm_id)))
		return NULL;
	spec.body = body.data;
	spec.key = key.data;
	return call_new(azure, &spec);
}
