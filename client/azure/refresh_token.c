// SPDX-License-Identifier: Apache-2.0
// A person's login at Entra ID's token endpoint (azure.md §6.4). Threat model: who has the refresh token is the
// person, for weeks and from anywhere; so a server that is not the one that gave it must not see it, and no copy
// of it must stay behind. Must hold: it is sent to the origin of its login only; it is taken from its keeper for
// each request, in no reason, and wiped with the request and with the answer.
#include "entra.h"
#include "login.h"
#include "url.h"

#include <azjit/text.h>

#define REFRESH_MAX_BYTES 16384

void azjit_login_clear(struct azjit_login *login)
{
	if (login->refresh_token)
		explicit_bzero(login->refresh_token, strlen(login->refresh_token));
	free(login->tenant);
	free(login->client_id);
	free(login->cloud);
	free(login->login_url);
	free(login->who);
	free(login->refresh_token);
	*login = (struct azjit_login){.tenant = NULL};
}

const char *login_refresh_token(const json_t *answer)
{
	const char *token = js_text(answer, "refresh_token");

	return strlen(token) < REFRESH_MAX_BYTES ? token : "";
}

void login_wipe(const json_t *answer, const char *member)
{
	const char *text = js_text(answer, member);

	explicit_bzero((char *)(uintptr_t)text, strlen(text));
}

static enum azjit_result login_check(const struct identity_options *setting,
                                     const struct azjit_azure_options *options, struct azjit_reason *reason)
{
	if (!options->login)
		return azjit_fail(reason, AZJIT_CONFIG, "nobody keeps the login");
	if (options->tenant_id && !entra_plain_name(options->tenant_id))
		return azjit_fail(reason, AZJIT_CONFIG, "the tenant must be a GUID or a domain name");
	return AZJIT_OK;
}

static enum azjit_result ask_with(const struct identity_options *setting, const struct azjit_login *login,
                                  const char *tenant, struct token_request *ret, struct azjit_reason *reason)
{
	_cleanup_(azjit_buf_wipe) struct azjit_buf form = AZJIT_BUF(ENTRA_FORM_MAX_BYTES);

	if (!azjit_streq(login->login_url, setting->login_origin))
		return azjit_fail(
		        reason, AZJIT_IDENTITY,
		        "the login is of %s, and this cloud logs people in at %s: run `azjit login` "
		        "for this cloud",
		        login->login_url, setting->login_origin);
	if (!entra_plain_name(tenant))
		return azjit_fail(reason, AZJIT_IDENTITY,
		                  "the login names no tenant: run `azjit login` again");
	azjit_buf_str(&form, "grant_type=refresh_token&client_id=");
	url_escape(&form, login->client_id, "");
	azjit_buf_str(&form, "&refresh_token=");
	url_escape(&form, login->refresh_token, "");
	login_add_scope(&form, setting->audience);
	return entra_post(setting->login_origin, tenant, "token", &form, ret, reason);
}

bool login_add_scope(struct azjit_buf *form, const char *audience)
{
	return azjit_buf_str(form, "&scope=") && url_escape(form, audience, "") &&
	       azjit_buf_str(form, ".default%20offline_access");
}

static enum azjit_result login_request(const struct identity_options *setting,
                                       const struct azjit_azure_options *options, struct token_request *ret,
                                       struct azjit_reason *reason)
{
	const struct azjit_login_store *store = options->login;
	const struct azjit_login *login = NULL;
	enum azjit_result result = store->take(store->userdata, &login, reason);

	if (result != AZJIT_OK)
		return result;
	return ask_with(setting, login, options->tenant_id ? options->tenant_id : login->tenant, ret, reason);
}

static enum azjit_result login_keep(const struct azjit_azure_options *options, const json_t *answer,
                                    struct azjit_reason *reason)
{
	const struct azjit_login_store *store = options->login;
	const char *token = login_refresh_token(answer);
	enum azjit_result result = *token ? store->rotate(store->userdata, token, reason) : AZJIT_OK;

	login_wipe(answer, "refresh_token");
	return result;
}

static void login_release(const struct azjit_azure_options *options)
{
	options->login->release(options->login->userdata);
}

// A refresh token ends when it was not used for long, when the password changes, when an administrator revokes
// it; and a policy may want to see the person again.
static const char *login_mend(const char *code)
{
	return azjit_streq(code, "invalid_grant") || azjit_streq(code, "interaction_required")
	               ? "run `azjit login` again: "
	               : "";
}

const struct token_source token_source_login = {
        .who = ENTRA_WHO,
        .check = login_check,
        .request = login_request,
        .keep = login_keep,
        .release = login_release,
        .mend = login_mend,
        .transient = entra_transient,
        .patience = &token_patience_remote,
};
