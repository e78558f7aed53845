// SPDX-License-Identifier: Apache-2.0
#include <azjit/text.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void numbers_have_one_door(void **state)
{
	static const char *const bad[] = {"",
	                                  "-1",
	                                  "+1",
	                                  " 1",
	                                  "1 ",
	                                  "01",
	                                  "00",
	                                  "1.0",
	                                  "0x10",
	                                  "1e3",
	                                  "٣",
	                                  "abc",
	                                  "18446744073709551616",
	                                  "99999999999999999999999",
	                                  "1\n"};
	uint64_t value = 42;
	uint16_t port = 42;

	for (size_t i = 0; i < AZJIT_COUNT(bad); i++)
		assert_int_equal(azjit_parse_u64(bad[i], 0, UINT64_MAX, &value), AZJIT_USAGE);
	assert_int_equal(azjit_parse_u64(NULL, 0, UINT64_MAX, &value), AZJIT_USAGE);
	assert_int_equal(value, 42);
	assert_int_equal(azjit_parse_u64("18446744073709551615", 0, UINT64_MAX, &value), AZJIT_OK);
	assert_true(value == UINT64_MAX);
	assert_int_equal(azjit_parse_u64("0", 0, 5, &value), AZJIT_OK);
	assert_int_equal(value, 0);
	assert_int_equal(azjit_parse_u64("6", 0, 5, &value), AZJIT_USAGE);
	assert_int_equal(azjit_parse_u64("1", 2, 5, &value), AZJIT_USAGE);
	assert_int_equal(azjit_parse_port("0", &port), AZJIT_USAGE);
	assert_int_equal(azjit_parse_port("65536", &port), AZJIT_USAGE);
	assert_int_equal(port, 42);
	assert_int_equal(azjit_parse_port("65535", &port), AZJIT_OK);
	assert_int_equal(port, 65535);
}

static void patterns(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool match;
	} cases[] = {
	        {"web*", "web01", true},
	        {"WEB*", "web01", true},
	        {"web?", "web01", false},
	        {"web??", "web01", true},
	        {"*", "", true},
	        {"", "", true},
	        {"", "a", false},
	        {"?", "", false},
	        {"*01", "web01", true},
	        {"*b*1", "web01", true},
	        {"a*b*c", "aXbYbZc", true},
	        {"a*b*c", "aXbYbZ", false},
	        {"web01", "web012", false},
	        {"[w]eb", "web", false},
	        {"**", "x", true},
	        {"*.x", "a.x.x", true},
	};
	char text[2001], pattern[401];

	for (size_t i = 0; i < AZJIT_COUNT(cases); i++)
		assert_int_equal(azjit_glob(cases[i].pattern, cases[i].text), cases[i].match);
	// Exponential for a recursive matcher.
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size_t i = 0; i < sizeof(pattern) - 1; i += 2)
		memcpy(pattern + i, "*a", 2);
	pattern[sizeof(pattern) - 2] = 'b';
	pattern[sizeof(pattern) - 1] = '\0';
	assert_false(azjit_glob(pattern, text));
}

static void case_is_ascii_only(void **state)
{
	assert_true(azjit_ieq("/Subscriptions/A", "/subscriptions/a"));
	assert_false(azjit_ieq("abc", "abcd"));
	assert_false(azjit_ieq("abcd", "abc"));
	assert_false(azjit_ieq("\xc3\x89", "\xc3\xa9"));
	assert_false(azjit_ieq("[", "{"));
}

static void outside_bytes_become_printable(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
	        {"plain", "plain"},
	        {"a\nb\r\tc\x1b[2J\x7f", "a\\x0ab\\x0d\\x09c\\x1b[2J\\x7f"},
	        {"na\xc3\xafve \xe2\x82\xac \xf0\x9f\x94\x91", "na\xc3\xafve \xe2\x82\xac \xf0\x9f\x94\x91"},
	        {"\xff\xc3", "\\xff\\xc3"},
	        {"\xc0\xaf", "\\xc0\\xaf"},                            // overlong
	        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},                   // surrogate
	        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},          // past U+10FFFF
	        {"\xc2\x85", "\\xc2\\x85"},                            // NEL, C1
	        {"a\xe2\x80\xaexe.txt", "a\\xe2\\x80\\xaexe.txt"},     // right-to-left override
	        {"\xe2\x81\xa6\xd8\x9c", "\\xe2\\x81\\xa6\\xd8\\x9c"}, // isolate, ALM
	        {"\xe2\x80\xa8", "\\xe2\\x80\\xa8"},                   // line separator
	};
	char text[64], twice[64];

	for (size_t i = 0; i < AZJIT_COUNT(cases); i++) {
		azjit_printable(cases[i].in, text, sizeof(text));
		assert_string_equal(text, cases[i].out);
		azjit_printable(text, twice, sizeof(twice));
		assert_string_equal(twice, text);
	}
}

static void a_cut_is_never_inside_a_character_or_escape(void **state)
{
	char text[8];

	azjit_printable("12345\n", text, sizeof(text));
	assert_string_equal(text, "12345");
	azjit_printable("1234\n", text, sizeof(text));
	assert_string_equal(text, "1234");
	azjit_printable("123\n", text, sizeof(text));
	assert_string_equal(text, "123\\x0a");
	azjit_printable("123456\xc3\xa9", text, sizeof(text));
	assert_string_equal(text, "123456");
	azjit_printable("12345\xc3\xa9", text, sizeof(text));
	assert_string_equal(text, "12345\xc3\xa9");
	azjit_printable("abc", text, 1);
	assert_string_equal(text, "");
	text[0] = 'x';
	azjit_printable("abc", text, 0);
	assert_int_equal(text[0], 'x');
}

static void copy_is_whole_or_empty(void **state)
{
	char field[4] = "old";

	assert_true(azjit_copy(field, sizeof(field), "abc"));
	assert_string_equal(field, "abc");
	assert_false(azjit_copy(field, sizeof(field), "abcd"));
	assert_string_equal(field, "");
}

static void parts_of_a_resource_id(void **state)
{
	static const char id[] = "/subscriptions/S1/resourceGroups/rg-web/providers/Microsoft.Compute/"
	                         "virtualMachines/web01";
	char text[16] = "old";

	assert_string_equal(azjit_id_name(id), "web01");
	assert_string_equal(azjit_id_name("web01"), "web01");
	assert_string_equal(azjit_id_name("/"), "/");
	assert_true(azjit_id_segment(id, "RESOURCEGROUPS", text, sizeof(text)));
	assert_string_equal(text, "rg-web");
	assert_true(azjit_id_segment(id, "virtualMachines", text, sizeof(text)));
	assert_string_equal(text, "web01");
	assert_false(azjit_id_segment(id, "rg-web", text, sizeof(text))); // a value is no key
	assert_false(azjit_id_segment(id, "resourceGroup", text, sizeof(text)));
	assert_false(azjit_id_segment(id, "providers", text, sizeof(text))); // longer than the field
	assert_false(azjit_id_segment("/subscriptions", "subscriptions", text, sizeof(text)));
	assert_false(azjit_id_segment("/subscriptions/", "subscriptions", text, sizeof(text)));
	assert_false(azjit_id_segment("", "subscriptions", text, sizeof(text)));
}

static void uuids(void **state)
{
	static const char *const bad[] = {"",
	                                  "0",
	                                  "00000000-0000-4000-8000-00000000000",
	                                  "00000000-0000-4000-8000-0000000000000",
	                                  "00000000-0000-4000-8000-00000000000g",
	                                  "{0000000-0000-4000-8000-000000000000}",
	                                  "00000000 0000 4000 8000 000000000000"};
	char a[AZJIT_UUID_CHARS], b[AZJIT_UUID_CHARS];
	uint8_t digest[32];

	assert_int_equal(azjit_uuid_random(a), AZJIT_OK);
	assert_int_equal(azjit_uuid_random(b), AZJIT_OK);
	assert_true(azjit_uuid_valid(a));
	assert_string_not_equal(a, b);
	assert_int_equal(a[14], '4');
	assert_non_null(strchr("89ab", a[19]));
	memset(digest, 0xff, sizeof(digest));
	azjit_uuid_from_digest(digest, a);
	assert_string_equal(a, "ffffffff-ffff-8fff-bfff-ffffffffffff");
	memset(digest, 0, sizeof(digest));
	digest[6] = 0x12;  // bits 48..55: the twelve after the version begin with them
	digest[7] = 0x3c;  // bits 56..63: four end the twelve, then two bits "11" begin the last part
	digest[15] = 0x40; // bit 121, the last that is used
	azjit_uuid_from_digest(digest, a);
	assert_string_equal(a, "00000000-0000-8123-b000-000000000001");
	digest[15] = 0x3f; // past the 122nd
	azjit_uuid_from_digest(digest, a);
	assert_string_equal(a, "00000000-0000-8123-b000-000000000000");
	assert_true(azjit_uuid_valid("0B4F4C9E-1111-4222-8333-ABCDEFabcdef"));
	for (size_t i = 0; i < AZJIT_COUNT(bad); i++)
		assert_false(azjit_uuid_valid(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(numbers_have_one_door),
	        cmocka_unit_test(patterns),
	        cmocka_unit_test(case_is_ascii_only),
	        cmocka_unit_test(outside_bytes_become_printable),
	        cmocka_unit_test(a_cut_is_never_inside_a_character_or_escape),
	        cmocka_unit_test(copy_is_whole_or_empty),
	        cmocka_unit_test(parts_of_a_resource_id),
	        cmocka_unit_test(uuids),
	};

	return cmocka_run_group_tests_name("base/text", tests, NULL, NULL);
}
