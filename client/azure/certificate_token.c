// SPDX-License-Identifier: Apache-2.0
// Client certificate at Entra ID's token endpoint (azure.md §6.4, §12.5). Threat model: certificate.c's, and
// a reader of what was sent: an assertion names one endpoint, lives ten minutes and is wiped with its request.
// Files are read for each token, so that a certificate is renewed by replacing them.
#include "certificate.h"
#include "entra.h"

#include <azjit/text.h>

static enum azjit_result load(const struct identity_options *setting,
                              const struct azjit_azure_options *options, struct azjit_reason *reason,
                              struct certificate **ret)
{
	const struct certificate_files files = {.certificate = options->certificate_file,
	                                        .key = options->key_file,
	                                        .key_uri = options->key,
	                                        .password = options->password_file,
	                                        .password_text = options->password};

	return certificate_load(&files, azjit_azure_now(setting->azure), reason, ret);
}

static enum azjit_result assert_for(const struct identity_options *setting,
                                    const struct azjit_azure_options *options,
                                    const struct certificate *certificate, struct azjit_reason *reason,
                                    char **ret)
{
	_cleanup_free_ char *audience = entra_endpoint(setting, options);
	char jti[AZJIT_UUID_CHARS];

	if (!audience || azjit_uuid_random(jti) != AZJIT_OK)
		return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	return certificate_assert(certificate,
	                          &(struct assertion){.audience = audience,
	                                              .client_id = options->client_id,
	                                              .jti = jti,
	                                              .now = azjit_azure_now(setting->azure),
	                                              .send_chain = options->send_chain},
	                          reason, ret);
}

static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

// A key that is there may still refuse to sign: a TPM judges its password only then.
static enum azjit_result certificate_check(const struct identity_options *setting,
                                           const struct azjit_azure_options *options,
                                           struct azjit_reason *reason)
{
	struct certificate *certificate = NULL;
	char *assertion = NULL;
	enum azjit_result result = entra_check(options, reason);

	if (result == AZJIT_OK && !options->certificate_file && !options->key)
		result = azjit_fail(reason, AZJIT_CONFIG, "a client certificate needs certificate_file");
	if (result == AZJIT_OK && options->key && options->key_file)
		result = azjit_fail(reason, AZJIT_CONFIG,
		                    "a client certificate takes one of key and key_file");
	if (result == AZJIT_OK)
		result = load(setting, options, reason, &certificate);
	if (result == AZJIT_OK && options->key)
		result = assert_for(setting, options, certificate, reason, &assertion);
	wipe(assertion);
	certificate_free(certificate);
	return result == AZJIT_OK || result == AZJIT_NOMEM ? result : AZJIT_CONFIG;
}

static enum azjit_result certificate_request(const struct identity_options *setting,
                                             const struct azjit_azure_options *options,
                                             struct token_request *ret, struct azjit_reason *reason)
{
	struct certificate *certificate = NULL;
	enum azjit_result result = load(setting, options, reason, &certificate);
	char *assertion = NULL;

	if (result == AZJIT_OK)
		result = assert_for(setting, options, certificate, reason, &assertion);
	certificate_free(certificate);
	if (result == AZJIT_OK)
		result = entra_request_asserted(setting, options, assertion, ret, reason);
	wipe(assertion);
	return result;
}

const struct token_source token_source_certificate = {
        .who = ENTRA_WHO,
        .check = certificate_check,
        .request = certificate_request,
        .transient = entra_transient,
        .tells_time = true,
        .patience = &token_patience_remote,
};
