// SPDX-License-Identifier: Apache-2.0
// Time as Azure writes it. A tick is 100 ns since 1970-01-01 UTC: seven fraction digits, exactly what
// endTimeUtc carries (azure.md §1.3), so a time that was sent can be recognised to the digit.
#ifndef AZJIT_TIME_H
#define AZJIT_TIME_H

#include <azjit/result.h>

typedef int64_t azjit_ticks;

#define AZJIT_TICKS_PER_S  INT64_C(10000000)
#define AZJIT_TICKS_PER_MS INT64_C(10000)
#define AZJIT_TIME_CHARS   29 // "2022-11-17T11:44:50.5921811Z" and NUL

azjit_ticks azjit_time_now(void);       // wall clock
uint64_t azjit_time_monotonic_ms(void); // for deadlines

// ISO 8601 in UTC with seven fraction digits and Z.
void azjit_time_format(azjit_ticks ticks, char ret_text[AZJIT_TIME_CHARS]);
// "2022-11-17T11:44:50[.f…](Z|±hh:mm)": whole string; digits past the seventh are dropped; years
// 1970..2999. AZJIT_PROTOCOL otherwise, *ret untouched.
enum azjit_result azjit_time_parse(const char *text, azjit_ticks *ret);
// An HTTP Date or Retry-After date (RFC 9110 §5.6.7, IMF-fixdate only).
enum azjit_result azjit_time_parse_http(const char *text, azjit_ticks *ret);

// ISO 8601 duration of days, hours, minutes, seconds ("PT3H", "P1DT30M"); AZJIT_PROTOCOL otherwise.
enum azjit_result azjit_duration_parse_iso(const char *text, int64_t *ret_s);
// A person's duration: "90s", "45m", "1h", "1h30m", "1d"; a bare number is refused. 1 s .. 90 d.
enum azjit_result azjit_duration_parse(const char *text, int64_t *ret_s);
// "1h30m", "45m", "20s": the largest units first, none that is zero; azjit_duration_parse reads it back.
// "0s" for what is not positive.
void azjit_duration_format(int64_t seconds, char *ret_text, size_t size);

#endif
