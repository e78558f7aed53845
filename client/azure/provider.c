// SPDX-License-Identifier: Apache-2.0
// Threat model: certificate.c's, and a token that locks itself after a few wrong PINs, which would end every
// login until somebody unlocks it. So a PIN is given once for each time the key is opened, to the one token
// that the URI names, and one that was refused never again. The provider and the module that it loads are code
// in our process: the provider comes from OpenSSL's own directory, the module from a path of root's configuration
// that nobody else can write. Nobody is ever asked for a PIN on a terminal.
#include "provider.h"

#include "entra.h"
#include "key_uri.h"

#include <azjit/text.h>
#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/sha.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <stdio.h>
#include <sys/stat.h>

#define CONF_MAX_BYTES ((size_t)8192)
#define PIN_MAX_BYTES  ((size_t)PEM_BUFSIZE)
#define WORDS_BYTES    ((size_t)200)

struct provider {
	struct key_uri uri;
	struct azjit_buf pin; // wiped once the key is open
	bool has_pin;
	unsigned char pin_digest[SHA256_DIGEST_LENGTH]; // of key and PIN
	OSSL_LIB_CTX *context;
	OSSL_PROVIDER *basic, *own;
	UI_METHOD *method;
	unsigned asked;
	bool given;
	EVP_PKEY *key;
};

// Of the PIN that was refused last, with the key that it was for.
static unsigned char refused[SHA256_DIGEST_LENGTH];

static enum azjit_result no_memory(struct azjit_reason *reason)
{
	return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
}

// --- the PIN ------------------------------------------------------------------------------------------

static bool digest_pin(struct provider *provider)
{
	const char *object = provider->uri.object;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
	          EVP_DigestUpdate(ctx, object, strlen(object) + 1) &&
	          EVP_DigestUpdate(ctx, provider->pin.data, provider->pin.len) &&
	          EVP_DigestFinal_ex(ctx, provider->pin_digest, NULL);

	EVP_MD_CTX_free(ctx);
	return ok;
}

static enum azjit_result read_pin(struct provider *provider, const char *pin_file,
                                  struct azjit_reason *reason)
{
	const char *named = provider->uri.pin_file;
	enum azjit_result result;

	if (named && pin_file)
		return azjit_fail(reason, AZJIT_CONFIG,
		                  "the PIN of the key %s has two files, password_file and pin-source: leave "
		                  "one out",
		                  provider->uri.object);
	if (!named && !pin_file)
		return AZJIT_OK;
	provider->has_pin = true;
	result = entra_read_line(named ? named : pin_file, "PIN", &provider->pin, reason);
	if (result == AZJIT_OK && !digest_pin(provider))
		return no_memory(reason);
	return result;
}

static bool pin_refused_before(const struct provider *provider)
{
	return provider->has_pin && memcmp(provider->pin_digest, refused, sizeof(refused)) == 0;
}

static enum azjit_result pin_refused(const struct provider *provider, struct azjit_reason *reason)
{
	memcpy(refused, provider->pin_digest, sizeof(refused));
	return azjit_fail(reason, AZJIT_CONFIG,
	                  "%s refuses the PIN of the key %s: it is wrong, or locked after too many; until it "
	                  "changes or azjitd is restarted it is not tried again",
	                  provider->uri.scheme->keeper, provider->uri.object);
}

static enum azjit_result pin_missing(const struct provider *provider, struct azjit_reason *reason)
{
	return azjit_fail(reason, AZJIT_CONFIG,
	                  "the key %s is under a PIN: name the file that holds it in password_file",
	                  provider->uri.object);
}

static int give_pin(char *buf, int size, int writing, void *userdata)
{
	struct provider *provider = userdata;
	size_t len = provider->pin.len;

	provider->asked++;
	if (provider->given || len == 0 || len > (size_t)size)
		return -1;
	provider->given = true;
	memcpy(buf, provider->pin.data, len);
	return (int)len;
}

// --- loading ------------------------------------------------------------------------------------------

static enum azjit_result check_module(const char *path, struct azjit_reason *reason)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return azjit_fail(reason, AZJIT_CONFIG, "the module-path %s cannot be read: %m", path);
	if (!S_ISREG(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid()) ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)))
		return azjit_fail(reason, AZJIT_CONFIG,
		                  "the module-path %s must be a file of root that nobody else can write",
		                  path);
	return AZJIT_OK;
}

// OpenSSL 3.0 has no other way to give a provider its parameters than a configuration.
static bool configure(const struct provider *provider)
{
	_cleanup_buf_ struct azjit_buf text = AZJIT_BUF(CONF_MAX_BYTES);
	CONF *conf = NCONF_new_ex(provider->context, NULL);
	BIO *bio = NULL;
	long line = 0;
	bool ok = azjit_buf_printf(&text,
	                           "openssl_conf = a\n[a]\nproviders = b\n[b]\n%s = c\n[c]\n"
	                           "pkcs11-module-path = %s\n",
	                           provider->uri.scheme->provider, provider->uri.module);

	if (ok)
		bio = BIO_new_mem_buf(text.data, (int)text.len);
	ok = conf && bio && NCONF_load_bio(conf, bio, &line) == 1 && CONF_modules_load(conf, NULL, 0) == 1;
	BIO_free(bio);
	NCONF_free(conf);
	return ok;
}

// What the provider said last of its own, or nothing.
static void own_words(char ret[WORDS_BYTES])
{
	const char *data = NULL;
	int flags = 0;

	(void)ERR_peek_last_error_all(NULL, NULL, NULL, &data, &flags);
	azjit_printable((flags & ERR_TXT_STRING) && data ? data : "", ret, WORDS_BYTES);
}

static enum azjit_result not_loaded(const struct provider *provider, struct azjit_reason *reason)
{
	const struct key_scheme *scheme = provider->uri.scheme;

	if (ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_INIT_FAIL)
		return azjit_fail(reason, AZJIT_CONFIG,
		                  "%s of the key %s does not answer: is it there, and may azjit open it?",
		                  scheme->keeper, provider->uri.object);
	return azjit_fail(reason, AZJIT_CONFIG,
	                  "the key %s needs OpenSSL's provider \"%s\": install the package %s",
	                  provider->uri.object, scheme->provider, scheme->package);
}

static enum azjit_result load(struct provider *provider, struct azjit_reason *reason)
{
	enum azjit_result result = AZJIT_OK;

	// A provider that lacks a PIN asks on the terminal, by a method that is the process's.
	UI_set_default_method(UI_null());
	provider->context = OSSL_LIB_CTX_new();
	provider->method = UI_UTIL_wrap_read_pem_callback(give_pin, 0);
	if (!provider->context || !provider->method)
		return no_memory(reason);
	if (provider->uri.module)
		result = check_module(provider->uri.module, reason);
	if (result != AZJIT_OK)
		return result;
	provider->basic = OSSL_PROVIDER_load(provider->context, "default");
	if (!provider->basic || (provider->uri.module && !configure(provider)))
		return no_memory(reason);
	provider->own = OSSL_PROVIDER_load(provider->context, provider->uri.scheme->provider);
	return provider->own ? AZJIT_OK : not_loaded(provider, reason);
}

// --- objects ------------------------------------------------------------------------------------------

// NULL if the provider cannot look.
static OSSL_STORE_CTX *look_for(struct provider *provider, int kind)
{
	_cleanup_free_ char *name = NULL;
	OSSL_STORE_CTX *store = NULL;

	// A TPM's key is asked for its password only if its name says so.
	if (asprintf(&name, "%s%s", provider->uri.object,
	             provider->has_pin && azjit_streq(provider->uri.scheme->provider, "tpm2") ? "?pass"
	                                                                                      : "") >= 0)
		store = OSSL_STORE_open_ex(name, provider->context, NULL, provider->method, provider, NULL,
		                           NULL, NULL);
	if (store)
		(void)OSSL_STORE_expect(store, kind);
	return store;
}

// The next object of that kind, NULL behind the last.
static OSSL_STORE_INFO *next_of(OSSL_STORE_CTX *store, int kind)
{
	while (!OSSL_STORE_eof(store) && !OSSL_STORE_error(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);

		if (info && OSSL_STORE_INFO_get_type(info) == kind)
			return info;
		OSSL_STORE_INFO_free(info);
	}
	return NULL;
}

static EVP_PKEY *first_key(OSSL_STORE_CTX *store)
{
	OSSL_STORE_INFO *info = next_of(store, OSSL_STORE_INFO_PKEY);
	EVP_PKEY *key = info ? OSSL_STORE_INFO_get1_PKEY(info) : NULL;

	OSSL_STORE_INFO_free(info);
	return key;
}

// The provider tells neither a wrong PIN nor a missing key apart. Who is logged in is not asked again.
static bool logged_in(struct provider *provider)
{
	unsigned before = provider->asked;
	OSSL_STORE_CTX *store = look_for(provider, OSSL_STORE_INFO_PKEY);

	if (store)
		EVP_PKEY_free(first_key(store));
	OSSL_STORE_close(store);
	return provider->asked == before;
}

static enum azjit_result not_found(struct provider *provider, struct azjit_reason *reason)
{
	const struct key_uri *uri = &provider->uri;

	if (!provider_is_token(provider))
		return azjit_fail(reason, AZJIT_CONFIG, "the TPM keeps no key at %s", uri->object);
	if (provider->asked == 0)
		return azjit_fail(
		        reason, AZJIT_CONFIG,
		        "no token that is there has the key %s: is it plugged in, and may azjit open "
		        "it?",
		        uri->object);
	if (!provider->given)
		return pin_missing(provider, reason);
	if (!logged_in(provider))
		return pin_refused(provider, reason);
	return azjit_fail(reason, AZJIT_CONFIG, "the token holds no private key of the name %s", uri->object);
}

static enum azjit_result find_key(struct provider *provider, struct azjit_reason *reason)
{
	OSSL_STORE_CTX *store = look_for(provider, OSSL_STORE_INFO_PKEY);

	if (!store)
		return azjit_fail(reason, AZJIT_CONFIG,
		                  "OpenSSL's provider \"%s\" cannot look for the key %s: %s%s",
		                  provider->uri.scheme->provider, provider->uri.object,
		                  provider->uri.module ? "is its module-path a PKCS#11 module? "
		                                       : "name the PKCS#11 module, ?module-path=",
		                  provider->uri.module ? provider->uri.module : "/PATH");
	provider->key = first_key(store);
	OSSL_STORE_close(store);
	return provider->key ? AZJIT_OK : not_found(provider, reason);
}

enum azjit_result provider_certificates(struct provider *provider, STACK_OF(X509) * into)
{
	OSSL_STORE_CTX *store = look_for(provider, OSSL_STORE_INFO_CERT);
	OSSL_STORE_INFO *info;
	bool ok = true;

	while (ok && store && (info = next_of(store, OSSL_STORE_INFO_CERT))) {
		unsigned char *der = NULL;
		int len = i2d_X509(OSSL_STORE_INFO_get0_CERT(info), &der);
		const unsigned char *at = der;
		X509 *one = len > 0 ? d2i_X509(NULL, &at, len) : NULL; // in the process's own context

		ok = one && sk_X509_push(into, one);
		if (!ok)
			X509_free(one);
		OPENSSL_free(der);
		OSSL_STORE_INFO_free(info);
	}
	OSSL_STORE_close(store);
	return ok ? AZJIT_OK : AZJIT_NOMEM;
}

// --- the key ------------------------------------------------------------------------------------------

bool provider_is_token(const struct provider *provider)
{
	return azjit_streq(provider->uri.scheme->provider, "pkcs11");
}

EVP_PKEY *provider_key(const struct provider *provider)
{
	return provider->key;
}

EVP_PKEY *provider_public(const struct provider *provider)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(provider->key, &der);
	const unsigned char *at = der;
	EVP_PKEY *key = len > 0 ? d2i_PUBKEY(NULL, &at, len) : NULL;

	OPENSSL_free(der);
	return key;
}

static bool pss(EVP_PKEY_CTX *ctx)
{
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, SHA256_DIGEST_LENGTH) == 1;
}

// Preferred, as the basic provider would take the public half of a key and then fail to sign with it.
static bool sign(struct provider *provider, EVP_MD_CTX *ctx, const void *bytes, size_t len,
                 unsigned char *signature, size_t *signature_len)
{
	char preferred[64];
	EVP_PKEY_CTX *pkey = NULL;

	(void)snprintf(preferred, sizeof(preferred), "?provider=%s", provider->uri.scheme->provider);
	return EVP_DigestSignInit_ex(ctx, &pkey, "SHA256", provider->context, preferred, provider->key,
	                             NULL) == 1 &&
	       pss(pkey) && EVP_DigestSign(ctx, signature, signature_len, bytes, len) == 1;
}

// TPMs that are older than FIPS 186-4 make the salt as long as it fits.
static bool verifies(const struct provider *provider, const void *bytes, size_t len,
                     const unsigned char *signature, size_t signature_len)
{
	EVP_PKEY *key = provider_public(provider);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pkey = NULL;
	bool ok = key && ctx && EVP_DigestVerifyInit(ctx, &pkey, EVP_sha256(), NULL, key) == 1 && pss(pkey) &&
	          EVP_DigestVerify(ctx, signature, signature_len, bytes, len) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return ok;
}

// TPM_RC_AUTH_FAIL and TPM_RC_BAD_AUTH of any session, TPM_RC_LOCKOUT (TPM 2.0 library, part 2, 6.6); the
// provider's words begin with the number.
static bool is_pin_trouble(const char *words)
{
	_cleanup_free_ char *number = strndup(words, strcspn(words, " "));
	uint64_t rc;

	if (!number || azjit_parse_u64(number, 0, UINT32_MAX, &rc) != AZJIT_OK)
		return false;
	return (rc & 0xbf) == 0x8e || (rc & 0xbf) == 0xa2 || rc == 0x921;
}

static enum azjit_result not_signed(const struct provider *provider, struct azjit_reason *reason)
{
	const struct key_uri *uri = &provider->uri;
	char words[WORDS_BYTES];

	own_words(words);
	if (is_pin_trouble(words))
		return provider->has_pin ? pin_refused(provider, reason) : pin_missing(provider, reason);
	return azjit_fail(reason, AZJIT_CONFIG, "%s does not sign with the key %s%s%s", uri->scheme->keeper,
	                  uri->object, *words ? ": " : "", words);
}

enum azjit_result provider_sign(struct provider *provider, const void *bytes, size_t len,
                                struct azjit_reason *reason, unsigned char **ret, size_t *ret_len)
{
	size_t size = (size_t)EVP_PKEY_get_size(provider->key);
	_cleanup_free_ unsigned char *signature = malloc(size);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	enum azjit_result result = AZJIT_OK;

	ERR_clear_error();
	if (!signature || !ctx)
		result = no_memory(reason);
	else if (!sign(provider, ctx, bytes, len, signature, &size))
		result = not_signed(provider, reason);
	else if (!verifies(provider, bytes, len, signature, size))
		result = azjit_fail(
		        reason, AZJIT_CONFIG,
		        "%s signs with the key %s, but not PS256 with a salt of 32 bytes, which is "
		        "what Entra ID takes",
		        provider->uri.scheme->keeper, provider->uri.object);
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	if (result != AZJIT_OK)
		return result;
	*ret = STEAL(signature);
	*ret_len = size;
	return AZJIT_OK;
}

// --- the whole ----------------------------------------------------------------------------------------

static enum azjit_result open_key(struct provider *provider, const char *pin_file,
                                  struct azjit_reason *reason)
{
	enum azjit_result result = read_pin(provider, pin_file, reason);

	if (result == AZJIT_OK && pin_refused_before(provider))
		result = pin_refused(provider, reason);
	if (result == AZJIT_OK)
		result = load(provider, reason);
	if (result == AZJIT_OK)
		result = find_key(provider, reason);
	azjit_buf_wipe(&provider->pin);
	return result;
}

enum azjit_result provider_open(const char *name, const char *pin_file, struct azjit_reason *reason,
                                struct provider **ret)
{
	struct azjit_reason clause = {""};
	struct provider *provider = calloc(1, sizeof(*provider));
	enum azjit_result result;

	if (!provider)
		return no_memory(reason);
	provider->pin = AZJIT_BUF(PIN_MAX_BYTES);
	ERR_clear_error();
	result = key_uri_parse(name, &clause, &provider->uri);
	if (result == AZJIT_OK)
		result = open_key(provider, pin_file, reason);
	else
		(void)azjit_fail(reason, result, "the key %s", clause.text);
	ERR_clear_error();
	if (result == AZJIT_OK)
		*ret = provider;
	else
		provider_free(provider);
	return result;
}

void provider_free(struct provider *provider)
{
	if (!provider)
		return;
	EVP_PKEY_free(provider->key);
	if (provider->own)
		(void)OSSL_PROVIDER_unload(provider->own);
	if (provider->basic)
		(void)OSSL_PROVIDER_unload(provider->basic);
	OSSL_LIB_CTX_free(provider->context);
	UI_destroy_method(provider->method);
	azjit_buf_wipe(&provider->pin);
	key_uri_clear(&provider->uri);
	free(provider);
}
