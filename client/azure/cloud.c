// SPDX-License-Identifier: Apache-2.0
// Threat model of the metadata. Attackers: whoever can make the metadata endpoint say what they want
// where our token and our secret go to. That it is the endpoint which root configured is proved by its
// certificate; that it may name other hosts is its purpose. Must hold: what it names is https, a host
// and nothing else, so that no path, user or second host hides in it; no token is asked for an audience
// that it did not name; and a part that is missing is never filled from another cloud.
#include "cloud.h"

#include "json.h"
#include "url.h"

#include <azjit/azure.h>
#include <azjit/text.h>

#include <strings.h>

static const struct cloud clouds[] = {
        {"AzureCloud", "https://login.microsoftonline.com", "https://management.azure.com",
         "https://management.azure.com/"},
        {"AzureUSGovernment", "https://login.microsoftonline.us", "https://management.usgovcloudapi.net",
         "https://management.usgovcloudapi.net/"},
        {"AzureChinaCloud", "https://login.chinacloudapi.cn", "https://management.chinacloudapi.cn",
         "https://management.chinacloudapi.cn/"},
};

const struct cloud *cloud_find(const char *name)
{
	if (!name || !*name)
		return &clouds[0];
	for (size_t i = 0; i < AZJIT_COUNT(clouds); i++)
		if (azjit_ieq(clouds[i].name, name))
			return &clouds[i];
	return NULL;
}

bool azjit_cloud_builtin(const char *name)
{
	return cloud_find(name);
}

// --- metadata -----------------------------------------------------------------------------------------

static enum azjit_result no_such_cloud(const json_t *root, const char *name, struct azjit_reason *reason)
{
	_cleanup_buf_ struct azjit_buf names = AZJIT_BUF(600);

	for (size_t i = 0; i < js_count(root) && names.len < 400; i++)
		azjit_buf_printf(&names, "%s'%.60s'", i ? ", " : "",
		                 js_text(json_array_get(root, i), "name"));
	if (json_is_object(root))
		azjit_buf_printf(&names, "'%.60s'", js_text(root, "name"));
	return azjit_fail(reason, AZJIT_CONFIG, "the metadata endpoint knows no cloud '%s', but %s", name,
	                  names.len ? names.data : "none at all");
}

// The oldest shape names no cloud: then it is the one whose endpoint was asked.
static enum azjit_result pick(const json_t *root, const char *name, const json_t **ret,
                              struct azjit_reason *reason)
{
	if (!json_is_array(root) && !json_is_object(root))
		return azjit_fail(reason, AZJIT_PROTOCOL,
		                  "the metadata of cloud '%s' is neither an object nor a list", name);
	for (size_t i = 0; i < js_count(root); i++)
		if (azjit_ieq(js_text(json_array_get(root, i), "name"), name)) {
			*ret = json_array_get(root, i);
			return AZJIT_OK;
		}
	if (json_is_array(root) || (*js_text(root, "name") && !azjit_ieq(js_text(root, "name"), name)))
		return no_such_cloud(root, name, reason);
	*ret = root;
	return AZJIT_OK;
}

static enum azjit_result take_origin(const char *cloud, const char *what, const char *url,
                                     char ret_origin[CLOUD_ORIGIN_CHARS], struct azjit_reason *reason)
{
	_cleanup_free_ char *origin = NULL;
	enum azjit_result result = url_origin(url, "https", &origin);

	if (result == AZJIT_NOMEM)
		return azjit_fail(reason, result, "out of memory");
	if (result != AZJIT_OK || !azjit_copy(ret_origin, CLOUD_ORIGIN_CHARS, origin))
		return azjit_fail(reason, AZJIT_PROTOCOL,
		                  "the metadata of cloud '%s' gives '%.200s' as its %s, which is not "
		                  "https://HOST[:PORT] without user and path",
		                  cloud, url, what);
	return AZJIT_OK;
}

// AD FS wants other forms of request than Entra ID (azure.md §6.4).
static enum azjit_result check_provider(const json_t *entry, const char *cloud, struct azjit_reason *reason)
{
	const json_t *authentication = js_member(entry, "authentication");
	const char *provider = js_text(authentication, "identityProvider"),
	           *login = js_text(authentication, "loginEndpoint");
	size_t len = strlen(login);

	while (len && login[len - 1] == '/')
		len--;
	if (!*provider && len > 5 && strncasecmp(login + len - 5, "/adfs", 5) == 0)
		provider = "ADFS";
	if (*provider && !azjit_ieq(provider, "AAD"))
		return azjit_fail(reason, AZJIT_CONFIG,
		                  "cloud '%s' signs in at '%.60s', which azjit does not support: it needs a "
		                  "cloud that signs in at Entra ID",
		                  cloud, provider);
	return AZJIT_OK;
}

static bool audience_sound(const char *text)
{
	return strncasecmp(text, "https://", 8) == 0 && text[8] && strlen(text) < CLOUD_AUDIENCE_CHARS - 1 &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/") ==
	               strlen(text);
}

// Resource Manager's own URL if it is among them, else the first.
static enum azjit_result take_audience(const json_t *entry, const char *cloud, struct cloud_endpoints *ret,
                                       struct azjit_reason *reason)
{
	const json_t *audiences = js_path(entry, "authentication", "audiences");
	const char *chosen = js_string(json_array_get(audiences, 0));
	size_t len;

	for (size_t i = 0; i < js_count(audiences); i++) {
		const char *audience = js_string(json_array_get(audiences, i));
		_cleanup_free_ char *origin = NULL;

		if (url_origin(audience, "https", &origin) == AZJIT_OK &&
		    azjit_streq(origin, ret->resource_manager))
			chosen = audience;
	}
	if (!*chosen)
		return azjit_fail(reason, AZJIT_PROTOCOL,
		                  "the metadata of cloud '%s' names no audience to ask tokens for", cloud);
	if (!audience_sound(chosen))
		return azjit_fail(
		        reason, AZJIT_PROTOCOL,
		        "the metadata of cloud '%s' names the audience '%.200s', which is no https URL",
		        cloud, chosen);
	len = strlen(chosen);
	memcpy(ret->audience, chosen, len + 1);
	if (chosen[len - 1] != '/')
		memcpy(ret->audience + len, "/", 2);
	return AZJIT_OK;
}

enum azjit_result cloud_read(const char *text, size_t len, const char *name, const char *asked,
                             struct cloud_endpoints *ret, struct azjit_reason *reason)
{
	const char *why = NULL;
	json_auto_t *root = js_read(text, len, &why);
	struct cloud_endpoints endpoints = {0};
	const json_t *entry = NULL, *manager;
	enum azjit_result result;

	if (!root)
		return azjit_fail(reason, AZJIT_PROTOCOL,
		                  "the metadata endpoint of cloud '%s' answered with %s", name, why);
	result = pick(root, name, &entry, reason);
	if (result == AZJIT_OK)
		result = check_provider(entry, name, reason);
	if (result != AZJIT_OK)
		return result;
	manager = js_member(entry, "resourceManager");
	result = take_origin(name, "resourceManager", manager ? js_string(manager) : asked,
	                     endpoints.resource_manager, reason);
	if (result == AZJIT_OK)
		result = take_origin(name, "loginEndpoint",
		                     js_text(js_member(entry, "authentication"), "loginEndpoint"),
		                     endpoints.login, reason);
	if (result == AZJIT_OK)
		result = take_audience(entry, name, &endpoints, reason);
	if (result == AZJIT_OK)
		*ret = endpoints;
	return result;
}
