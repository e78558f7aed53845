// SPDX-License-Identifier: Apache-2.0
// Tokens that the program brings (azure.h): the library starts no process and reads no environment, so who
// asks the Azure CLI does it outside. What was brought is read like any token answer, and as little believed.
#include "identity.h"

static enum azjit_result bring(const struct identity_options *setting,
                               const struct azjit_azure_options *options, struct azjit_buf *ret_answer,
                               struct azjit_reason *reason)
{
	return options->bring(options->bring_userdata, setting->audience, ret_answer, reason);
}

static enum azjit_result check(const struct identity_options *setting,
                               const struct azjit_azure_options *options, struct azjit_reason *reason)
{
	return options->bring ? AZJIT_OK : azjit_fail(reason, AZJIT_CONFIG, "nobody brings the token");
}

const struct token_source token_source_brought = {
        .who = "the program that gives tokens",
        .check = check,
        .bring = bring,
};
