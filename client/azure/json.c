// SPDX-License-Identifier: Apache-2.0
#include "json.h"

#include <azjit/text.h>
#include <ctype.h>
#include <stdarg.h>

json_t *js_read(const char *text, size_t len, const char **ret_why)
{
	json_error_t error;
	json_t *json;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	if (len == 0) {
		*ret_why = "an empty body";
		return NULL;
	}
	json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!json) {
		bool cut = json_error_code(&error) == json_error_premature_end_of_input;

		if (text[0] == '<')
			*ret_why = "a page of HTML instead of JSON";
		else
			*ret_why = cut ? "JSON that is cut short" : "something that is no JSON";
	}
	return json;
}

const json_t *js_member(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_null(value) ? NULL : value;
}

const json_t *js_descend(const json_t *object, ...)
{
	const char *name;
	va_list names;

	va_start(names, object);
	while (object && (name = va_arg(names, const char *)))
		object = js_member(object, name);
	va_end(names);
	return object;
}

const char *js_string(const json_t *value)
{
	const char *text = json_string_value(value);

	return text ? text : "";
}

const char *js_text(const json_t *object, const char *name)
{
	return js_string(js_member(object, name));
}

bool js_integer(const json_t *value, int64_t min, int64_t max, int64_t *ret)
{
	int64_t number;

	if (json_is_integer(value)) {
		number = json_integer_value(value);
	} else {
		uint64_t parsed;

		if (azjit_parse_u64(js_string(value), 0, INT64_MAX, &parsed) != AZJIT_OK)
			return false;
		number = (int64_t)parsed;
	}
	if (number < min || number > max)
		return false;
	*ret = number;
	return true;
}

bool js_flag(const json_t *value)
{
	return json_is_true(value) || azjit_ieq(js_string(value), "true");
}

azjit_ticks js_time(const json_t *object, const char *name)
{
	azjit_ticks ticks;

	return azjit_time_parse(js_text(object, name), &ticks) == AZJIT_OK ? ticks : 0;
}

size_t js_count(const json_t *array)
{
	return json_array_size(array); // 0 for NULL and for other types
}

static void add_string(const json_t *value, const char **list, size_t *count, bool *odd)
{
	const char *text = js_string(value);

	if (value && !json_is_null(value) && !json_is_string(value))
		*odd = true;
	if (*text)
		list[(*count)++] = text;
}

bool js_strings(struct arena *arena, const json_t *singular, const json_t *plural, const char *const **ret,
                size_t *ret_count, bool *ret_odd)
{
	const char **list = arena_array(arena, 1 + js_count(plural), sizeof(*list));
	bool odd = plural && !json_is_array(plural);
	size_t count = 0;

	if (!list)
		return false;
	add_string(singular, list, &count, &odd);
	for (size_t i = 0; i < js_count(plural); i++)
		add_string(json_array_get(plural, i), list, &count, &odd);
	*ret = list;
	*ret_count = count;
	if (ret_odd && odd)
		*ret_odd = true;
	return true;
}

bool js_ids(struct arena *arena, const json_t *references, const char *const **ret, size_t *ret_count)
{
	const char **list = arena_array(arena, js_count(references), sizeof(*list));
	size_t count = 0;

	if (!list)
		return false;
	for (size_t i = 0; i < js_count(references); i++) {
		const char *id = js_text(json_array_get(references, i), "id");

		if (*id)
			list[count++] = id;
	}
	*ret = list;
	*ret_count = count;
	return true;
}

struct azjit_addr js_addr(const json_t *object, const char *name)
{
	struct azjit_addr addr = {0};

	if (azjit_addr_parse(js_text(object, name), &addr) != AZJIT_OK)
		return (struct azjit_addr){0};
	return addr;
}

static char *lower_copy(const char *text)
{
	char *copy = strdup(text);

	for (char *c = copy; c && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

json_t *js_unique(const json_t *items, const char *id_member, const char **ret_why)
{
	json_auto_t *seen = json_object(), *unique = json_array();

	*ret_why = NULL;
	for (size_t i = 0; seen && unique && i < js_count(items); i++) {
		json_t *item = json_array_get(items, i);
		_cleanup_free_ char *id = lower_copy(js_text(item, id_member));

		if (!id)
			return NULL;
		if (!*id) {
			*ret_why = "a list with an entry that has no id";
			return NULL;
		}
		if (json_object_get(seen, id))
			continue;
		if (json_object_set_new(seen, id, json_true()) || json_array_append(unique, item))
			return NULL;
	}
	return seen ? STEAL(unique) : NULL;
}
