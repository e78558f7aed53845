// SPDX-License-Identifier: Apache-2.0
/*
 * The certificate azsim shows. DIR holds ca.pem, cert.pem and key.pem, or receives them: an authority
 * made for this purpose only, whose key is thrown away, and one server certificate under it.
 */
#ifndef AZSIM_TLS_H
#define AZSIM_TLS_H

#include "sim.h"

struct tls {
	char *cert_pem, *key_pem; // owned, NUL-terminated
};

// Ends the process with a sentence when DIR cannot be used or its certificate lacks a --tls-name.
void tls_load(const struct options *opt, struct tls *ret);
void tls_clear(struct tls *tls);

#endif
