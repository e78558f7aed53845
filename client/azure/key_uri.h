// SPDX-License-Identifier: Apache-2.0
// Names of private keys that a provider of OpenSSL keeps. Pure: nothing is opened.
#ifndef AZJIT_AZURE_KEY_URI_H
#define AZJIT_AZURE_KEY_URI_H

#include <azjit/azure.h>

struct key_scheme {
	const char *prefix;   // of the URI
	const char *provider; // by OpenSSL's name
	const char *package;  // that brings it, on Debian, Ubuntu, Fedora and RHEL alike
	const char *keeper;   // for sentences: "the token"
};

struct key_uri {
	const struct key_scheme *scheme;
	char *object;   // the URI for the provider: without its query, and without type=private
	char *module;   // module-path of RFC 7512 §2.4: absolute; NULL: the provider's own default
	char *pin_file; // pin-source: absolute; NULL: none
};

// AZJIT_CONFIG with a clause about the key ("holds its PIN …"), as azjit_key_uri_check; no byte of a PIN is
// in it. NOMEM.
enum azjit_result key_uri_parse(const char *text, struct azjit_reason *reason, struct key_uri *ret);
void key_uri_clear(struct key_uri *uri);

#endif
