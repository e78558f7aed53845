// SPDX-License-Identifier: Apache-2.0
#include <azjit/policy.h>

#include "parse.h"

#include <azjit/text.h>

#include <strings.h>

// The newest document there is: a PUT must know every member that a GET shows.
#define API            "?api-version=2024-04-01"
#define LIST           "/providers/Microsoft.Authorization/policyAssignments" API
#define BODY_MAX_BYTES ((size_t)4 * 1024 * 1024)

// --- reading ------------------------------------------------------------------------------------------

// A copy that lives as long as the answer; NULL if memory ran out.
static const char *json_text(struct arena *arena, const json_t *value)
{
	_cleanup_free_ char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	char *copy = text ? arena_array(arena, strlen(text) + 1, 1) : NULL;

	return copy ? memcpy(copy, text, strlen(text)) : NULL;
}

static bool parse_value(struct arena *arena, const json_t *value, struct azjit_policy_parameter *parameter)
{
	parameter->text = json_is_string(value);
	parameter->value = value && !parameter->text ? json_text(arena, value) : js_string(value);
	return parameter->value != NULL;
}

static const char *parse_parameters(struct arena *arena, const json_t *object,
                                    struct azjit_policy_assignment *assignment)
{
	struct azjit_policy_parameter *list = arena_array(arena, json_object_size(object), sizeof(*list));
	const char *name;
	json_t *member;

	if (!list)
		return PARSE_NOMEM;
	json_object_foreach((json_t *)(uintptr_t)object, name, member)
	{
		list[assignment->parameter_count].name = name;
		if (!parse_value(arena, js_member(member, "value"), &list[assignment->parameter_count++]))
			return PARSE_NOMEM;
	}
	assignment->parameters = list;
	return NULL;
}

static const char *parse_one(struct arena *arena, const json_t *item,
                             struct azjit_policy_assignment *assignment)
{
	const json_t *properties = js_member(item, "properties");
	const char *id = js_text(item, "id");

	if (!*id)
		return "a policy assignment without an id";
	*assignment = (struct azjit_policy_assignment){
	        .id = id,
	        .name = *js_text(item, "name") ? js_text(item, "name") : azjit_id_name(id),
	        .display_name = js_text(properties, "displayName"),
	        .scope = js_text(properties, "scope"),
	        .definition_id = js_text(properties, "policyDefinitionId"),
	        .enforcement_mode = js_text(properties, "enforcementMode"),
	        .overridden = js_count(js_member(properties, "overrides")) > 0,
	        .json = json_text(arena, item),
	};
	if (!assignment->json || !js_strings(arena, NULL, js_member(properties, "notScopes"),
	                                     &assignment->not_scopes, &assignment->not_scope_count, NULL))
		return PARSE_NOMEM;
	return parse_parameters(arena, js_member(properties, "parameters"), assignment);
}

const char *parse_assignments(struct arena *arena, const json_t *items,
                              const struct azjit_policy_assignment **ret)
{
	struct azjit_policy_assignment *list = arena_array(arena, js_count(items), sizeof(*list));
	const char *what = list ? NULL : PARSE_NOMEM;

	for (size_t i = 0; !what && i < js_count(items); i++)
		what = parse_one(arena, json_array_get(items, i), &list[i]);
	*ret = list;
	return what;
}

static void list_done(const struct call_result *call)
{
	azjit_policy_assignments_fn *fn = (azjit_policy_assignments_fn *)call->fn;
	const struct azjit_policy_assignment *list = NULL;
	bool ok = call->json && parse_ok(call, parse_assignments(call->arena, call->json, &list));

	fn(call->userdata, call->answer, ok ? list : NULL, ok ? js_count(call->json) : 0);
}

static void one_done(const struct call_result *call)
{
	azjit_policy_assignments_fn *fn = (azjit_policy_assignments_fn *)call->fn;
	struct azjit_policy_assignment one;
	bool answered = call->answer->result == AZJIT_OK, ok;

	ok = answered && parse_ok(call, call->json ? parse_one(call->arena, call->json, &one) : "no body");
	call->answer->maybe_done |= answered && !ok && call->writes;
	fn(call->userdata, call->answer, ok ? &one : NULL, ok);
}

struct azjit_call *azjit_policy_assignment_list(struct azjit_azure *azure, const char *subscription,
                                                struct azjit_call_options options,
                                                azjit_policy_assignments_fn *fn, void *userdata)
{
	return call_new(azure, &(struct call_spec){.shape = CALL_LIST,
	                                           .id = subscription,
	                                           .path = LIST,
	                                           .unique = "id",
	                                           .options = options,
	                                           .done = list_done,
	                                           .fn = (void (*)(void))fn,
	                                           .userdata = userdata});
}

static const char *refusal_of(const char *id)
{
	static const char group[] = "/providers/Microsoft.Management/";

	return strncasecmp(id, group, strlen(group)) == 0
	               ? "a policy assignment of a management group is read and changed there"
	               : NULL;
}

struct azjit_call *azjit_policy_assignment_get(struct azjit_azure *azure, const char *id,
                                               struct azjit_call_options options,
                                               azjit_policy_assignments_fn *fn, void *userdata)
{
	return call_new(azure, &(struct call_spec){.shape = CALL_OBJECT,
	                                           .id = id,
	                                           .path = API,
	                                           .refusal = refusal_of(id),
	                                           .options = options,
	                                           .done = one_done,
	                                           .fn = (void (*)(void))fn,
	                                           .userdata = userdata});
}

// --- writing ------------------------------------------------------------------------------------------

// The document marks these readOnly; all else goes back as it came.
static void drop_read_only(json_t *whole)
{
	static const char *const members[] = {"id", "type", "name", "systemData"};
	json_t *identity = json_object_get(whole, "identity"), *one;
	const char *id;

	for (size_t i = 0; i < AZJIT_COUNT(members); i++)
		(void)json_object_del(whole, members[i]);
	(void)json_object_del(json_object_get(whole, "properties"), "scope");
	(void)json_object_del(identity, "principalId");
	(void)json_object_del(identity, "tenantId");
	json_object_foreach(json_object_get(identity, "userAssignedIdentities"), id, one)
	{
		(void)json_object_del(one, "principalId");
		(void)json_object_del(one, "clientId");
	}
}

// The parameter as it is spelt there, whatever its casing; else a new one. NULL if memory ran out.
static json_t *parameter_in(json_t *properties, const char *parameter)
{
	json_t *parameters = json_object_get(properties, "parameters"), *member;
	const char *name;

	if (!json_is_object(parameters)) {
		parameters = json_object();
		if (json_object_set_new(properties, "parameters", parameters))
			return NULL;
	}
	json_object_foreach(parameters, name,
	                    member) if (azjit_ieq(name, parameter) && json_is_object(member)) return member;
	member = json_object();
	return json_object_set_new(parameters, parameter, member) ? NULL : member;
}

enum azjit_result assignment_body(const char *json, const char *parameter, const char *value,
                                  struct azjit_buf *ret)
{
	const char *why;
	json_auto_t *whole = js_read(json, strlen(json), &why), *text = json_string(value),
	            *name = json_string(parameter);
	json_t *properties = json_object_get(whole, "properties"), *member;
	_cleanup_free_ char *body = NULL;

	if (!json_is_object(properties) || !text || !name || !*parameter)
		return AZJIT_USAGE;
	drop_read_only(whole);
	member = parameter_in(properties, parameter);
	if (!member || json_object_set(member, "value", text))
		return AZJIT_NOMEM;
	body = json_dumps(whole, JSON_COMPACT);
	return body && azjit_buf_str(ret, body) ? AZJIT_OK : AZJIT_NOMEM;
}

struct azjit_call *azjit_policy_assignment_set(struct azjit_azure *azure,
                                               const struct azjit_policy_assignment *assignment,
                                               const char *parameter, const char *value,
                                               struct azjit_call_options options,
                                               azjit_policy_assignments_fn *fn, void *userdata)
{
	_cleanup_buf_ struct azjit_buf body = AZJIT_BUF(BODY_MAX_BYTES);
	struct call_spec spec = {.shape = CALL_PUT,
	                         .id = assignment->id,
	                         .path = API,
	                         .refusal = refusal_of(assignment->id),
	                         .options = options,
	                         .done = one_done,
	                         .fn = (void (*)(void))fn,
	                         .userdata = userdata};
	enum azjit_result result = assignment_body(assignment->json, parameter, value, &body);

	if (result == AZJIT_NOMEM)
		return NULL;
	if (result != AZJIT_OK && !spec.refusal)
		spec.refusal =
		        "an assignment is changed as it was read, in a parameter that is text in UTF-8";
	spec.body = body.data;
	return call_new(azure, &spec);
}
