// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "cloud.h"

#include <string.h>

static const struct {
	const char *name, *arm, *login;
} clouds[] = {
        {"AzureCloud", "management.azure.com", "login.microsoftonline.com"},
        {"AzureUSGovernment", "management.usgovcloudapi.net", "login.microsoftonline.us"},
        {"AzureChinaCloud", "management.chinacloudapi.cn", "login.chinacloudapi.cn"},
};

static char *host_name(const char *host)
{
	const char *colon = strrchr(host, ':');

	return colon && !strchr(colon, ']') ? xstrndup(host, (size_t)(colon - host)) : xstrdup(host);
}

// management.X pairs with login.X; another name serves both, on the listener's own port.
static char *sibling(const struct sim *sim, const char *name, const char *from, const char *to,
                     enum service service)
{
	size_t n = strlen(from);

	if (str_istarts(name, from))
		return xasprintf("https://%s%s:%d/", to, name + n, sim->ports[service]);
	return xasprintf("https://%s:%d/", name, sim->ports[service]);
}

static char *or_given(const json_t *endpoints, const char *key, char *made)
{
	const char *given = jstr(endpoints, key, NULL);

	if (!given)
		return made;
	free(made);
	return xstrdup(given);
}

static void strip_https_port(char *url)
{
	char *p = strstr(url, ":443/");

	if (p)
		memmove(p, p + 4, strlen(p + 4) + 1);
}

void cloud_of(const struct request *req, struct cloud *ret)
{
	const json_t *endpoints = json_object_get(req->sim->scenario, "endpoints");
	const char *host = request_header(req, "Host");
	_cleanup_free_ char *name = host_name(host ? host : "localhost");

	for (size_t i = 0; i < ARRAY_SIZE(clouds); i++) {
		if (!str_ieq(name, clouds[i].arm) && !str_ieq(name, clouds[i].login))
			continue;
		*ret = (struct cloud){.name = clouds[i].name,
		                      .login = xasprintf("https://%s/", clouds[i].login),
		                      .arm = xasprintf("https://%s/", clouds[i].arm),
		                      .public_cloud = true};
		return;
	}
	*ret = (struct cloud){
	        .name = "AzureCloud",
	        .login = or_given(endpoints, "login",
	                          sibling(req->sim, name, "management.", "login.", SERVICE_LOGIN)),
	        .arm = or_given(endpoints, "arm",
	                        sibling(req->sim, name, "login.", "management.", SERVICE_ARM)),
	};
	strip_https_port(ret->login);
	strip_https_port(ret->arm);
}

void cloud_clear(struct cloud *c)
{
	free(c->login);
	free(c->arm);
}
