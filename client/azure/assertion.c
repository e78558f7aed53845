// SPDX-License-Identifier: Apache-2.0
#include "certificate.h"

#include <azjit/buf.h>
#include <jansson.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#define ASSERTION_MAX_BYTES ((size_t)256 * 1024)
#define LIFE_S              600
#define DIGEST_BYTES        ((size_t)32)

// --- encodings ----------------------------------------------------------------------------------------

// Base64 as x5c has it (RFC 4648 §4), or as JWTs have it (§5, without padding).
static bool add_base64(struct azjit_buf *buf, const void *bytes, size_t len, bool url)
{
	_cleanup_free_ char *text = len < ASSERTION_MAX_BYTES ? malloc((len + 2) / 3 * 4 + 1) : NULL;

	if (!text)
		return false;
	(void)EVP_EncodeBlock((unsigned char *)text, bytes, (int)len);
	for (char *c = text; url && *c; c++)
		*c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c == '=' ? '\0' : *c);
	return azjit_buf_str(buf, text);
}

static bool add_json(struct azjit_buf *buf, const json_t *value)
{
	char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
	bool ok = text && add_base64(buf, text, strlen(text), true);

	free(text);
	return ok;
}

// --- header and claims --------------------------------------------------------------------------------

static bool set_thumbprint(json_t *header, const X509 *own)
{
	_cleanup_buf_ struct azjit_buf text = AZJIT_BUF(64);
	unsigned char digest[DIGEST_BYTES];

	return X509_digest(own, EVP_sha256(), digest, NULL) == 1 &&
	       add_base64(&text, digest, sizeof(digest), true) &&
	       json_object_set_new(header, "x5t#S256", json_string(text.data)) == 0;
}

static bool append_der(json_t *list, const X509 *one)
{
	_cleanup_buf_ struct azjit_buf text = AZJIT_BUF(ASSERTION_MAX_BYTES);
	unsigned char *der = NULL;
	int len = i2d_X509(one, &der);
	bool ok = len > 0 && add_base64(&text, der, (size_t)len, false) &&
	          json_array_append_new(list, json_string(text.data)) == 0;

	OPENSSL_free(der);
	return ok;
}

static bool set_chain(json_t *header, const STACK_OF(X509) * chain)
{
	json_t *list = json_array();

	if (json_object_set_new(header, "x5c", list) != 0)
		return false;
	for (int i = 0; i < sk_X509_num(chain); i++)
		if (!append_der(list, sk_X509_value(chain, i)))
			return false;
	return true;
}

static bool add_header(struct azjit_buf *buf, const struct certificate *certificate, bool send_chain)
{
	json_auto_t *header = json_pack("{s:s, s:s}", "alg", "PS256", "typ", "JWT");

	return header && set_thumbprint(header, sk_X509_value(certificate->chain, 0)) &&
	       (!send_chain || set_chain(header, certificate->chain)) && add_json(buf, header);
}

static bool add_claims(struct azjit_buf *buf, const struct assertion *assertion)
{
	json_int_t now_s = assertion->now / AZJIT_TICKS_PER_S;
	json_auto_t *claims = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "aud", assertion->audience, "iss",
	                                assertion->client_id, "sub", assertion->client_id, "jti",
	                                assertion->jti, "nbf", now_s, "exp", now_s + LIFE_S);

	return add_json(buf, claims);
}

// --- signature ----------------------------------------------------------------------------------------

// OpenSSL 3.0 left alone makes the salt as long as the key allows, and Entra ID refuses that.
static bool ps256(EVP_MD_CTX *ctx, EVP_PKEY *key)
{
	EVP_PKEY_CTX *pkey = NULL;

	return EVP_DigestSignInit(ctx, &pkey, EVP_sha256(), NULL, key) == 1 &&
	       EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey, RSA_PSS_SALTLEN_DIGEST) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(pkey, EVP_sha256()) == 1;
}

static enum azjit_result no_memory(struct azjit_reason *reason)
{
	return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
}

static enum azjit_result sign(EVP_PKEY *key, const struct azjit_buf *text, struct azjit_reason *reason,
                              unsigned char **ret, size_t *ret_len)
{
	size_t len = (size_t)EVP_PKEY_get_size(key);
	_cleanup_free_ unsigned char *signature = malloc(len);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = signature && ctx && ps256(ctx, key) &&
	          EVP_DigestSign(ctx, signature, &len, (const unsigned char *)text->data, text->len) == 1;

	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	if (!ok)
		return no_memory(reason);
	*ret = STEAL(signature);
	*ret_len = len;
	return AZJIT_OK;
}

// Of all that the buffer holds so far.
static enum azjit_result add_signature(struct azjit_buf *buf, const struct certificate *certificate,
                                       struct azjit_reason *reason)
{
	_cleanup_free_ unsigned char *signature = NULL;
	size_t len = 0;
	enum azjit_result result =
	        certificate->provider
	                ? provider_sign(certificate->provider, buf->data, buf->len, reason, &signature, &len)
	                : sign(certificate->key, buf, reason, &signature, &len);

	if (result != AZJIT_OK)
		return result;
	return azjit_buf_str(buf, ".") && add_base64(buf, signature, len, true) ? AZJIT_OK
	                                                                        : no_memory(reason);
}

enum azjit_result certificate_assert(const struct certificate *certificate, const struct assertion *assertion,
                                     struct azjit_reason *reason, char **ret)
{
	_cleanup_(azjit_buf_wipe) struct azjit_buf buf = AZJIT_BUF(ASSERTION_MAX_BYTES);
	enum azjit_result result;
	char *text;

	if (!add_header(&buf, certificate, assertion->send_chain) || !azjit_buf_str(&buf, ".") ||
	    !add_claims(&buf, assertion))
		return no_memory(reason);
	result = add_signature(&buf, certificate, reason);
	if (result != AZJIT_OK)
		return result;
	text = azjit_buf_steal(&buf);
	if (!text)
		return no_memory(reason);
	*ret = text;
	return AZJIT_OK;
}
