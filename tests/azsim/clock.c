// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "clock.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "util.h"

ticks wall_ticks(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (ticks)ts.tv_sec * TICKS_PER_S + ts.tv_nsec / 100;
}

int64_t mono_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void clock_init(struct clock *c, bool manual, ticks start)
{
	*c = (struct clock){.manual = manual};
	if (manual)
		c->offset = start ? start : wall_ticks();
	else if (start)
		c->offset = start - wall_ticks();
}

ticks clock_now(const struct clock *c)
{
	if (c->pinned)
		return c->pinned;
	return c->manual ? c->offset : wall_ticks() + c->offset;
}

bool clock_set(struct clock *c, ticks to)
{
	ticks now = clock_now(c);

	if (to < now)
		return false;
	c->offset += to - now;
	return true;
}

static struct tm broken_down(ticks t)
{
	time_t s = (time_t)(t / TICKS_PER_S);
	struct tm tm;

	gmtime_r(&s, &tm);
	return tm;
}

char *time_iso(ticks t, int digits)
{
	struct tm tm = broken_down(t);
	char text[40];
	char fraction[10];
	size_t n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);

	snprintf(fraction, sizeof(fraction), "%07lld", (long long)(t % TICKS_PER_S));
	fraction[digits] = '\0';
	snprintf(text + n, sizeof(text) - n, "%s%sZ", digits ? "." : "", fraction);
	return xstrdup(text);
}

char *time_http(ticks t)
{
	struct tm tm = broken_down(t);
	char text[64];

	strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	return xstrdup(text);
}

char *time_compact(ticks t)
{
	struct tm tm = broken_down(t);
	char text[64];

	strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &tm);
	return xstrdup(text);
}

long long time_unix(ticks t)
{
	return t / TICKS_PER_S;
}

static bool digits(const char **p, int count, int *ret)
{
	int n = 0;

	for (int i = 0; i < count; i++, (*p)++) {
		if (!isdigit((unsigned char)**p))
			return false;
		n = n * 10 + (**p - '0');
	}
	*ret = n;
	return true;
}

static bool expect(const char **p, const char *any)
{
	if (!**p || !strchr(any, **p))
		return false;
	(*p)++;
	return true;
}

static bool zone(const char **p, int *ret_s)
{
	int h, m, sign;

	*ret_s = 0;
	if (expect(p, "Zz"))
		return true;
	sign = **p == '-' ? -1 : 1;
	if (!expect(p, "+-") || !digits(p, 2, &h) || !expect(p, ":") || !digits(p, 2, &m))
		return false;
	*ret_s = sign * (h * 3600 + m * 60);
	return true;
}

bool time_parse(const char *s, ticks *ret)
{
	struct tm tm = {0};
	ticks fraction = 0, unit = TICKS_PER_S;
	const char *p = s;
	int offset;

	if (!s || !digits(&p, 4, &tm.tm_year) || !expect(&p, "-") || !digits(&p, 2, &tm.tm_mon) ||
	    !expect(&p, "-") || !digits(&p, 2, &tm.tm_mday) || !expect(&p, "Tt ") ||
	    !digits(&p, 2, &tm.tm_hour) || !expect(&p, ":") || !digits(&p, 2, &tm.tm_min) ||
	    !expect(&p, ":") || !digits(&p, 2, &tm.tm_sec))
		return false;
	if (expect(&p, "."))
		for (; isdigit((unsigned char)*p); p++) {
			unit /= 10;
			fraction += (*p - '0') * unit;
		}
	if (!zone(&p, &offset) || *p)
		return false;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 ||
	    tm.tm_min > 59 || tm.tm_sec > 60 || tm.tm_year < 1970)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*ret = ((ticks)timegm(&tm) - offset) * TICKS_PER_S + fraction;
	return true;
}

#define LONGEST_S (100LL * 366 * 86400) // far beyond anything asked for, far from overflow

static long long duration_unit(char c, bool in_time)
{
	if (!in_time)
		return c == 'D' ? 86400 : c == 'W' ? 7 * 86400 : 0;
	return c == 'H' ? 3600 : c == 'M' ? 60 : c == 'S' ? 1 : 0;
}

bool duration_parse(const char *s, ticks *ret)
{
	bool in_time = false, any = false;
	long long total = 0;

	if (!s || *s++ != 'P')
		return false;
	while (*s) {
		long long n = 0;

		if (*s == 'T' && !in_time) {
			in_time = true;
			s++;
			continue;
		}
		if (!isdigit((unsigned char)*s))
			return false;
		for (; isdigit((unsigned char)*s) && n < 100000000; s++)
			n = n * 10 + (*s - '0');
		if (!duration_unit(*s, in_time))
			return false;
		total += n * duration_unit(*s++, in_time);
		if (total > LONGEST_S)
			return false;
		any = true;
	}
	*ret = total * TICKS_PER_S;
	return any;
}
