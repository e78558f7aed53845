// SPDX-License-Identifier: Apache-2.0
// Rows as tables and as JSON. The commands' objects are in no library, so the file under test is included.
#include "../../client/cmd/report.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct report report;

static int setup(void **state)
{
	(void)state;
	return report_init(&report) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	report_clear(&report);
	return 0;
}

static void take(const char *verb, const struct azjit_wire_pair *pairs, size_t count)
{
	struct azjit_wire_msg msg = {.verb = verb, .pair_count = count};

	memcpy(msg.pairs, pairs, count * sizeof(*pairs));
	report_take(&report, &msg);
	assert_false(report.failed);
}

#define ROW(...)                                             \
	take("ROW", (struct azjit_wire_pair[]){__VA_ARGS__}, \
	     AZJIT_COUNT(((struct azjit_wire_pair[]){__VA_ARGS__})))

static void assert_table(const struct report_column *columns, size_t count, const char *expected)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	report_table(&report, "grant", columns, count, out);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, expected);
	free(text);
}

static void columns_are_aligned_and_empty_ones_left_out(void **state)
{
	static const struct report_column columns[] = {
	        {"vm", "VM", 6}, {"none", "NONE", 0}, {"until", "UNTIL", 0}, {"why", "WHY", 0}};

	(void)state;
	assert_table(columns, AZJIT_COUNT(columns), "");
	ROW({"type", "grant"}, {"vm", "wéb01"}, {"until", "2026-11-22T20:00:01.1234567Z"}, {"why", "x"});
	ROW({"type", "other"}, {"vm", "not shown"});
	ROW({"type", "grant"}, {"vm", "a-long-name"}, {"why", "no\x1b[2J\xff"});
	ROW({"type", "grant"}, {"vm", "v"});
	assert_table(columns, AZJIT_COUNT(columns),
	             "VM      UNTIL                 WHY\n"
	             "wéb01   2026-11-22 20:00:01Z  x\n"
	             "a-lon…                        no\\x1b[2J\\xff\n"
	             "v\n");
}

static void only_rows_are_taken(void **state)
{
	(void)state;
	take("PROGRESS", (struct azjit_wire_pair[]){{"type", "grant"}}, 1);
	assert_int_equal(report_count(&report, "grant"), 0);
}

static void times_are_cut_and_other_texts_are_not(void **state)
{
	char text[32];

	(void)state;
	report_time("2026-11-22T20:00:01.1234567Z", true, text);
	assert_string_equal(text, "2026-11-22 20:00:01.123Z");
	report_time("", false, text);
	assert_string_equal(text, "");
	report_time("yesterday", false, text);
	assert_string_equal(text, "yesterday");
}

static json_t *as_json(const struct report_member *members, size_t count, json_t *more)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	json_t *object;

	assert_true(report_json(&report, members, count, more, out));
	assert_int_equal(fclose(out), 0);
	object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(object);
	free(text);
	return object;
}

static void json_has_types_and_keeps_what_it_does_not_know(void **state)
{
	static const struct report_member members[] = {{"broker", "broker", false},
	                                               {"grant", "grants", true}};
	json_auto_t *object = NULL, *expected = NULL, *more = json_pack("{s:i}", "extra", 1);

	(void)state;
	ROW({"type", "grant"}, {"port", "22"}, {"novel", "07"}, {"ok", "1"}, {"flows", "many"},
	    {"vm", "a\"b\n"});
	report.result = AZJIT_DENIED;
	(void)azjit_fail(&report.reason, AZJIT_DENIED, "no \"rule\"");
	object = as_json(members, AZJIT_COUNT(members), more);
	expected = json_pack("{s:[{s:i,s:s,s:b,s:s,s:s}], s:i, s:s, s:s}", "grants", "port", 22, "novel",
	                     "07", "ok", 1, "flows", "many", "vm", "a\"b\\x0a", "extra", 1, "result",
	                     "denied", "reason", "no \"rule\"");
	assert_true(json_equal(object, expected));
}

static void json_has_its_arrays_even_if_empty(void **state)
{
	static const struct report_member members[] = {{"broker", "broker", false},
	                                               {"grant", "grants", true}};
	json_auto_t *object = NULL;

	(void)state;
	report.result = AZJIT_OK;
	object = as_json(members, AZJIT_COUNT(members), NULL);
	assert_int_equal(json_array_size(json_object_get(object, "grants")), 0);
	assert_true(json_is_array(json_object_get(object, "grants")));
	assert_null(json_object_get(object, "broker"));
	assert_string_equal(json_string_value(json_object_get(object, "result")), "ok");
}

static void a_full_disk_is_told(void **state)
{
	FILE *out = fopen("/dev/full", "we");

	(void)state;
	assert_non_null(out);
	assert_false(report_json(&report, NULL, 0, NULL, out));
	(void)fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(columns_are_aligned_and_empty_ones_left_out, setup, teardown),
	        cmocka_unit_test_setup_teardown(only_rows_are_taken, setup, teardown),
	        cmocka_unit_test_setup_teardown(times_are_cut_and_other_texts_are_not, setup, teardown),
	        cmocka_unit_test_setup_teardown(json_has_types_and_keeps_what_it_does_not_know, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(json_has_its_arrays_even_if_empty, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_full_disk_is_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
