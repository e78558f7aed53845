// SPDX-License-Identifier: Apache-2.0
// Reading what Azure answers. Owned JSON is `json_auto_t *`, borrowed JSON `const json_t *`; the two
// never share a type. Absent, null and wrongly typed members read alike, so that an unknown form never
// stops a reader: what must be there is checked by who needs it.
#ifndef AZJIT_AZURE_JSON_H
#define AZJIT_AZURE_JSON_H

#include "arena.h"

#include <azjit/address.h>
#include <azjit/time.h>
#include <jansson.h>

// A whole JSON text, with or without a UTF-8 byte order mark. Repeated members, bytes that are no
// UTF-8, U+0000 and trailing text are refused: NULL, and *ret_why (static) says what is wrong.
json_t *js_read(const char *text, size_t len, const char **ret_why);

// The member of an object; NULL if absent, null, or `object` is no object (NULL included).
const json_t *js_member(const json_t *object, const char *name);
// The same through several objects: js_path(vm, "properties", "storageProfile").
#define js_path(object, ...) js_descend((object), __VA_ARGS__, (const char *)NULL)
const json_t *js_descend(const json_t *object, ...) __attribute__((sentinel));
// The string, borrowed from the JSON; "" if it is none.
const char *js_string(const json_t *value);
const char *js_text(const json_t *object, const char *name);
// An integer, or a string that holds one in decimal (IMDS and hand-written templates), within the range.
bool js_integer(const json_t *value, int64_t min, int64_t max, int64_t *ret);
// true, or "true" in any case; all else is false.
bool js_flag(const json_t *value);
// An ISO 8601 time; 0 if unreadable.
azjit_ticks js_time(const json_t *object, const char *name);
// Elements of an array; 0 if it is none.
size_t js_count(const json_t *array);

// The strings of a member in singular form and of one in plural form, merged: null, "" and what is no
// string are left out, and *ret_odd (if asked for) tells that something was no string. False if memory
// ran out.
bool js_strings(struct arena *arena, const json_t *singular, const json_t *plural, const char *const **ret,
                size_t *ret_count, bool *ret_odd);
// The same of the `id` members of an array of references.
bool js_ids(struct arena *arena, const json_t *references, const char *const **ret, size_t *ret_count);
// An address; family NONE if absent or no address.
struct azjit_addr js_addr(const json_t *object, const char *name);

// A copy of an array in which each element is an object and has an id that no earlier one has (compared
// without case): Azure repeats entries when a list changes while its pages are read. NULL if memory
// ran out, or *ret_why says why not.
json_t *js_unique(const json_t *items, const char *id_member, const char **ret_why);

#endif
