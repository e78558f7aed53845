// SPDX-License-Identifier: Apache-2.0
// Managed identity where the platform gives the program an endpoint and a header for it: App Service, Container
// Apps and their kin (azure.md §6.1). Threat model: a local user who wants a token: whoever has the header gets one,
// so it is read from a file that others cannot read (file.h), again for every request, and wiped. The environment,
// in which the platform hands it over, is never read: it would reach every program that we start. Plain http,
// never through a proxy.
#include "entra.h"
#include "url.h"

#include <azjit/text.h>

#define HEADER_MAX_BYTES ((size_t)1024)

static enum azjit_result app_service_check(const struct identity_options *setting,
                                           const struct azjit_azure_options *options,
                                           struct azjit_reason *reason)
{
	if (!options->endpoint || !options->header_file)
		return azjit_fail(reason, AZJIT_CONFIG, "App Service needs endpoint and header_file");
	return managed_check_selectors(options, reason);
}

static enum azjit_result add_header(const struct azjit_azure_options *options, struct token_request *ret,
                                    struct azjit_reason *reason)
{
	_cleanup_(azjit_buf_wipe) struct azjit_buf value = AZJIT_BUF(HEADER_MAX_BYTES);
	_cleanup_(azjit_buf_wipe) struct azjit_buf line = AZJIT_BUF(HEADER_MAX_BYTES + 64);
	enum azjit_result result = entra_read_line(options->header_file, "header", &value, reason);

	if (result != AZJIT_OK)
		return result;
	for (const char *c = value.data; *c; c++)
		if (*c < ' ' || *c > '~')
			return azjit_fail(reason, AZJIT_CONFIG,
			                  "the header file %s holds bytes that no header can have",
			                  options->header_file);
	azjit_buf_printf(&line, "X-IDENTITY-HEADER: %s", value.data);
	ret->secret_header = azjit_buf_steal(&line);
	return ret->secret_header ? AZJIT_OK : azjit_fail(reason, AZJIT_NOMEM, "out of memory");
}

static enum azjit_result app_service_request(const struct identity_options *setting,
                                             const struct azjit_azure_options *options,
                                             struct token_request *ret, struct azjit_reason *reason)
{
	static const char *const headers[] = {"Accept: application/json", NULL};
	_cleanup_buf_ struct azjit_buf url = AZJIT_BUF(URL_MAX_BYTES);

	azjit_buf_str(&url, setting->endpoint);
	azjit_buf_str(&url, "?api-version=2019-08-01&resource=");
	url_escape(&url, setting->audience, "");
	managed_add_selector(&url, "client_id", options->client_id);
	managed_add_selector(&url, "object_id", options->object_id);
	managed_add_selector(&url, "mi_res_id", options->msi_res_id);
	ret->kind = HTTP_PLAIN_DIRECT;
	ret->headers = headers;
	ret->url = azjit_buf_steal(&url);
	if (!ret->url)
		return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	return add_header(options, ret, reason);
}

static bool app_service_transient(int http_status)
{
	return http_status == 429 || http_status >= 500;
}

const struct token_source token_source_app_service = {
        .who = "the identity endpoint of App Service",
        .check = app_service_check,
        .request = app_service_request,
        .transient = app_service_transient,
        .patience = &token_patience_local,
};
