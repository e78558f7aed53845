// SPDX-License-Identifier: Apache-2.0
#include "guard.h"

#include <azjit/buf.h>

bool guard_set_format(const struct azjit_managed *pairs, size_t count, uint64_t generation,
                      struct azjit_buf *out)
{
	char text[AZJIT_ADDR_CHARS];

	azjit_buf_str(out, "azjit-guard 1\n");
	for (size_t i = 0; i < count; i++) {
		azjit_addr_format(&pairs[i].addr, text);
		azjit_buf_printf(out, "%s %u\n", text, pairs[i].port);
	}
	return azjit_buf_printf(out, "end %zu %llu\n", count, (unsigned long long)generation);
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
