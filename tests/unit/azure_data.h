// SPDX-License-Identifier: Apache-2.0
// What the tests of client/azure share: bodies as data.
#ifndef AZJIT_TEST_AZURE_DATA_H
#define AZJIT_TEST_AZURE_DATA_H

#include "../../client/azure/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

// The text of tests/unit/data/azure/NAME; owned.
static inline char *data_text(const char *name, size_t *ret_len)
{
	char path[256], *text = calloc(1, 65536);
	FILE *file;

	(void)snprintf(path, sizeof(path), "tests/unit/data/azure/%s", name);
	file = fopen(path, "re");
	assert_non_null(file);
	*ret_len = fread(text, 1, 65535, file);
	assert_int_equal(fclose(file), 0);
	assert_true(*ret_len > 0 && *ret_len < 65535);
	return text;
}

// The same, read as an answer's body is read; owned.
static inline json_t *data_json(const char *name)
{
	const char *why = NULL;
	char file[128];
	size_t len;
	_cleanup_free_ char *text = NULL;
	json_t *json;

	(void)snprintf(file, sizeof(file), "%s.json", name);
	text = data_text(file, &len);
	json = js_read(text, len, &why);
	assert_non_null(json);
	assert_null(why);
	return json;
}

// Elements of a list's body as a call gives them to a parser; owned.
static inline json_t *data_items(const char *name, const char *id)
{
	json_auto_t *root = data_json(name);
	const char *why;
	json_t *items = js_unique(js_member(root, "value"), id, &why);

	assert_non_null(items);
	return items;
}

// One object as the only element of a list; owned.
static inline json_t *data_single(const char *name)
{
	json_t *items = json_array();

	assert_int_equal(json_array_append_new(items, data_json(name)), 0);
	return items;
}

#endif
