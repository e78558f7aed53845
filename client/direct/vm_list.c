// SPDX-License-Identifier: Apache-2.0
#include "../cmd/administer.h"
#include "ask.h"
#include "firewall.h"
#include "index.h"
#include "policy.h"
#include "print.h"
#include "survey.h"
#include "vm_state.h"

#include <azjit/text.h>

static const struct print_column columns[] = {{"name", "VM"},
                                              {"group", "GROUP"},
                                              {"address", "ADDRESS"},
                                              {"state", "STATE"},
                                              {"ports", "PORTS"},
                                              {"requests", "7 DAYS"},
                                              {"last_access", "LAST ACCESS"},
                                              {"last_requestor", "BY"},
                                              {"why", "WHY"},
                                              {NULL, NULL}};

static enum azjit_result read_network(struct direct *direct, json_t **nics, json_t **subnets, json_t **ips)
{
	enum azjit_result result = ask_nics(direct, nics);

	if (result == AZJIT_OK)
		result = ask_subnets(direct, subnets);
	return result == AZJIT_OK ? ask_public_ips(direct, ips) : result;
}

// Those that policies name; without them nothing is missing but whether a firewall policy manages one.
static json_t *read_firewalls(struct direct *direct, const json_t *policies)
{
	json_t *firewalls = NULL;

	if (firewall_any(policies) && ask_firewalls(direct, &firewalls) != AZJIT_OK)
		print_note("some machines are behind an Azure Firewall, and whether a firewall policy "
		           "manages it is not "
		           "seen: %s",
		           direct->reason.text);
	return firewalls;
}

// What was read, by what a VM looks for in it.
struct indexes {
	json_t *policies, *nics, *ips;
};

static void indexes_clear(struct indexes *indexes)
{
	json_decref(indexes->policies);
	json_decref(indexes->nics);
	json_decref(indexes->ips);
}

static bool add_ip(json_t *ips, const struct indexes *indexes, const char *id)
{
	json_t *ip = index_first(indexes->ips, id);

	return !ip || json_array_append(ips, ip) == 0;
}

// The public addresses of these interfaces and of the firewalls. Owned; NULL if memory ran out.
static json_t *ips_of(const struct indexes *indexes, const json_t *nics, const json_t *firewalls)
{
	json_auto_t *ips = json_array();
	bool ok = ips;

	for (size_t i = 0; ok && i < json_array_size(nics); i++) {
		const json_t *configs = json_object_get(json_array_get(nics, i), "ipconfigs");

		for (size_t k = 0; ok && k < json_array_size(configs); k++)
			ok = add_ip(ips, indexes, json_text(json_array_get(configs, k), "public_ip"));
	}
	for (size_t i = 0; ok && i < json_array_size(firewalls); i++) {
		const json_t *ids = json_object_get(json_array_get(firewalls, i), "public_ips");

		for (size_t k = 0; ok && k < json_array_size(ids); k++)
			ok = add_ip(ips, indexes, json_string_value(json_array_get(ids, k)));
	}
	return ok ? json_incref(ips) : NULL;
}

// `around` has what is the same for all. NULL if memory ran out.
static json_t *state_of(const json_t *vm, const struct indexes *indexes, struct vm_surroundings around)
{
	const char *id = json_text(vm, "id");
	json_auto_t *ips = NULL;

	around.policies = index_all(indexes->policies, id);
	around.nics = index_all(indexes->nics, id);
	around.public_ips = ips = ips_of(indexes, around.nics, around.firewalls);
	return ips ? vm_state(vm, &around) : NULL;
}

// Fills `vms` of the answer with the state of these rows.
static enum azjit_result describe(struct direct *direct, const struct survey *survey, const json_t *vms)
{
	json_auto_t *nics = NULL, *subnets = NULL, *ips = NULL, *states = json_array();
	enum azjit_result result = read_network(direct, &nics, &subnets, &ips);
	json_auto_t *firewalls = result == AZJIT_OK ? read_firewalls(direct, survey->policies) : NULL;
	_cleanup_(indexes_clear) struct indexes indexes = {index_policies(survey->policies),
	                                                   index_new(nics, "vm_id"), index_new(ips, "id")};
	const struct vm_surroundings around = {
	        .subnets = subnets,
	        .firewalls = firewalls,
	        .prefer_public = direct->config && direct->config->prefer_public,
	        .past_firewall = direct->config && !direct->config->through_firewall,
	        .now = azjit_azure_now(direct->azure),
	};

	if (result == AZJIT_OK && (!indexes.policies || !indexes.nics || !indexes.ips))
		result = AZJIT_NOMEM;
	for (size_t i = 0; result == AZJIT_OK && i < json_array_size(vms); i++)
		if (json_array_append_new(states, state_of(json_array_get(vms, i), &indexes, around)) != 0)
			result = AZJIT_NOMEM;
	if (result == AZJIT_OK && json_object_set(direct->answer, "vms", states) != 0)
		result = AZJIT_NOMEM;
	if (result == AZJIT_NOMEM)
		return azjit_fail(&direct->reason, result, "out of memory");
	return result;
}

static enum azjit_result list(struct direct *direct)
{
	_cleanup_(survey_clear) struct survey survey = {.vms = NULL};
	const char *group = direct->options.group;
	enum azjit_result result = ask_vms(direct, group, &survey.vms);

	if (result == AZJIT_OK)
		result = ask_policies(direct, group, &survey.policies);
	if (result == AZJIT_OK && !group)
		result = survey_read_groups(direct, &survey, survey.vms);
	if (result == AZJIT_OK)
		result = survey_add_foreign(direct, &survey);
	if (result == AZJIT_OK)
		result = describe(direct, &survey, survey.vms);
	if (result != AZJIT_OK || direct->options.json)
		return result;
	if (json_array_size(survey.vms) == 0)
		print_note("there is no virtual machine here");
	return print_table(direct, json_object_get(direct->answer, "vms"), columns);
}

const struct direct_command direct_vm_list = {
        .cmd = &azjit_cmd_vm_list,
        .wants = WANTS_GROUP,
        .run = list,
};

static enum azjit_result show(struct direct *direct)
{
	_cleanup_(survey_clear) struct survey survey = {.vms = NULL};
	json_auto_t *picked = NULL;
	enum azjit_result result = survey_read(direct, &survey);

	if (result == AZJIT_OK)
		result = survey_add_foreign(direct, &survey);
	if (result == AZJIT_OK)
		result = survey_pick(direct, &survey, false, &picked);
	if (result == AZJIT_OK)
		result = describe(direct, &survey, picked);
	if (result != AZJIT_OK || direct->options.json)
		return result;
	return print_table(direct, json_object_get(direct->answer, "vms"), columns);
}

const struct direct_command direct_vm_show = {
        .cmd = &azjit_cmd_vm_show,
        .wants = WANTS_WORD,
        .run = show,
};
