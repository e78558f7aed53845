// SPDX-License-Identifier: Apache-2.0
// The three public clouds (azure.md §6.7).
#ifndef AZJIT_AZURE_CLOUD_H
#define AZJIT_AZURE_CLOUD_H

struct cloud {
	const char *name, *login, *resource_manager; // origins
	const char *audience;                        // for whom a token is asked, with its slash
};

// By name, compared without case; NULL or "" is AzureCloud. NULL if there is no such cloud.
const struct cloud *cloud_find(const char *name);

#endif
