// SPDX-License-Identifier: Apache-2.0
// Where a cloud is: the three public ones are built in, of another its metadata tells (azure.md §6.7).
#ifndef AZJIT_AZURE_CLOUD_H
#define AZJIT_AZURE_CLOUD_H

#include <azjit/result.h>

// "https://" and a name of 253 characters and a port, with room to spare.
#define CLOUD_ORIGIN_CHARS   280
#define CLOUD_AUDIENCE_CHARS 512

struct cloud {
	const char *name, *login, *resource_manager; // origins
	const char *audience;                        // for whom a token is asked, with its slash
};

// By name, compared without case; NULL or "" is AzureCloud. NULL if there is no such cloud.
const struct cloud *cloud_find(const char *name);

// What is in force. "" in all three: not known yet.
struct cloud_endpoints {
	char resource_manager[CLOUD_ORIGIN_CHARS], login[CLOUD_ORIGIN_CHARS]; // origins, in normal form
	char audience[CLOUD_AUDIENCE_CHARS];
};

// The endpoints of the cloud of that name out of the answer of {asked}/metadata/endpoints, in any of its
// three shapes: an array of clouds, one cloud, or the oldest, which names none. `asked` is an origin in
// normal form; it is Resource Manager's where the answer does not say. AZJIT_PROTOCOL, AZJIT_CONFIG (the
// answer knows the cloud by no such name, or the cloud needs what azjit does not have) or AZJIT_NOMEM,
// with a sentence.
enum azjit_result cloud_read(const char *text, size_t len, const char *name, const char *asked,
                             struct cloud_endpoints *ret, struct azjit_reason *reason);

#endif
