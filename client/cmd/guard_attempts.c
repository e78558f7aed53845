// SPDX-License-Identifier: Apache-2.0
// Threat model: users choose which elements there are (their uid, an address and port that they try) and how
// many; nft, which we start by its fixed path, chooses the form. What must hold: nothing but numbers that
// fit comes out, and an odd list is refused whole and said, never read half: a refusal must not be lost
// because somebody put an odd element before it.
#include "guard_attempts.h"

#include <jansson.h>
#include <pwd.h>

// The one set of the answer that is ours.
static const json_t *find_set(const json_t *root)
{
	const json_t *objects = json_object_get(root, "nftables"), *found = NULL;

	for (size_t i = 0; i < json_array_size(objects); i++) {
		const json_t *set = json_object_get(json_array_get(objects, i), "set");
		const char *table = json_string_value(json_object_get(set, "table"));
		const char *name = json_string_value(json_object_get(set, "name"));

		if (!table || !name || !azjit_streq(table, "azjit_guard") || !azjit_streq(name, "attempts"))
			continue;
		if (found)
			return NULL;
		found = set;
	}
	return found;
}

static bool read_number(const json_t *value, uint64_t max, uint64_t *ret)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < 0 || (uint64_t)number > max)
		return false;
	*ret = (uint64_t)number;
	return true;
}

// *ret_known is false for a name that nobody has.
static bool read_uid(const json_t *value, uint32_t *ret, bool *ret_known)
{
	const struct passwd *person;
	uint64_t number;

	*ret_known = true;
	if (!json_is_string(value)) {
		if (!read_number(value, UINT32_MAX, &number))
			return false;
		*ret = (uint32_t)number;
		return true;
	}
	person = getpwnam(json_string_value(value));
	*ret_known = person != NULL;
	*ret = person ? person->pw_uid : 0;
	return true;
}

// Returns the fault, or NULL.
static const char *read_element(const json_t *item, struct azjit_guard_attempt *ret, bool *ret_known)
{
	const json_t *elem = json_object_get(item, "elem");
	const json_t *key = json_object_get(json_object_get(elem, "val"), "concat");
	const char *addr = json_string_value(json_array_get(key, 1));
	uint64_t port;

	if (json_array_size(key) != 3)
		return "an element that is no uid, address and port";
	if (!read_uid(json_array_get(key, 0), &ret->uid, ret_known))
		return "a uid that is none";
	if (!addr || strchr(addr, ':') || azjit_addr_parse(addr, &ret->addr) != AZJIT_OK)
		return "an address that is none";
	if (!read_number(json_array_get(key, 2), UINT16_MAX, &port))
		return "a port that is none";
	ret->port = (uint16_t)port;
	if (!read_number(json_object_get(json_object_get(elem, "counter"), "packets"), INT64_MAX,
	                 &ret->packets))
		return "an element without a count";
	return NULL;
}

static const char *read_elements(const json_t *elements, struct azjit_guard_attempt *list, size_t *ret_count)
{
	*ret_count = 0;
	for (size_t i = 0; i < json_array_size(elements); i++) {
		bool known = false;
		const char *fault = read_element(json_array_get(elements, i), &list[*ret_count], &known);

		if (fault)
			return fault;
		// No packet has port 0, and a broker would not take it.
		*ret_count += known && list[*ret_count].port > 0;
	}
	return NULL;
}

enum azjit_result azjit_guard_attempts_parse(const char *json, size_t len,
                                             struct azjit_guard_attempt **ret_list, size_t *ret_count,
                                             struct azjit_reason *reason)
{
	json_auto_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *set = find_set(root), *elements = json_object_get(set, "elem");
	_cleanup_free_ struct azjit_guard_attempt *list = NULL;
	const char *fault = NULL;
	size_t count = 0;

	if (!set)
		fault = "not one set of that name";
	else if (elements && !json_is_array(elements))
		fault = "its elements are no list";
	if (!fault) {
		list = calloc(json_array_size(elements) + 1, sizeof(*list));
		if (!list)
			return azjit_fail(reason, AZJIT_NOMEM, "memory ran out");
		fault = read_elements(elements, list, &count);
	}
	if (fault)
		return azjit_fail(reason, AZJIT_PROTOCOL, "nft's list of what the guard refused: %s", fault);
	*ret_list = STEAL(list);
	*ret_count = count;
	return AZJIT_OK;
}
