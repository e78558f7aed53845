// SPDX-License-Identifier: Apache-2.0
// A configuration that is taken must be shown as one that is taken again and shown the same; one that is
// refused must say why.
#include <azjit/config.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

// libconfig 1.5 loses the string that it was reading when it meets a syntax error.
const char *__lsan_default_suppressions(void)
{
	return "leak:strbuf_append\nleak:libconfig.so\n";
}

static char *shown(const struct azjit_config *config)
{
	struct azjit_buf out = AZJIT_BUF(16 << 20);

	if (!azjit_config_show(config, &out))
		abort();
	return azjit_buf_steal(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = calloc(1, size + 1), *once = NULL, *twice = NULL;
	struct azjit_config *first = NULL, *second = NULL;
	struct azjit_reason reason = {""};

	memcpy(text, data, size);
	if (azjit_config_parse(text, "fuzz", &reason, &first) != AZJIT_OK) {
		if (first || !reason.text[0])
			abort();
		return 0;
	}
	once = shown(first);
	if (azjit_config_parse(once, "shown", &reason, &second) != AZJIT_OK)
		abort();
	twice = shown(second);
	if (!azjit_streq(once, twice))
		abort();
	azjit_config_free(first);
	azjit_config_free(second);
	return 0;
}
