// SPDX-License-Identifier: Apache-2.0
#include <azjit/buf.h>
#include <azjit/text.h>
#include <azjit/time.h>

#define DURATION_MAX_S INT64_C(7776000) // 90 days: as long as Azure keeps its Activity Log
#define FIELD_MAX      INT64_C(999999999)

static const struct {
	char unit;
	int64_t seconds;
} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

// Decimal digits, at least one, without leading zeros but "0" itself.
static bool take_number(const char **text, int64_t *ret)
{
	const char *p = *text;
	int64_t value = 0;

	if (p[0] == '0' && p[1] >= '0' && p[1] <= '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		value = value * 10 + (*p - '0');
		if (value > FIELD_MAX)
			return false;
	}
	if (p == *text)
		return false;
	*text = p;
	*ret = value;
	return true;
}

// Numbers with the units [from, to) in falling order, each at most once; stops at what is not one.
static bool take_fields(const char **text, size_t from, size_t to, bool upper, int64_t *sum_s)
{
	while (**text >= '0' && **text <= '9') {
		int64_t value;

		if (!take_number(text, &value))
			return false;
		while (from < to && **text != (upper ? units[from].unit - 'a' + 'A' : units[from].unit))
			from++;
		if (from == to)
			return false;
		*sum_s += value * units[from++].seconds;
		(*text)++;
	}
	return true;
}

enum azjit_result azjit_duration_parse_iso(const char *text, int64_t *ret_s)
{
	int64_t sum_s = 0;
	const char *start;

	if (*text++ != 'P')
		return AZJIT_PROTOCOL;
	start = text;
	if (!take_fields(&text, 0, 1, true, &sum_s))
		return AZJIT_PROTOCOL;
	if (*text == 'T') {
		start = ++text;
		if (!take_fields(&text, 1, AZJIT_COUNT(units), true, &sum_s))
			return AZJIT_PROTOCOL;
	}
	if (*text != '\0' || text == start)
		return AZJIT_PROTOCOL;
	*ret_s = sum_s;
	return AZJIT_OK;
}

enum azjit_result azjit_duration_parse(const char *text, int64_t *ret_s)
{
	int64_t sum_s = 0;

	if (!take_fields(&text, 0, AZJIT_COUNT(units), false, &sum_s) || *text != '\0')
		return AZJIT_USAGE;
	if (sum_s < 1 || sum_s > DURATION_MAX_S)
		return AZJIT_USAGE;
	*ret_s = sum_s;
	return AZJIT_OK;
}

void azjit_duration_format(int64_t seconds, char *ret_text, size_t size)
{
	_cleanup_buf_ struct azjit_buf buf = AZJIT_BUF(64);

	if (seconds <= 0)
		(void)azjit_buf_str(&buf, "0s");
	for (size_t i = 0; i < AZJIT_COUNT(units) && seconds > 0; i++) {
		int64_t count = seconds / units[i].seconds;

		if (count > 0)
			(void)azjit_buf_printf(&buf, "%lld%c", (long long)count, units[i].unit);
		seconds %= units[i].seconds;
	}
	(void)azjit_copy(ret_text, size, buf.failed ? "" : buf.data);
}
