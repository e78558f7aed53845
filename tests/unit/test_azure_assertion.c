// SPDX-License-Identifier: Apache-2.0
// The assertion of a client certificate, taken apart again: header and claims to the letter, and the signature
// by OpenSSL's own verification, told exactly which padding, salt and mask it must have.
#include "../../client/azure/certificate.h"

#include <azjit/azure.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define NOW      ((azjit_ticks)1767603600 * AZJIT_TICKS_PER_S) // 2026-01-05T09:00:00Z
#define AUDIENCE "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token"
#define CLIENT   "44444444-4444-4444-8444-444444444444"
#define JTI      "55555555-5555-4555-8555-555555555555"

static char dir[] = "/tmp/azjit-assertion-XXXXXX";
static char path[64];
static EVP_PKEY *key;
static X509 *own, *issuer;

// --- a certificate ------------------------------------------------------------------------------------

static X509 *make(const char *name, const X509 *by)
{
	X509 *one = X509_new();

	assert_non_null(one);
	assert_int_equal(X509_set_version(one, X509_VERSION_3), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(one), by ? 2 : 1), 1);
	assert_non_null(ASN1_TIME_set(X509_getm_notBefore(one), NOW / AZJIT_TICKS_PER_S - 60));
	assert_non_null(ASN1_TIME_set(X509_getm_notAfter(one), NOW / AZJIT_TICKS_PER_S + 60));
	assert_int_equal(X509_set_pubkey(one, key), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(one), "CN", MBSTRING_ASC,
	                                            (const unsigned char *)name, -1, -1, 0),
	                 1);
	assert_int_equal(
	        X509_set_issuer_name(one, by ? X509_get_subject_name(by) : X509_get_subject_name(one)), 1);
	assert_true(X509_sign(one, key, EVP_sha256()) > 0);
	return one;
}

static int setup(void **state)
{
	FILE *file;

	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/app.pem", dir);
	file = fdopen(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), "w");
	key = EVP_RSA_gen(2048);
	assert_non_null(file);
	assert_non_null(key);
	issuer = make("issuer", NULL);
	own = make("own", issuer);
	assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(PEM_write_X509(file, own), 1);
	assert_int_equal(PEM_write_X509(file, issuer), 1);
	return fclose(file);
}

static int teardown(void **state)
{
	X509_free(own);
	X509_free(issuer);
	EVP_PKEY_free(key);
	return unlink(path) || rmdir(dir);
}

static struct certificate *load(azjit_ticks now, enum azjit_result result, const char *sentence)
{
	const struct certificate_files files = {.certificate = path};
	struct certificate *certificate = NULL;
	struct azjit_reason reason = {""};

	assert_int_equal(certificate_load(&files, now, &reason, &certificate), result);
	if (result != AZJIT_OK && !strstr(reason.text, sentence))
		fail_msg("\"%s\" does not say \"%s\"", reason.text, sentence);
	return certificate;
}

static char *assertion(bool send_chain)
{
	struct certificate *certificate = load(NOW, AZJIT_OK, "");
	char *jwt = NULL;

	assert_int_equal(certificate_assert(certificate,
	                                    &(struct assertion){.audience = AUDIENCE,
	                                                        .client_id = CLIENT,
	                                                        .jti = JTI,
	                                                        .now = NOW + 1,
	                                                        .send_chain = send_chain},
	                                    NULL, &jwt),
	                 AZJIT_OK);
	certificate_free(certificate);
	return jwt;
}

// --- taking it apart ----------------------------------------------------------------------------------

// Part `n` of a JWT; owned, NUL behind it.
static unsigned char *part(const char *jwt, int n, size_t *ret_len)
{
	char text[8192] = "";
	unsigned char *bytes = calloc(1, sizeof(text));
	size_t len;

	for (; n > 0; n--)
		jwt = strchr(jwt, '.') + 1;
	len = strcspn(jwt, ".");
	assert_int_equal(strspn(jwt, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
	                 len);
	assert_true(len % 4 != 1 && len + 4 < sizeof(text));
	for (size_t i = 0; i < (len + 3) / 4 * 4; i++)
		text[i] = (char)(i >= len ? '=' : jwt[i] == '-' ? '+' : jwt[i] == '_' ? '/' : jwt[i]);
	assert_true(EVP_DecodeBlock(bytes, (unsigned char *)text, (int)strlen(text)) > 0);
	*ret_len = len * 3 / 4;
	bytes[*ret_len] = '\0';
	return bytes;
}

static void part_is(const char *jwt, int n, const char *wanted)
{
	size_t len;
	_cleanup_free_ unsigned char *bytes = part(jwt, n, &len);

	assert_string_equal((char *)bytes, wanted);
	assert_int_equal(len, strlen(wanted));
}

static void base64(const void *bytes, size_t len, bool url, char *ret_text)
{
	(void)EVP_EncodeBlock((unsigned char *)ret_text, bytes, (int)len);
	for (char *c = ret_text; url && *c; c++)
		*c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c == '=' ? '\0' : *c);
}

static void thumbprint(char *ret_text)
{
	unsigned char digest[32];

	assert_int_equal(X509_digest(own, EVP_sha256(), digest, NULL), 1);
	base64(digest, sizeof(digest), true, ret_text);
	assert_int_equal(strlen(ret_text), 43);
}

static void der_text(const X509 *one, char *ret_text)
{
	unsigned char *der = NULL;
	int len = i2d_X509(one, &der);

	assert_true(len > 0);
	base64(der, (size_t)len, false, ret_text);
	OPENSSL_free(der);
}

static bool verifies(const char *signed_text, size_t len, const unsigned char *sig, size_t sig_len, int salt,
                     const EVP_MD *mask)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pkey = NULL;
	bool good;

	assert_int_equal(EVP_DigestVerifyInit(ctx, &pkey, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PSS_PADDING), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey, salt), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(pkey, mask), 1);
	good = EVP_DigestVerify(ctx, sig, sig_len, (const unsigned char *)signed_text, len) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

// --- the tests ----------------------------------------------------------------------------------------

static void header_and_claims_to_the_letter(void **state)
{
	_cleanup_free_ char *jwt = assertion(false);
	char wanted[512], x5t[64];

	thumbprint(x5t);
	(void)snprintf(wanted, sizeof(wanted), "{\"alg\":\"PS256\",\"typ\":\"JWT\",\"x5t#S256\":\"%s\"}",
	               x5t);
	part_is(jwt, 0, wanted);
	part_is(jwt, 1,
	        "{\"aud\":\"" AUDIENCE "\",\"iss\":\"" CLIENT "\",\"sub\":\"" CLIENT "\",\"jti\":\"" JTI
	        "\",\"nbf\":1767603600,\"exp\":1767604200}");
}

static void the_chain_begins_with_our_own(void **state)
{
	_cleanup_free_ char *jwt = assertion(true);
	char wanted[4096], x5t[64], first[1536], second[1536];

	thumbprint(x5t);
	der_text(own, first);
	der_text(issuer, second);
	(void)snprintf(wanted, sizeof(wanted),
	               "{\"alg\":\"PS256\",\"typ\":\"JWT\",\"x5t#S256\":\"%s\",\"x5c\":[\"%s\",\"%s\"]}", x5t,
	               first, second);
	for (char *c = wanted; *c; c++)
		assert_true(*c >= ' ' && *c < 127);
	part_is(jwt, 0, wanted);
}

static void the_salt_has_32_bytes_exactly(void **state)
{
	_cleanup_free_ char *jwt = assertion(false);
	size_t sig_len, signed_len = (size_t)(strrchr(jwt, '.') - jwt);
	_cleanup_free_ unsigned char *sig = part(jwt, 2, &sig_len);

	assert_int_equal(sig_len, 256);
	assert_true(verifies(jwt, signed_len, sig, sig_len, 32, EVP_sha256()));
	assert_false(verifies(jwt, signed_len, sig, sig_len, 31, EVP_sha256()));
	assert_false(verifies(jwt, signed_len, sig, sig_len, 222, EVP_sha256()));
	assert_false(verifies(jwt, signed_len, sig, sig_len, 32, EVP_sha1()));
	assert_false(verifies(jwt, signed_len - 1, sig, sig_len, 32, EVP_sha256()));
	sig[sig_len - 1] ^= 1;
	assert_false(verifies(jwt, signed_len, sig, sig_len, 32, EVP_sha256()));
}

// What OpenSSL does when nothing is said: the check above must tell it apart, and its own default does not.
static void the_longest_salt_is_told_apart(void **state)
{
	static const char text[] = "header.claims";
	unsigned char sig[256];
	size_t len = sizeof(sig);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pkey = NULL;

	assert_int_equal(EVP_DigestSignInit(ctx, &pkey, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PSS_PADDING), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey, RSA_PSS_SALTLEN_MAX), 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &len, (const unsigned char *)text, strlen(text)), 1);
	EVP_MD_CTX_free(ctx);
	assert_true(verifies(text, strlen(text), sig, len, RSA_PSS_SALTLEN_AUTO, EVP_sha256()));
	assert_true(verifies(text, strlen(text), sig, len, 222, EVP_sha256()));
	assert_false(verifies(text, strlen(text), sig, len, 32, EVP_sha256()));
}

static void the_service_s_clock_decides(void **state)
{
	certificate_free(load(NOW + 59 * AZJIT_TICKS_PER_S, AZJIT_OK, ""));
	assert_null(load(NOW + 60 * AZJIT_TICKS_PER_S, AZJIT_CONFIG, "expired on 2026-01-05"));
	certificate_free(load(NOW - 60 * AZJIT_TICKS_PER_S, AZJIT_OK, ""));
	assert_null(load(NOW - 61 * AZJIT_TICKS_PER_S, AZJIT_CONFIG, "is not valid before 2026-01-05"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(header_and_claims_to_the_letter),
	        cmocka_unit_test(the_chain_begins_with_our_own),
	        cmocka_unit_test(the_salt_has_32_bytes_exactly),
	        cmocka_unit_test(the_longest_salt_is_told_apart),
	        cmocka_unit_test(the_service_s_clock_decides),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
