// SPDX-License-Identifier: Apache-2.0
// Threat model. Who attacks: a client that chooses its key and certificate and, with UseDNS, its host
// name. What must hold: an address is numeric or unknown; a certificate's fields are read inside their
// bounds, and what is odd becomes "unreadable", never another key's fingerprint.
#include "origin.h"

#include <azjit/text.h>
#include <openssl/evp.h>
#include <stdio.h>

#define BLOB_MAX 32768

struct azjit_addr origin_address(const struct azjit_wire_msg *msg)
{
	const char *connection = azjit_wire_get(msg, "ssh-connection"), *rhost = azjit_wire_get(msg, "rhost");
	struct azjit_addr addr = {0};
	char word[AZJIT_ADDR_CHARS];
	size_t len = connection ? strcspn(connection, " ") : 0;

	if (len > 0 && len < sizeof(word)) {
		memcpy(word, connection, len);
		word[len] = '\0';
		if (azjit_addr_parse(word, &addr) == AZJIT_OK)
			return addr;
	}
	if (rhost && azjit_addr_parse(rhost, &addr) == AZJIT_OK)
		return addr;
	return (struct azjit_addr){0};
}

// --- SSH wire strings (RFC 4251 §5) -------------------------------------------------------------------

struct blob {
	const uint8_t *at;
	size_t left;
};

// A string with its length in front, as it stands; false beyond the end.
static bool take(struct blob *blob, struct blob *ret)
{
	uint32_t len;

	if (blob->left < 4)
		return false;
	len = (uint32_t)blob->at[0] << 24 | (uint32_t)blob->at[1] << 16 | (uint32_t)blob->at[2] << 8 |
	      blob->at[3];
	if (len > blob->left - 4)
		return false;
	*ret = (struct blob){blob->at, 4 + (size_t)len};
	blob->at += ret->left;
	blob->left -= ret->left;
	return true;
}

// Certificates (openssh PROTOCOL.certkeys): type, nonce, the plain key's fields, more.
static const struct {
	const char *cert, *plain;
	unsigned fields;
} certs[] = {
        {"ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519", 1},
        {"ssh-rsa-cert-v01@openssh.com", "ssh-rsa", 2},
        {"ecdsa-sha2-nistp256-cert-v01@openssh.com", "ecdsa-sha2-nistp256", 2},
        {"ecdsa-sha2-nistp384-cert-v01@openssh.com", "ecdsa-sha2-nistp384", 2},
        {"ecdsa-sha2-nistp521-cert-v01@openssh.com", "ecdsa-sha2-nistp521", 2},
        {"sk-ssh-ed25519-cert-v01@openssh.com", "sk-ssh-ed25519@openssh.com", 2},
        {"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com", 3},
};

// Writes the plain key of a certificate over `out`; its length, 0 if it cannot be read.
static size_t plain_key(struct blob blob, size_t index, uint8_t *out)
{
	size_t name = strlen(certs[index].plain), len = 4 + name;
	struct blob field;

	if (!take(&blob, &field) || !take(&blob, &field)) // type, nonce
		return 0;
	out[0] = out[1] = 0;
	out[2] = (uint8_t)(name >> 8);
	out[3] = (uint8_t)name;
	memcpy(out + 4, certs[index].plain, name);
	for (unsigned i = 0; i < certs[index].fields; i++) {
		if (!take(&blob, &field))
			return 0;
		memcpy(out + len, field.at, field.left); // never longer than the certificate was
		len += field.left;
	}
	return len;
}

static bool names_type(struct blob blob, const char *type)
{
	struct blob field;

	return take(&blob, &field) && field.left - 4 == strlen(type) &&
	       memcmp(field.at + 4, type, field.left - 4) == 0;
}

static bool fingerprint(const uint8_t *key, size_t len, char ret_text[64])
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned digest_len = 0;
	char base64[64];

	if (EVP_Digest(key, len, digest, &digest_len, EVP_sha256(), NULL) != 1 || digest_len != 32)
		return false;
	(void)EVP_EncodeBlock((unsigned char *)base64, digest, (int)digest_len);
	base64[strcspn(base64, "=")] = '\0';
	return snprintf(ret_text, 64, "SHA256:%s", base64) < 64;
}

static bool blob_fingerprint(const char *type, const uint8_t *bytes, size_t len, char ret_text[64])
{
	struct blob blob = {bytes, len};
	_cleanup_free_ uint8_t *plain = NULL;
	size_t plain_len;

	if (!names_type(blob, type))
		return false;
	for (size_t i = 0; i < AZJIT_COUNT(certs); i++) {
		if (!azjit_streq(certs[i].cert, type))
			continue;
		plain = malloc(len + 64);
		plain_len = plain ? plain_key(blob, i, plain) : 0;
		return plain_len > 0 && fingerprint(plain, plain_len, ret_text);
	}
	return fingerprint(bytes, len, ret_text);
}

// Base64 with padding, nothing else; false if it is odd.
static bool decode(const char *text, uint8_t **ret, size_t *ret_len)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = strlen(text), chars = strspn(text, alphabet), padding = len - chars;
	_cleanup_free_ uint8_t *bytes = NULL;
	int n;

	if (len == 0 || len % 4 != 0 || len > BLOB_MAX || padding > 2 || strspn(text + chars, "=") != padding)
		return false;
	bytes = malloc(len);
	n = bytes ? EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)len) : -1;
	if (n < (int)padding)
		return false;
	*ret_len = (size_t)n - padding;
	*ret = STEAL(bytes);
	return true;
}

// One line of SSH_AUTH_INFO_0: "publickey TYPE BASE64" or another method's name.
static void method(char *line, char *ret_text, size_t size)
{
	char *type = strchr(line, ' '), *key = type ? strchr(type + 1, ' ') : NULL, text[64] = "unreadable";
	_cleanup_free_ uint8_t *bytes = NULL;
	char name[64];
	size_t len;

	if (type)
		*type++ = '\0';
	if (key)
		*key++ = '\0';
	azjit_printable(line, name, sizeof(name));
	if (!type) {
		(void)snprintf(ret_text, size, "%s", name);
		return;
	}
	if (!key || !decode(key, &bytes, &len) || !bytes || !blob_fingerprint(type, bytes, len, text))
		(void)snprintf(text, sizeof(text), "unreadable");
	(void)snprintf(ret_text, size, "%s %s", name, text);
}

void origin_auth(const char *auth_info, char *ret_text, size_t size)
{
	char *copy = auth_info ? strdup(auth_info) : NULL;
	char one[160], *line = copy, *next;
	size_t len = 0, left_out = 0, room = size - sizeof(", +9999 more");

	ret_text[0] = '\0';
	for (; line && *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		if (!*line)
			continue;
		method(line, one, sizeof(one));
		if (left_out > 0 || len + strlen(one) + 2 > room)
			left_out++;
		else
			len += (size_t)snprintf(ret_text + len, size - len, "%s%s", len ? ", " : "", one);
	}
	if (left_out > 0)
		(void)snprintf(ret_text + len, size - len, ", +%zu more", left_out < 9999 ? left_out : 9999);
	free(copy);
}
