// SPDX-License-Identifier: Apache-2.0
#include <azjit/address.h>

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>

#include <cmocka.h>

static void addresses_come_back_canonical(void **state)
{
	static const struct {
		const char *text, *formatted;
		enum azjit_family family;
	} good[] = {
	        {"10.1.2.3", "10.1.2.3", AZJIT_IPV4},
	        {"0.0.0.0", "0.0.0.0", AZJIT_IPV4},
	        {"255.255.255.255", "255.255.255.255", AZJIT_IPV4},
	        {"::ffff:10.1.2.3", "10.1.2.3", AZJIT_IPV4},
	        {"::FFFF:a01:203", "10.1.2.3", AZJIT_IPV4},
	        {"2001:DB8::1", "2001:db8::1", AZJIT_IPV6},
	        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	         AZJIT_IPV6},
	};
	char text[AZJIT_ADDR_CHARS];

	for (size_t i = 0; i < AZJIT_COUNT(good); i++) {
		struct azjit_addr addr;

		assert_int_equal(azjit_addr_parse(good[i].text, &addr), AZJIT_OK);
		assert_int_equal(addr.family, good[i].family);
		azjit_addr_format(&addr, text);
		assert_string_equal(text, good[i].formatted);
	}
	azjit_addr_format(&(struct azjit_addr){0}, text);
	assert_string_equal(text, "");
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const bad[] = {
	        "",
	        " ",
	        "10.1.2",
	        "10.1",
	        "167772161",
	        "010.1.2.3",
	        "10.01.2.3",
	        "0x0a.1.2.3",
	        "10.1.2.256",
	        "10.1.2.3 ",
	        " 10.1.2.3",
	        "10.1.2.3/32",
	        "10.1.2.3:22",
	        "fe80::1%eth0",
	        "fe80::1%1",
	        "[::1]",
	        ":::",
	        "::1::",
	        "1:2:3:4:5:6:7:8:9",
	        "localhost",
	        "web01",
	        "UNKNOWN",
	        "*",
	        "10.1.2.3\n",
	};
	char longest[300];

	for (size_t i = 0; i < AZJIT_COUNT(bad); i++) {
		struct azjit_addr addr = {.family = AZJIT_IPV6};

		assert_int_equal(azjit_addr_parse(bad[i], &addr), AZJIT_USAGE);
		assert_int_equal(addr.family, AZJIT_IPV6);
	}
	memset(longest, '1', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(azjit_addr_parse(longest, &(struct azjit_addr){0}), AZJIT_USAGE);
}

static void prefixes(void **state)
{
	static const struct {
		const char *text, *formatted;
	} good[] = {
	        {"10.0.0.0/8", "10.0.0.0/8"},
	        {"10.1.2.3/8", "10.1.2.3/8"},
	        {"10.1.2.3", "10.1.2.3"},
	        {"10.1.2.3/32", "10.1.2.3"},
	        {"0.0.0.0/0", "0.0.0.0/0"},
	        {"2001:db8::/32", "2001:db8::/32"},
	        {"::ffff:10.0.0.0/104", "10.0.0.0/8"},
	        {"2001:db8::/127", "2001:db8::/127"},
	        {"::1/128", "::1"},
	};
	static const char *const bad[] = {"*",
	                                  "",
	                                  "/",
	                                  "/8",
	                                  "10.0.0.0/",
	                                  "10.0.0.0/33",
	                                  "10.0.0.0/08",
	                                  "10.0.0.0/-1",
	                                  "10.0.0.0/8/8",
	                                  "10.0.0.0/255.0.0.0",
	                                  "::/129",
	                                  "::ffff:10.0.0.0/95",
	                                  "10.0.0.0/ 8",
	                                  "VirtualNetwork"};
	char text[AZJIT_PREFIX_CHARS];

	for (size_t i = 0; i < AZJIT_COUNT(good); i++) {
		struct azjit_prefix prefix;

		assert_int_equal(azjit_prefix_parse(good[i].text, &prefix), AZJIT_OK);
		azjit_prefix_format(&prefix, text);
		assert_string_equal(text, good[i].formatted);
	}
	for (size_t i = 0; i < AZJIT_COUNT(bad); i++)
		assert_int_equal(azjit_prefix_parse(bad[i], &(struct azjit_prefix){0}), AZJIT_USAGE);
}

static void containment(void **state)
{
	static const struct {
		const char *outer, *inner;
		bool covers;
	} cases[] = {
	        {"10.0.0.0/8", "10.255.255.255", true},
	        {"10.0.0.0/8", "11.0.0.0", false},
	        {"10.1.2.3/8", "10.9.9.9", true},
	        {"10.0.0.0/9", "10.128.0.0", false},
	        {"10.0.0.0/9", "10.127.255.255", true},
	        {"0.0.0.0/0", "203.0.113.7", true},
	        {"0.0.0.0/0", "2001:db8::1", false},
	        {"10.0.0.0/8", "10.0.0.0/8", true},
	        {"10.0.0.0/8", "10.0.0.0/7", false},
	        {"10.0.0.0/8", "10.1.0.0/16", true},
	        {"2001:db8::/33", "2001:db8:8000::", false},
	        {"2001:db8::/33", "2001:db8:7fff::1", true},
	        {"10.1.2.3", "10.1.2.3", true},
	        {"10.1.2.3", "10.1.2.2", false},
	};

	for (size_t i = 0; i < AZJIT_COUNT(cases); i++) {
		struct azjit_prefix outer, inner;

		assert_int_equal(azjit_prefix_parse(cases[i].outer, &outer), AZJIT_OK);
		assert_int_equal(azjit_prefix_parse(cases[i].inner, &inner), AZJIT_OK);
		assert_int_equal(azjit_prefix_covers(&outer, &inner), cases[i].covers);
	}
	assert_false(azjit_prefix_contains(&(struct azjit_prefix){0}, &(struct azjit_addr){0}));
}

static void what_the_relay_never_dials(void **state)
{
	static const char *const forbidden[] = {
	        "0.0.0.0",
	        "0.1.2.3",
	        "127.0.0.1",
	        "127.255.255.255",
	        "169.254.169.254",
	        "168.63.129.16",
	        "224.0.0.1",
	        "239.255.255.255",
	        "240.0.0.1",
	        "255.255.255.255",
	        "::",
	        "::1",
	        "fe80::1",
	        "febf::1",
	        "ff02::1",
	        "::ffff:127.0.0.1",
	        "::127.0.0.1",
	        "64:ff9b::a9fe:a9fe",
	        "2002:7f00:1::",
	        "2002:a83f:8110::1",
	};
	static const char *const allowed[] = {
	        "10.0.0.4",  "168.63.129.15", "168.63.129.17", "169.253.0.1",    "223.255.255.255",
	        "128.0.0.1", "2001:db8::1",   "fec0::1",       "64:ff9b::a00:4", "fd00::4"};
	struct azjit_addr addr;
	const char *why;

	for (size_t i = 0; i < AZJIT_COUNT(forbidden); i++) {
		why = NULL;
		assert_int_equal(azjit_addr_parse(forbidden[i], &addr), AZJIT_OK);
		assert_true(azjit_addr_forbidden(&addr, &why));
		assert_non_null(why);
		assert_true(azjit_addr_forbidden(&addr, NULL));
	}
	for (size_t i = 0; i < AZJIT_COUNT(allowed); i++) {
		assert_int_equal(azjit_addr_parse(allowed[i], &addr), AZJIT_OK);
		assert_false(azjit_addr_forbidden(&addr, &why));
	}
	assert_true(azjit_addr_forbidden(&(struct azjit_addr){0}, &why));
	addr = (struct azjit_addr){AZJIT_IPV6, {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}};
	assert_true(azjit_addr_forbidden(&addr, &why)); // mapped, and not through azjit_addr_parse
}

static void to_and_from_the_kernels_form(void **state)
{
	static const char *const texts[] = {"10.1.2.3", "2001:db8::1", "::ffff:10.1.2.3"};

	for (size_t i = 0; i < AZJIT_COUNT(texts); i++) {
		struct azjit_addr addr, back;
		struct sockaddr_storage ss;
		uint16_t port = 0;

		assert_int_equal(azjit_addr_parse(texts[i], &addr), AZJIT_OK);
		assert_int_equal(azjit_addr_to_sockaddr(&addr, 22, &ss),
		                 addr.family == AZJIT_IPV4 ? sizeof(struct sockaddr_in)
		                                           : sizeof(struct sockaddr_in6));
		assert_true(azjit_addr_from_sockaddr((struct sockaddr *)&ss, &back, &port));
		assert_true(azjit_addr_equal(&addr, &back));
		assert_int_equal(port, 22);
	}
	struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = htons(443)};
	struct azjit_addr addr;

	assert_int_equal(inet_pton(AF_INET6, "::ffff:10.1.2.3", &mapped.sin6_addr), 1);
	assert_true(azjit_addr_from_sockaddr((struct sockaddr *)&mapped, &addr, NULL));
	assert_int_equal(addr.family, AZJIT_IPV4);
	assert_false(azjit_addr_from_sockaddr(&(struct sockaddr){.sa_family = AF_UNIX}, &addr, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(addresses_come_back_canonical),
	        cmocka_unit_test(what_is_no_address_is_refused),
	        cmocka_unit_test(prefixes),
	        cmocka_unit_test(containment),
	        cmocka_unit_test(what_the_relay_never_dials),
	        cmocka_unit_test(to_and_from_the_kernels_form),
	};

	return cmocka_run_group_tests_name("base/address", tests, NULL, NULL);
}
