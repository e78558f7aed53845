// SPDX-License-Identifier: Apache-2.0
#include "monitor_ports.h"

#include "ask.h"
#include "ask_kept.h"
#include "index.h"

#include <azjit/text.h>

struct group {
	const char *id;
	const struct azjit_nsg *nsg; // NULL: it could not be read
};

struct judging {
	struct direct *direct;
	struct keep *keep;
	const json_t *policies;
	const json_t *vms, *nics, *subnets; // by id; the interfaces by that of their VM
	struct group *groups;               // those that were asked for
	size_t group_count;
	enum azjit_result result; // of the first that could not be read
	struct azjit_reason reason;
};

static void note_unread(struct judging *judging, enum azjit_result result)
{
	if (judging->result != AZJIT_OK)
		return;
	judging->result = result;
	judging->reason = judging->direct->reason;
}

// --- the way to a VM ------------------------------------------------------------------------------------

// Each is asked for once; id "": there is none.
static const struct azjit_nsg *group_of(struct judging *judging, const char *id, bool *ret_unread)
{
	struct group *group;
	enum azjit_result result;

	*ret_unread = false;
	if (!*id)
		return NULL;
	for (size_t i = 0; i < judging->group_count; i++)
		if (azjit_ieq(judging->groups[i].id, id)) {
			*ret_unread = !judging->groups[i].nsg;
			return judging->groups[i].nsg;
		}
	group = &judging->groups[judging->group_count++];
	group->id = id;
	result = ask_nsg(judging->direct, id, judging->keep, &group->nsg);
	if (result != AZJIT_OK)
		note_unread(judging, result);
	*ret_unread = !group->nsg;
	return group->nsg;
}

static const struct azjit_nsg *group_of_subnet(struct judging *judging, const char *id, bool *ret_unread)
{
	const json_t *subnet = index_first(judging->subnets, id);

	if (subnet)
		return group_of(judging, json_text(subnet, "nsg"), ret_unread);
	*ret_unread = true;
	note_unread(judging,
	            azjit_fail(&judging->direct->reason, AZJIT_FORBIDDEN,
	                       "subnet %s is not in the list of virtual networks; the identity needs "
	                       "Microsoft.Network/virtualNetworks/read there",
	                       id));
	return NULL;
}

static const char *const *texts_of(struct keep *keep, const json_t *array)
{
	const char **texts = keep_array(keep, json_array_size(array), sizeof(*texts));

	for (size_t i = 0; texts && i < json_array_size(array); i++)
		texts[i] = json_string_value(json_array_get(array, i));
	return texts;
}

// False for one that no IPv4 connection comes through.
static bool add_path(struct judging *judging, const json_t *nic, const json_t *config,
                     struct azjit_exposure_path *ret)
{
	*ret = (struct azjit_exposure_path){.asg_ids =
	                                            texts_of(judging->keep, json_object_get(config, "asgs")),
	                                    .asg_count = json_array_size(json_object_get(config, "asgs"))};
	if (azjit_addr_parse(json_text(config, "address"), &ret->address) != AZJIT_OK ||
	    ret->address.family != AZJIT_IPV4 || !ret->asg_ids)
		return false;
	ret->nic_nsg = group_of(judging, json_text(nic, "nsg"), &ret->nic_unread);
	ret->subnet_nsg = group_of_subnet(judging, json_text(config, "subnet"), &ret->subnet_unread);
	return true;
}

// In the keep, for as many as there are IP configurations.
static struct azjit_exposure_path *paths_to(struct judging *judging, const char *vm_id, size_t *ret_count)
{
	const json_t *nics = index_all(judging->nics, vm_id);
	size_t room = 0, count = 0;
	struct azjit_exposure_path *paths;

	for (size_t i = 0; i < json_array_size(nics); i++)
		room += json_array_size(json_object_get(json_array_get(nics, i), "ipconfigs"));
	paths = keep_array(judging->keep, room, sizeof(*paths));
	for (size_t i = 0; paths && i < json_array_size(nics); i++) {
		const json_t *nic = json_array_get(nics, i);
		const json_t *configs = json_object_get(nic, "ipconfigs");

		for (size_t k = 0; k < json_array_size(configs); k++)
			count += add_path(judging, nic, json_array_get(configs, k), &paths[count]);
	}
	*ret_count = count;
	return paths;
}

// --- its ports ------------------------------------------------------------------------------------------

static enum azjit_protocol protocol_of(const json_t *port)
{
	const char *word = json_text(port, "protocol");

	if (azjit_streq(word, "tcp"))
		return AZJIT_PROTOCOL_TCP;
	return azjit_streq(word, "udp") ? AZJIT_PROTOCOL_UDP : AZJIT_PROTOCOL_ANY;
}

// Of one VM, as a policy has them in this entry.
static bool judge_ports(struct judging *judging, const json_t *entry, struct azjit_monitor_port *list,
                        size_t *count)
{
	json_auto_t *ports = policy_ports(entry);
	const char *vm_id = keep_text(judging->keep, json_text(entry, "id"));
	azjit_ticks now = azjit_azure_now(judging->direct->azure);
	size_t path_count = 0;
	const struct azjit_exposure_path *paths = vm_id ? paths_to(judging, vm_id, &path_count) : NULL;

	for (size_t i = 0; paths && i < json_array_size(ports); i++) {
		const json_t *port = json_array_get(ports, i);
		int number = (int)json_integer_value(json_object_get(port, "port"));
		const struct azjit_exposure_port asked = {
		        .number = (uint16_t)number,
		        .protocol = protocol_of(port),
		        .granted = policies_granted(judging->policies, vm_id, number, now)};

		if (number < 1)
			continue;
		list[*count].vm_id = vm_id;
		list[*count].port = asked.number;
		azjit_exposure(paths, path_count, &asked, &list[(*count)++].exposure);
	}
	return ports && !judging->keep->failed;
}

static size_t count_ports(const struct survey *survey)
{
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(survey->policies); i++) {
		const json_t *vms = policy_vms(json_array_get(survey->policies, i));

		for (size_t k = 0; k < json_array_size(vms); k++)
			count += json_array_size(json_object_get(json_array_get(vms, k), "ports"));
	}
	return count;
}

// A VM that a policy holds and that exists no more has no ports.
static bool judge_all(struct judging *judging, const struct survey *survey, struct monitor_ports *ret)
{
	struct azjit_monitor_port *list = keep_array(judging->keep, count_ports(survey), sizeof(*list));
	bool ok = list != NULL;

	ret->list = list;
	ret->count = 0;
	for (size_t i = 0; ok && i < json_array_size(survey->policies); i++) {
		const json_t *entries = policy_vms(json_array_get(survey->policies, i));

		for (size_t k = 0; ok && k < json_array_size(entries); k++) {
			const json_t *entry = json_array_get(entries, k);

			ok = !index_first(judging->vms, json_text(entry, "id")) ||
			     judge_ports(judging, entry, list, &ret->count);
		}
	}
	return ok;
}

enum azjit_result monitor_ports_read(struct direct *direct, const struct survey *survey, struct keep *keep,
                                     struct monitor_ports *ret)
{
	json_auto_t *nics = NULL, *subnets = NULL, *vms_by_id = NULL, *nics_by_vm = NULL,
	            *subnets_by_id = NULL;
	struct judging judging = {
	        .direct = direct, .keep = keep, .policies = survey->policies, .result = AZJIT_OK};
	enum azjit_result result = ask_nics(direct, &nics);

	if (result == AZJIT_OK)
		result = ask_subnets(direct, &subnets);
	if (result != AZJIT_OK)
		return result;
	judging.vms = vms_by_id = index_new(survey->vms, "id");
	judging.nics = nics_by_vm = index_new(nics, "vm_id");
	judging.subnets = subnets_by_id = index_new(subnets, "id");
	judging.groups =
	        keep_array(keep, json_array_size(nics) + json_array_size(subnets), sizeof(*judging.groups));
	if (!vms_by_id || !nics_by_vm || !subnets_by_id || !judging.groups ||
	    !judge_all(&judging, survey, ret))
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	if (judging.result != AZJIT_OK)
		direct->reason = judging.reason;
	return judging.result;
}
