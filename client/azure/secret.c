// SPDX-License-Identifier: Apache-2.0
// Client secret at Entra ID's token endpoint (azure.md §6.4). Threat model: a local user who wants the
// secret, or wants us to send another. Unless the program gave it (azure.h) it is read from a file that must be trusted (file.h) each time a
// token is needed, kept no longer than the request, and wiped; it is never in a log, argv, environment
// or reason.
#include "identity.h"
#include "url.h"

#include <azjit/file.h>
#include <azjit/text.h>

#define SECRET_MAX_BYTES ((size_t)4096)

static enum azjit_result read_secret(const struct azjit_azure_options *options, struct azjit_buf *secret,
                                     struct azjit_reason *reason)
{
	const char *path = options->secret_file;
	enum azjit_result result;

	if (options->secret)
		return azjit_buf_str(secret, options->secret)
		               ? AZJIT_OK
		               : azjit_fail(reason, AZJIT_IDENTITY, "the client secret is too long");
	result = azjit_file_read_trusted(path, geteuid(), true, secret, reason);
	if (result != AZJIT_OK)
		return result;
	while (secret->len && strchr("\r\n", secret->data[secret->len - 1]))
		secret->data[--secret->len] = '\0';
	if (!secret->len || strlen(secret->data) != secret->len)
		return azjit_fail(reason, AZJIT_CONFIG, "the secret file %s holds no secret on one line",
		                  path);
	return AZJIT_OK;
}

static bool fill_body(struct azjit_buf *body, const struct identity_options *setting, const char *client_id,
                      const char *secret)
{
	azjit_buf_str(body, "grant_type=client_credentials&client_id=");
	url_escape(body, client_id, "");
	azjit_buf_str(body, "&client_secret=");
	url_escape(body, secret, "");
	azjit_buf_str(body, "&scope=");
	url_escape(body, setting->audience, "");
	return azjit_buf_str(body, ".default");
}

static enum azjit_result secret_request(const struct identity_options *setting,
                                        const struct azjit_azure_options *options, struct token_request *ret,
                                        struct azjit_reason *reason)
{
	static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded",
	                                      "Accept: application/json", NULL};
	_cleanup_(azjit_buf_wipe) struct azjit_buf secret = AZJIT_BUF(SECRET_MAX_BYTES);
	_cleanup_(azjit_buf_wipe) struct azjit_buf body = AZJIT_BUF(4 * SECRET_MAX_BYTES);
	_cleanup_buf_ struct azjit_buf url = AZJIT_BUF(URL_MAX_BYTES);
	enum azjit_result result = read_secret(options, &secret, reason);

	if (result != AZJIT_OK)
		return result;
	azjit_buf_printf(&url, "%s/%s/oauth2/v2.0/token", setting->login_origin, options->tenant_id);
	fill_body(&body, setting, options->client_id, secret.data);
	ret->kind = HTTP_TLS;
	ret->headers = headers;
	ret->url = azjit_buf_steal(&url);
	ret->body = azjit_buf_steal(&body);
	if (!ret->url || !ret->body)
		return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	return AZJIT_OK;
}

static bool secret_transient(int http_status)
{
	return http_status == 408 || http_status == 429 || http_status >= 500;
}

const struct token_source token_source_secret = {
        .who = "Entra ID",
        .request = secret_request,
        .transient = secret_transient,
        .attempts = 4,
        .lost_attempts = 4,
        .first_delay_ms = 1000,
        .max_delay_ms = 8000,
};
