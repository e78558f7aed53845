// SPDX-License-Identifier: Apache-2.0
#include <azjit/log.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

// Standard error is a file while a test runs; what was written comes back.
struct scene {
	FILE *file;
	int saved;
};

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	*state = scene;
	if (!scene)
		return -1;
	scene->file = tmpfile();
	scene->saved = dup(STDERR_FILENO);
	return scene->file && dup2(fileno(scene->file), STDERR_FILENO) >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	azjit_log_max(LOG_INFO);
	(void)unsetenv("JOURNAL_STREAM");
	(void)dup2(scene->saved, STDERR_FILENO);
	(void)close(scene->saved);
	(void)fclose(scene->file);
	free(scene);
	return 0;
}

static const char *written(struct scene *scene)
{
	static char text[8192];
	ssize_t n = pread(fileno(scene->file), text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void a_line_is_named_and_printable(void **state)
{
	errno = ENOENT;
	azjit_log(LOG_ERR, "user %s: %m", "a\nb\x1b[2J");
	assert_int_equal(errno, ENOENT);
	assert_string_equal(written(*state),
	                    "test_base_log: user a\\x0ab\\x1b[2J: No such file or directory\n");
}

static void levels_above_the_highest_are_dropped(void **state)
{
	azjit_log(LOG_DEBUG, "not this");
	assert_string_equal(written(*state), "");
	azjit_log_max(LOG_DEBUG);
	azjit_log(LOG_DEBUG, "this");
	assert_string_equal(written(*state), "test_base_log: this\n");
	azjit_log_max(LOG_ERR);
	azjit_log(LOG_WARNING, "not this either");
	assert_string_equal(written(*state), "test_base_log: this\n");
}

static void the_journal_gets_priorities(void **state)
{
	char stream[64];
	struct stat st;

	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	(void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
	azjit_log(LOG_WARNING, "x");
	assert_string_equal(written(*state), "<4>x\n");
	assert_int_equal(setenv("JOURNAL_STREAM", "1:2", 1), 0); // stderr was redirected since
	azjit_log(LOG_WARNING, "y");
	assert_string_equal(written(*state), "<4>x\ntest_base_log: y\n");
}

static void a_very_long_line_is_one_line(void **state)
{
	char longer[20000];
	const char *text;

	memset(longer, '\n', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	azjit_log(LOG_ERR, "%s", longer);
	text = written(*state);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(a_line_is_named_and_printable, setup, teardown),
	        cmocka_unit_test_setup_teardown(levels_above_the_highest_are_dropped, setup, teardown),
	        cmocka_unit_test_setup_teardown(the_journal_gets_priorities, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_very_long_line_is_one_line, setup, teardown),
	};

	return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
