// SPDX-License-Identifier: Apache-2.0
#include "index.h"

#include "policy.h"

#include <ctype.h>

// Owned; NULL if memory ran out.
static char *key_of(const char *id)
{
	char *key = strdup(id);

	for (char *c = key; c && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return key;
}

static bool add(json_t *index, const char *id, json_t *row)
{
	_cleanup_free_ char *key = key_of(id);
	json_t *all = key ? json_object_get(index, key) : NULL;
	size_t count = json_array_size(all);

	if (!key)
		return false;
	if (!*key || (count > 0 && json_array_get(all, count - 1) == row))
		return true;
	return (all ? json_array_append(all, row) : json_object_set_new(index, key, json_pack("[O]", row))) ==
	       0;
}

json_t *index_new(const json_t *rows, const char *member)
{
	json_auto_t *index = json_object();

	for (size_t i = 0; index && i < json_array_size(rows); i++)
		if (!add(index, json_text(json_array_get(rows, i), member), json_array_get(rows, i)))
			return NULL;
	return json_incref(index);
}

static bool add_vms(json_t *index, const json_t *vms, json_t *policy)
{
	for (size_t i = 0; i < json_array_size(vms); i++)
		if (!add(index, json_text(json_array_get(vms, i), "id"), policy))
			return false;
	return true;
}

json_t *index_policies(const json_t *policies)
{
	json_auto_t *index = json_object();

	for (size_t i = 0; index && i < json_array_size(policies); i++) {
		json_t *policy = json_array_get(policies, i);
		const json_t *requests = json_object_get(json_object_get(policy, "properties"), "requests");

		if (!add_vms(index, policy_vms(policy), policy))
			return NULL;
		for (size_t k = 0; k < json_array_size(requests); k++)
			if (!add_vms(index, json_object_get(json_array_get(requests, k), "virtualMachines"),
			             policy))
				return NULL;
	}
	return json_incref(index);
}

const json_t *index_all(const json_t *index, const char *id)
{
	_cleanup_free_ char *key = key_of(id);

	return key ? json_object_get(index, key) : NULL;
}

json_t *index_first(const json_t *index, const char *id)
{
	return json_array_get(index_all(index, id), 0);
}
