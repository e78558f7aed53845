// SPDX-License-Identifier: Apache-2.0
// JSON as tests write it. Included after cmocka.h.
#ifndef AZJIT_TESTS_JSON_QUOTED_H
#define AZJIT_TESTS_JSON_QUOTED_H

#include <jansson.h>

// JSON with single quotes; owned.
static json_t *read_json(const char *text)
{
	_cleanup_free_ char *copy = strdup(text);
	json_t *json;

	assert_non_null(copy);
	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	json = json_loads(copy, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	return json;
}

#endif
