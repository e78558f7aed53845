// SPDX-License-Identifier: Apache-2.0
// Managed identity of a machine outside Azure, through the agent of Azure Arc (azure.md §6.3). Threat model: a
// local user who listens on the agent's port while the agent does not run. He must not be sent the content of any
// file but a key of the agent's directory, which opens nothing but the agent itself; he must not stop us on a FIFO;
// and no token of his is believed: who answers 200 must have named a key file first, and only the agent and
// root can write one. Plain http, never through a proxy.
#include "arc.h"

#include "identity.h"
#include "url.h"

#include <azjit/file.h>
#include <azjit/text.h>
#include <sys/stat.h>

#define KEY_MAX_BYTES ((size_t)4096)
#define WHO           "the agent of Azure Arc"

static enum azjit_result odd_challenge(const char *what, struct azjit_reason *reason)
{
	return azjit_fail(reason, AZJIT_IDENTITY, WHO " asks for a key file that is none of its own: %s",
	                  what);
}

// NAME.key, one segment of a path.
static bool key_name(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && len < 256 && name[0] != '.' && azjit_streq(name + len - 4, ".key") &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") == len;
}

static enum azjit_result key_path(const char *directory, const char *challenge, const char **ret,
                                  struct azjit_reason *reason)
{
	static const char start[] = "Basic realm=";
	size_t len = strlen(directory);
	const char *path = challenge + sizeof(start) - 1;

	if (strncasecmp(challenge, start, sizeof(start) - 1) != 0)
		return azjit_fail(reason, AZJIT_IDENTITY,
		                  WHO " asks for something else than a key file: '%s'", challenge);
	if (strncmp(path, directory, len) != 0 || path[len] != '/' || !key_name(path + len + 1))
		return odd_challenge(path, reason);
	*ret = path;
	return AZJIT_OK;
}

// A header line is made of it.
static bool sound_key(const struct azjit_buf *key)
{
	for (size_t i = 0; i < key->len; i++)
		if (key->data[i] < '!' || key->data[i] > '~')
			return false;
	return key->len > 0;
}

enum azjit_result arc_read_key(const char *directory, const char *challenge, struct azjit_buf *ret,
                               struct azjit_reason *reason)
{
	struct azjit_reason why = {""};
	const char *path = NULL;
	enum azjit_result result = key_path(directory, challenge, &path, reason);
	struct stat st;

	if (result != AZJIT_OK)
		return result;
	if (lstat(directory, &st) < 0 || !S_ISDIR(st.st_mode) || (st.st_mode & S_IWOTH))
		return azjit_fail(reason, AZJIT_IDENTITY,
		                  "%s is no directory of " WHO ": is the agent installed?", directory);
	result = azjit_file_read_trusted(path, st.st_uid, false, ret, &why);
	if (result == AZJIT_NOMEM)
		return azjit_fail(reason, result, "out of memory");
	if (result != AZJIT_OK)
		return azjit_fail(reason, AZJIT_IDENTITY, "the key of " WHO " cannot be taken: %.600s",
		                  why.text);
	if (!sound_key(ret))
		return azjit_fail(reason, AZJIT_IDENTITY, "the key of " WHO " in %s is no line of text",
		                  path);
	return AZJIT_OK;
}

// --- the source ---------------------------------------------------------------------------------------

static enum azjit_result arc_check(const struct identity_options *setting,
                                   const struct azjit_azure_options *options, struct azjit_reason *reason)
{
	if (options->client_id || options->object_id || options->msi_res_id)
		return azjit_fail(reason, AZJIT_CONFIG,
		                  "Azure Arc gives a machine one identity: leave client_id, object_id and "
		                  "msi_res_id out");
	if (strchr(setting->endpoint + strlen("http://"), '/'))
		return azjit_fail(reason, AZJIT_CONFIG,
		                  "endpoint must be http://HOST[:PORT] without a path for Azure Arc");
	return AZJIT_OK;
}

static enum azjit_result arc_request(const struct identity_options *setting,
                                     const struct azjit_azure_options *options, struct token_request *ret,
                                     struct azjit_reason *reason)
{
	static const char *const headers[] = {"Metadata: true", "Accept: application/json", NULL};
	_cleanup_buf_ struct azjit_buf url = AZJIT_BUF(URL_MAX_BYTES);

	azjit_buf_str(&url, setting->endpoint);
	azjit_buf_str(&url, "/metadata/identity/oauth2/token?api-version=2019-11-01&resource=");
	url_escape(&url, setting->audience, "");
	ret->kind = HTTP_PLAIN_DIRECT;
	ret->headers = headers;
	ret->url = azjit_buf_steal(&url);
	if (!ret->url)
		return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	return AZJIT_OK;
}

// The key as it is in the file, not in base64.
static enum azjit_result arc_meet(const char *challenge, struct token_request *ret,
                                  struct azjit_reason *reason)
{
	_cleanup_(azjit_buf_wipe) struct azjit_buf key = AZJIT_BUF(KEY_MAX_BYTES);
	_cleanup_(azjit_buf_wipe) struct azjit_buf line = AZJIT_BUF(KEY_MAX_BYTES + 64);
	enum azjit_result result = arc_read_key(arc_directory(), challenge, &key, reason);

	if (result != AZJIT_OK)
		return result;
	azjit_buf_printf(&line, "Authorization: Basic %s", key.data);
	ret->secret_header = azjit_buf_steal(&line);
	return ret->secret_header ? AZJIT_OK : azjit_fail(reason, AZJIT_NOMEM, "out of memory");
}

static bool arc_transient(int http_status)
{
	return http_status == 429 || http_status >= 500;
}

const struct token_source token_source_arc = {
        .who = WHO,
        .check = arc_check,
        .request = arc_request,
        .meet = arc_meet,
        .transient = arc_transient,
        .patience = &token_patience_local,
};
