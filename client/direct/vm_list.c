// SPDX-License-Identifier: Apache-2.0
#include "../cmd/administer.h"
#include "ask.h"
#include "firewall.h"
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

// Fills `vms` of the answer with the state of these rows.
static enum azjit_result describe(struct direct *direct, const struct survey *survey, const json_t *vms)
{
	json_auto_t *nics = NULL, *subnets = NULL, *ips = NULL, *states = json_array();
	enum azjit_result result = read_network(direct, &nics, &subnets, &ips);
	json_auto_t *firewalls = result == AZJIT_OK ? read_firewalls(direct, survey->policies) : NULL;
	const struct vm_surroundings around = {
	        .policies = survey->policies,
	        .nics = nics,
	        .subnets = subnets,
	        .public_ips = ips,
	        .firewalls = firewalls,
	        .prefer_public = direct->config && direct->config->prefer_public,
	        .past_firewall = direct->config && !direct->config->through_firewall,
	        .now = azjit_azure_now(direct->azure),
	};

	for (size_t i = 0; result == AZJIT_OK && i < json_array_size(vms); i++)
		if (json_array_append_new(states, vm_state(json_array_get(vms, i), &around)) != 0)
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
