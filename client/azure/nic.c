// SPDX-License-Identifier: Apache-2.0
// Network interfaces, virtual networks' subnets and public addresses.
#include <azjit/vm.h>

#include "parse.h"

#define API        "?api-version=2024-01-01"
#define NICS       "/providers/Microsoft.Network/networkInterfaces" API
#define NETWORKS   "/providers/Microsoft.Network/virtualNetworks" API
#define PUBLIC_IPS "/providers/Microsoft.Network/publicIPAddresses" API

static const char *reference(const json_t *properties, const char *name)
{
	return js_string(js_path(properties, name, "id"));
}

// --- interfaces ---------------------------------------------------------------------------------------

static const char *parse_ipconfigs(struct arena *arena, const json_t *items, struct azjit_nic *nic)
{
	struct azjit_ipconfig *list = arena_array(arena, js_count(items), sizeof(*list));

	if (!list)
		return PARSE_NOMEM;
	for (size_t i = 0; i < js_count(items); i++) {
		const json_t *properties = js_member(json_array_get(items, i), "properties");

		list[i].private_addr = js_addr(properties, "privateIPAddress");
		list[i].public_ip_id = reference(properties, "publicIPAddress");
		list[i].subnet_id = reference(properties, "subnet");
		list[i].primary = js_flag(js_member(properties, "primary"));
		if (!js_ids(arena, js_member(properties, "applicationSecurityGroups"), &list[i].asg_ids,
		            &list[i].asg_count))
			return PARSE_NOMEM;
	}
	nic->ipconfigs = list;
	nic->ipconfig_count = js_count(items);
	return NULL;
}

const char *parse_nics(struct arena *arena, const json_t *items, const struct azjit_nic **ret)
{
	struct azjit_nic *list = arena_array(arena, js_count(items), sizeof(*list));
	const char *what = list ? NULL : PARSE_NOMEM;

	for (size_t i = 0; !what && i < js_count(items); i++) {
		const json_t *item = json_array_get(items, i), *properties = js_member(item, "properties");

		list[i].id = js_text(item, "id");
		list[i].vm_id = reference(properties, "virtualMachine");
		list[i].nsg_id = reference(properties, "networkSecurityGroup");
		list[i].primary = js_flag(js_member(properties, "primary"));
		what = parse_ipconfigs(arena, js_member(properties, "ipConfigurations"), &list[i]);
	}
	*ret = list;
	return what;
}

static void nics_done(const struct call_result *call)
{
	azjit_nics_fn *fn = (azjit_nics_fn *)call->fn;
	const struct azjit_nic *nics = NULL;
	bool ok = call->json && parse_ok(call, parse_nics(call->arena, call->json, &nics));

	fn(call->userdata, call->answer, ok ? nics : NULL, ok ? js_count(call->json) : 0);
}

static struct azjit_call *list_of(struct azjit_azure *azure, enum operation operation, const char *scope,
                                  const char *path, struct azjit_call_options options, call_done_fn *done,
                                  void (*fn)(void), void *userdata)
{
	return call_new(azure, &(struct call_spec){.shape = CALL_LIST,
	                                           .operation = operation,
	                                           .id = scope,
	                                           .path = path,
	                                           .unique = "id",
	                                           .options = options,
	                                           .done = done,
	                                           .fn = fn,
	                                           .userdata = userdata});
}

struct azjit_call *azjit_nic_list(struct azjit_azure *azure, const char *scope,
                                  struct azjit_call_options options, azjit_nics_fn *fn, void *userdata)
{
	return list_of(azure, OPERATION_NICS, scope, NICS, options, nics_done, (void (*)(void))fn, userdata);
}

// --- subnets ------------------------------------------------------------------------------------------

static const char *subnet_prefix(const json_t *properties)
{
	const json_t *several = js_member(properties, "addressPrefixes");

	if (js_count(several) > 1)
		return "";
	return js_count(several) == 1 ? js_string(json_array_get(several, 0))
	                              : js_text(properties, "addressPrefix");
}

const char *parse_subnets(struct arena *arena, const json_t *items, const struct azjit_subnet **ret,
                          size_t *ret_count)
{
	struct azjit_subnet *list;
	size_t total = 0, count = 0;

	for (size_t i = 0; i < js_count(items); i++)
		total += js_count(js_path(json_array_get(items, i), "properties", "subnets"));
	list = arena_array(arena, total, sizeof(*list));
	if (!list)
		return PARSE_NOMEM;
	for (size_t i = 0; i < js_count(items); i++) {
		const json_t *subnets = js_path(json_array_get(items, i), "properties", "subnets");

		for (size_t j = 0; j < js_count(subnets); j++) {
			const json_t *subnet = json_array_get(subnets, j);

			if (!*js_text(subnet, "id"))
				return "a virtual network that holds a subnet without an id";
			list[count].id = js_text(subnet, "id");
			list[count].prefix = subnet_prefix(js_member(subnet, "properties"));
			list[count++].nsg_id =
			        reference(js_member(subnet, "properties"), "networkSecurityGroup");
		}
	}
	*ret = list;
	*ret_count = count;
	return NULL;
}

static void subnets_done(const struct call_result *call)
{
	azjit_subnets_fn *fn = (azjit_subnets_fn *)call->fn;
	const struct azjit_subnet *subnets = NULL;
	size_t count = 0;

	if (call->json && !parse_ok(call, parse_subnets(call->arena, call->json, &subnets, &count)))
		subnets = NULL;
	fn(call->userdata, call->answer, subnets, count);
}

struct azjit_call *azjit_subnet_list(struct azjit_azure *azure, const char *scope,
                                     struct azjit_call_options options, azjit_subnets_fn *fn, void *userdata)
{
	return list_of(azure, OPERATION_SUBNETS, scope, NETWORKS, options, subnets_done, (void (*)(void))fn,
	               userdata);
}

// --- public addresses ---------------------------------------------------------------------------------

// NULL if memory ran out. A name that is too long to be one is none.
static const char *dns_name(struct arena *arena, const json_t *properties)
{
	const char *text = js_string(js_path(properties, "dnsSettings", "fqdn"));
	size_t len = strlen(text);
	char *copy;

	if (len && text[len - 1] == '.')
		len--;
	if (len == 0 || len > AZJIT_DNS_NAME_MAX)
		return "";
	copy = arena_array(arena, len + 1, 1);
	if (copy)
		memcpy(copy, text, len);
	return copy;
}

const char *parse_public_ips(struct arena *arena, const json_t *items, const struct azjit_public_ip **ret)
{
	struct azjit_public_ip *list = arena_array(arena, js_count(items), sizeof(*list));

	for (size_t i = 0; list && i < js_count(items); i++) {
		const json_t *item = json_array_get(items, i), *properties = js_member(item, "properties");

		list[i].id = js_text(item, "id");
		list[i].addr = js_addr(properties, "ipAddress");
		list[i].dns_name = dns_name(arena, properties);
		if (!list[i].dns_name)
			return PARSE_NOMEM;
	}
	*ret = list;
	return list ? NULL : PARSE_NOMEM;
}

static void public_ips_done(const struct call_result *call)
{
	azjit_public_ips_fn *fn = (azjit_public_ips_fn *)call->fn;
	const struct azjit_public_ip *ips = NULL;
	bool ok = call->json && parse_ok(call, parse_public_ips(call->arena, call->json, &ips));

	fn(call->userdata, call->answer, ok ? ips : NULL, ok ? js_count(call->json) : 0);
}

struct azjit_call *azjit_public_ip_list(struct azjit_azure *azure, const char *scope,
                                        struct azjit_call_options options, azjit_public_ips_fn *fn,
                                        void *userdata)
{
	return list_of(azure, OPERATION_PUBLIC_IPS, scope, PUBLIC_IPS, options, public_ips_done,
	               (void (*)(void))fn, userdata);
}
