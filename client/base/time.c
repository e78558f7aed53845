// SPDX-License-Identifier: Apache-2.0
#include <azjit/text.h>
#include <azjit/time.h>

#include <stdio.h>
#include <time.h>

#define TICKS_MAX (INT64_C(32503680000) * AZJIT_TICKS_PER_S - 1) // end of the year 2999

azjit_ticks azjit_time_now(void)
{
	struct timespec ts = {0};

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * AZJIT_TICKS_PER_S + ts.tv_nsec / 100;
}

uint64_t azjit_time_monotonic_ms(void)
{
	struct timespec ts = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void azjit_time_format(azjit_ticks ticks, char ret_text[AZJIT_TIME_CHARS])
{
	azjit_ticks bounded = ticks < 0 ? 0 : ticks > TICKS_MAX ? TICKS_MAX : ticks;
	time_t seconds = bounded / AZJIT_TICKS_PER_S;
	char text[AZJIT_TIME_CHARS + 64];
	struct tm tm = {0};

	(void)gmtime_r(&seconds, &tm);
	(void)snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%07dZ", tm.tm_year + 1900,
	               tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
	               (int)(bounded % AZJIT_TICKS_PER_S));
	(void)azjit_copy(ret_text, AZJIT_TIME_CHARS, text);
}

// Readers move *text on by what they took, and return false (with *text anywhere) for what is not it.
static bool take_char(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

static bool take_digits(const char **text, unsigned count, int min, int max, int *ret)
{
	int value = 0;

	for (unsigned i = 0; i < count; i++, (*text)++) {
		if (**text < '0' || **text > '9')
			return false;
		value = value * 10 + (**text - '0');
	}
	*ret = value;
	return value >= min && value <= max;
}

static bool take_fraction(const char **text, azjit_ticks *ret)
{
	azjit_ticks unit = AZJIT_TICKS_PER_S / 10;

	*ret = 0;
	if (!take_char(text, '.'))
		return true;
	if (**text < '0' || **text > '9')
		return false;
	for (; **text >= '0' && **text <= '9'; (*text)++, unit /= 10)
		*ret += (**text - '0') * unit;
	return true;
}

static bool take_offset(const char **text, int *ret_s)
{
	int sign = **text == '-' ? -1 : 1, hours, minutes;

	*ret_s = 0;
	if (take_char(text, 'Z'))
		return true;
	if (!take_char(text, '+') && !take_char(text, '-'))
		return false;
	if (!take_digits(text, 2, 0, 23, &hours) || !take_char(text, ':') ||
	    !take_digits(text, 2, 0, 59, &minutes))
		return false;
	*ret_s = sign * (hours * 3600 + minutes * 60);
	return true;
}

static bool take_clock(const char **text, int max_s, struct tm *tm)
{
	return take_digits(text, 2, 0, 23, &tm->tm_hour) && take_char(text, ':') &&
	       take_digits(text, 2, 0, 59, &tm->tm_min) && take_char(text, ':') &&
	       take_digits(text, 2, 0, max_s, &tm->tm_sec);
}

// False if the month has no such day, or the leap second is the first of the year 3000.
static bool tm_ticks(struct tm tm, azjit_ticks *ret)
{
	int day = tm.tm_mday, leap_s = tm.tm_sec == 60;
	time_t seconds;

	tm.tm_sec -= leap_s;
	seconds = timegm(&tm);
	*ret = ((azjit_ticks)seconds + leap_s) * AZJIT_TICKS_PER_S;
	return tm.tm_mday == day && *ret <= TICKS_MAX;
}

enum azjit_result azjit_time_parse(const char *text, azjit_ticks *ret)
{
	struct tm tm = {0};
	azjit_ticks whole, fraction;
	int year, month, offset_s;

	if (!take_digits(&text, 4, 1970, 2999, &year) || !take_char(&text, '-') ||
	    !take_digits(&text, 2, 1, 12, &month) || !take_char(&text, '-') ||
	    !take_digits(&text, 2, 1, 31, &tm.tm_mday) || !take_char(&text, 'T') ||
	    !take_clock(&text, 59, &tm) || !take_fraction(&text, &fraction) ||
	    !take_offset(&text, &offset_s) || *text != '\0')
		return AZJIT_PROTOCOL;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	if (!tm_ticks(tm, &whole))
		return AZJIT_PROTOCOL;
	whole += fraction - offset_s * AZJIT_TICKS_PER_S;
	if (whole < 0 || whole > TICKS_MAX)
		return AZJIT_PROTOCOL;
	*ret = whole;
	return AZJIT_OK;
}

static bool take_name(const char **text, const char *names, unsigned count, int *ret)
{
	for (unsigned i = 0; i < count; i++) {
		if (strncmp(*text, names + (size_t)3 * i, 3) == 0) {
			*ret = (int)i;
			*text += 3;
			return true;
		}
	}
	return false;
}

enum azjit_result azjit_time_parse_http(const char *text, azjit_ticks *ret)
{
	struct tm tm = {0};
	azjit_ticks ticks;
	int year;

	if (!take_name(&text, "SunMonTueWedThuFriSat", 7, &tm.tm_wday) || !take_char(&text, ',') ||
	    !take_char(&text, ' ') || !take_digits(&text, 2, 1, 31, &tm.tm_mday) || !take_char(&text, ' ') ||
	    !take_name(&text, "JanFebMarAprMayJunJulAugSepOctNovDec", 12, &tm.tm_mon) ||
	    !take_char(&text, ' ') || !take_digits(&text, 4, 1970, 2999, &year) || !take_char(&text, ' ') ||
	    !take_clock(&text, 60, &tm) || !azjit_streq(text, " GMT"))
		return AZJIT_PROTOCOL;
	tm.tm_year = year - 1900;
	if (!tm_ticks(tm, &ticks))
		return AZJIT_PROTOCOL;
	*ret = ticks;
	return AZJIT_OK;
}
