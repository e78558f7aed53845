// SPDX-License-Identifier: Apache-2.0
#include "jwt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <string.h>
#include <sysexits.h>

#include "util.h"

struct key {
	EVP_PKEY *pkey;
	char *kid, *n, *e;
};

static char *parameter(const EVP_PKEY *pkey, const char *name)
{
	unsigned char bytes[512];
	BIGNUM *n = NULL;
	int len;

	if (!EVP_PKEY_get_bn_param(pkey, name, &n))
		die(EX_SOFTWARE, "the token key has no '%s'", name);
	len = BN_bn2bin(n, bytes);
	BN_free(n);
	return base64url(bytes, (size_t)len);
}

struct key *key_new(void)
{
	struct key *key = xcalloc(1, sizeof(*key));
	unsigned char digest[SHA256_DIGEST_LENGTH];

	key->pkey = EVP_RSA_gen(2048);
	if (!key->pkey)
		die(EX_SOFTWARE, "no token key could be made");
	key->n = parameter(key->pkey, OSSL_PKEY_PARAM_RSA_N);
	key->e = parameter(key->pkey, OSSL_PKEY_PARAM_RSA_E);
	SHA256((const unsigned char *)key->n, strlen(key->n), digest);
	key->kid = base64url(digest, 20);
	return key;
}

json_t *key_jwks(const struct key *key)
{
	return jnew("{s:[{s:s s:s s:s s:s s:s s:s}]}", "keys", "kty", "RSA", "use", "sig", "alg", "RS256",
	            "kid", key->kid, "n", key->n, "e", key->e);
}

static char *part(const json_t *v)
{
	_cleanup_free_ char *text = json_dumps(v, JSON_COMPACT);

	return base64url(text, strlen(text));
}

char *jwt_sign(const struct key *key, const json_t *claims)
{
	json_auto_t *header =
	        jnew("{s:s s:s s:s s:s}", "typ", "JWT", "alg", "RS256", "x5t", key->kid, "kid", key->kid);
	_cleanup_free_ char *h = part(header), *c = part(claims), *signed_part = xasprintf("%s.%s", h, c),
	                    *s = NULL;
	unsigned char sig[512];
	size_t len = sizeof(sig);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!ctx || EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key->pkey) != 1 ||
	    EVP_DigestSign(ctx, sig, &len, (const unsigned char *)signed_part, strlen(signed_part)) != 1)
		die(EX_SOFTWARE, "a token could not be signed");
	EVP_MD_CTX_free(ctx);
	s = base64url(sig, len);
	return xasprintf("%s.%s", signed_part, s);
}

static bool signature_good(const struct key *key, const char *token, size_t signed_len, const char *sig64)
{
	size_t len = 0;
	_cleanup_free_ unsigned char *sig = base64url_decode(sig64, strlen(sig64), &len);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = sig && ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
	            EVP_DigestVerify(ctx, sig, len, (const unsigned char *)token, signed_len) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

json_t *jwt_part(const char *s, size_t len)
{
	size_t bytes = 0;
	_cleanup_free_ unsigned char *text = base64url_decode(s, len, &bytes);

	return text ? json_loadb((const char *)text, bytes, JSON_REJECT_DUPLICATES, NULL) : NULL;
}

json_t *jwt_verify(const struct key *key, const char *token)
{
	const char *dot1 = strchr(token, '.'), *dot2 = dot1 ? strchr(dot1 + 1, '.') : NULL;

	if (!dot2 || strchr(dot2 + 1, '.'))
		return NULL;
	json_auto_t *header = jwt_part(token, (size_t)(dot1 - token));

	if (strcmp(jstr(header, "alg", ""), "RS256") ||
	    !signature_good(key, token, (size_t)(dot2 - token), dot2 + 1))
		return NULL;
	return jwt_part(dot1 + 1, (size_t)(dot2 - dot1 - 1));
}
