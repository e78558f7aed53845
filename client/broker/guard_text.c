// SPDX-License-Identifier: Apache-2.0
#include "guard.h"

#include <azjit/buf.h>

static size_t put_number(char *to, unsigned number, char end)
{
	char digits[8];
	size_t count = 0, len = 0;

	do
		digits[count++] = (char)('0' + number % 10);
	while ((number /= 10));
	while (count > 0)
		to[len++] = digits[--count];
	to[len++] = end;
	return len;
}

// printf would stop the loop for a tenth of a second where there are hundreds of thousands.
bool guard_set_format(const struct azjit_managed *pairs, size_t count, uint64_t generation,
                      struct azjit_buf *out)
{
	azjit_buf_str(out, "azjit-guard 1\n");
	for (size_t i = 0; i < count; i++) {
		char line[32];
		size_t len = 0;

		for (int k = 0; k < 4; k++)
			len += put_number(line + len, pairs[i].addr.bytes[k], k < 3 ? '.' : ' ');
		len += put_number(line + len, pairs[i].port, '\n');
		azjit_buf_add(out, line, len);
	}
	return azjit_buf_printf(out, "end %zu %llu\n", count, (unsigned long long)generation);
}

// "A.B.C.D PORT" or "end COUNT GENERATION": two or three words.
static bool words(const char *line, size_t len, char ret_words[3][AZJIT_ADDR_CHARS], size_t *ret_count)
{
	size_t count = 0;

	for (const char *p = line, *end = line + len; p < end; p++) {
		size_t n = strcspn(p, " \n");

		if (count == 3 || n == 0 || n >= AZJIT_ADDR_CHARS)
			return false;
		memcpy(ret_words[count], p, n);
		ret_words[count++][n] = '\0';
		p += n;
	}
	*ret_count = count;
	return true;
}

static bool pair_line(char line[3][AZJIT_ADDR_CHARS], struct azjit_managed *ret)
{
	return azjit_addr_parse(line[0], &ret->addr) == AZJIT_OK &&
	       azjit_parse_port(line[1], &ret->port) == AZJIT_OK;
}

static bool end_line(char line[3][AZJIT_ADDR_CHARS], size_t pairs, uint64_t *ret_generation)
{
	uint64_t count;

	return azjit_streq(line[0], "end") && azjit_parse_u64(line[1], 0, UINT64_MAX, &count) == AZJIT_OK &&
	       count == pairs && azjit_parse_u64(line[2], 1, UINT64_MAX, ret_generation) == AZJIT_OK;
}

static size_t lines_of(const char *text)
{
	size_t lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

// The lines after the first; false if they are not whole.
static bool set_lines(const char *text, struct azjit_managed *pairs, size_t *ret_count,
                      uint64_t *ret_generation)
{
	char line[3][AZJIT_ADDR_CHARS];
	size_t count = 0, parts;

	for (const char *p = text; *p; p++) {
		size_t len = strcspn(p, "\n");

		if (!words(p, len, line, &parts))
			return false;
		p += len;
		if (parts == 3 && *p && end_line(line, count, ret_generation)) {
			*ret_count = count;
			return true;
		}
		if (!*p || parts != 2 || !pair_line(line, &pairs[count++]))
			return false;
	}
	return false;
}

bool guard_set_parse(const char *text, struct azjit_managed **ret, size_t *ret_count,
                     uint64_t *ret_generation)
{
	static const char head[] = "azjit-guard 1\n";
	struct azjit_managed *pairs = calloc(lines_of(text) + 1, sizeof(*pairs));

	if (pairs && strncmp(text, head, strlen(head)) == 0 &&
	    set_lines(text + strlen(head), pairs, ret_count, ret_generation)) {
		*ret = pairs;
		return true;
	}
	free(pairs);
	return false;
}

// The value of "key=" at the start of a word, into `ret_text`; false if absent or too long.
static bool word(const char *line, const char *key, char *ret_text, size_t size)
{
	size_t key_len = strlen(key), len;

	for (const char *p = line; *p; p += strcspn(p, " "), p += strspn(p, " ")) {
		if (strncmp(p, key, key_len) != 0 || p[key_len] != '=')
			continue;
		len = strcspn(p + key_len + 1, " ");
		if (len >= size)
			return false;
		memcpy(ret_text, p + key_len + 1, len);
		ret_text[len] = '\0';
		return true;
	}
	return false;
}

bool guard_state_parse(const char *text, struct guard_state *ret)
{
	struct guard_state state = {.generation = 0};
	char line[512], value[24], *error;
	size_t len = strcspn(text, "\n");

	if (len >= sizeof(line))
		return false;
	memcpy(line, text, len);
	line[len] = '\0';
	error = strstr(line, " error=");
	if (error) {
		azjit_printable(error + strlen(" error="), state.error, sizeof(state.error));
		*error = '\0';
	}
	if (!word(line, "generation", value, sizeof(value)) ||
	    azjit_parse_u64(value, 0, UINT64_MAX, &state.generation) != AZJIT_OK)
		return false;
	if (!word(line, "count", value, sizeof(value)) ||
	    azjit_parse_u64(value, 0, UINT64_MAX, &state.count) != AZJIT_OK)
		return false;
	if (!word(line, "table", value, sizeof(value)))
		return false;
	state.table_ok = azjit_streq(value, "ok");
	*ret = state;
	return true;
}
