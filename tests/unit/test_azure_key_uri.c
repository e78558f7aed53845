// SPDX-License-Identifier: Apache-2.0
// Names of keys that a provider keeps.
#include "../../client/azure/key_uri.h"

#include <azjit/text.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void expect(const char *text, const char *provider, const char *object, const char *module,
                   const char *pin_file)
{
	struct azjit_reason reason = {""};
	struct key_uri uri = {0};

	if (key_uri_parse(text, &reason, &uri) != AZJIT_OK)
		fail_msg("%s: %s", text, reason.text);
	assert_string_equal(uri.scheme->provider, provider);
	assert_string_equal(uri.object, object);
	assert_string_equal(uri.module ? uri.module : "-", module ? module : "-");
	assert_string_equal(uri.pin_file ? uri.pin_file : "-", pin_file ? pin_file : "-");
	key_uri_clear(&uri);
	assert_null(uri.object);
}

static void refuse(const char *text, const char *clause)
{
	struct azjit_reason reason = {""};

	assert_int_equal(azjit_key_uri_check(text, &reason), AZJIT_CONFIG);
	if (!strstr(reason.text, clause))
		fail_msg("%s: '%s' is not in '%s'", text, clause, reason.text);
}

static void what_a_token_keeps(void **state)
{
	expect("pkcs11:token=azjit;object=app", "pkcs11", "pkcs11:token=azjit;object=app", NULL, NULL);
	expect("pkcs11:token=a%20b;id=%01%ff;type=private", "pkcs11", "pkcs11:token=a%20b;id=%01%ff", NULL,
	       NULL);
	expect("pkcs11:type=private;serial=7;object=app", "pkcs11", "pkcs11:serial=7;object=app", NULL, NULL);
	expect("pkcs11:token=t;object=app?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/"
	       "azjit/pin",
	       "pkcs11", "pkcs11:token=t;object=app", "/usr/lib/softhsm/libsofthsm2.so", "/etc/azjit/pin");
	expect("pkcs11:token=t;object=app?pin-source=/etc/azjit/pin", "pkcs11", "pkcs11:token=t;object=app",
	       NULL, "/etc/azjit/pin");
	expect("pkcs11:token=t;object=app?pin-source=file:///etc/azjit%2Fpin", "pkcs11",
	       "pkcs11:token=t;object=app", NULL, "/etc/azjit/pin");
}

static void what_a_tpm_keeps(void **state)
{
	expect("handle:0x81000001", "tpm2", "handle:0x81000001", NULL, NULL);
	expect("handle:0x81FFabcd", "tpm2", "handle:0x81FFabcd", NULL, NULL);
	refuse("handle:0x80000001", "must be a persistent handle of a TPM");
	refuse("handle:0x8100001", "must be a persistent handle of a TPM");
	refuse("handle:0x810000011", "must be a persistent handle of a TPM");
	refuse("handle:0x81000001?pass", "must be a persistent handle of a TPM");
	refuse("handle:", "must be a persistent handle of a TPM");
}

static void what_is_no_such_name(void **state)
{
	refuse("", "begins with neither pkcs11: nor handle:");
	refuse("/etc/azjit/key", "a file's name goes into key_file");
	refuse("file:/etc/azjit/key", "begins with neither");
	refuse("PKCS11:object=app", "begins with neither");
	refuse("pkcs11:", "must name its token");
	refuse("pkcs11:type=private", "must name its token");
	refuse("pkcs11:object=token=t", "must name its token");
	refuse("pkcs11:object=app;id=%01", "must name its token");
	refuse("pkcs11:;object=app", "must be like pkcs11:");
	refuse("pkcs11:app", "must be like pkcs11:");
	refuse("pkcs11:token=t;object=app;type=cert", "leave type= out");
	refuse("pkcs11:token=t;object=app;type=privateer", "leave type= out");
	refuse("pkcs11:token=t;object=app?", "and nothing else");
	refuse("pkcs11:token=t;object=app?slot=1", "and nothing else");
}

static void a_pin_is_not_written_here(void **state)
{
	struct azjit_reason reason = {""};

	refuse("pkcs11:token=t;object=app?pin-value=4711", "name that in password_file");
	refuse("pkcs11:token=t;object=app?module-path=/m.so&pin-value=4711", "name that in password_file");
	assert_int_equal(azjit_key_uri_check("pkcs11:token=t;object=app?pin-value=4711", &reason),
	                 AZJIT_CONFIG);
	assert_null(strstr(reason.text, "4711"));
	// The provider would take them here, too.
	refuse("pkcs11:token=t;object=app;pin-value=4711", "name that in password_file");
	refuse("pkcs11:token=t;object=app&pin-value=4711", "must be like pkcs11:");
	refuse("pkcs11:token=t;object=app;pin-source=/tmp/pin", "name that in password_file");
	refuse("pkcs11:token=t;object=app;colour=red", "must be like pkcs11:");
	refuse("pkcs11:token=t;object=app?pin-source=|/bin/pin", "takes a file as pin-source");
	refuse("pkcs11:token=t;object=app?pin-source=%7c/bin/pin", "takes a file as pin-source");
	refuse("pkcs11:token=t;object=app?pin-source=file:pin", "takes a file as pin-source");
}

static void a_module_is_a_plain_path(void **state)
{
	refuse("pkcs11:token=t;object=app?module-path=libsofthsm2.so",
	       "takes an absolute path of plain characters");
	refuse("pkcs11:token=t;object=app?module-path=/m.so%0Aactivate=0", "plain characters");
	refuse("pkcs11:token=t;object=app?module-path=/m$ENV::HOME", "plain characters");
	refuse("pkcs11:token=t;object=app?module-path=/m%00", "plain characters");
	refuse("pkcs11:token=t;object=app?module-path=/m%2", "plain characters");
	refuse("pkcs11:token=t;object=app?module-path=", "plain characters");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_a_token_keeps),       cmocka_unit_test(what_a_tpm_keeps),
	        cmocka_unit_test(what_is_no_such_name),     cmocka_unit_test(a_pin_is_not_written_here),
	        cmocka_unit_test(a_module_is_a_plain_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
