// SPDX-License-Identifier: Apache-2.0
#include "pick.h"

#include "policy.h"

#include <azjit/buf.h>
#include <azjit/text.h>
#include <stdio.h>

#include <strings.h>

#define NAMED_IN_REASON 4

static void full_name(const char *id, char *ret, size_t size)
{
	char group[128];

	if (!azjit_id_segment(id, "resourceGroups", group, sizeof(group)))
		group[0] = '\0';
	(void)snprintf(ret, size, "%s@%s", azjit_id_name(id), group);
}

// "NAME=VALUE", without case, as the broker's inventory has it.
static bool bears(const json_t *row, const char *tag)
{
	const char *equals = strchr(tag, '='), *name;
	json_t *tags = json_object_get(row, "tags"), *value;

	if (!equals || equals == tag)
		return false;
	json_object_foreach(tags, name, value)
	{
		if (strlen(name) == (size_t)(equals - tag) &&
		    strncasecmp(name, tag, (size_t)(equals - tag)) == 0 &&
		    azjit_ieq(json_string_value(value), equals + 1))
			return true;
	}
	return false;
}

bool pick_several(const char *word)
{
	return strncasecmp(word, PICK_TAG, strlen(PICK_TAG)) == 0 || (word[0] != '/' && strpbrk(word, "*?"));
}

static bool fits(const json_t *row, const char *word)
{
	const char *id = json_text(row, "id");
	char full[320];

	if (strncasecmp(word, PICK_TAG, strlen(PICK_TAG)) == 0)
		return bears(row, word + strlen(PICK_TAG));
	full_name(id, full, sizeof(full));
	if (word[0] == '/')
		return azjit_ieq(id, word);
	return azjit_glob(word, strchr(word, '@') ? full : azjit_id_name(id));
}

static bool add_once(json_t *picked, json_t *row)
{
	for (size_t i = 0; i < json_array_size(picked); i++)
		if (azjit_ieq(json_text(json_array_get(picked, i), "id"), json_text(row, "id")))
			return true;
	return json_array_append(picked, row) == 0;
}

// name@group each, or whole ids where that would not tell them apart.
static enum azjit_result ambiguous(const json_t *found, const char *noun, const char *word,
                                   struct azjit_reason *reason)
{
	_cleanup_buf_ struct azjit_buf list = AZJIT_BUF(4096);

	for (size_t i = 0; i < json_array_size(found) && i < NAMED_IN_REASON; i++) {
		const char *id = json_text(json_array_get(found, i), "id");
		char full[320], other[320];
		bool same = false;

		full_name(id, full, sizeof(full));
		for (size_t k = 0; k < json_array_size(found); k++) {
			full_name(json_text(json_array_get(found, k), "id"), other, sizeof(other));
			same |= k != i && azjit_ieq(full, other);
		}
		azjit_buf_printf(&list, "%s%s", i ? ", " : "", same ? id : full);
	}
	return azjit_fail(reason, AZJIT_AMBIGUOUS, "%s fits %zu %ss; write one of: %s%s", word,
	                  json_array_size(found), noun, list.data ? list.data : "",
	                  json_array_size(found) > NAMED_IN_REASON ? " …" : "");
}

enum azjit_result pick(const json_t *rows, const char *noun, const char *word, json_t *picked,
                       struct azjit_reason *reason)
{
	bool pattern = pick_several(word);
	json_auto_t *found = json_array();

	for (size_t i = 0; found && i < json_array_size(rows); i++)
		if (fits(json_array_get(rows, i), word) && !add_once(found, json_array_get(rows, i)))
			return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	if (json_array_size(found) == 0)
		return azjit_fail(reason, AZJIT_NOT_FOUND, "no %s of ours %s %s", noun,
		                  pattern ? "fits" : "is called", word);
	if (json_array_size(found) > 1 && !pattern)
		return ambiguous(found, noun, word, reason);
	for (size_t i = 0; i < json_array_size(found); i++)
		if (!add_once(picked, json_array_get(found, i)))
			return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	return AZJIT_OK;
}
