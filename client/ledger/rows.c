// SPDX-License-Identifier: Apache-2.0
#include "store.h"
#include <azjit/rows.h>
#include <azjit/text.h>

#define VALUE_BYTES 2048 // of one value on the wire, escapes included: 24 fields fit a message

// The longest piece of printable text whose wire form has at most VALUE_BYTES: cut between characters.
static void cut(char *text)
{
	size_t wire = 0, at = 0;

	while (text[at]) {
		wire += text[at] == '%' ? 3 : 1;
		if (wire > VALUE_BYTES)
			break;
		at++;
	}
	while (text[at] && ((unsigned char)text[at] & 0xc0) == 0x80)
		at--;
	text[at] = '\0';
}

static void put(struct azjit_wire_out *out, const char *key, const char *value)
{
	char text[VALUE_BYTES + 1];

	if (!value || !*value)
		return;
	azjit_printable(value, text, sizeof(text));
	cut(text);
	azjit_wire_put(out, key, text);
}

void azjit_row_time(struct azjit_wire_out *out, const char *key, azjit_ticks when)
{
	char text[AZJIT_TIME_CHARS];

	if (!when)
		return;
	azjit_time_format(when, text);
	azjit_wire_put(out, key, text);
}

static bool put_before(const struct azjit_entry *entry, size_t field)
{
	static const char *const own[] = {"type", "seq", "when", "kind", "event", "grant", "text", "session"};

	for (size_t i = 0; i < AZJIT_COUNT(own); i++)
		if (azjit_streq(own[i], entry->fields[field].key))
			return true;
	for (size_t i = 0; i < field; i++)
		if (azjit_streq(entry->fields[i].key, entry->fields[field].key))
			return true;
	return false;
}

void azjit_row_entry(struct azjit_wire_out *out, char *bytes, size_t size,
                     const struct azjit_entry_read *read)
{
	const struct azjit_entry *entry = read->entry;
	char text[VALUE_BYTES];

	azjit_timeline_clause(entry, text, sizeof(text));
	azjit_wire_begin(out, bytes, size, "ROW");
	azjit_wire_put(out, "type", "entry");
	azjit_wire_put_u64(out, "seq", read->seq);
	azjit_row_time(out, "when", read->when);
	put(out, "kind", azjit_entry_kind_name(entry->kind));
	put(out, "event", entry->event);
	put(out, "session", entry->session);
	put(out, "grant", entry->grant);
	put(out, "text", text);
	for (size_t i = 0; i < entry->field_count; i++)
		if (!put_before(entry, i))
			put(out, entry->fields[i].key, entry->fields[i].value);
}

void azjit_row_verify(struct azjit_wire_out *out, char *bytes, size_t size,
                      const struct azjit_verify_report *report)
{
	azjit_wire_begin(out, bytes, size, "ROW");
	azjit_wire_put(out, "type", "verify");
	azjit_wire_put_u64(out, "ok", report->ok);
	azjit_wire_put_u64(out, "entries", report->entries);
	if (report->bad_seq)
		azjit_wire_put_u64(out, "bad_seq", report->bad_seq);
	azjit_wire_put_u64(out, "anchored_seq", report->anchored_seq);
	azjit_row_time(out, "anchor_time", report->anchor_time);
	azjit_wire_put_u64(out, "unanchored", report->unanchored);
	put(out, "text", report->text.text);
}

void azjit_row_verdict(struct azjit_wire_out *out, char *bytes, size_t size,
                       const struct azjit_reconcile_row *row)
{
	azjit_wire_begin(out, bytes, size, "ROW");
	azjit_wire_put(out, "type", "verdict");
	azjit_wire_put(out, "verdict", azjit_reconcile_name(row->verdict));
	if (row->intent_seq)
		azjit_wire_put_u64(out, "intent_seq", row->intent_seq);
	put(out, "grant", row->grant);
	put(out, "correlation_id", row->correlation_id);
	put(out, "client_request_id", row->client_request_id);
	put(out, "vm", row->vm);
	put(out, "caller", row->caller);
	put(out, "status", row->status);
	azjit_row_time(out, "when", row->when);
	put(out, "text", row->text);
}
