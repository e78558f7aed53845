// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <azjit/text.h>
#include <azjit/time.h>

#define COLUMNS_MAX 12

bool report_init(struct report *report)
{
	*report = (struct report){.rows = json_array(), .result = AZJIT_DENIED};
	return report->rows != NULL;
}

void report_clear(struct report *report)
{
	json_decref(report->rows);
	report->rows = NULL;
}

// At most four characters of output for a byte of input.
static json_t *printable_string(const char *text)
{
	size_t size = 4 * strlen(text) + 1;
	_cleanup_free_ char *room = malloc(size);

	if (!room)
		return NULL;
	azjit_printable(text, room, size);
	return json_string(room);
}

void report_take(struct report *report, const struct azjit_wire_msg *msg)
{
	json_t *row;

	if (!azjit_streq(msg->verb, "ROW"))
		return;
	row = json_object();
	for (size_t i = 0; row && i < msg->pair_count; i++)
		if (json_object_set_new(row, msg->pairs[i].key, printable_string(msg->pairs[i].value)) != 0)
			report->failed = true;
	if (!row || json_array_append_new(report->rows, row) != 0)
		report->failed = true;
}

const char *report_get(const json_t *row, const char *key)
{
	const char *value = json_string_value(json_object_get(row, key));

	return value ? value : "";
}

bool report_is(const json_t *row, const char *type)
{
	return azjit_streq(report_get(row, "type"), type);
}

size_t report_count(const struct report *report, const char *type)
{
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(report->rows); i++)
		count += report_is(json_array_get(report->rows, i), type);
	return count;
}

// --- for people -------------------------------------------------------------------------------------

// 2026-11-22T20:00:01.1234567Z
static bool is_time(const char *text)
{
	return strlen(text) == AZJIT_TIME_CHARS - 1 && text[10] == 'T' && text[19] == '.' && text[27] == 'Z';
}

void report_time(const char *time, bool ms, char ret_text[32])
{
	if (!is_time(time)) {
		(void)snprintf(ret_text, 32, "%.31s", time);
		return;
	}
	(void)snprintf(ret_text, 32, "%.10s %.*sZ", time, ms ? 12 : 8, time + 11);
}

static bool starts_character(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

static size_t width(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += starts_character(*text);
	return count;
}

// The bytes of the first `max` characters.
static size_t prefix(const char *text, size_t max)
{
	size_t at = 0;

	for (; text[at]; at++)
		if (starts_character(text[at]) && max-- == 0)
			break;
	return at;
}

static const char *cell(const json_t *row, const struct report_column *column, char room[512])
{
	const char *value = report_get(row, column->key);

	if (is_time(value)) {
		report_time(value, false, room);
		return room;
	}
	if (column->max == 0 || width(value) <= column->max)
		return value;
	(void)snprintf(room, 512, "%.*s…", (int)prefix(value, column->max - 1), value);
	return room;
}

static void measure(const struct report *report, const char *type, const struct report_column *columns,
                    size_t column_count, size_t ret_widths[COLUMNS_MAX])
{
	char room[512];

	for (size_t c = 0; c < column_count; c++)
		ret_widths[c] = 0;
	for (size_t i = 0; i < json_array_size(report->rows); i++) {
		const json_t *row = json_array_get(report->rows, i);

		for (size_t c = 0; report_is(row, type) && c < column_count; c++) {
			size_t size = width(cell(row, &columns[c], room));

			if (size > ret_widths[c])
				ret_widths[c] = size;
		}
	}
	for (size_t c = 0; c < column_count; c++)
		if (ret_widths[c] > 0 && ret_widths[c] < strlen(columns[c].title))
			ret_widths[c] = strlen(columns[c].title);
}

// row NULL: the titles.
static void print_line(const json_t *row, const struct report_column *columns, size_t column_count,
                       const size_t widths[COLUMNS_MAX], FILE *out)
{
	size_t padding = 0;
	char room[512];

	for (size_t c = 0; c < column_count; c++) {
		const char *text = row ? cell(row, &columns[c], room) : columns[c].title;

		if (widths[c] == 0)
			continue;
		if (*text) {
			fprintf(out, "%*s%s", (int)padding, "", text);
			padding = 0;
		}
		padding += widths[c] - (*text ? width(text) : 0) + 2;
	}
	fputc('\n', out);
}

void report_table(const struct report *report, const char *type, const struct report_column *columns,
                  size_t column_count, FILE *out)
{
	size_t widths[COLUMNS_MAX];

	if (column_count > COLUMNS_MAX || report_count(report, type) == 0)
		return;
	measure(report, type, columns, column_count, widths);
	print_line(NULL, columns, column_count, widths, out);
	for (size_t i = 0; i < json_array_size(report->rows); i++) {
		const json_t *row = json_array_get(report->rows, i);

		if (report_is(row, type))
			print_line(row, columns, column_count, widths, out);
	}
}

// --- JSON -------------------------------------------------------------------------------------------

// The keys of rows.h that are not texts.
static bool is_listed(const char *const *list, const char *key)
{
	for (; *list; list++)
		if (azjit_streq(*list, key))
			return true;
	return false;
}

static json_t *typed(const char *key, const char *value)
{
	static const char *const numbers[] = {
	        "pid",           "ledger_seq", "callers",      "vms",         "policies",
	        "managed_ports", "reads",      "users",        "writes",      "deletes",
	        "failed",        "port",       "mapped_port",  "throttled",   "left_s",
	        "flows",         "uid",        "waiters",      "grants",      "denials",
	        "seq",           "entries",    "bad_seq",      "in",          "out",
	        "intent_seq",    "unanchored", "anchored_seq", "anchor_seq",  "http_status",
	        "elapsed_ms",    "count",      "held",         "token_age_s", "inventory_age_s",
	        "calls",         "median_ms",  "p95_ms",       NULL};
	static const char *const booleans[] = {"kill_switch", "ok", "experimental", NULL};
	uint64_t number;

	if (is_listed(booleans, key) && (azjit_streq(value, "0") || azjit_streq(value, "1")))
		return json_boolean(*value == '1');
	if (is_listed(numbers, key) && azjit_parse_u64(value, 0, INT64_MAX, &number) == AZJIT_OK)
		return json_integer((json_int_t)number);
	return json_string(value);
}

static json_t *row_object(const json_t *row)
{
	json_t *object = json_object(), *value;
	const char *key;

	json_object_foreach((json_t *)(uintptr_t)row, key, value)
	{
		if (azjit_streq(key, "type"))
			continue;
		if (json_object_set_new(object, key, typed(key, json_string_value(value))) != 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static bool add_member(const struct report *report, const struct report_member *member, json_t *object)
{
	json_t *list = member->many ? json_array() : NULL;

	if (member->many && json_object_set_new(object, member->name, list) != 0)
		return false;
	for (size_t i = 0; i < json_array_size(report->rows); i++) {
		const json_t *row = json_array_get(report->rows, i);

		if (!report_is(row, member->type))
			continue;
		if (!member->many)
			return json_object_set_new(object, member->name, row_object(row)) == 0;
		if (json_array_append_new(list, row_object(row)) != 0)
			return false;
	}
	return true;
}

bool report_json(const struct report *report, const struct report_member *members, size_t member_count,
                 json_t *more, FILE *out)
{
	json_auto_t *object = json_object();
	bool ok = object != NULL;

	for (size_t i = 0; ok && i < member_count; i++)
		ok = add_member(report, &members[i], object);
	if (ok && more)
		ok = json_object_update(object, more) == 0;
	ok = ok && json_object_set_new(object, "result", json_string(azjit_result_name(report->result))) == 0;
	ok = ok && json_object_set_new(object, "reason", json_string(report->reason.text)) == 0;
	return ok && json_dumpf(object, out, JSON_INDENT(2)) == 0 && fputc('\n', out) != EOF &&
	       fflush(out) == 0;
}
