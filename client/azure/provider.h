// SPDX-License-Identifier: Apache-2.0
// A private key that never leaves the token or TPM that keeps it, by way of a provider of OpenSSL 3 in a
// library context of our own: the process's own context, which libcurl uses for TLS, knows nothing of it.
#ifndef AZJIT_AZURE_PROVIDER_H
#define AZJIT_AZURE_PROVIDER_H

#include <azjit/result.h>
#include <openssl/x509.h>

struct provider;

// `name` is a URI of key_uri.h; `pin_file`, if not NULL, holds the PIN where the URI names no file for it: one
// line, trusted and secret (file.h). Loads the provider and finds the key: AZJIT_OK, or AZJIT_CONFIG with a
// sentence that names what is missing (the package, the token, the key, the PIN); NOMEM, and what file.h has.
// A PIN that was refused is not tried again by this process: tokens lock themselves after a few.
enum azjit_result provider_open(const char *name, const char *pin_file, struct azjit_reason *reason,
                                struct provider **ret);
// Accepts NULL. Keys of it must be gone.
void provider_free(struct provider *provider);

bool provider_is_token(const struct provider *provider); // which may keep certificates, too
EVP_PKEY *provider_key(const struct provider *provider); // borrowed
// Its public half in the process's own context, where certificates are. NULL if it cannot be told.
EVP_PKEY *provider_public(const struct provider *provider);
// The certificates that have the key's name; the stack, which exists, may stay empty. AZJIT_OK or NOMEM.
enum azjit_result provider_certificates(struct provider *provider, STACK_OF(X509) * into);

// PS256 with a salt of 32 bytes (assertion.c) of some bytes; the caller frees *ret with free(). AZJIT_CONFIG
// with a sentence if the keeper refuses, or its signature is another one.
enum azjit_result provider_sign(struct provider *provider, const void *bytes, size_t len,
                                struct azjit_reason *reason, unsigned char **ret, size_t *ret_len);

#endif
