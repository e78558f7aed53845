// SPDX-License-Identifier: Apache-2.0
// Managed identity through the instance metadata service (azure.md §6.2). Plain http on a link-local
// address, never through a proxy.
#include "identity.h"
#include "url.h"

#include <azjit/text.h>

bool managed_add_selector(struct azjit_buf *buf, const char *name, const char *value)
{
	if (!value)
		return true;
	return azjit_buf_printf(buf, "&%s=", name) && url_escape(buf, value, "");
}

enum azjit_result managed_check_selectors(const struct azjit_azure_options *options,
                                          struct azjit_reason *reason)
{
	if (!!options->client_id + !!options->object_id + !!options->msi_res_id > 1)
		return azjit_fail(reason, AZJIT_CONFIG,
		                  "a managed identity is selected by one of client_id, object_id and "
		                  "msi_res_id, not by several");
	return AZJIT_OK;
}

static enum azjit_result imds_check(const struct identity_options *setting,
                                    const struct azjit_azure_options *options, struct azjit_reason *reason)
{
	return managed_check_selectors(options, reason);
}

static enum azjit_result imds_request(const struct identity_options *setting,
                                      const struct azjit_azure_options *options, struct token_request *ret,
                                      struct azjit_reason *reason)
{
	static const char *const headers[] = {"Metadata: true", "Accept: application/json", NULL};
	_cleanup_buf_ struct azjit_buf url = AZJIT_BUF(URL_MAX_BYTES);

	azjit_buf_str(&url, setting->imds_origin);
	azjit_buf_str(&url, "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=");
	url_escape(&url, setting->audience, "");
	managed_add_selector(&url, "client_id", options->client_id);
	managed_add_selector(&url, "object_id", options->object_id);
	managed_add_selector(&url, "msi_res_id", options->msi_res_id);
	ret->kind = HTTP_PLAIN_DIRECT;
	ret->headers = headers;
	ret->url = azjit_buf_steal(&url);
	if (!ret->url)
		return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	return AZJIT_OK;
}

static bool imds_transient(int http_status)
{
	return http_status == 404 || http_status == 410 || http_status == 429 || http_status >= 500;
}

const struct token_source token_source_imds = {
        .who = "the instance metadata service",
        .check = imds_check,
        .request = imds_request,
        .transient = imds_transient,
        .patience = &token_patience_imds,
};
