// SPDX-License-Identifier: Apache-2.0
#include "print.h"

#include "change.h"

#include "../cmd/report.h"

#include <azjit/text.h>
#include <azjit/time.h>
#include <stdarg.h>

#define COLUMNS_MAX 12

void print_note(const char *fmt, ...)
{
	struct azjit_reason raw, printable;
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(raw.text, sizeof(raw.text), fmt, args);
	va_end(args);
	azjit_printable(raw.text, printable.text, sizeof(printable.text));
	(void)fprintf(stderr, "azjit: %s\n", printable.text);
}

json_t *print_list(const json_t *items)
{
	_cleanup_buf_ struct azjit_buf text = AZJIT_BUF(65536);

	for (size_t i = 0; i < json_array_size(items); i++)
		if (json_is_integer(json_array_get(items, i)))
			azjit_buf_printf(&text, "%s%lld", i ? ", " : "",
			                 (long long)json_integer_value(json_array_get(items, i)));
		else
			azjit_buf_printf(&text, "%s%s", i ? ", " : "",
			                 json_string_value(json_array_get(items, i)));
	return text.failed ? NULL : json_string(text.data ? text.data : "");
}

json_t *print_duration(int64_t seconds)
{
	char text[64];

	azjit_duration_format(seconds, text, sizeof(text));
	return json_string(seconds < 0 ? "?" : text);
}

// At most four characters of output for a byte of input.
static char *printable(const char *text)
{
	size_t size = 4 * strlen(text) + 1;
	char *room = malloc(size);

	if (room)
		azjit_printable(text, room, size);
	return room;
}

static bool print_change(const json_t *row)
{
	json_auto_t *sources = print_list(json_object_get(row, "sources"));
	_cleanup_free_ char *line = NULL, *clean = NULL;
	char max[64];

	azjit_duration_format(json_integer_value(json_object_get(row, "max_s")), max, sizeof(max));
	if (!sources ||
	    asprintf(&line, "%c %s port %lld %s from %s for %s",
	             azjit_streq(json_text(row, "change"), "add") ? '+' : '-', json_text(row, "vm"),
	             (long long)json_integer_value(json_object_get(row, "port")), json_text(row, "protocol"),
	             json_string_value(sources), max) < 0)
		line = NULL;
	clean = line ? printable(line) : NULL;
	return clean && puts(clean) >= 0;
}

enum azjit_result print_changes(struct direct *direct, const char *policy_id, json_t *changes)
{
	bool ok = true;

	if (!direct->options.json && json_array_size(changes) > 0)
		ok = printf("policy %s:\n", policy_label(policy_id).text) > 0;
	for (size_t i = 0; ok && i < json_array_size(changes); i++) {
		json_t *row = json_array_get(changes, i);

		ok = json_object_set_new(row, "policy_id", json_string(policy_id)) == 0 &&
		     (direct->options.json || print_change(row));
	}
	ok = ok && json_array_extend(json_object_get(direct->answer, "changes"), changes) == 0;
	return ok ? AZJIT_OK : azjit_fail(&direct->reason, AZJIT_SYSTEM, "the answer could not be written");
}

// --- tables -------------------------------------------------------------------------------------------

static json_t *cell(const json_t *value)
{
	json_auto_t *list = json_is_array(value) ? print_list(value) : NULL;
	const char *text = json_string_value(list ? list : value);
	_cleanup_free_ char *clean = text ? printable(text) : NULL;
	char number[32] = "";

	if (json_is_integer(value))
		(void)snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
	return text && !clean ? NULL : json_string(clean ? clean : number);
}

enum azjit_result print_table(struct direct *direct, const json_t *rows, const struct print_column *columns)
{
	struct report_column shown[COLUMNS_MAX] = {{0}};
	struct report report;
	size_t count = 0;
	bool ok = report_init(&report);

	for (; columns[count].key; count++)
		shown[count] =
		        (struct report_column){.key = columns[count].key, .title = columns[count].title};
	for (size_t i = 0; ok && i < json_array_size(rows); i++) {
		json_t *row = json_pack("{s:s}", "type", "row");

		for (size_t c = 0; row && c < count; c++)
			ok &= json_object_set_new(
			              row, columns[c].key,
			              cell(json_object_get(json_array_get(rows, i), columns[c].key))) == 0;
		ok &= json_array_append_new(report.rows, row) == 0;
	}
	if (ok)
		report_table(&report, "row", shown, count, stdout);
	report_clear(&report);
	return ok ? AZJIT_OK : azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
}
