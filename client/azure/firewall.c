// SPDX-License-Identifier: Apache-2.0
#include <azjit/firewall.h>

#include "parse.h"

#define LIST "/providers/Microsoft.Network/azureFirewalls?api-version=2024-01-01"

static const char *parse_addresses(struct arena *arena, const json_t *configs,
                                   struct azjit_firewall *firewall)
{
	const char **ids = arena_array(arena, js_count(configs), sizeof(*ids));

	if (!ids)
		return PARSE_NOMEM;
	firewall->subnet_id = "";
	for (size_t i = 0; i < js_count(configs); i++) {
		const json_t *properties = js_member(json_array_get(configs, i), "properties");
		const char *ip = js_string(js_path(properties, "publicIPAddress", "id")),
		           *subnet = js_string(js_path(properties, "subnet", "id"));

		if (*ip)
			ids[firewall->public_ip_count++] = ip;
		if (*subnet)
			firewall->subnet_id = subnet;
	}
	firewall->public_ip_ids = ids;
	return NULL;
}

const char *parse_firewalls(struct arena *arena, const json_t *items, const struct azjit_firewall **ret)
{
	struct azjit_firewall *list = arena_array(arena, js_count(items), sizeof(*list));
	const char *what = list ? NULL : PARSE_NOMEM;

	for (size_t i = 0; !what && i < js_count(items); i++) {
		const json_t *item = json_array_get(items, i), *properties = js_member(item, "properties");

		list[i].id = js_text(item, "id");
		list[i].policy_id = js_string(js_path(properties, "firewallPolicy", "id"));
		what = parse_addresses(arena, js_member(properties, "ipConfigurations"), &list[i]);
	}
	*ret = list;
	return what;
}

static void list_done(const struct call_result *call)
{
	azjit_firewalls_fn *fn = (azjit_firewalls_fn *)call->fn;
	const struct azjit_firewall *list = NULL;
	bool ok = call->json && parse_ok(call, parse_firewalls(call->arena, call->json, &list));

	fn(call->userdata, call->answer, ok ? list : NULL, ok ? js_count(call->json) : 0);
}

struct azjit_call *azjit_firewall_list(struct azjit_azure *azure, const char *scope,
                                       struct azjit_call_options options, azjit_firewalls_fn *fn,
                                       void *userdata)
{
	return call_new(azure, &(struct call_spec){.shape = CALL_LIST,
	                                           .operation = OPERATION_FIREWALLS,
	                                           .id = scope,
	                                           .path = LIST,
	                                           .unique = "id",
	                                           .options = options,
	                                           .done = list_done,
	                                           .fn = (void (*)(void))fn,
	                                           .userdata = userdata});
}
