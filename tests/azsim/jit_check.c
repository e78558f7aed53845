// SPDX-License-Identifier: Apache-2.0
/*
 * What the service checks before it answers 202 (azure.md §1.3, §1.6): the body's form first, then
 * that the policy exists, then that every entry is a subset of it.
 */
#define _GNU_SOURCE 1
#include <string.h>

#include "jit.h"
#include "prefix.h"
#include "principal.h"
#include "settings.h"

#define BAD_INPUT "InvalidInitiateInput"

static json_t *caller_sources(struct request *req)
{
	const json_t *given = json_object_get(req->sim->switches, "caller_address");

	if (json_is_array(given))
		given = json_array_get(given, req->sim->turns++ % json_array_size(given));
	return jnew("[s]", json_is_string(given) ? json_string_value(given) : req->peer);
}

static bool bad(struct request *req, const char *message)
{
	reply_error(req, 400, BAD_INPUT, "%s", message);
	return false;
}

static bool read_sources(struct request *req, const json_t *port, struct jit_entry *e)
{
	const char *one = jstr(port, "allowedSourceAddressPrefix", NULL);
	const json_t *many = json_object_get(port, "allowedSourceAddressPrefixes");

	if (json_is_array(many) && json_array_size(many) && sw_is(req->sim, "plural_prefixes", "refuse"))
		return bad(req, "The field 'AllowedSourceAddressPrefixes' is not supported.");
	if (one && json_is_array(many) && json_array_size(many))
		return bad(req, "Only one of fields 'AllowedSourceAddressPrefix' and "
		                "'AllowedSourceAddressPrefixes' can be set.");
	if (json_is_array(many) && json_array_size(many) && !sw_is(req->sim, "plural_prefixes", "drop")) {
		e->sources = json_deep_copy(many);
		e->plural = true;
	} else {
		e->sources = one && *one ? jnew("[s]", one) : caller_sources(req);
	}
	return true;
}

static bool read_end(struct request *req, const json_t *port, struct jit_entry *e)
{
	const char *end = jstr(port, "endTimeUtc", NULL), *duration = jstr(port, "duration", NULL);
	ticks length;

	if (!end == !duration)
		return bad(req, "Only one of fields 'EndTimeUtc' and 'Duration' can be set.");
	if (end && !time_parse(end, &e->end))
		return bad(req, "The field 'EndTimeUtc' is not a valid date and time.");
	if (duration && !duration_parse(duration, &length))
		return bad(req, "The field 'Duration' is not a valid duration.");
	if (duration)
		e->end = req->received + length;
	e->end_text = end && strchr(end, 'Z') ? xstrdup(end) : time_iso(e->end, 7);
	return true;
}

static bool read_port(struct request *req, const char *vm, const json_t *port, struct jit_request *r)
{
	json_t *number = json_object_get(port, "number");
	struct jit_entry *e;
	long long n = jint(port, "number", -1);

	if (json_is_string(number) && !parse_number(json_string_value(number), 0, 65535, &n))
		n = -1;
	if (n < 0 || n > 65535)
		return bad(req, "The field 'Number' must be between 0 and 65535.");
	r->entries = xrealloc(r->entries, (r->count + 1) * sizeof(*r->entries));
	e = &r->entries[r->count++];
	*e = (struct jit_entry){.vm_id = xstrdup(vm),
	                        .number = (int)n,
	                        .status = xstrdup("Initiating"),
	                        .reason = xstrdup("UserRequested"),
	                        .live = true};
	return read_sources(req, port, e) && read_end(req, port, e);
}

static bool read_body(struct request *req, struct jit_request *r)
{
	const json_t *vms = json_object_get(req->json, "virtualMachines");
	size_t i, k;
	json_t *vm, *port;

	if (!json_is_array(vms) || !json_array_size(vms))
		return bad(req, "The field 'VirtualMachines' is required.");
	json_array_foreach(vms, i, vm)
	{
		const json_t *ports = json_object_get(vm, "ports");

		if (!jstr(vm, "id", NULL) || !json_is_array(ports) || !json_array_size(ports))
			return bad(req, "Every virtual machine needs the fields 'Id' and 'Ports'.");
		json_array_foreach(ports, k,
		                   port) if (!read_port(req, jstr(vm, "id", NULL), port, r)) return false;
	}
	return true;
}

json_t *jit_policy_vm(const struct resource *policy, const char *vm_id)
{
	size_t i;
	json_t *vm;

	json_array_foreach(jpath(policy->body, "properties.virtualMachines"), i,
	                   vm) if (str_ieq(jstr(vm, "id", ""), vm_id)) return vm;
	return NULL;
}

static bool source_within(const struct sim *sim, const json_t *allowed, const char *source)
{
	const char *one = jstr(allowed, "allowedSourceAddressPrefix", NULL);
	json_auto_t *list = json_array();
	struct prefix inner, outer;
	size_t i;
	json_t *v;

	if (one)
		jpush(list, json_string(one));
	json_array_extend(list, json_object_get(allowed, "allowedSourceAddressPrefixes"));
	if (!prefix_parse(source, &inner))
		return strchr(source, ':');
	json_array_foreach(list, i, v)
	{
		const char *text = json_is_string(v) ? json_string_value(v) : "";

		if (!prefix_parse(text, &outer))
			continue;
		if (!strcmp(text, "*") || (sw_is(sim, "subset", "strict") ? !strcmp(text, source)
		                                                          : prefix_contains(&outer, &inner)))
			return true;
	}
	return false;
}

static bool entry_within(const struct request *req, const json_t *allowed, const struct jit_entry *e)
{
	ticks max, slack = sw_int(req->sim, "duration_slack_s") * TICKS_PER_S;
	size_t i;
	json_t *v;

	if (!duration_parse(jstr(allowed, "maxRequestAccessDuration", ""), &max))
		return false;
	if (e->end <= req->received || e->end > req->received + max + slack)
		return false;
	json_array_foreach(e->sources, i,
	                   v) if (!json_is_string(v) ||
	                          !source_within(req->sim, allowed, json_string_value(v))) return false;
	return true;
}

static bool check_subset(struct request *req, const struct resource *policy, const struct jit_request *r)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct jit_entry *e = &r->entries[i];
		const json_t *ports = json_object_get(jit_policy_vm(policy, e->vm_id), "ports");
		bool within = false;
		size_t k;
		json_t *port;

		json_array_foreach(ports, k, port) within |=
		        jint(port, "number", -1) == e->number && entry_within(req, port, e);
		if (within)
			continue;
		reply_error(
		        req, 400, sw_text(req->sim, "refusal_code"),
		        "The given access request is not a subset of policy '%s'. Please make sure that the "
		        "access request is within the allowed policy properties.",
		        policy->id);
		return false;
	}
	return true;
}

static bool check_ipv4(struct request *req, const struct jit_request *r)
{
	for (size_t i = 0; i < r->count && sw_is(req->sim, "ipv6", "refuse"); i++) {
		size_t k;
		json_t *v;

		json_array_foreach(r->entries[i].sources, k, v)
		{
			if (!json_is_string(v) || !strchr(json_string_value(v), ':'))
				continue;
			reply_error(req, 400, sw_text(req->sim, "refusal_code"),
			            "The provided access request contains a source IP address in IPv6 "
			            "format, which "
			            "is unsupported by Just-In-Time Network Access.");
			return false;
		}
	}
	return true;
}

static void drop_entry(struct jit_request *r, size_t i)
{
	struct jit_entry *e = &r->entries[i];

	free(e->vm_id);
	free(e->end_text);
	free(e->status);
	free(e->reason);
	free(e->firewall);
	json_decref(e->sources);
	memmove(e, e + 1, (--r->count - i) * sizeof(*e));
}

static bool check_duplicates(struct request *req, struct jit_request *r)
{
	for (size_t i = 0; i < r->count && !sw_is(req->sim, "duplicate_port", "both"); i++)
		for (size_t k = i + 1; k < r->count; k++) {
			const struct jit_entry *a = &r->entries[i], *b = &r->entries[k];

			if (a->number != b->number || !str_ieq(a->vm_id, b->vm_id))
				continue;
			if (sw_is(req->sim, "duplicate_port", "refuse"))
				return bad(req, "A port can appear only once for a virtual machine.");
			drop_entry(r, i--);
			break;
		}
	return true;
}

void jit_request_free(struct jit_request *r)
{
	if (!r)
		return;
	while (r->count)
		drop_entry(r, r->count - 1);
	free(r->entries);
	free(r->policy_id);
	free(r->requestor);
	free(r->requestor_object);
	free(r->justification);
	free(r->correlation);
	free(r->client_request_id);
	free(r);
}

struct jit_request *jit_check(struct request *req, struct resource *policy, const char *policy_id)
{
	struct jit_request *r = xcalloc(1, sizeof(*r));
	bool name = sw_is(req->sim, "requestor", "name"), good = read_body(req, r);

	if (good && !policy)
		reply_error(req, 404, "PolicyNotFound",
		            "Just-In-Time Network Access Policy '%s' does not exist.", policy_id);
	if (!good || !policy || !check_ipv4(req, r) || !check_duplicates(req, r) ||
	    !check_subset(req, policy, r)) {
		jit_request_free(r);
		return NULL;
	}
	r->policy_id = xstrdup(policy->id);
	r->start = req->received;
	r->requestor = xstrdup(name ? principal_label(req->caller) : "");
	r->requestor_object = xstrdup(req->caller->object_id);
	if (jstr(req->json, "justification", NULL))
		r->justification = xstrdup(jstr(req->json, "justification", NULL));
	r->correlation = xstrdup(req->correlation);
	r->client_request_id = xstrdup(request_header(req, "x-ms-client-request-id"));
	return r;
}
