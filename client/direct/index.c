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

json_t *index_new(const json_t *rows, const char *member)
{
	json_auto_t *index = json_object();

	for (size_t i = 0; index && i < json_array_size(rows); i++) {
		json_t *row = json_array_get(rows, i), *all;
		_cleanup_free_ char *key = key_of(json_text(row, member));

		if (key && !*key)
			continue;
		all = key ? json_object_get(index, key) : NULL;
		if (!key || (all ? json_array_append(all, row)
		                 : json_object_set_new(index, key, json_pack("[O]", row))) != 0)
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
