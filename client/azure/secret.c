// SPDX-License-Identifier: Apache-2.0
// Client secret at Entra ID's token endpoint (azure.md §6.4). Threat model: a local user who wants the
// secret, or wants us to send another. Unless the program gave it (azure.h) it is read from a file that must
// be trusted (file.h) each time a token is needed, kept no longer than the request, and wiped; it is never
// in a log, argv, environment or reason.
#include "entra.h"

#define SECRET_MAX_BYTES ((size_t)4096)

// The file is not looked at before its secret is needed: it may be replaced at any time.
static enum azjit_result secret_check(const struct identity_options *setting,
                                      const struct azjit_azure_options *options, struct azjit_reason *reason)
{
	if (!options->secret_file && !options->secret)
		return azjit_fail(reason, AZJIT_CONFIG, "a client secret needs secret_file");
	return entra_check(options, reason);
}

static enum azjit_result secret_request(const struct identity_options *setting,
                                        const struct azjit_azure_options *options, struct token_request *ret,
                                        struct azjit_reason *reason)
{
	_cleanup_(azjit_buf_wipe) struct azjit_buf secret = AZJIT_BUF(SECRET_MAX_BYTES);
	enum azjit_result result;

	if (options->secret)
		return entra_request(setting, options, "client_secret", options->secret, ret, reason);
	result = entra_read_line(options->secret_file, "secret", &secret, reason);
	if (result != AZJIT_OK)
		return result;
	return entra_request(setting, options, "client_secret", secret.data, ret, reason);
}

const struct token_source token_source_secret = {
        .who = ENTRA_WHO,
        .check = secret_check,
        .request = secret_request,
        .transient = entra_transient,
        .tells_time = true,
        .patience = &token_patience_remote,
};
