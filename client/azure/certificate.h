// SPDX-License-Identifier: Apache-2.0
// An application's certificate with its private key, and the JWT that proves the possession of both.
#ifndef AZJIT_AZURE_CERTIFICATE_H
#define AZJIT_AZURE_CERTIFICATE_H

#include "provider.h"

#include <azjit/time.h>

struct certificate_files {
	const char *certificate;   // PEM, or PKCS#12; NULL: the token of key_uri has it
	const char *key;           // PEM; NULL: in the same file
	const char *key_uri;       // in place of a file (provider.h); NULL: none
	const char *password;      // one line, of key or key_uri; NULL: none
	const char *password_text; // instead of that file, for key; NULL: not given
};

struct certificate {
	struct provider *provider; // keeps the key; NULL: it was in a file
	EVP_PKEY *key;             // RSA, 2048 bits at least: what Entra ID takes (azure.md §12.4)
	STACK_OF(X509) *
	        chain; // the key's own, then each its predecessor's issuer, as far as the file has them
};

// Reads and judges them: AZJIT_OK, else why (AZJIT_CONFIG; NOT_FOUND, SYSTEM, NOMEM as file.h has them). The
// files must be trusted, and those that hold key or password unreadable to others. `now`: the certificate must
// be valid.
enum azjit_result certificate_load(const struct certificate_files *files, azjit_ticks now,
                                   struct azjit_reason *reason, struct certificate **ret);
void certificate_free(struct certificate *certificate); // accepts NULL; the key is wiped

struct assertion {
	const char *audience; // the token endpoint
	const char *client_id;
	const char *jti; // another each time
	azjit_ticks now; // the service's clock: valid from then, for ten minutes
	bool send_chain; // x5c: for applications that trust subject name and issuer
};

// A JWT signed PS256 with a salt of 32 bytes, header x5t#S256 (azure.md §6.4, §12.5). Caller wipes and frees
// it. NOMEM, and what provider_sign has.
enum azjit_result certificate_assert(const struct certificate *certificate, const struct assertion *assertion,
                                     struct azjit_reason *reason, char **ret);

#endif
