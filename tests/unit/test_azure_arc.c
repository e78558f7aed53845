// SPDX-License-Identifier: Apache-2.0
// The challenge of Azure Arc's agent is hostile input: which files it can have us read.
#include "../../client/azure/arc.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

static char root[] = "/tmp/azjit-arc-XXXXXX";
static char tokens[64];

// A file of the test's directory, "tokens/x.key" or "x.key".
static char *at(const char *name)
{
	static char ring[4][512];
	static unsigned next;
	char *path = ring[next++ % 4];

	(void)snprintf(path, sizeof(ring[0]), "%s/%s", root, name);
	return path;
}

static void put(const char *name, const void *bytes, size_t len, mode_t mode)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

static int setup(void **state)
{
	if (!mkdtemp(root))
		return -1;
	(void)snprintf(tokens, sizeof(tokens), "%s/tokens", root);
	return mkdir(tokens, 0750) || mkdir(at("other"), 0750);
}

static int teardown(void **state)
{
	static const char *const names[] = {"tokens/good.key",    "tokens/link.key",  "tokens/fifo.key",
	                                    "tokens/large.key",   "tokens/full.key",  "tokens/plain",
	                                    "tokens/odd.key",     "tokens/empty.key", "tokens/.key",
	                                    "tokens-good.key",    "outside.key",      "other/good.key",
	                                    "tokens/foreign.key", "tokens/open.key",  "link"};

	for (size_t i = 0; i < AZJIT_COUNT(names); i++)
		(void)unlink(at(names[i]));
	(void)rmdir(at("tokens/dir.key"));
	return rmdir(tokens) | rmdir(at("other")) | rmdir(root);
}

static void takes(const char *challenge, const char *wanted)
{
	_cleanup_buf_ struct azjit_buf key = AZJIT_BUF(4096);
	struct azjit_reason reason = {""};

	if (arc_read_key(tokens, challenge, &key, &reason) != AZJIT_OK)
		fail_msg("%s: %s", challenge, reason.text);
	assert_string_equal(key.data, wanted);
}

static void refuses(const char *challenge, const char *sentence)
{
	_cleanup_buf_ struct azjit_buf key = AZJIT_BUF(4096);
	struct azjit_reason reason = {""};
	enum azjit_result result = arc_read_key(tokens, challenge, &key, &reason);

	if (result != AZJIT_IDENTITY || !strstr(reason.text, sentence))
		fail_msg("%s: %s \"%s\", wanted \"%s\"", challenge, azjit_result_name(result), reason.text,
		         sentence);
}

// "Basic realm=" and a path of the test's directory.
static const char *realm(const char *name)
{
	static char text[600];

	(void)snprintf(text, sizeof(text), "Basic realm=%s", at(name));
	return text;
}

static void a_key_of_the_directory_is_taken(void **state)
{
	static char full[4096];
	char lower[600];

	memset(full, 'k', sizeof(full));
	put("tokens/good.key", "KEY", 3, 0640);
	put("tokens/full.key", full, sizeof(full), 0640);
	takes(realm("tokens/good.key"), "KEY");
	(void)snprintf(lower, sizeof(lower), "basic REALM=%s", at("tokens/good.key"));
	takes(lower, "KEY");
	full[4095] = '\0';
	put("tokens/full.key", full, 4095, 0640);
	takes(realm("tokens/full.key"), full);
}

// Files that exist, each with what makes a key: only where they are, or what they are called, is wrong.
static void no_other_path_is_opened(void **state)
{
	static const char *const names[] = {"tokens/../outside.key",
	                                    "tokens/../tokens/good.key",
	                                    "tokens/../other/good.key",
	                                    "other/good.key",
	                                    "outside.key",
	                                    "tokens//good.key",
	                                    "tokens/./good.key",
	                                    "tokens/plain",
	                                    "tokens/.key",
	                                    "tokens",
	                                    "tokens/",
	                                    "tokens/good.key ",
	                                    "tokens/good.key\"",
	                                    "tokens/good.key, x=y",
	                                    "link/good.key",
	                                    "tokens-good.key",
	                                    "tokens/dir.key/good.key"};
	char longest[400] = "tokens/";

	put("tokens/good.key", "KEY", 3, 0640);
	put("tokens/plain", "KEY", 3, 0640);
	put("tokens/.key", "KEY", 3, 0640);
	put("outside.key", "KEY", 3, 0640);
	put("other/good.key", "KEY", 3, 0640);
	put("tokens-good.key", "KEY", 3, 0640);
	assert_int_equal(symlink("tokens", at("link")), 0);
	for (size_t i = 0; i < AZJIT_COUNT(names); i++)
		refuses(realm(names[i]), "asks for a key file that is none of its own");
	memset(longest + 7, 'a', 300);
	memcpy(longest + 300, ".key", 5);
	refuses(realm(longest), "none of its own");
	refuses("Basic realm=/etc/passwd", "none of its own: /etc/passwd");
	refuses("Basic realm=/var/opt/azcmagent/tokens/x.key", "none of its own");
	refuses("Basic realm=", "none of its own");
	refuses("Basic realm=tokens/good.key", "none of its own");
	refuses("Bearer realm=x", "asks for something else than a key file: 'Bearer realm=x'");
	refuses("Basic", "something else");
	refuses("", "something else");
	assert_int_equal(unlink(at("link")), 0);
}

static void what_is_no_key_file_is_refused(void **state)
{
	static char large[4097];

	memset(large, 'k', sizeof(large));
	put("tokens/good.key", "KEY", 3, 0640);
	put("tokens/large.key", large, sizeof(large), 0640);
	put("tokens/empty.key", "", 0, 0640);
	put("tokens/odd.key", "KEY\r\nX-Other: 1", 15, 0640);
	put("tokens/open.key", "KEY", 3, 0646);
	assert_int_equal(symlink("good.key", at("tokens/link.key")), 0);
	assert_int_equal(mkfifo(at("tokens/fifo.key"), 0640), 0);
	assert_int_equal(mkdir(at("tokens/dir.key"), 0750), 0);
	refuses(realm("tokens/link.key"), "is a symbolic link");
	refuses(realm("tokens/fifo.key"), "is not a regular file");
	refuses(realm("tokens/dir.key"), "is not a regular file");
	refuses(realm("tokens/large.key"), "is larger than 4096 bytes");
	refuses(realm("tokens/empty.key"), "is no line of text");
	refuses(realm("tokens/odd.key"), "is no line of text");
	refuses(realm("tokens/open.key"), "can be written by others");
	refuses(realm("tokens/absent.key"), "does not exist");
	put("tokens/odd.key", "K\0Y", 3, 0640);
	refuses(realm("tokens/odd.key"), "is no line of text");
	put("tokens/odd.key", "KEY\n", 4, 0640);
	refuses(realm("tokens/odd.key"), "is no line of text");
}

static void the_owner_decides(void **state)
{
	if (geteuid() != 0)
		skip();
	put("tokens/foreign.key", "KEY", 3, 0640);
	assert_int_equal(chown(at("tokens/foreign.key"), 12345, 0), 0);
	refuses(realm("tokens/foreign.key"), "is owned by uid 12345");
	assert_int_equal(chown(tokens, 12345, 0), 0);
	takes(realm("tokens/foreign.key"), "KEY");
	assert_int_equal(chown(tokens, 12346, 0), 0);
	refuses(realm("tokens/foreign.key"), "is owned by uid 12345");
	assert_int_equal(chown(tokens, 0, 0), 0);
}

static void the_directory_must_be_the_agent_s(void **state)
{
	put("tokens/good.key", "KEY", 3, 0640);
	assert_int_equal(chmod(tokens, 01777), 0);
	refuses(realm("tokens/good.key"), "is no directory of the agent of Azure Arc");
	assert_int_equal(chmod(tokens, 0750), 0);
	assert_string_equal(arc_directory(), "/var/opt/azcmagent/tokens");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_key_of_the_directory_is_taken),
	        cmocka_unit_test(no_other_path_is_opened),
	        cmocka_unit_test(what_is_no_key_file_is_refused),
	        cmocka_unit_test(the_owner_decides),
	        cmocka_unit_test(the_directory_must_be_the_agent_s),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
