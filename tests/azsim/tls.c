// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "util.h"

#define VALID_S (3650L * 86400)

static bool is_ip(const char *name)
{
	unsigned char address[16];

	return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

static char *file_in(const char *dir, const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static void extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (!ext || !X509_add_ext(cert, ext, -1))
		die(EX_SOFTWARE, "certificate extension '%s' refused", value);
	X509_EXTENSION_free(ext);
}

static X509 *certificate(EVP_PKEY *key, const char *common_name)
{
	X509 *cert = X509_new();
	unsigned char serial[8];

	if (!cert || RAND_bytes(serial, sizeof(serial)) != 1)
		die(EX_SOFTWARE, "no certificate could be made");
	serial[0] &= 0x7f;
	X509_set_version(cert, 2);
	BIGNUM *n = BN_bin2bn(serial, sizeof(serial), NULL);
	BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
	BN_free(n);
	X509_gmtime_adj(X509_getm_notBefore(cert), -86400);
	X509_gmtime_adj(X509_getm_notAfter(cert), VALID_S);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
	                           (const unsigned char *)common_name, -1, -1, 0);
	return cert;
}

static void sign(X509 *cert, X509 *issuer, EVP_PKEY *issuer_key)
{
	X509_set_issuer_name(cert, X509_get_subject_name(issuer));
	extension(cert, issuer, NID_subject_key_identifier, "hash");
	extension(cert, issuer, NID_authority_key_identifier, "keyid:always");
	if (!X509_sign(cert, issuer_key, EVP_sha256()))
		die(EX_SOFTWARE, "the certificate could not be signed");
}

static void add_san(struct buf *san, const char *name)
{
	if (san->len)
		buf_adds(san, ",");
	buf_adds(san, is_ip(name) ? "IP:" : "DNS:");
	buf_adds(san, name);
}

static void add_listen_san(struct buf *san, const char *listen)
{
	_cleanup_free_ char *host = xstrdup(listen[0] == '[' ? listen + 1 : listen);

	host[strcspn(host, listen[0] == '[' ? "]" : ":")] = '\0';
	if (is_ip(host) && strcmp(host, "0.0.0.0") && strcmp(host, "::") && strcmp(host, "127.0.0.1"))
		add_san(san, host);
}

static char *all_names(const struct options *opt)
{
	struct buf san = {0};

	add_san(&san, "localhost");
	add_san(&san, "127.0.0.1");
	add_listen_san(&san, opt->listen[SERVICE_ARM]);
	if (strcmp(opt->listen[SERVICE_ARM], opt->listen[SERVICE_LOGIN]))
		add_listen_san(&san, opt->listen[SERVICE_LOGIN]);
	for (size_t i = 0; i < opt->tls_name_count; i++)
		add_san(&san, opt->tls_names[i]);
	return san.data;
}

static FILE *create(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f)
		die(EX_CANTCREAT, "%s: %s", path, strerror(errno));
	return f;
}

static void save(const char *dir, X509 *ca, X509 *cert, EVP_PKEY *key)
{
	_cleanup_free_ char *ca_path = file_in(dir, "ca.pem"), *cert_path = file_in(dir, "cert.pem"),
	                    *key_path = file_in(dir, "key.pem");
	FILE *f = create(key_path, 0600);
	bool ok = PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);

	ok = !fclose(f) && ok;
	f = create(cert_path, 0644);
	ok = PEM_write_X509(f, cert) && PEM_write_X509(f, ca) && ok;
	ok = !fclose(f) && ok;
	f = create(ca_path, 0644);
	ok = PEM_write_X509(f, ca) && ok;
	ok = !fclose(f) && ok;
	if (!ok)
		die(EX_IOERR, "%s: certificates cannot be written", dir);
}

static void make(const struct options *opt)
{
	EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
	_cleanup_free_ char *san = all_names(opt);
	X509 *ca, *cert;

	if (!ca_key || !key)
		die(EX_SOFTWARE, "no key could be made");
	if (mkdir(opt->tls_dir, 0755) && errno != EEXIST)
		die(EX_CANTCREAT, "%s: %s", opt->tls_dir, strerror(errno));
	ca = certificate(ca_key, "azsim test authority");
	extension(ca, ca, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
	extension(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign");
	sign(ca, ca, ca_key);
	cert = certificate(key, "azsim");
	extension(cert, ca, NID_basic_constraints, "critical,CA:FALSE");
	extension(cert, ca, NID_key_usage, "critical,digitalSignature");
	extension(cert, ca, NID_ext_key_usage, "serverAuth");
	extension(cert, ca, NID_subject_alt_name, san);
	sign(cert, ca, ca_key);
	save(opt->tls_dir, ca, cert, key);
	X509_free(cert);
	X509_free(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
}

static char *read_file(const char *path)
{
	struct buf b = {0};
	char chunk[4096];
	size_t n;
	FILE *f = fopen(path, "re");

	if (!f)
		die(EX_NOINPUT, "%s: %s", path, strerror(errno));
	while ((n = fread(chunk, 1, sizeof(chunk), f)))
		buf_add(&b, chunk, n);
	fclose(f);
	return b.data;
}

static void check_names(const struct options *opt, const char *cert_pem)
{
	BIO *bio = BIO_new_mem_buf(cert_pem, -1);
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	if (!cert)
		die(EX_DATAERR, "%s/cert.pem is not a certificate", opt->tls_dir);
	for (size_t i = 0; i < opt->tls_name_count; i++) {
		const char *name = opt->tls_names[i];
		int ok = is_ip(name) ? X509_check_ip_asc(cert, name, 0)
		                     : X509_check_host(cert, name, 0, 0, NULL);

		if (ok != 1)
			die(EX_DATAERR,
			    "%s/cert.pem exists and does not carry '%s'; remove it to have one made",
			    opt->tls_dir, name);
	}
	X509_free(cert);
	BIO_free(bio);
}

void tls_load(const struct options *opt, struct tls *ret)
{
	static const char *const names[] = {"ca.pem", "cert.pem", "key.pem"};
	_cleanup_free_ char *cert_path = file_in(opt->tls_dir, "cert.pem"),
	                    *key_path = file_in(opt->tls_dir, "key.pem");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path = file_in(opt->tls_dir, names[i]);

		if (access(path, R_OK)) {
			make(opt);
			break;
		}
	}
	ret->cert_pem = read_file(cert_path);
	ret->key_pem = read_file(key_path);
	check_names(opt, ret->cert_pem);
}

void tls_clear(struct tls *tls)
{
	OPENSSL_cleanse(tls->key_pem, strlen(tls->key_pem));
	free(tls->key_pem);
	free(tls->cert_pem);
}
