// SPDX-License-Identifier: Apache-2.0
/*
 * What an application of the directory is known by besides a secret: its certificates, and
 * the issuers of other directories whose word counts for it.
 */
#ifndef AZSIM_TRUST_H
#define AZSIM_TRUST_H

#include <openssl/x509.h>

#include "util.h"

struct certificate {
	struct certificate *next;
	X509 *x509;
	unsigned char sha1[20], sha256[32]; // of the DER
};

struct federation {
	struct federation *next;
	char *issuer, *subject, *audience;
	EVP_PKEY *key; // the issuer's, public
};

struct trust {
	struct certificate *certificates;
	struct federation *federations;
};

// From a principal's entry; the result is a sentence the caller frees, or NULL. *ret stays empty then.
char *trust_read(const json_t *entry, struct trust *ret);
void trust_clear(struct trust *trust);

#endif
