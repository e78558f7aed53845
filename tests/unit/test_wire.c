// SPDX-License-Identifier: Apache-2.0
#include <azjit/macro.h>
#include <azjit/wire.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

// Parses a copy whose bounds the sanitizers know.
static enum azjit_wire_parse parse(const char *text, size_t len, size_t max, struct azjit_wire_msg *msg,
                                   char **ret_copy, size_t *ret_used)
{
	char *copy = malloc(len ? len : 1);

	memcpy(copy, text, len);
	*ret_copy = copy;
	return azjit_wire_parse(copy, len, max, msg, ret_used);
}

static enum azjit_wire_parse parse_kind(const char *text, size_t len, size_t max)
{
	_cleanup_free_ char *copy = NULL;
	struct azjit_wire_msg msg;
	size_t used;

	return parse(text, len, max, &msg, &copy, &used);
}

static void a_message_comes_back_as_it_was_put(void **state)
{
	static const char value[] = "a=b %41 \x01\n\r\t\x7f \xc3\xa9 \xff";
	char bytes[256];
	struct azjit_wire_out out;
	struct azjit_wire_msg msg;
	size_t len, used = 0;

	azjit_wire_begin(&out, bytes, sizeof(bytes), "SESSION-OPEN");
	azjit_wire_put(&out, "user", value);
	azjit_wire_put(&out, "rhost", NULL);
	azjit_wire_put(&out, "tty", "");
	azjit_wire_put_u64(&out, "pid", 0);
	azjit_wire_put_u64(&out, "big", UINT64_MAX);
	len = azjit_wire_end(&out);
	assert_true(len > 0);
	assert_int_equal(azjit_wire_parse(bytes, len, len, &msg, &used), AZJIT_WIRE_MESSAGE);
	assert_int_equal(used, len);
	assert_string_equal(msg.verb, "SESSION-OPEN");
	assert_int_equal(msg.pair_count, 4);
	assert_string_equal(azjit_wire_get(&msg, "user"), value);
	assert_string_equal(azjit_wire_get(&msg, "tty"), "");
	assert_string_equal(azjit_wire_get(&msg, "pid"), "0");
	assert_string_equal(azjit_wire_get(&msg, "big"), "18446744073709551615");
	assert_null(azjit_wire_get(&msg, "rhost"));
}

static void the_bytes_are_what_the_header_says(void **state)
{
	char bytes[64];
	struct azjit_wire_out out;
	size_t len;

	azjit_wire_begin(&out, bytes, sizeof(bytes), "DONE");
	azjit_wire_put(&out, "reason", "50% \n\x1f");
	len = azjit_wire_end(&out);
	assert_int_equal(len, strlen("AZJIT/1 DONE\nreason=50%25 %0A%1F\n\n"));
	assert_memory_equal(bytes, "AZJIT/1 DONE\nreason=50%25 %0A%1F\n\n", len);
}

static void every_prefix_wants_more(void **state)
{
	static const char text[] = "AZJIT/1 PING\na=b\nc=%0A\n\n";

	for (size_t len = 0; len < sizeof(text) - 1; len++)
		assert_int_equal(parse_kind(text, len, 100), AZJIT_WIRE_MORE);
	assert_int_equal(parse_kind(text, sizeof(text) - 1, 100), AZJIT_WIRE_MESSAGE);
	assert_int_equal(parse_kind(text, sizeof(text) - 1, sizeof(text) - 1), AZJIT_WIRE_MESSAGE);
	assert_int_equal(parse_kind(text, sizeof(text) - 1, sizeof(text) - 2), AZJIT_WIRE_BAD);
	assert_int_equal(parse_kind(text, sizeof(text) - 2, sizeof(text) - 2), AZJIT_WIRE_BAD);
}

static void two_messages_are_taken_one_by_one(void **state)
{
	static const char text[] = "AZJIT/1 PROGRESS\nstage=a\n\nAZJIT/1 DONE\n\n";
	_cleanup_free_ char *copy = NULL;
	struct azjit_wire_msg msg;
	size_t used = 0, len = sizeof(text) - 1;

	assert_int_equal(parse(text, len, 100, &msg, &copy, &used), AZJIT_WIRE_MESSAGE);
	assert_string_equal(msg.verb, "PROGRESS");
	assert_int_equal(azjit_wire_parse(copy + used, len - used, 100, &msg, &used), AZJIT_WIRE_MESSAGE);
	assert_string_equal(msg.verb, "DONE");
}

static void what_is_no_message_is_bad(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} bad[] = {
#define BAD(s) {s, sizeof(s) - 1}
	        BAD("x"),
	        BAD("azjit/1 PING\n\n"),
	        BAD("\n\n"),
	        BAD("GET / HTTP/1.1\r\n\r\n"),
	        BAD("AZJIT/1 PING\0\n\n"),
	        BAD("AZJIT/1 PING\nk=\0v\n\n"),
	        BAD("AZJIT/1\n\n"),
	        BAD("AZJIT/1 \n\n"),
	        BAD("AZJIT/1  PING\n\n"),
	        BAD("AZJIT/1 ping\n\n"),
	        BAD("AZJIT/1 PING \n\n"),
	        BAD("AZJIT/1 -PING\n\n"),
	        BAD("AZJIT/01 PING\n\n"),
	        BAD("AZJIT/ PING\n\n"),
	        BAD("AZJIT/x PING\n\n"),
	        BAD("AZJIT/99999 PING\n\n"),
	        BAD("AZJIT/1 PING\r\n\r\n\n"),
	        BAD("AZJIT/1 PINGPINGPINGPINGPINGPINGPINGPINGP\n\n"),
	        BAD("AZJIT/1 PING\nk\n\n"),
	        BAD("AZJIT/1 PING\n=v\n\n"),
	        BAD("AZJIT/1 PING\nK=v\n\n"),
	        BAD("AZJIT/1 PING\nk =v\n\n"),
	        BAD("AZJIT/1 PING\nk=a\nk=b\n\n"),
	        BAD("AZJIT/1 PING\nk=a\tb\n\n"),
	        BAD("AZJIT/1 PING\nk=\x7f\n\n"),
	        BAD("AZJIT/1 PING\nk=%\n\n"),
	        BAD("AZJIT/1 PING\nk=%0\n\n"),
	        BAD("AZJIT/1 PING\nk=%0a\n\n"),
	        BAD("AZJIT/1 PING\nk=%00\n\n"),
	        BAD("AZJIT/1 PING\nk=%41\n\n"),
	        BAD("AZJIT/1 PING\nk=%zz\n\n"),
	        BAD("AZJIT/1 PING\nk=v\r\n\n"),
	        BAD("AZJIT/1 PING\nkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk=v\n\n"),
#undef BAD
	};

	for (size_t i = 0; i < AZJIT_COUNT(bad); i++)
		assert_int_equal(parse_kind(bad[i].text, bad[i].len, 1000), AZJIT_WIRE_BAD);
	assert_int_equal(parse_kind("AZJIT/1 PING\nkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk=v\n\n", 49, 1000),
	                 AZJIT_WIRE_MESSAGE);
}

static void another_version_is_told_apart(void **state)
{
	assert_int_equal(parse_kind("AZJIT/2 PING\nanything at all\n\n", 30, 100), AZJIT_WIRE_VERSION);
	assert_int_equal(parse_kind("AZJIT/2 PING\n", 13, 100), AZJIT_WIRE_MORE);
	assert_int_equal(parse_kind("AZJIT/2 ping\n\n", 14, 100), AZJIT_WIRE_BAD);
}

static size_t many_keys(char *bytes, size_t size, unsigned count)
{
	struct azjit_wire_out out;

	azjit_wire_begin(&out, bytes, size, "PING");
	for (unsigned i = 0; i < count; i++) {
		char key[16];

		(void)snprintf(key, sizeof(key), "k%u", i);
		azjit_wire_put(&out, key, "v");
	}
	return azjit_wire_end(&out);
}

static void keys_are_counted(void **state)
{
	char bytes[1024], text[1024] = "AZJIT/1 PING\n";
	size_t len = strlen(text), full = many_keys(bytes, sizeof(bytes), AZJIT_WIRE_MAX_KEYS);

	assert_true(full > 0);
	assert_int_equal(parse_kind(bytes, full, sizeof(bytes)), AZJIT_WIRE_MESSAGE);
	assert_int_equal(many_keys(bytes, sizeof(bytes), AZJIT_WIRE_MAX_KEYS + 1), 0);
	for (unsigned i = 0; i <= AZJIT_WIRE_MAX_KEYS; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "k%u=v\n", i);
	text[len++] = '\n';
	assert_int_equal(parse_kind(text, len, sizeof(text)), AZJIT_WIRE_BAD);
}

static void what_cannot_be_sent_is_refused_whole(void **state)
{
	static const struct {
		const char *verb, *key, *value;
	} bad[] = {
	        {"ping", "k", "v"},      {"", "k", "v"},
	        {"PING\nk=v", "k", "v"}, {"PING", "K", "v"},
	        {"PING", "", "v"},       {"PING", "k=", "v"},
	        {"PING", "a", "v"},      {"PING", "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk", "v"},
	};
	char bytes[256];
	struct azjit_wire_out out;

	for (size_t i = 0; i < AZJIT_COUNT(bad); i++) {
		azjit_wire_begin(&out, bytes, sizeof(bytes), bad[i].verb);
		azjit_wire_put(&out, "a", "1");
		azjit_wire_put(&out, bad[i].key, bad[i].value);
		azjit_wire_put(&out, "z", "1");
		assert_int_equal(azjit_wire_end(&out), 0);
	}
	for (size_t size = 0; size < strlen("AZJIT/1 PING\nk=%0A\n\n"); size++) {
		_cleanup_free_ char *exact = malloc(size ? size : 1);

		azjit_wire_begin(&out, exact, size, "PING");
		azjit_wire_put(&out, "k", "\n");
		assert_int_equal(azjit_wire_end(&out), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_message_comes_back_as_it_was_put),
	        cmocka_unit_test(the_bytes_are_what_the_header_says),
	        cmocka_unit_test(every_prefix_wants_more),
	        cmocka_unit_test(two_messages_are_taken_one_by_one),
	        cmocka_unit_test(what_is_no_message_is_bad),
	        cmocka_unit_test(another_version_is_told_apart),
	        cmocka_unit_test(keys_are_counted),
	        cmocka_unit_test(what_cannot_be_sent_is_refused_whole),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
