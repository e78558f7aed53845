// SPDX-License-Identifier: Apache-2.0
/*
 * The simulator's time. A tick is 100 ns, as in .NET, because Azure's timestamps have seven fraction
 * digits. All times that cross the wire come from here.
 */
#ifndef AZSIM_CLOCK_H
#define AZSIM_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

typedef int64_t ticks; // 100 ns since 1970-01-01 UTC

#define TICKS_PER_S  10000000LL
#define TICKS_PER_MS 10000LL

struct clock {
	bool manual;
	ticks offset; // real: added to the wall clock; manual: the time itself
	ticks pinned; // while timers run during a jump: the moment of the timer; else 0
};

ticks wall_ticks(void);
int64_t mono_ms(void);

void clock_init(struct clock *c, bool manual, ticks start);
ticks clock_now(const struct clock *c);

// Moves the clock to `to`; a time in the past is refused. Timers are the caller's business.
bool clock_set(struct clock *c, ticks to);

// 2022-11-17T09:44:51.5874583Z; `digits` 0 to 7. Caller frees.
char *time_iso(ticks t, int digits);
char *time_http(ticks t);    // Thu, 17 Nov 2022 09:44:51 GMT
char *time_compact(ticks t); // 20221117T094451Z
long long time_unix(ticks t);

// ISO 8601 / RFC 3339 with any number of fraction digits and Z or an offset; the whole string.
bool time_parse(const char *s, ticks *ret);

// ISO 8601 duration: days, hours, minutes, seconds (P1D, PT3H, PT1H30M); the whole string.
bool duration_parse(const char *s, ticks *ret);

#endif
