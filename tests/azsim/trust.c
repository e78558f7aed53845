// SPDX-License-Identifier: Apache-2.0
#include "trust.h"

#include <openssl/pem.h>
#include <string.h>

// PEM itself, or the name of a file that holds it.
static BIO *pem_source(const char *text)
{
	if (!strncmp(text, "-----BEGIN ", 11))
		return BIO_new_mem_buf(text, -1);
	return BIO_new_file(text, "re");
}

static bool add_certificate(struct trust *trust, const char *text)
{
	BIO *bio = text ? pem_source(text) : NULL;
	X509 *x509 = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	struct certificate *c;

	BIO_free(bio);
	if (!x509)
		return false;
	c = xcalloc(1, sizeof(*c));
	c->x509 = x509;
	(void)X509_digest(x509, EVP_sha1(), c->sha1, NULL);
	(void)X509_digest(x509, EVP_sha256(), c->sha256, NULL);
	c->next = trust->certificates;
	trust->certificates = c;
	return true;
}

static bool add_federation(struct trust *trust, const json_t *entry)
{
	const char *issuer = jstr(entry, "issuer", NULL), *subject = jstr(entry, "subject", NULL),
	           *audience = jstr(entry, "audience", NULL), *key = jstr(entry, "key", NULL);
	BIO *bio = key ? pem_source(key) : NULL;
	EVP_PKEY *pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	struct federation *f;

	BIO_free(bio);
	if (!pkey || !issuer || !subject || !audience) {
		EVP_PKEY_free(pkey);
		return false;
	}
	f = xcalloc(1, sizeof(*f));
	*f = (struct federation){trust->federations, xstrdup(issuer), xstrdup(subject), xstrdup(audience),
	                         pkey};
	trust->federations = f;
	return true;
}

char *trust_read(const json_t *entry, struct trust *ret)
{
	struct trust trust = {0};
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(entry, "certificates"), i, v)
	{
		if (add_certificate(&trust, json_string_value(v)))
			continue;
		trust_clear(&trust);
		return xasprintf("certificates[%zu] is neither PEM of a certificate nor a file with it", i);
	}
	json_array_foreach(json_object_get(entry, "federated"), i, v)
	{
		if (add_federation(&trust, v))
			continue;
		trust_clear(&trust);
		return xasprintf(
		        "federated[%zu] needs issuer, subject, audience and key (a public one: PEM, or a "
		        "file with it)",
		        i);
	}
	*ret = trust;
	return NULL;
}

void trust_clear(struct trust *trust)
{
	while (trust->certificates) {
		struct certificate *c = trust->certificates;

		trust->certificates = c->next;
		X509_free(c->x509);
		free(c);
	}
	while (trust->federations) {
		struct federation *f = trust->federations;

		trust->federations = f->next;
		free(f->issuer);
		free(f->subject);
		free(f->audience);
		EVP_PKEY_free(f->key);
		free(f);
	}
}
