// SPDX-License-Identifier: Apache-2.0
// What a token says of its identity.
#ifndef AZJIT_AZURE_CLAIMS_H
#define AZJIT_AZURE_CLAIMS_H

#include <azjit/azure.h>

// False if the token is no JWT (RFC 7519) or its claims are no JSON object. The signature is not looked at.
bool claims_read(const char *token, struct azjit_claims *ret);

#endif
