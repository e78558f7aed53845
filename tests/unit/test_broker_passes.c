// SPDX-License-Identifier: Apache-2.0
// Logins that passed unchecked while the broker was down: only what root left counts, and it counts once.
#include "broker_stage.h"

#define PASSED(user)                                                               \
	"AZJIT/1 PASSED\nat=2026-01-02T03:04:05Z\nphase=account\nby=break_glass\n" \
	"reason=the broker cannot be reached\nuser=" user "\nservice=sshd\nrhost=203.0.113.7\n\n"

static void path_of(const struct stage *stage, const char *name, char ret_path[160])
{
	(void)snprintf(ret_path, 160, "%s/passes/%s", stage->dir, name);
}

// As the module does: whole when it is seen.
static void leave(const struct stage *stage, const char *name, const char *text)
{
	char path[160], hidden[160];
	int fd;

	path_of(stage, ".new", hidden);
	path_of(stage, name, path);
	fd = open(hidden, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
	assert_int_equal(rename(hidden, path), 0);
}

static bool is_there(const struct stage *stage, const char *name)
{
	char path[160];

	path_of(stage, name, path);
	return access(path, F_OK) == 0;
}

static void until_gone(const struct stage *stage, const char *name)
{
	uint64_t give_up_ms = azjit_time_monotonic_ms() + 5000;

	while (is_there(stage, name) && azjit_time_monotonic_ms() < give_up_ms)
		(void)usleep(5000);
	assert_false(is_there(stage, name));
}

static void only_root(void)
{
	if (geteuid() != 0) {
		print_message("what a test that is not root leaves counts as nobody's\n");
		skip();
	}
}

static void a_pass_is_taken_at_the_start_and_when_it_comes(void **state)
{
	struct stage *stage = *state;

	only_root();
	stage_start(stage);
	stage_stop(stage);
	leave(stage, "1.000000001.7", PASSED("alice"));
	stage_start(stage);
	assert_int_equal(entries(stage, AZJIT_ENTRY_LOGIN, "unchecked", "user", "alice"), 1);
	assert_int_equal(entries(stage, AZJIT_ENTRY_LOGIN, "unchecked", "from", "203.0.113.7"), 1);
	assert_int_equal(entries(stage, AZJIT_ENTRY_LOGIN, "unchecked", "at", "2026-01-02T03:04:05Z"), 1);
	assert_false(is_there(stage, "1.000000001.7"));
	leave(stage, "2.000000001.7", PASSED("bob"));
	until_gone(stage, "2.000000001.7");
	assert_int_equal(entries(stage, AZJIT_ENTRY_LOGIN, "unchecked", "user", "bob"), 1);
	stage_stop(stage);
	stage_start(stage);
	assert_int_equal(entries(stage, AZJIT_ENTRY_LOGIN, "unchecked", NULL, NULL), 2);
	stage_stop(stage);
}

static void what_is_no_pass_is_left_there(void **state)
{
	struct stage *stage = *state;
	char path[160];

	only_root();
	stage_start(stage);
	stage_stop(stage);
	leave(stage, "1", "AZJIT/1 ACCOUNT\nuser=alice\nservice=sshd\n\n");
	leave(stage, "2", "AZJIT/1 PASSED\nuser=alice\n"); // not whole
	leave(stage, "3", PASSED("alice"));
	path_of(stage, "3", path);
	assert_int_equal(chmod(path, 0666), 0); // somebody else may have written it
	leave(stage, "4", PASSED("alice"));
	path_of(stage, "4", path);
	assert_int_equal(chown(path, 4711, 4711), 0);
	path_of(stage, "5", path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	stage_start(stage);
	assert_int_equal(entries(stage, AZJIT_ENTRY_LOGIN, "unchecked", NULL, NULL), 0);
	for (const char *name = "12345"; *name; name++) {
		char one[] = {*name, '\0'};

		path_of(stage, one, path);
		assert_int_equal(unlink(path), 0);
	}
	stage_stop(stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        broker_test(a_pass_is_taken_at_the_start_and_when_it_comes),
	        broker_test(what_is_no_pass_is_left_there),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
