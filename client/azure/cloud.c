// SPDX-License-Identifier: Apache-2.0
#include "cloud.h"

#include <azjit/text.h>

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
