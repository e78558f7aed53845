// SPDX-License-Identifier: Apache-2.0
#include "sshd_limits.h"

#include <azjit/text.h>
#include <string.h>

static const char *next_line(const char *line)
{
	line += strcspn(line, "\n");
	return *line ? line + 1 : line;
}

struct sshd_value sshd_value(const char *text, const char *key)
{
	struct sshd_value ret = {""};
	size_t key_len = strlen(key), len;

	for (const char *line = text; *line; line = next_line(line)) {
		if (strncmp(line, key, key_len) != 0 || line[key_len] != ' ')
			continue;
		line += key_len + 1;
		len = strcspn(line, "\r\n");
		if (len < sizeof(ret.text))
			memcpy(ret.text, line, len); // the rest is zero
		break;
	}
	return ret;
}

static uint64_t number(const char *text, const char *key)
{
	struct sshd_value value = sshd_value(text, key);
	uint64_t ret;

	value.text[strcspn(value.text, ":")] = '\0';
	return azjit_parse_u64(value.text, 0, UINT32_MAX, &ret) == AZJIT_OK ? ret : 0;
}

bool sshd_limits_read(const char *text, struct sshd_limits *ret)
{
	struct sshd_value penalties = sshd_value(text, "persourcepenalties");

	*ret = (struct sshd_limits){
	        .startups = number(text, "maxstartups"),
	        .per_source = number(text, "persourcemaxstartups"),
	        .grace_s = number(text, "logingracetime"),
	        .penalties = *penalties.text && !azjit_streq(penalties.text, "no"),
	        .exempt = sshd_value(text, "persourcepenaltyexemptlist"),
	};
	if (azjit_streq(ret->exempt.text, "none"))
		ret->exempt.text[0] = '\0';
	return ret->startups > 0;
}
