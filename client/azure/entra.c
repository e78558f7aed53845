// SPDX-License-Identifier: Apache-2.0
#include "entra.h"

#include "url.h"

#include <azjit/file.h>

bool entra_plain_name(const char *text)
{
	size_t len = text ? strlen(text) : 0;

	return len > 0 && len < 256 && text[0] != '.' &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-") == len;
}

enum azjit_result entra_check(const struct azjit_azure_options *options, struct azjit_reason *reason)
{
	if (!entra_plain_name(options->tenant_id))
		return azjit_fail(reason, AZJIT_CONFIG, "tenant_id must be a GUID or a domain name");
	if (!options->client_id)
		return azjit_fail(reason, AZJIT_CONFIG, "an application needs client_id");
	return AZJIT_OK;
}

static char *endpoint(const char *login_origin, const char *tenant, const char *name)
{
	_cleanup_buf_ struct azjit_buf url = AZJIT_BUF(URL_MAX_BYTES);

	azjit_buf_printf(&url, "%s/%s/oauth2/v2.0/%s", login_origin, tenant, name);
	return azjit_buf_steal(&url);
}

char *entra_endpoint(const struct identity_options *setting, const struct azjit_azure_options *options)
{
	return endpoint(setting->login_origin, options->tenant_id, "token");
}

enum azjit_result entra_post(const char *login_origin, const char *tenant, const char *name,
                             struct azjit_buf *form, struct token_request *ret, struct azjit_reason *reason)
{
	static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded",
	                                      "Accept: application/json", NULL};

	ret->kind = HTTP_TLS;
	ret->headers = headers;
	ret->url = endpoint(login_origin, tenant, name);
	ret->body = azjit_buf_steal(form);
	if (!ret->url || !ret->body)
		return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	return AZJIT_OK;
}

enum azjit_result entra_request(const struct identity_options *setting,
                                const struct azjit_azure_options *options, const char *proof,
                                const char *value, struct token_request *ret, struct azjit_reason *reason)
{
	_cleanup_(azjit_buf_wipe) struct azjit_buf body = AZJIT_BUF(ENTRA_FORM_MAX_BYTES);

	azjit_buf_str(&body, "grant_type=client_credentials&client_id=");
	url_escape(&body, options->client_id, "");
	azjit_buf_printf(&body, "&%s=", proof);
	url_escape(&body, value, "");
	azjit_buf_str(&body, "&scope=");
	url_escape(&body, setting->audience, "");
	azjit_buf_str(&body, ".default");
	return entra_post(setting->login_origin, options->tenant_id, "token", &body, ret, reason);
}

enum azjit_result entra_request_asserted(const struct identity_options *setting,
                                         const struct azjit_azure_options *options, const char *assertion,
                                         struct token_request *ret, struct azjit_reason *reason)
{
	return entra_request(setting, options,
	                     "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3A"
	                     "jwt-bearer&client_assertion",
	                     assertion, ret, reason);
}

bool entra_transient(int http_status)
{
	return http_status == 408 || http_status == 429 || http_status >= 500;
}

enum azjit_result entra_one_line(struct azjit_buf *text, const char *path, const char *what,
                                 struct azjit_reason *reason)
{
	while (text->len && strchr("\r\n", text->data[text->len - 1]))
		text->data[--text->len] = '\0';
	if (!text->len || strcspn(text->data, "\r\n") != text->len)
		return azjit_fail(reason, AZJIT_CONFIG, "the %s file %s holds no %s on one line", what, path,
		                  what);
	return AZJIT_OK;
}

enum azjit_result entra_read_line(const char *path, const char *what, struct azjit_buf *ret,
                                  struct azjit_reason *reason)
{
	enum azjit_result result = azjit_file_read_trusted(path, geteuid(), true, ret, reason);

	return result == AZJIT_OK ? entra_one_line(ret, path, what, reason) : result;
}
