// SPDX-License-Identifier: Apache-2.0
/*
 * GET /metadata/endpoints, without a token, in its three shapes (azure.md §6.7).
 */
#define _GNU_SOURCE 1
#include <string.h>

#include "arm.h"
#include "cloud.h"
#include "route.h"
#include "settings.h"

static json_t *audiences(const struct request *req, const struct cloud *c)
{
	_cleanup_free_ char *base = request_base(req);
	_cleanup_free_ char *own = xasprintf("%s/", base);

	return c->public_cloud ? jnew("[s,s]", "https://management.core.windows.net/",
	                              "https://management.azure.com/")
	                       : jnew("[s,s]", own, "https://management.azure.com/");
}

static json_t *authentication(const struct request *req, const struct cloud *c)
{
	return jnew("{s:s s:o s:s s:s}", "loginEndpoint", c->login, "audiences", audiences(req, c), "tenant",
	            "common", "identityProvider", "AAD");
}

static json_t *suffixes(void)
{
	return jnew("{s:s s:s s:s s:s s:s s:s}", "azureDataLakeStoreFileSystem", "azuredatalakestore.net",
	            "acrLoginServer", "azurecr.io", "sqlServerHostname", "database.windows.net",
	            "keyVaultDns", "vault.azure.net", "storage", "core.windows.net",
	            "azureFrontDoorEndpointSuffix", "azurefd.net");
}

static json_t *entry(const struct request *req, const struct cloud *c, bool newest)
{
	json_t *e = jnew("{s:s s:o s:s s:s s:s s:s s:o s:s}", "portal", "https://portal.azure.com",
	                 "authentication", authentication(req, c), "media", "https://rest.media.azure.net",
	                 "graphAudience", "https://graph.windows.net/", "graph", "https://graph.windows.net/",
	                 "name", c->name, "suffixes", suffixes(), "batch", "https://batch.core.windows.net/");

	if (sw_bool(req->sim, "metadata_resource_manager"))
		jsets(e, "resourceManager", c->arm);
	jsets(e, "vmImageAliasDoc",
	      "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/master/arm-compute/"
	      "quickstart-templates/aliases.json");
	jsets(e, "activeDirectoryDataLake", "https://datalake.azure.net/");
	jsets(e, "sqlManagement", "https://management.core.windows.net:8443/");
	jsets(e, "gallery", "https://gallery.azure.com/");
	if (newest) {
		jsets(e, "microsoftGraphResourceId", "https://graph.microsoft.com/");
		jsets(e, "appInsightsResourceId", "https://api.applicationinsights.io");
		jsets(e, "logAnalyticsResourceId", "https://api.loganalytics.io");
		jsets(e, "synapseAnalyticsResourceId", "https://dev.azuresynapse.net");
		jsets(e, "attestationResourceId", "https://attest.azure.net");
		jsets(e, "ossrDbmsResourceId", "https://ossrdbms-aad.database.windows.net");
	}
	return e;
}

static json_t *old_shape(const struct request *req, const struct cloud *c)
{
	return jnew("{s:s s:s s:s s:{s:s s:o}}", "galleryEndpoint", "https://gallery.azure.com/",
	            "graphEndpoint", "https://graph.windows.net/", "portalEndpoint",
	            "https://portal.azure.com/", "authentication", "loginEndpoint", c->login, "audiences",
	            audiences(req, c));
}

static void endpoints(struct request *req)
{
	const char *version = query_get(req, "api-version");
	struct cloud c;

	cloud_of(req, &c);
	if (!version || !strcmp(version, "1.0") || strcmp(version, "2015-01-01") <= 0) {
		reply_json(req, 200, old_shape(req, &c));
	} else if (strcmp(version, "2022-09-01") >= 0) {
		reply_json(req, 200, entry(req, &c, true));
		req->reply.bom = sw_bool(req->sim, "metadata_bom");
	} else {
		reply_json(req, 200, jnew("[o]", entry(req, &c, false)));
	}
	cloud_clear(&c);
}

const struct route routes_metadata[] = {
        {"GET", "/metadata/endpoints", "MetadataEndpoints", NULL, NULL, MANNERS_ARM,
         ROUTE_NO_TOKEN | ROUTE_UNSPECIFIED, endpoints},
        {0},
};
