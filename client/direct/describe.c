// SPDX-License-Identifier: Apache-2.0
#include "describe.h"

#include "change.h"
#include "print.h"

#include <azjit/text.h>

static bool listed(const json_t *rows, const char *id)
{
	return !rows || json_by_id(rows, id);
}

static json_t *vms_of(const json_t *policy, const json_t *only)
{
	const json_t *entries = policy_vms(policy);
	json_auto_t *vms = json_array();

	for (size_t i = 0; vms && i < json_array_size(entries); i++) {
		const json_t *entry = json_array_get(entries, i);
		const char *id = json_text(entry, "id");
		json_t *ports = listed(only, id) ? policy_ports(entry) : NULL;

		if (!listed(only, id))
			continue;
		if (!ports || json_array_append_new(vms, json_pack("{s:s, s:s, s:o}", "id", id, "name",
		                                                   azjit_id_name(id), "ports", ports)) != 0)
			return NULL;
	}
	return vms ? json_incref(vms) : NULL;
}

static json_t *describe(const json_t *policy, json_t *vms)
{
	const char *id = json_text(policy, "id"), *location = json_text(policy, "location");
	char group[128], region[64];

	if (!azjit_id_segment(id, "resourceGroups", group, sizeof(group)))
		group[0] = '\0';
	if (!azjit_id_segment(id, "locations", region, sizeof(region)))
		region[0] = '\0';
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:O}", "id", id, "name", azjit_id_name(id), "group",
	                 group, "location", *region ? region : location, "state",
	                 json_text(json_object_get(policy, "properties"), "provisioningState"),
	                 "virtual_machines", vms);
}

enum azjit_result describe_policies(struct direct *direct, const json_t *policies, const json_t *only)
{
	json_auto_t *described = json_array();
	bool ok = described != NULL;

	for (size_t i = 0; ok && i < json_array_size(policies); i++) {
		const json_t *policy = json_array_get(policies, i);
		json_auto_t *vms = vms_of(policy, only);

		ok = vms && ((only && json_array_size(vms) == 0) ||
		             json_array_append_new(described, describe(policy, vms)) == 0);
	}
	ok = ok && json_object_set(direct->answer, "policies", described) == 0;
	return ok ? AZJIT_OK : azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
}

json_t *describe_lines(const json_t *described)
{
	json_auto_t *rows = json_array();

	for (size_t i = 0; rows && i < json_array_size(described); i++) {
		const json_t *policy = json_array_get(described, i),
		             *vms = json_object_get(policy, "virtual_machines");
		json_t *row = json_copy((json_t *)(uintptr_t)policy), *names = json_array();

		for (size_t k = 0; names && k < json_array_size(vms); k++)
			(void)json_array_append(names, json_object_get(json_array_get(vms, k), "name"));
		if (json_object_set_new(row, "vm_names", names) != 0 || json_array_append_new(rows, row) != 0)
			return NULL;
	}
	return rows ? json_incref(rows) : NULL;
}

static bool add_ports(json_t *rows, const json_t *policy, const json_t *vm)
{
	const json_t *ports = json_object_get(vm, "ports");

	for (size_t i = 0; i < json_array_size(ports); i++) {
		json_t *row = json_copy(json_array_get(ports, i));

		if (json_object_set_new(row, "policy",
		                        json_string(policy_label(json_text(policy, "id")).text)) != 0 ||
		    json_object_set_new(row, "max",
		                        print_duration(json_integer_value(json_object_get(row, "max_s")))) !=
		            0 ||
		    json_array_append_new(rows, row) != 0)
			return false;
	}
	return true;
}

json_t *describe_ports(const json_t *described)
{
	json_auto_t *rows = json_array();

	for (size_t i = 0; rows && i < json_array_size(described); i++) {
		const json_t *policy = json_array_get(described, i),
		             *vms = json_object_get(policy, "virtual_machines");

		for (size_t k = 0; k < json_array_size(vms); k++)
			if (!add_ports(rows, policy, json_array_get(vms, k)))
				return NULL;
	}
	return rows ? json_incref(rows) : NULL;
}
