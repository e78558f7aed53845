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

// The value of the line "key=…", into `ret_text`; false if absent or too long.
static bool line_value(const char *text, const char *key, char *ret_text, size_t size)
{
	size_t key_len = strlen(key);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		size_t len;

		line += *line == '\n';
		if (strncmp(line, key, key_len) != 0 || line[key_len] != '=')
			continue;
		len = strcspn(line + key_len + 1, "\n");
		if (len >= size)
			return false;
		memcpy(ret_text, line + key_len + 1, len);
		ret_text[len] = '\0';
		return true;
	}
	return false;
}

bool guard_state_parse(const char *text, struct guard_state *ret)
{
	struct guard_state state = {.generation = 0};
	char value[512];

	if (line_value(text, "error", value, sizeof(value)))
		azjit_printable(value, state.error, sizeof(state.error));
	if (!line_value(text, "generation", value, sizeof(value)) ||
	    azjit_parse_u64(value, 0, UINT64_MAX, &state.generation) != AZJIT_OK)
		return false;
	if (!line_value(text, "count", value, sizeof(value)) ||
	    azjit_parse_u64(value, 0, UINT64_MAX, &state.count) != AZJIT_OK)
		return false;
	if (!line_value(text, "table", value, sizeof(value)))
		return false;
	state.table_ok = azjit_streq(value, "ok");
	*ret = state;
	return true;
}
