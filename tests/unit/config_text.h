// SPDX-License-Identifier: Apache-2.0
// Configurations as texts: what the tests of the configuration share.
#ifndef AZJIT_TESTS_UNIT_CONFIG_TEXT_H
#define AZJIT_TESTS_UNIT_CONFIG_TEXT_H

#include <azjit/config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

AZJIT_DEFINE_CLEANUP(struct azjit_config *, azjit_config_free);
#define _cleanup_config_ _cleanup_(azjit_config_freep)

#define RULE "name = \"r\"; users = [ \"alice\" ]; targets = [ \"web*\" ]; "

static inline void refuses(const char *text, const char *sentence)
{
	_cleanup_config_ struct azjit_config *config = NULL;
	struct azjit_reason reason = {""};
	enum azjit_result result = azjit_config_parse(text, "t", &reason, &config);

	if (result != AZJIT_CONFIG || !strstr(reason.text, sentence) || config)
		fail_msg("%s\n  gave %s \"%s\",\n  wanted \"%s\"", text, azjit_result_name(result),
		         reason.text, sentence);
}

static inline struct azjit_config *parse(const char *text)
{
	struct azjit_config *config = NULL;
	struct azjit_reason reason = {""};

	if (azjit_config_parse(text, "t", &reason, &config) != AZJIT_OK)
		fail_msg("%s: %s", text, reason.text);
	return config;
}

static inline char *shown(const struct azjit_config *config,
                          bool (*show)(const struct azjit_config *, struct azjit_buf *))
{
	struct azjit_buf out = AZJIT_BUF(1 << 20);

	assert_true(show(config, &out));
	return azjit_buf_steal(&out);
}

#endif
