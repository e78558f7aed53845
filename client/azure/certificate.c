// SPDX-License-Identifier: Apache-2.0
// Reading an application's certificate and key. Threat model: a local user who wants the key, or wants us to
// use another: see file.h for how files are opened. What was read is wiped, and OpenSSL wipes its own copies
// of private numbers. No byte of a file is part of a reason. OpenSSL's error queue is left empty, since libcurl
// reads the same one.
#include "certificate.h"

#include "entra.h"

#include <azjit/file.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>

#define FILE_MAX_BYTES     ((size_t)64 * 1024)
#define PASSWORD_MAX_BYTES ((size_t)PEM_BUFSIZE)
#define MIN_KEY_BITS       2048

struct reading {
	const struct certificate_files *files;
	struct azjit_buf password;
	bool asked; // OpenSSL wanted a password
	struct certificate *into;
	STACK_OF(X509) * found;
	EVP_PKEY *public; // of the key, in the context of the certificates
	struct azjit_reason *reason;
};

static enum azjit_result no_memory(struct azjit_reason *reason)
{
	return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
}

static const char *key_path(const struct reading *reading)
{
	const struct certificate_files *files = reading->files;

	return files->key_uri ? files->key_uri : files->key ? files->key : files->certificate;
}

static const char *certificate_path(const struct reading *reading)
{
	return reading->files->certificate ? reading->files->certificate : reading->files->key_uri;
}

static enum azjit_result password_failed(const struct reading *reading, const char *path)
{
	if (reading->files->password_text)
		return azjit_fail(reading->reason, AZJIT_CONFIG,
		                  "the password that was given does not open the private key in %s", path);
	if (!reading->files->password)
		return azjit_fail(
		        reading->reason, AZJIT_CONFIG,
		        "the private key in %s is under a password: set password_file (in the environment: "
		        "AZURE_CLIENT_CERTIFICATE_PASSWORD)",
		        path);
	return azjit_fail(reading->reason, AZJIT_CONFIG,
	                  "the password in %s does not open the private key in %s", reading->files->password,
	                  path);
}

// --- PKCS#12 ------------------------------------------------------------------------------------------

static enum azjit_result pkcs12_open(struct reading *reading, PKCS12 *p12)
{
	const char *path = reading->files->certificate;
	X509 *own = NULL;

	if (!PKCS12_parse(p12, reading->password.data, &reading->into->key, &own, &reading->found)) {
		if (ERR_GET_REASON(ERR_peek_last_error()) == PKCS12_R_MAC_VERIFY_FAILURE)
			return password_failed(reading, path);
		return azjit_fail(
		        reading->reason, AZJIT_CONFIG,
		        "%s cannot be decrypted by OpenSSL 3, which leaves out old ciphers: make it "
		        "anew with openssl pkcs12 -export",
		        path);
	}
	if (own && !reading->found)
		reading->found = sk_X509_new_null();
	if (own && (!reading->found || !sk_X509_push(reading->found, own))) {
		X509_free(own);
		return no_memory(reading->reason);
	}
	if (!reading->into->key)
		return azjit_fail(reading->reason, AZJIT_CONFIG, "%s holds no private key", path);
	return AZJIT_OK;
}

static enum azjit_result read_pkcs12(struct reading *reading, const struct azjit_buf *bytes)
{
	const unsigned char *at = (const unsigned char *)bytes->data;
	PKCS12 *p12 = d2i_PKCS12(NULL, &at, (long)bytes->len);
	enum azjit_result result;

	if (!p12)
		return azjit_fail(reading->reason, AZJIT_CONFIG,
		                  "%s is neither PEM nor PKCS#12: a certificate in DER is made PEM with "
		                  "openssl x509 -inform DER",
		                  reading->files->certificate);
	if (reading->files->key || reading->files->key_uri)
		result = azjit_fail(reading->reason, AZJIT_CONFIG,
		                    "%s is PKCS#12, which brings its own key: leave %s out",
		                    reading->files->certificate, reading->files->key ? "key_file" : "key");
	else
		result = pkcs12_open(reading, p12);
	PKCS12_free(p12);
	return result;
}

// --- PEM ----------------------------------------------------------------------------------------------

// Without a callback OpenSSL would ask on the terminal.
static int give_password(char *buf, int size, int writing, void *userdata)
{
	struct reading *reading = userdata;
	size_t len = reading->password.len;

	reading->asked = true;
	if (len == 0 || len > (size_t)size)
		return -1;
	memcpy(buf, reading->password.data, len);
	return (int)len;
}

static enum azjit_result pem_key(struct reading *reading, const struct azjit_buf *text)
{
	BIO *bio = BIO_new_mem_buf(text->data, (int)text->len);

	if (!bio)
		return no_memory(reading->reason);
	reading->into->key = PEM_read_bio_PrivateKey(bio, NULL, give_password, reading);
	BIO_free(bio);
	if (reading->into->key)
		return AZJIT_OK;
	if (reading->asked)
		return password_failed(reading, key_path(reading));
	if (reading->files->key)
		return azjit_fail(reading->reason, AZJIT_CONFIG, "%s holds no private key in PEM",
		                  reading->files->key);
	return azjit_fail(reading->reason, AZJIT_CONFIG,
	                  "%s holds no private key: put it there, or set key_file",
	                  reading->files->certificate);
}

static enum azjit_result pem_key_file(struct reading *reading)
{
	_cleanup_(azjit_buf_wipe) struct azjit_buf text = AZJIT_BUF(FILE_MAX_BYTES);
	enum azjit_result result =
	        azjit_file_read_trusted(reading->files->key, geteuid(), true, &text, reading->reason);

	return result == AZJIT_OK ? pem_key(reading, &text) : result;
}

static enum azjit_result pem_certificates(struct reading *reading, const struct azjit_buf *text)
{
	BIO *bio = BIO_new_mem_buf(text->data, (int)text->len);
	X509 *one;

	reading->found = sk_X509_new_null();
	while (bio && reading->found && (one = PEM_read_bio_X509(bio, NULL, give_password, reading)))
		if (!sk_X509_push(reading->found, one)) {
			X509_free(one);
			sk_X509_pop_free(STEAL(reading->found), X509_free);
		}
	if (!BIO_free(bio) || !reading->found)
		return no_memory(reading->reason);
	if (sk_X509_num(reading->found) == 0)
		return azjit_fail(reading->reason, AZJIT_CONFIG, "%s holds no certificate",
		                  reading->files->certificate);
	return AZJIT_OK;
}

static enum azjit_result read_pem(struct reading *reading, const struct azjit_buf *text)
{
	enum azjit_result result = pem_certificates(reading, text);

	if (result != AZJIT_OK || reading->files->key_uri)
		return result;
	return reading->files->key ? pem_key_file(reading) : pem_key(reading, text);
}

// --- a token or a TPM ---------------------------------------------------------------------------------

static enum azjit_result open_provider(struct reading *reading)
{
	struct certificate *into = reading->into;
	enum azjit_result result = provider_open(reading->files->key_uri, reading->files->password,
	                                         reading->reason, &into->provider);

	if (result == AZJIT_OK && EVP_PKEY_up_ref(provider_key(into->provider)) == 1)
		into->key = provider_key(into->provider);
	return result;
}

static enum azjit_result token_certificates(struct reading *reading)
{
	reading->found = sk_X509_new_null();
	if (!reading->found || (provider_is_token(reading->into->provider) &&
	                        provider_certificates(reading->into->provider, reading->found) != AZJIT_OK))
		return no_memory(reading->reason);
	if (sk_X509_num(reading->found) == 0)
		return azjit_fail(reading->reason, AZJIT_CONFIG,
		                  "there is no certificate beside the key %s: set certificate_file",
		                  reading->files->key_uri);
	return AZJIT_OK;
}

// --- judging ------------------------------------------------------------------------------------------

static enum azjit_result judge_key(const struct reading *reading)
{
	const EVP_PKEY *key = reading->into->key;
	const char *type = EVP_PKEY_get0_type_name(key);

	if (!type || !azjit_streq(type, "RSA"))
		return azjit_fail(reading->reason, AZJIT_CONFIG,
		                  "the private key in %s is %s: Entra ID takes RSA keys only",
		                  key_path(reading), type ? type : "of an unknown kind");
	if (EVP_PKEY_get_bits(key) < MIN_KEY_BITS)
		return azjit_fail(reading->reason, AZJIT_CONFIG,
		                  "the RSA key in %s has %d bits: Entra ID takes %d or more",
		                  key_path(reading), EVP_PKEY_get_bits(key), MIN_KEY_BITS);
	return AZJIT_OK;
}

// Moves a certificate over; false if memory ran out.
static bool take(struct reading *reading, int at)
{
	X509 *one = sk_X509_delete(reading->found, at);

	if (sk_X509_push(reading->into->chain, one))
		return true;
	X509_free(one);
	return false;
}

static EVP_PKEY *public_half(const struct certificate *certificate)
{
	if (certificate->provider)
		return provider_public(certificate->provider);
	return EVP_PKEY_up_ref(certificate->key) == 1 ? certificate->key : NULL;
}

static int find_own(const struct reading *reading)
{
	for (int i = 0; i < sk_X509_num(reading->found); i++)
		if (EVP_PKEY_eq(X509_get0_pubkey(sk_X509_value(reading->found, i)), reading->public) == 1)
			return i;
	return -1;
}

static int find_issuer(const struct reading *reading)
{
	const STACK_OF(X509) *chain = reading->into->chain;
	X509 *last = sk_X509_value(chain, sk_X509_num(chain) - 1);

	for (int i = 0; i < sk_X509_num(reading->found); i++)
		if (X509_check_issued(sk_X509_value(reading->found, i), last) == X509_V_OK)
			return i;
	return -1;
}

static enum azjit_result order_chain(struct reading *reading)
{
	int at = find_own(reading);

	if (at < 0)
		return azjit_fail(reading->reason, AZJIT_CONFIG,
		                  "the private key in %s fits no certificate in %s", key_path(reading),
		                  certificate_path(reading));
	reading->into->chain = sk_X509_new_null();
	for (; at >= 0; at = find_issuer(reading))
		if (!reading->into->chain || !take(reading, at))
			return no_memory(reading->reason);
	return AZJIT_OK;
}

static enum azjit_result judge_dates(const struct reading *reading, azjit_ticks now)
{
	const X509 *own = sk_X509_value(reading->into->chain, 0);
	time_t at = (time_t)(now / AZJIT_TICKS_PER_S);
	bool over = X509_cmp_time(X509_get0_notAfter(own), &at) <= 0;
	struct tm day = {0};

	if (!over && X509_cmp_time(X509_get0_notBefore(own), &at) <= 0)
		return AZJIT_OK;
	(void)ASN1_TIME_to_tm(over ? X509_get0_notAfter(own) : X509_get0_notBefore(own), &day);
	return azjit_fail(reading->reason, AZJIT_CONFIG, "the certificate in %s %s %04d-%02d-%02d%s",
	                  certificate_path(reading), over ? "expired on" : "is not valid before",
	                  day.tm_year + 1900, day.tm_mon + 1, day.tm_mday,
	                  over ? ": put its successor there" : ": is the clock right?");
}

// --- the whole ----------------------------------------------------------------------------------------

static enum azjit_result read_files(struct reading *reading)
{
	const struct certificate_files *files = reading->files;
	_cleanup_(azjit_buf_wipe) struct azjit_buf bytes = AZJIT_BUF(FILE_MAX_BYTES);
	enum azjit_result result = AZJIT_OK;

	if (files->password_text && !azjit_buf_str(&reading->password, files->password_text))
		return azjit_fail(reading->reason, AZJIT_CONFIG, "the password is longer than %zu bytes",
		                  PASSWORD_MAX_BYTES);
	if (files->key_uri)
		result = open_provider(reading);
	else if (files->password && !files->password_text)
		result = entra_read_line(files->password, "password", &reading->password, reading->reason);
	if (result == AZJIT_OK && !files->certificate)
		return token_certificates(reading);
	if (result == AZJIT_OK)
		result = azjit_file_read_trusted(files->certificate, geteuid(),
		                                 !files->key && !files->key_uri, &bytes, reading->reason);
	if (result != AZJIT_OK)
		return result;
	// DER begins with the tag of a sequence, which is the digit 0 in a text.
	if (bytes.len && bytes.data[0] == 0x30 && !strstr(bytes.data, "-----BEGIN "))
		return read_pkcs12(reading, &bytes);
	return read_pem(reading, &bytes);
}

enum azjit_result certificate_load(const struct certificate_files *files, azjit_ticks now,
                                   struct azjit_reason *reason, struct certificate **ret)
{
	struct reading reading = {
	        .files = files, .password = AZJIT_BUF(PASSWORD_MAX_BYTES), .reason = reason};
	enum azjit_result result;

	reading.into = calloc(1, sizeof(*reading.into));
	if (!reading.into)
		return no_memory(reason);
	result = read_files(&reading);
	if (result == AZJIT_OK)
		result = judge_key(&reading);
	reading.public = result == AZJIT_OK ? public_half(reading.into) : NULL;
	if (result == AZJIT_OK)
		result = order_chain(&reading);
	if (result == AZJIT_OK)
		result = judge_dates(&reading, now);
	azjit_buf_wipe(&reading.password);
	sk_X509_pop_free(reading.found, X509_free);
	EVP_PKEY_free(reading.public);
	ERR_clear_error();
	if (result == AZJIT_OK)
		*ret = reading.into;
	else
		certificate_free(reading.into);
	return result;
}

void certificate_free(struct certificate *certificate)
{
	if (!certificate)
		return;
	EVP_PKEY_free(certificate->key);
	provider_free(certificate->provider);
	sk_X509_pop_free(certificate->chain, X509_free);
	free(certificate);
}
