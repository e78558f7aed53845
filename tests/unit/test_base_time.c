// SPDX-License-Identifier: Apache-2.0
#include <azjit/time.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NONCE INT64_C(16686854905921811) // 2022-11-17T11:44:50.5921811Z (azure.md §1.4)

static void seven_digits_come_back_to_the_digit(void **state)
{
	char text[AZJIT_TIME_CHARS];
	azjit_ticks ticks = 0;

	assert_int_equal(azjit_time_parse("2022-11-17T11:44:50.5921811Z", &ticks), AZJIT_OK);
	assert_int_equal(ticks, NONCE);
	azjit_time_format(ticks, text);
	assert_string_equal(text, "2022-11-17T11:44:50.5921811Z");
}

static void readable_forms(void **state)
{
	static const struct {
		const char *text;
		azjit_ticks ticks;
	} forms[] = {
	        {"2022-11-17T11:44:50Z", NONCE - 5921811},
	        {"2022-11-17T11:44:50.5Z", NONCE - 921811},
	        {"2022-11-17T11:44:50.592181199999999999999Z", NONCE},
	        {"2022-11-17T11:44:50.5921811+00:00", NONCE},
	        {"2022-11-17T13:14:50.5921811+01:30", NONCE},
	        {"2022-11-17T03:44:50.5921811-08:00", NONCE},
	        {"1970-01-01T00:00:00Z", 0},
	        {"2000-02-29T23:59:59.9999999Z", INT64_C(9518687999999999)},
	        {"2999-12-31T23:59:59.9999999Z", INT64_C(325036799999999999)},
	};

	for (size_t i = 0; i < AZJIT_COUNT(forms); i++) {
		azjit_ticks ticks = -1;

		assert_int_equal(azjit_time_parse(forms[i].text, &ticks), AZJIT_OK);
		assert_int_equal(ticks, forms[i].ticks);
	}
}

static void unreadable_forms_leave_the_result_alone(void **state)
{
	static const char *const forms[] = {
	        "",
	        "2022",
	        "2022-11-17",
	        "2022-11-17T11:44:50",
	        "2022-11-17 11:44:50Z",
	        "2022-11-17T11:44:50z",
	        "2022-11-17T11:44:50.Z",
	        "2022-11-17T11:44:50,5Z",
	        "2022-11-17T11:44:50Z ",
	        " 2022-11-17T11:44:50Z",
	        "2022-11-17T11:44:50+01",
	        "2022-11-17T11:44:50+0100",
	        "2022-11-17T11:44:50+24:00",
	        "2022-11-17T11:44:50+01:60",
	        "2022-13-17T11:44:50Z",
	        "2022-00-17T11:44:50Z",
	        "2022-11-00T11:44:50Z",
	        "2022-11-31T11:44:50Z",
	        "2022-02-29T11:44:50Z",
	        "2022-11-17T24:00:00Z",
	        "2022-11-17T11:60:50Z",
	        "2022-11-17T11:44:60Z",
	        "1969-12-31T23:59:59Z",
	        "3000-01-01T00:00:00Z",
	        "1970-01-01T00:00:00+00:01",
	        "2999-12-31T23:59:59-00:01",
	        "22-11-17T11:44:50Z",
	        "+022-11-17T11:44:50Z",
	        "2022-1-17T11:44:50Z",
	};

	for (size_t i = 0; i < AZJIT_COUNT(forms); i++) {
		azjit_ticks ticks = 42;

		assert_int_equal(azjit_time_parse(forms[i], &ticks), AZJIT_PROTOCOL);
		assert_int_equal(ticks, 42);
	}
}

static void format_stays_inside_its_years(void **state)
{
	char text[AZJIT_TIME_CHARS];

	azjit_time_format(-1, text);
	assert_string_equal(text, "1970-01-01T00:00:00.0000000Z");
	azjit_time_format(INT64_MAX, text);
	assert_string_equal(text, "2999-12-31T23:59:59.9999999Z");
}

static void http_dates(void **state)
{
	static const char *const bad[] = {
	        "",
	        "Sun, 06 Nov 1994 08:49:37",
	        "Sunday, 06-Nov-94 08:49:37 GMT",
	        "Sun Nov  6 08:49:37 1994",
	        "Sun, 6 Nov 1994 08:49:37 GMT",
	        "Sun, 06 nov 1994 08:49:37 GMT",
	        "Sun, 31 Feb 1994 08:49:37 GMT",
	        "Sun, 06 Nov 1994 08:49:37 UTC",
	        "Sun, 06 Nov 1994 08:49:61 GMT",
	        "Xxx, 06 Nov 1994 08:49:37 GMT",
	        "Sun, 06 Nov 1994 08:49:37 GMT ",
	        "Tue, 31 Dec 2999 23:59:60 GMT", // that second is of the year 3000
	        "120",
	};
	azjit_ticks ticks = 0;

	assert_int_equal(azjit_time_parse_http("Sun, 06 Nov 1994 08:49:37 GMT", &ticks), AZJIT_OK);
	assert_int_equal(ticks, INT64_C(784111777) * AZJIT_TICKS_PER_S);
	assert_int_equal(azjit_time_parse_http("Sat, 31 Dec 2016 23:59:60 GMT", &ticks), AZJIT_OK);
	assert_int_equal(ticks, INT64_C(1483228800) * AZJIT_TICKS_PER_S);
	assert_int_equal(azjit_time_parse_http("Tue, 31 Dec 2999 23:59:59 GMT", &ticks), AZJIT_OK);
	assert_int_equal(ticks, INT64_C(32503679999) * AZJIT_TICKS_PER_S);
	for (size_t i = 0; i < AZJIT_COUNT(bad); i++) {
		ticks = 42;
		assert_int_equal(azjit_time_parse_http(bad[i], &ticks), AZJIT_PROTOCOL);
		assert_int_equal(ticks, 42);
	}
}

static void clocks_run_forward(void **state)
{
	azjit_ticks wall = azjit_time_now();
	uint64_t mono = azjit_time_monotonic_ms();

	assert_true(wall > INT64_C(1700000000) * AZJIT_TICKS_PER_S);
	while (azjit_time_monotonic_ms() == mono)
		continue;
	assert_true(azjit_time_monotonic_ms() > mono);
	assert_in_range(azjit_time_now() - wall, 1, AZJIT_TICKS_PER_S);
}

static void iso_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} good[] = {{"PT3H", 10800},     {"P1DT30M", 88200}, {"PT5M", 300},  {"P1D", 86400},
	            {"PT1H30M5S", 5405}, {"PT0S", 0},        {"PT90M", 5400}};
	static const char *const bad[] = {"",    "P",    "PT",     "P1DT",  "3H",    "PT3h",         "pt3h",
	                                  "PT3", "P1W",  "P1M",    "P1Y",   "PT-3H", "PT3M1H",       "PT1H1H",
	                                  "P1H", "PT1D", "PT1.5H", "PT03H", "PT3H ", "PT9999999999S"};

	for (size_t i = 0; i < AZJIT_COUNT(good); i++) {
		int64_t seconds = -1;

		assert_int_equal(azjit_duration_parse_iso(good[i].text, &seconds), AZJIT_OK);
		assert_int_equal(seconds, good[i].seconds);
	}
	for (size_t i = 0; i < AZJIT_COUNT(bad); i++) {
		int64_t seconds = -1;

		assert_int_equal(azjit_duration_parse_iso(bad[i], &seconds), AZJIT_PROTOCOL);
		assert_int_equal(seconds, -1);
	}
}

static void peoples_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
		const char *formatted;
	} good[] = {{"90s", 90, "1m30s"},     {"45m", 2700, "45m"},    {"1h", 3600, "1h"},
	            {"1h30m", 5400, "1h30m"}, {"1d", 86400, "1d"},     {"90d", 7776000, "90d"},
	            {"1s", 1, "1s"},          {"1d1s", 86401, "1d1s"}, {"60m", 3600, "1h"}};
	static const char *const bad[] = {
	        "",    "1",    "0s",  "0h0m", "91d",  "90d1s",        "1h 30m", "1H", "m",
	        "-1h", "1.5h", "01h", "1m1h", "1h1h", "99999999999s", "1h30",   "1w", " 1h"};
	char text[32];

	for (size_t i = 0; i < AZJIT_COUNT(good); i++) {
		int64_t seconds = -1;

		assert_int_equal(azjit_duration_parse(good[i].text, &seconds), AZJIT_OK);
		assert_int_equal(seconds, good[i].seconds);
		azjit_duration_format(seconds, text, sizeof(text));
		assert_string_equal(text, good[i].formatted);
	}
	for (size_t i = 0; i < AZJIT_COUNT(bad); i++) {
		int64_t seconds = -1;

		assert_int_equal(azjit_duration_parse(bad[i], &seconds), AZJIT_USAGE);
		assert_int_equal(seconds, -1);
	}
	azjit_duration_format(0, text, sizeof(text));
	assert_string_equal(text, "0s");
	azjit_duration_format(-5, text, sizeof(text));
	assert_string_equal(text, "0s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(seven_digits_come_back_to_the_digit),
	        cmocka_unit_test(readable_forms),
	        cmocka_unit_test(unreadable_forms_leave_the_result_alone),
	        cmocka_unit_test(format_stays_inside_its_years),
	        cmocka_unit_test(http_dates),
	        cmocka_unit_test(clocks_run_forward),
	        cmocka_unit_test(iso_durations),
	        cmocka_unit_test(peoples_durations),
	};

	return cmocka_run_group_tests_name("base/time", tests, NULL, NULL);
}
