// SPDX-License-Identifier: Apache-2.0
#include <azjit/vm.h>

#include "parse.h"

#include <azjit/text.h>
#include <ctype.h>

#include <strings.h>

#define API  "?api-version=2024-03-01"
#define LIST "/providers/Microsoft.Compute/virtualMachines" API
#define VIEW "/instanceView" API

static const char *os_name(const json_t *properties)
{
	const char *text = js_string(js_path(properties, "storageProfile", "osDisk", "osType"));

	if (azjit_ieq(text, "linux"))
		return "Linux";
	return azjit_ieq(text, "windows") ? "Windows" : "";
}

// On without a mode is Enforce, says the document.
static const char *metadata_protocol(const json_t *properties)
{
	const json_t *agent = js_path(properties, "securityProfile", "proxyAgentSettings");
	const char *mode = js_text(agent, "mode");

	if (!js_flag(js_member(agent, "enabled")))
		return "";
	return *mode ? mode : "Enforce";
}

// A value that is no string is left out.
static const char *parse_tags(struct arena *arena, const json_t *tags, struct azjit_vm *vm)
{
	struct azjit_tag *list = arena_array(arena, json_object_size(tags), sizeof(*list));
	const char *name;
	json_t *value;

	if (!list)
		return PARSE_NOMEM;
	vm->tags = list;
	vm->deny_tag = "";
	json_object_foreach((json_t *)(uintptr_t)tags, name, value)
	{
		if (!json_is_string(value))
			continue;
		list[vm->tag_count++] = (struct azjit_tag){name, json_string_value(value)};
		if (azjit_ieq(name, "azjit"))
			vm->deny_tag = json_string_value(value);
	}
	return NULL;
}

// The primary interface first; a VM with one interface need not mark it.
static const char *parse_interfaces(struct arena *arena, const json_t *references, struct azjit_vm *vm)
{
	const char **list = arena_array(arena, js_count(references), sizeof(*list));
	size_t count = 0;

	if (!list)
		return PARSE_NOMEM;
	for (int primary = 1; primary >= 0; primary--) {
		for (size_t i = 0; i < js_count(references); i++) {
			const json_t *item = json_array_get(references, i);

			if (js_flag(js_path(item, "properties", "primary")) == primary &&
			    *js_text(item, "id"))
				list[count++] = js_text(item, "id");
		}
	}
	vm->nic_ids = list;
	vm->nic_count = count;
	return NULL;
}

const char *parse_vms(struct arena *arena, const json_t *items, const struct azjit_vm **ret)
{
	struct azjit_vm *list = arena_array(arena, js_count(items), sizeof(*list));
	const char *what = list ? NULL : PARSE_NOMEM;

	for (size_t i = 0; !what && i < js_count(items); i++) {
		const json_t *item = json_array_get(items, i), *properties = js_member(item, "properties");

		list[i].id = js_text(item, "id");
		list[i].name = js_text(item, "name");
		list[i].location = js_text(item, "location");
		list[i].os = os_name(properties);
		list[i].metadata_protocol = metadata_protocol(properties);
		what = parse_tags(arena, js_member(item, "tags"), &list[i]);
		if (what)
			break;
		what = parse_interfaces(arena, js_path(properties, "networkProfile", "networkInterfaces"),
		                        &list[i]);
	}
	*ret = list;
	return what;
}

static void list_done(const struct call_result *call)
{
	azjit_vms_fn *fn = (azjit_vms_fn *)call->fn;
	const struct azjit_vm *vms = NULL;
	bool ok = call->json && parse_ok(call, parse_vms(call->arena, call->json, &vms));

	fn(call->userdata, call->answer, ok ? vms : NULL, ok ? js_count(call->json) : 0);
}

struct azjit_call *azjit_vm_list(struct azjit_azure *azure, const char *scope,
                                 struct azjit_call_options options, azjit_vms_fn *fn, void *userdata)
{
	return call_new(azure, &(struct call_spec){.shape = CALL_LIST,
	                                           .operation = OPERATION_VMS,
	                                           .id = scope,
	                                           .path = LIST,
	                                           .unique = "id",
	                                           .options = options,
	                                           .done = list_done,
	                                           .fn = (void (*)(void))fn,
	                                           .userdata = userdata});
}

// --- power --------------------------------------------------------------------------------------------

const char *parse_power(struct arena *arena, const json_t *instance_view, const char **ret)
{
	const json_t *statuses = js_member(instance_view, "statuses");
	const size_t prefix = strlen("PowerState/");

	*ret = "";
	for (size_t i = 0; i < js_count(statuses); i++) {
		const char *code = js_text(json_array_get(statuses, i), "code");
		char *copy;

		if (strncasecmp(code, "PowerState/", prefix) != 0)
			continue;
		copy = arena_array(arena, strlen(code) + 1, 1);
		if (!copy)
			return PARSE_NOMEM;
		for (size_t j = prefix; code[j]; j++)
			copy[j - prefix] = (char)tolower((unsigned char)code[j]);
		*ret = copy;
	}
	return NULL;
}

static void power_done(const struct call_result *call)
{
	azjit_power_fn *fn = (azjit_power_fn *)call->fn;
	const char *state = "";

	if (call->json && !parse_ok(call, parse_power(call->arena, call->json, &state)))
		state = "";
	fn(call->userdata, call->answer, state);
}

struct azjit_call *azjit_vm_power(struct azjit_azure *azure, const char *vm_id,
                                  struct azjit_call_options options, azjit_power_fn *fn, void *userdata)
{
	return call_new(azure, &(struct call_spec){.shape = CALL_OBJECT,
	                                           .operation = OPERATION_POWER,
	                                           .id = vm_id,
	                                           .path = VIEW,
	                                           .options = options,
	                                           .done = power_done,
	                                           .fn = (void (*)(void))fn,
	                                           .userdata = userdata});
}
