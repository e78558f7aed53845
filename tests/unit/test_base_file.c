// SPDX-License-Identifier: Apache-2.0
#include <azjit/file.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

// Every test works in a directory of its own, which is the working directory meanwhile.
static int setup(void **state)
{
	char *dir = strdup("/tmp/azjit-file.XXXXXX");

	*state = dir;
	return dir && mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	static const char *const names[] = {"file", "link", "fifo", "socket"};

	for (size_t i = 0; i < AZJIT_COUNT(names); i++)
		(void)unlink(names[i]);
	(void)rmdir("dir");
	(void)!chdir("/");
	int r = rmdir(*state);

	free(*state);
	return r;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

static enum azjit_result read_file(const char *name, bool secret, size_t max, char *ret_text)
{
	_cleanup_buf_ struct azjit_buf buf = AZJIT_BUF(max);
	struct azjit_reason reason = {0};
	enum azjit_result result = azjit_file_read_trusted(name, geteuid(), secret, &buf, &reason);

	if (result != AZJIT_OK)
		assert_non_null(strstr(reason.text, name));
	else
		(void)strncpy(ret_text, buf.data, 63);
	return result;
}

static void a_trusted_file_is_read_whole(void **state)
{
	char text[64] = "";

	write_file("file", "hello", 0644);
	assert_int_equal(read_file("file", false, 5, text), AZJIT_OK);
	assert_string_equal(text, "hello");
	assert_int_equal(read_file("file", false, 4, text), AZJIT_CONFIG);
	write_file("file", "", 0600);
	assert_int_equal(read_file("file", true, 4, text), AZJIT_OK);
	assert_string_equal(text, "");
}

static void modes_decide(void **state)
{
	static const struct {
		mode_t mode;
		enum azjit_result plain, secret;
	} cases[] = {
	        {0600, AZJIT_OK, AZJIT_OK},         {0640, AZJIT_OK, AZJIT_OK},
	        {0644, AZJIT_OK, AZJIT_CONFIG},     {0620, AZJIT_CONFIG, AZJIT_CONFIG},
	        {0602, AZJIT_CONFIG, AZJIT_CONFIG}, {0666, AZJIT_CONFIG, AZJIT_CONFIG},
	};
	char text[64];

	for (size_t i = 0; i < AZJIT_COUNT(cases); i++) {
		write_file("file", "x", cases[i].mode);
		assert_int_equal(read_file("file", false, 9, text), cases[i].plain);
		assert_int_equal(read_file("file", true, 9, text), cases[i].secret);
	}
}

static void what_is_no_regular_file_is_refused_at_once(void **state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX, .sun_path = "socket"};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[64];

	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(mkdir("dir", 0700), 0);
	write_file("file", "x", 0600);
	assert_int_equal(symlink("file", "link"), 0);
	assert_int_equal(read_file("fifo", false, 9, text), AZJIT_CONFIG);
	assert_int_equal(read_file("dir", false, 9, text), AZJIT_CONFIG);
	assert_int_equal(read_file("link", false, 9, text), AZJIT_CONFIG);
	assert_int_equal(read_file("socket", false, 9, text), AZJIT_CONFIG);
	assert_int_equal(read_file("/dev/null", false, 9, text), AZJIT_CONFIG);
	assert_int_equal(read_file("absent", false, 9, text), AZJIT_NOT_FOUND);
	assert_int_equal(read_file("file/absent", false, 9, text), AZJIT_NOT_FOUND);
}

// --- through links ------------------------------------------------------------------------------------

static enum azjit_result read_linked(const char *name, char *ret_text, const char *sentence)
{
	_cleanup_buf_ struct azjit_buf buf = AZJIT_BUF(63);
	struct azjit_reason reason = {0};
	char cwd[64], path[128];
	enum azjit_result result;

	assert_non_null(getcwd(cwd, sizeof(cwd)));
	(void)snprintf(path, sizeof(path), "%s/%s", cwd, name);
	result = azjit_file_read_linked(path, geteuid(), true, &buf, &reason);
	if (result == AZJIT_OK)
		(void)strncpy(ret_text, buf.data, 63);
	else if (!strstr(reason.text, path) || !strstr(reason.text, sentence))
		fail_msg("\"%s\" lacks \"%s\"", reason.text, sentence);
	return result;
}

// As Kubernetes lays it out: token -> ..data/token, ..data -> ..1, in a directory that is everybody's but sticky.
static void project(void)
{
	assert_int_equal(mkdir("dir", 0700), 0);
	assert_int_equal(chmod("dir", 01777), 0);
	assert_int_equal(mkdir("dir/..1", 0755), 0);
	write_file("dir/..1/token", "ey", 0640);
	assert_int_equal(symlink("..1", "dir/..data"), 0);
	assert_int_equal(symlink("..data/token", "dir/token"), 0);
}

static int unproject(void **state)
{
	static const char *const names[] = {"dir/..1/token", "dir/..data", "dir/token", "dir/file", "link"};

	for (size_t i = 0; i < AZJIT_COUNT(names); i++)
		(void)unlink(names[i]);
	(void)rmdir("dir/..1");
	return teardown(state);
}

static void a_projected_file_is_read(void **state)
{
	char text[64] = "", cwd[64];

	project();
	assert_int_equal(read_linked("dir/token", text, ""), AZJIT_OK);
	assert_string_equal(text, "ey");
	assert_int_equal(read_linked("dir//./..1/../token", text, ""), AZJIT_OK);
	// And as it stands behind an absolute link, as /var/run is one.
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(symlink(cwd, "link"), 0);
	assert_int_equal(read_linked("link/dir/token", text, ""), AZJIT_OK);
	assert_int_equal(read_linked("dir/absent", text, "does not exist"), AZJIT_NOT_FOUND);
	assert_int_equal(read_linked("dir/token/x", text, "does not exist"), AZJIT_NOT_FOUND);
	assert_int_equal(read_linked("dir/..data", text, "is not a regular file"), AZJIT_CONFIG);
	assert_int_equal(azjit_file_read_linked("dir/token", geteuid(), true, NULL, NULL), AZJIT_CONFIG);
}

static void who_may_write_the_way_decides(void **state)
{
	char text[64];

	project();
	assert_int_equal(chmod("dir", 0777), 0);
	assert_int_equal(read_linked("dir/token", text, "leads through dir, a directory that others"),
	                 AZJIT_CONFIG);
	assert_int_equal(chmod("dir", 0775), 0);
	assert_int_equal(read_linked("dir/token", text, "leads through dir, a directory that others"),
	                 AZJIT_CONFIG);
	assert_int_equal(chmod("dir", 0755), 0);
	assert_int_equal(chmod("dir/..1", 0775), 0);
	assert_int_equal(read_linked("dir/token", text, "leads through ..1, a directory that others"),
	                 AZJIT_CONFIG);
	assert_int_equal(chmod("dir/..1", 0755), 0);
	write_file("dir/..1/token", "ey", 0644);
	assert_int_equal(read_linked("dir/token", text, "can be read by everybody"), AZJIT_CONFIG);
	write_file("dir/..1/token", "ey", 0660);
	assert_int_equal(read_linked("dir/token", text, "can be written by others"), AZJIT_CONFIG);
	assert_int_equal(unlink("dir/..1/token"), 0);
	assert_int_equal(mkfifo("dir/..1/token", 0600), 0);
	assert_int_equal(read_linked("dir/token", text, "is not a regular file"), AZJIT_CONFIG);
	assert_int_equal(symlink("link", "link"), 0);
	assert_int_equal(read_linked("link", text, "one symbolic link too many"), AZJIT_CONFIG);
}

// In a sticky directory others may add a link, a directory or a file, and wait for us to follow.
static void anothers_entry_is_not_followed(void **state)
{
	char text[64];

	if (geteuid() != 0)
		skip();
	project();
	assert_int_equal(lchown("dir/token", 12345, 0), 0);
	assert_int_equal(read_linked("dir/token", text, "leads through token, which is somebody else's"),
	                 AZJIT_CONFIG);
	assert_int_equal(lchown("dir/token", 0, 0), 0);
	assert_int_equal(chown("dir/..1", 12345, 0), 0);
	assert_int_equal(read_linked("dir/token", text, "leads through ..1, which is somebody else's"),
	                 AZJIT_CONFIG);
	assert_int_equal(chown("dir/..1", 0, 0), 0);
	assert_int_equal(chown("dir/..1/token", 12345, 0), 0);
	assert_int_equal(read_linked("dir/token", text, "which is somebody else's"), AZJIT_CONFIG);
}

// Needs root to give a file away.
static void anothers_file_is_refused(void **state)
{
	char text[64];

	if (geteuid() != 0)
		skip();
	write_file("file", "x", 0600);
	assert_int_equal(chown("file", 12345, 0), 0);
	assert_int_equal(read_file("file", false, 9, text), AZJIT_CONFIG);

	_cleanup_buf_ struct azjit_buf buf = AZJIT_BUF(9);

	assert_int_equal(azjit_file_read_trusted("file", 12345, false, &buf, NULL), AZJIT_OK);
}

static void replace_is_whole_and_leaves_nothing_beside(void **state)
{
	struct azjit_reason reason = {0};
	struct stat st;
	char text[64];

	write_file("file", "old content", 0600);
	assert_int_equal(azjit_file_replace("file", "new", 3, 0640, &reason), AZJIT_OK);
	assert_int_equal(read_file("file", false, 64, text), AZJIT_OK);
	assert_string_equal(text, "new");
	assert_int_equal(stat("file", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(mkdir("dir", 0700), 0);
	assert_int_equal(azjit_file_replace("dir", "new", 3, 0640, &reason), AZJIT_SYSTEM);
	assert_non_null(strstr(reason.text, "dir"));
	assert_int_equal(azjit_file_replace("absent/file", "new", 3, 0640, &reason), AZJIT_SYSTEM);
} // teardown's rmdir fails if a temporary file stayed

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(a_trusted_file_is_read_whole, setup, teardown),
	        cmocka_unit_test_setup_teardown(modes_decide, setup, teardown),
	        cmocka_unit_test_setup_teardown(what_is_no_regular_file_is_refused_at_once, setup, teardown),
	        cmocka_unit_test_setup_teardown(anothers_file_is_refused, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_projected_file_is_read, setup, unproject),
	        cmocka_unit_test_setup_teardown(who_may_write_the_way_decides, setup, unproject),
	        cmocka_unit_test_setup_teardown(anothers_entry_is_not_followed, setup, unproject),
	        cmocka_unit_test_setup_teardown(replace_is_whole_and_leaves_nothing_beside, setup, teardown),
	};

	return cmocka_run_group_tests_name("base/file", tests, NULL, NULL);
}
