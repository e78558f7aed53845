// SPDX-License-Identifier: Apache-2.0
#include <azjit/text.h>

static char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

enum azjit_result azjit_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (!text || !*text || (text[0] == '0' && text[1] != '\0'))
		return AZJIT_USAGE;
	for (const char *p = text; *p; p++) {
		if (*p < '0' || *p > '9')
			return AZJIT_USAGE;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return AZJIT_USAGE;
	}
	if (value < min || value > max)
		return AZJIT_USAGE;
	*ret = value;
	return AZJIT_OK;
}

enum azjit_result azjit_parse_port(const char *text, uint16_t *ret)
{
	uint64_t value;
	enum azjit_result result = azjit_parse_u64(text, 1, 65535, &value);

	if (result == AZJIT_OK)
		*ret = (uint16_t)value;
	return result;
}

bool azjit_glob(const char *pattern, const char *text)
{
	const char *star = NULL, *resume = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			resume = text;
		} else if (*pattern && (*pattern == '?' || ascii_lower(*pattern) == ascii_lower(*text))) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

bool azjit_ieq(const char *a, const char *b)
{
	for (; *a && ascii_lower(*a) == ascii_lower(*b); a++, b++)
		continue;
	return *a == *b;
}

// The length of the UTF-8 character at `p` (RFC 3629 table 3-7: no overlong forms, no surrogates);
// 0 if there is none.
static size_t utf8_len(const unsigned char *p)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t len;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return len;
}

// What moves a cursor, ends a line or turns text around: C0, DEL, C1, ALM, LRM, RLM, LS, PS, the
// embeddings and overrides, the isolates.
static bool unprintable(const unsigned char *p, size_t len)
{
	if (len == 1)
		return p[0] < 0x20 || p[0] == 0x7f;
	if (len == 2)
		return (p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xd8 && p[1] == 0x9c);
	if (len != 3 || p[0] != 0xe2)
		return false;
	if (p[1] == 0x80)
		return p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae);
	return p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9;
}

void azjit_printable(const char *text, char *ret_text, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *p = (const unsigned char *)text;
	size_t used = 0;

	if (size == 0)
		return;
	while (*p) {
		size_t len = utf8_len(p);

		if (len > 0 && !unprintable(p, len)) {
			if (len >= size - used)
				break;
			memcpy(ret_text + used, p, len);
			used += len;
			p += len;
		} else {
			if (size - used <= 4)
				break;
			memcpy(ret_text + used, (char[]){'\\', 'x', hex[*p >> 4], hex[*p & 15]}, 4);
			used += 4;
			p++;
		}
	}
	ret_text[used] = '\0';
}

bool azjit_copy(char *field, size_t size, const char *text)
{
	size_t len = strlen(text);

	if (len >= size) {
		if (size > 0)
			field[0] = '\0';
		return false;
	}
	memcpy(field, text, len + 1);
	return true;
}

const char *azjit_id_name(const char *id)
{
	const char *slash = strrchr(id, '/');

	return slash && slash[1] ? slash + 1 : id;
}

static bool segment_is(const char *segment, size_t len, const char *key)
{
	for (size_t i = 0; i < len; i++)
		if (!key[i] || ascii_lower(segment[i]) != ascii_lower(key[i]))
			return false;
	return key[len] == '\0';
}

bool azjit_id_segment(const char *id, const char *key, char *ret_text, size_t size)
{
	while (*id == '/') {
		const char *name = id + 1;
		size_t name_len = strcspn(name, "/");
		const char *value = name + name_len + 1;
		size_t value_len;

		if (name[name_len] == '\0')
			return false;
		value_len = strcspn(value, "/");
		if (segment_is(name, name_len, key)) {
			if (value_len == 0 || value_len >= size)
				return false;
			memcpy(ret_text, value, value_len);
			ret_text[value_len] = '\0';
			return true;
		}
		id = value + value_len;
	}
	return false;
}
