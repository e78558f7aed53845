// SPDX-License-Identifier: Apache-2.0
#include "parse.h"

#include <azjit/text.h>

#define MAX_DURATION_S (7 * 86400)

enum azjit_protocol parse_protocol(const char *text)
{
	if (azjit_ieq(text, "tcp"))
		return AZJIT_PROTOCOL_TCP;
	if (azjit_ieq(text, "udp"))
		return AZJIT_PROTOCOL_UDP;
	return AZJIT_PROTOCOL_ANY;
}

// --- what a policy allows -----------------------------------------------------------------------------

static bool parse_prefixes(struct arena *arena, const json_t *port, const char *const **ret,
                           size_t *ret_count)
{
	return js_strings(arena, js_member(port, "allowedSourceAddressPrefix"),
	                  js_member(port, "allowedSourceAddressPrefixes"), ret, ret_count, NULL);
}

// A port without a readable number is left out: nothing could be asked for it.
static const char *parse_ports(struct arena *arena, const json_t *ports, struct azjit_jit_vm *vm)
{
	struct azjit_jit_port *list = arena_array(arena, js_count(ports), sizeof(*list));
	size_t count = 0;

	if (!list)
		return PARSE_NOMEM;
	for (size_t i = 0; i < js_count(ports); i++) {
		const json_t *item = json_array_get(ports, i);
		struct azjit_jit_port *port = &list[count];
		int64_t number;

		if (!js_integer(js_member(item, "number"), 1, UINT16_MAX, &number))
			continue;
		port->number = (uint16_t)number;
		port->protocol = parse_protocol(js_text(item, "protocol"));
		if (!parse_prefixes(arena, item, &port->prefixes, &port->prefix_count))
			return PARSE_NOMEM;
		if (azjit_duration_parse_iso(js_text(item, "maxRequestAccessDuration"),
		                             &port->max_duration_s) != AZJIT_OK ||
		    port->max_duration_s > MAX_DURATION_S)
			port->max_duration_s = 0;
		count++;
	}
	vm->ports = list;
	vm->port_count = count;
	return NULL;
}

static const char *parse_policy_vms(struct arena *arena, const json_t *vms, struct azjit_jit_policy *policy)
{
	struct azjit_jit_vm *list = arena_array(arena, js_count(vms), sizeof(*list));
	const char *what = NULL;

	if (!list)
		return PARSE_NOMEM;
	for (size_t i = 0; i < js_count(vms) && !what; i++) {
		const json_t *item = json_array_get(vms, i);

		list[i].id = js_text(item, "id");
		list[i].public_address = js_text(item, "publicIpAddress");
		what = *list[i].id ? parse_ports(arena, js_member(item, "ports"), &list[i])
		                   : "a policy that holds a VM without an id";
	}
	policy->vms = list;
	policy->vm_count = js_count(vms);
	return what;
}

// --- what was requested -------------------------------------------------------------------------------

static size_t count_ports(const json_t *entries)
{
	size_t count = 0;

	for (size_t i = 0; i < js_count(entries); i++) {
		const json_t *vms = js_member(json_array_get(entries, i), "virtualMachines");

		for (size_t j = 0; j < js_count(vms); j++)
			count += js_count(js_member(json_array_get(vms, j), "ports"));
	}
	return count;
}

static bool parse_request(struct arena *arena, const json_t *entry, const json_t *vm, const json_t *port,
                          struct azjit_jit_request *ret)
{
	int64_t number = 0, mapped = 0;

	(void)js_integer(js_member(port, "number"), 0, UINT16_MAX, &number);
	(void)js_integer(js_member(port, "mappedPort"), 0, UINT16_MAX, &mapped);
	*ret = (struct azjit_jit_request){
	        .vm_id = js_text(vm, "id"),
	        .port = (uint16_t)number,
	        .end = js_time(port, "endTimeUtc"),
	        .start = js_time(entry, "startTimeUtc"),
	        .status = js_text(port, "status"),
	        .status_reason = js_text(port, "statusReason"),
	        .requestor = js_text(entry, "requestor"),
	        .justification = js_text(entry, "justification"),
	        .mapped_port = (uint16_t)mapped,
	};
	return parse_prefixes(arena, port, &ret->prefixes, &ret->prefix_count);
}

const char *parse_requests(struct arena *arena, const json_t *entries, const struct azjit_jit_request **ret,
                           size_t *ret_count)
{
	struct azjit_jit_request *list = arena_array(arena, count_ports(entries), sizeof(*list));
	size_t count = 0;

	for (size_t i = 0; list && i < js_count(entries); i++) {
		const json_t *entry = json_array_get(entries, i);
		const json_t *vms = js_member(entry, "virtualMachines");

		for (size_t j = 0; j < js_count(vms); j++) {
			const json_t *vm = json_array_get(vms, j), *ports = js_member(vm, "ports");

			for (size_t k = 0; k < js_count(ports); k++)
				if (!parse_request(arena, entry, vm, json_array_get(ports, k),
				                   &list[count++]))
					return PARSE_NOMEM;
		}
	}
	*ret = list;
	*ret_count = count;
	return list ? NULL : PARSE_NOMEM;
}

// --- policies -----------------------------------------------------------------------------------------

static const char *fill_policy(struct arena *arena, const json_t *item, struct azjit_jit_policy *policy)
{
	const json_t *properties = js_member(item, "properties");
	const char *what;

	policy->id = js_text(item, "id");
	policy->name = js_text(item, "name");
	policy->location = js_text(item, "location");
	policy->provisioning_state = js_text(properties, "provisioningState");
	if (!*policy->id)
		return "a policy without an id";
	what = parse_policy_vms(arena, js_member(properties, "virtualMachines"), policy);
	if (what)
		return what;
	return parse_requests(arena, js_member(properties, "requests"), &policy->requests,
	                      &policy->request_count);
}

const char *parse_policies(struct arena *arena, const json_t *items, const struct azjit_jit_policy **ret)
{
	struct azjit_jit_policy *list = arena_array(arena, js_count(items), sizeof(*list));
	const char *what = list ? NULL : PARSE_NOMEM;

	for (size_t i = 0; !what && i < js_count(items); i++)
		what = fill_policy(arena, json_array_get(items, i), &list[i]);
	*ret = list;
	return what;
}

const char *parse_policy(struct arena *arena, const json_t *policy, const struct azjit_jit_policy **ret)
{
	struct azjit_jit_policy *one = arena_array(arena, 1, sizeof(*one));

	*ret = one;
	return one ? fill_policy(arena, policy, one) : PARSE_NOMEM;
}

// --- what a status means ------------------------------------------------------------------------------

// azure.md §1.3. The reasons are known by hearsay only, so they matter where the status is unknown, too:
// unknown with one of these has failed, unknown with another is waited for.
static const char *const failures[] = {
        "VMNotFound",
        "MissingNSGs",
        "MissingJitResources",
        "NSGRulesQuotaReached",
        "RGBeingDeleted",
        "ScopeLocked",
        "SubscriptionReadOnly",
        "DisallowedByPolicy",
        "RateLimitReached",
        "IntentPolicyConflict",
        "CreateOrUpdateGeneralError",
        "GeneralError",
        "InvalidFirewallResource",
};

enum azjit_request_state azjit_request_state(const char *status, const char *status_reason)
{
	if (azjit_ieq(status, "Initiated"))
		return AZJIT_STATE_INITIATED;
	if (azjit_ieq(status, "Revoked"))
		return AZJIT_STATE_REVOKED;
	if (azjit_ieq(status, "Failed"))
		return AZJIT_STATE_FAILED;
	for (size_t i = 0; i < AZJIT_COUNT(failures); i++)
		if (azjit_ieq(status_reason, failures[i]))
			return AZJIT_STATE_FAILED;
	return AZJIT_STATE_PENDING;
}
