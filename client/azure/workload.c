// SPDX-License-Identifier: Apache-2.0
// Workload identity federation at Entra ID's token endpoint (azure.md §6.4): somebody else's token, from a file
// that its issuer keeps fresh, proves who we are. Threat model: a local user who wants that token, or wants us to
// be somebody else. The file is read as our own user, again for every request, by way of links and directories
// that nobody but root and we may change (file.h); it is kept no longer than the request, and wiped.
#include "entra.h"

#include <azjit/file.h>

#define TOKEN_MAX_BYTES ((size_t)16 * 1024)

// The file is not looked at before it is needed: its issuer may start later than we do.
static enum azjit_result workload_check(const struct identity_options *setting,
                                        const struct azjit_azure_options *options,
                                        struct azjit_reason *reason)
{
	if (!options->token_file)
		return azjit_fail(reason, AZJIT_CONFIG, "a workload identity needs token_file");
	return entra_check(options, reason);
}

static enum azjit_result workload_request(const struct identity_options *setting,
                                          const struct azjit_azure_options *options,
                                          struct token_request *ret, struct azjit_reason *reason)
{
	_cleanup_(azjit_buf_wipe) struct azjit_buf token = AZJIT_BUF(TOKEN_MAX_BYTES);
	enum azjit_result result =
	        azjit_file_read_linked(options->token_file, geteuid(), true, &token, reason);

	if (result == AZJIT_OK)
		result = entra_one_line(&token, options->token_file, "token", reason);
	if (result != AZJIT_OK)
		return result;
	return entra_request_asserted(setting, options, token.data, ret, reason);
}

const struct token_source token_source_workload = {
        .who = ENTRA_WHO,
        .check = workload_check,
        .request = workload_request,
        .transient = entra_transient,
        .tells_time = true,
        .patience = &token_patience_remote,
};
