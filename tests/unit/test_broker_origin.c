// SPDX-License-Identifier: Apache-2.0
// Where a login came from and by which key. The fingerprints are ssh-keygen -lf's of the same keys.
#include "origin.h"

#include <azjit/text.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "auth_info.h"

static struct azjit_addr address(const char *connection, const char *rhost)
{
	struct azjit_wire_msg msg = {.pair_count = 0};

	if (connection)
		msg.pairs[msg.pair_count++] = (struct azjit_wire_pair){"ssh-connection", connection};
	if (rhost)
		msg.pairs[msg.pair_count++] = (struct azjit_wire_pair){"rhost", rhost};
	return origin_address(&msg);
}

// NULL: not known.
static void assert_address(const char *connection, const char *rhost, const char *want)
{
	struct azjit_addr got = address(connection, rhost);
	char text[AZJIT_ADDR_CHARS];

	if (!want) {
		assert_int_equal(got.family, AZJIT_FAMILY_NONE);
		return;
	}
	assert_int_not_equal(got.family, AZJIT_FAMILY_NONE);
	azjit_addr_format(&got, text);
	assert_string_equal(text, want);
}

static void address_is_numeric_or_unknown(void **state)
{
	(void)state;
	assert_address("203.0.113.10 51000 10.20.0.4 22", "client.example", "203.0.113.10");
	assert_address("::ffff:203.0.113.10 51000 10.20.0.4 22", NULL, "203.0.113.10");
	assert_address("2001:db8::7 51000 2001:db8::1 22", "203.0.113.9", "2001:db8::7");
	assert_address(NULL, "203.0.113.9", "203.0.113.9");
	assert_address("UNKNOWN 65535 UNKNOWN 65535", "203.0.113.9", "203.0.113.9");
	assert_address(NULL, "localhost", NULL);
	assert_address(NULL, "fe80::1%eth0", NULL);
	assert_address("", "", NULL);
	assert_address(NULL, NULL, NULL);
}

static void assert_auth(const char *info, const char *want)
{
	char text[256];

	origin_auth(info, text, sizeof(text));
	assert_string_equal(text, want);
}

static void keys_have_openssh_fingerprints(void **state)
{
	(void)state;
	assert_auth("publickey " ED25519_KEY "\n", "publickey " ED25519_PRINT);
	assert_auth("publickey " RSA_KEY "\npassword\n", "publickey " RSA_PRINT ", password");
	assert_auth("publickey " ECDSA_KEY, "publickey " ECDSA_PRINT);
}

// A certificate is shown by the key in it, as ssh-keygen shows it.
static void certificates_show_their_key(void **state)
{
	(void)state;
	assert_auth("publickey " ED25519_CERT "\n", "publickey " ED25519_PRINT);
	assert_auth("publickey " RSA_CERT "\n", "publickey " RSA_PRINT);
	assert_auth("publickey " ECDSA_CERT "\n", "publickey " ECDSA_PRINT);
}

static void odd_keys_are_unreadable(void **state)
{
	(void)state;
	assert_auth("publickey ssh-ed25519 AAAA\n", "publickey unreadable");
	assert_auth("publickey ssh-ed25519 ####\n", "publickey unreadable");
	assert_auth("publickey ssh-ed25519 \n", "publickey unreadable");
	assert_auth("publickey\n", "publickey");
	// Another type's name than the blob's.
	assert_auth("publickey ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIA==\n", "publickey unreadable");
	// A certificate that ends in the middle of its key.
	assert_auth("publickey ssh-ed25519-cert-v01@openssh.com "
	            "AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIA==\n",
	            "publickey unreadable");
	assert_auth("pass\tword\n", "pass\\x09word");
	assert_auth("", "");
	assert_auth(NULL, "");
}

// Every cut of a certificate: read inside its bounds (the sanitizers watch), never another fingerprint.
static void cut_certificates_are_unreadable_or_whole(void **state)
{
	static const char cert[] = ED25519_CERT;
	size_t type = strcspn(cert, " ") + 1;
	char line[sizeof(cert) + 16], text[256];

	(void)state;
	for (size_t len = type; len < sizeof(cert) - 1; len++) {
		(void)snprintf(line, sizeof(line), "publickey %.*s", (int)len, cert);
		origin_auth(line, text, sizeof(text));
		if (strcmp(text, "publickey unreadable") != 0)
			assert_string_equal(text, "publickey " ED25519_PRINT);
	}
}

static void what_does_not_fit_is_counted(void **state)
{
	char info[8192] = "", text[256];
	size_t len = 0;

	(void)state;
	for (int i = 0; i < 10; i++)
		len += (size_t)snprintf(info + len, sizeof(info) - len, "publickey " ED25519_KEY "\n");
	origin_auth(info, text, sizeof(text));
	assert_non_null(strstr(text, ", +7 more"));
	assert_true(strlen(text) < sizeof(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(address_is_numeric_or_unknown),
	        cmocka_unit_test(keys_have_openssh_fingerprints),
	        cmocka_unit_test(certificates_show_their_key),
	        cmocka_unit_test(odd_keys_are_unreadable),
	        cmocka_unit_test(cut_certificates_are_unreadable_or_whole),
	        cmocka_unit_test(what_does_not_fit_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
