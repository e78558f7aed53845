// SPDX-License-Identifier: Apache-2.0
#include "list.h"

static const char no_json[] = "something that is no JSON", cut[] = "JSON that is cut short",
                  no_value[] = "a list that has no 'value'";

void list_init(struct list *list, char *text, size_t len)
{
	*list = (struct list){.text = text, .len = len};
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		list->at = 3;
}

void list_clear(struct list *list)
{
	free(list->text);
	json_decref(list->members);
	*list = (struct list){0};
}

const char *list_link(const struct list *list)
{
	return js_text(list->members, "nextLink");
}

// The next byte that means something; '\0' at the end.
static char peek(struct list *list)
{
	while (list->at < list->len && strchr(" \t\r\n", list->text[list->at]) && list->text[list->at])
		list->at++;
	return list->at < list->len ? list->text[list->at] : '\0';
}

static bool take(struct list *list, char wanted, const char **ret_why)
{
	char c = peek(list);

	if (c == wanted) {
		list->at++;
		return true;
	}
	*ret_why = list->at < list->len ? no_json : cut;
	return false;
}

static json_t *read_value(struct list *list, const char **ret_why)
{
	json_error_t error;
	json_t *json = json_loadb(list->text + list->at, list->len - list->at,
	                          JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &error);

	if (json) {
		list->at += (size_t)error.position;
		return json;
	}
	if (json_error_code(&error) == json_error_premature_end_of_input)
		*ret_why = cut;
	else
		*ret_why = json_error_code(&error) == json_error_out_of_memory ? "" : no_json;
	return NULL;
}

static bool begin(struct list *list, const char **ret_why)
{
	char first = peek(list);

	list->begun = true;
	list->members = json_object();
	if (!list->members)
		*ret_why = "";
	else if (list->at == list->len)
		*ret_why = "an empty body";
	else if (first == '<')
		*ret_why = "a page of HTML instead of JSON";
	else if (first == '[')
		*ret_why = "JSON that is no object";
	else if (take(list, '{', ret_why))
		return true;
	return false;
}

// Sets `inside` at the array that `value` is; false: the page is over, or wrong.
static bool next_member(struct list *list, const char **ret_why)
{
	json_auto_t *name = NULL, *value = NULL;
	bool first = json_object_size(list->members) == 0 && !list->had_value;

	if (peek(list) == '}') {
		list->at++;
		if (peek(list) || list->at < list->len)
			*ret_why = no_json;
		else if (!list->had_value)
			*ret_why = no_value;
		return false;
	}
	if (!first && !take(list, ',', ret_why))
		return false;
	(void)peek(list);
	name = read_value(list, ret_why);
	if (!name || !json_is_string(name) || !take(list, ':', ret_why)) {
		*ret_why = *ret_why ? *ret_why : no_json;
		return false;
	}
	if (strcmp(json_string_value(name), "value") == 0 && peek(list) == '[') {
		list->at++;
		if (list->had_value)
			*ret_why = no_json;
		list->inside = list->had_value = true;
		return !*ret_why;
	}
	value = read_value(list, ret_why);
	if (!value)
		return false;
	if (strcmp(json_string_value(name), "value") == 0)
		*ret_why = no_value;
	else if (json_object_get(list->members, json_string_value(name)))
		*ret_why = no_json;
	else if (json_object_set(list->members, json_string_value(name), value))
		*ret_why = "";
	return !*ret_why;
}

// The next entry of `value`; NULL at its end, too.
static json_t *next_entry(struct list *list, const char **ret_why)
{
	bool first = list->text[list->at - 1] == '[';
	char c = peek(list);

	if (c == ']') {
		list->at++;
		list->inside = false;
		return NULL;
	}
	if (!first && !take(list, ',', ret_why))
		return NULL;
	(void)peek(list);
	return read_value(list, ret_why);
}

json_t *list_next(struct list *list, const char **ret_why)
{
	*ret_why = NULL;
	if (!list->begun && !begin(list, ret_why))
		return NULL;
	for (;;) {
		json_t *entry = list->inside ? next_entry(list, ret_why) : NULL;

		if (entry || *ret_why)
			return entry;
		if (!list->inside && !next_member(list, ret_why))
			return NULL;
	}
}
