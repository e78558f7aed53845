// SPDX-License-Identifier: Apache-2.0
#include "store.h"
#include <azjit/text.h>

static const struct {
	enum azjit_entry_kind kind;
	const char *name;
} kinds[] = {
        {AZJIT_ENTRY_START, "start"},   {AZJIT_ENTRY_LOGIN, "login"},   {AZJIT_ENTRY_SESSION, "session"},
        {AZJIT_ENTRY_DENIAL, "denial"}, {AZJIT_ENTRY_INTENT, "intent"}, {AZJIT_ENTRY_REQUEST, "request"},
        {AZJIT_ENTRY_GRANT, "grant"},   {AZJIT_ENTRY_FLOW, "flow"},     {AZJIT_ENTRY_RECONCILE, "reconcile"},
        {AZJIT_ENTRY_ERROR, "error"},   {AZJIT_ENTRY_POWER, "power"},
};

const char *azjit_entry_kind_name(enum azjit_entry_kind kind)
{
	for (size_t i = 0; i < AZJIT_COUNT(kinds); i++)
		if (kinds[i].kind == kind)
			return kinds[i].name;
	return "";
}

enum azjit_entry_kind azjit_entry_kind_from_name(const char *name)
{
	for (size_t i = 0; i < AZJIT_COUNT(kinds); i++)
		if (azjit_streq(kinds[i].name, name))
			return kinds[i].kind;
	return AZJIT_ENTRY_NONE;
}

bool azjit_entry_put(struct azjit_entry *entry, const char *key, const char *value)
{
	if (!value)
		return true;
	if (entry->field_count >= AZJIT_ENTRY_FIELDS)
		return false;
	entry->fields[entry->field_count++] = (struct azjit_entry_field){key, value};
	return true;
}

const char *azjit_entry_get(const struct azjit_entry *entry, const char *key)
{
	for (size_t i = 0; i < entry->field_count; i++)
		if (entry->fields[i].value && azjit_streq(entry->fields[i].key, key))
			return entry->fields[i].value;
	return NULL;
}

static bool key_valid(const char *key)
{
	size_t len = key ? strlen(key) : 0;

	return len > 0 && len <= 32 && strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

static bool text_valid(const char *text)
{
	return !text || strlen(text) <= AZJIT_VALUE_MAX_BYTES;
}

enum azjit_result azjit_entry_check(const struct azjit_entry *entry, struct azjit_reason *reason)
{
	if (!*azjit_entry_kind_name(entry->kind) || !entry->event || !*entry->event)
		return azjit_fail(reason, AZJIT_LEDGER,
		                  "an entry without a kind or an event cannot be recorded");
	if (!text_valid(entry->event) || !text_valid(entry->session) || !text_valid(entry->grant))
		return azjit_fail(reason, AZJIT_LEDGER,
		                  "an entry's event, session or grant is longer than %d bytes",
		                  AZJIT_VALUE_MAX_BYTES);
	if (entry->field_count > AZJIT_ENTRY_FIELDS)
		return azjit_fail(reason, AZJIT_LEDGER, "an entry has more than %d fields",
		                  AZJIT_ENTRY_FIELDS);
	for (size_t i = 0; i < entry->field_count; i++) {
		if (!key_valid(entry->fields[i].key))
			return azjit_fail(reason, AZJIT_LEDGER, "field %zu of a %s entry has no proper key",
			                  i + 1, azjit_entry_kind_name(entry->kind));
		if (!text_valid(entry->fields[i].value))
			return azjit_fail(reason, AZJIT_LEDGER,
			                  "field %s of a %s entry is longer than %d bytes",
			                  entry->fields[i].key, azjit_entry_kind_name(entry->kind),
			                  AZJIT_VALUE_MAX_BYTES);
	}
	return AZJIT_OK;
}
