// SPDX-License-Identifier: Apache-2.0
// azjit config check and show, as a person runs them: what they print where, and the exit status.
#undef AZJIT_SBINDIR
#define AZJIT_SBINDIR "/nonexistent"
#include "../../client/cmd/config.c"
#include "../../client/cmd/config_broker.c"

#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <cmocka.h>

static char dir[] = "/tmp/azjit-config-cmd-XXXXXX";
static char path[64];
static char out[1 << 16], err[1 << 16];

static void write_config(const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

// Everything that goes to a descriptor meanwhile lands in a file.
struct capture {
	int fd, saved, file;
	char name[80];
};

static void capture_begin(struct capture *c, int fd, const char *suffix)
{
	(void)snprintf(c->name, sizeof(c->name), "%s/%s", dir, suffix);
	c->fd = fd;
	c->saved = dup(fd);
	c->file = open(c->name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(c->saved >= 0 && c->file >= 0);
	assert_true(dup2(c->file, fd) == fd);
}

static void capture_end(struct capture *c, char *ret_text, size_t size)
{
	ssize_t got;

	assert_true(dup2(c->saved, c->fd) == c->fd);
	got = pread(c->file, ret_text, size - 1, 0);
	assert_true(got >= 0);
	ret_text[got] = '\0';
	close(c->file);
	close(c->saved);
	assert_int_equal(unlink(c->name), 0);
}

static int run(const struct azjit_cmd *cmd, const char *a, const char *b, const char *c)
{
	char *argv[] = {(char *)"word", (char *)a, (char *)b, (char *)c, NULL};
	struct capture to_out, to_err;
	int argc = 1, status;

	while (argv[argc])
		argc++;
	fflush(stdout);
	capture_begin(&to_out, STDOUT_FILENO, "out");
	capture_begin(&to_err, STDERR_FILENO, "err");
	status = cmd->run(argc, argv);
	fflush(stdout);
	fflush(stderr);
	capture_end(&to_err, err, sizeof(err));
	capture_end(&to_out, out, sizeof(out));
	return status;
}

static void check_json(const char *result, const char *reason_part, size_t warnings)
{
	json_t *root = json_loads(out, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(root);
	assert_string_equal(json_string_value(json_object_get(root, "result")), result);
	assert_non_null(strstr(json_string_value(json_object_get(root, "reason")), reason_part));
	assert_int_equal(json_array_size(json_object_get(root, "warnings")), warnings);
	json_decref(root);
}

static void a_good_file_is_ok(void **state)
{
	write_config("rules = ( { name = \"a\"; users = [ \"root\" ]; targets = [ \"web01\" ]; } );", 0644);
	assert_int_equal(run(&azjit_cmd_config_check, "--file", path, NULL), 0);
	assert_non_null(strstr(out, ": ok, 1 rule\n"));
	assert_string_equal(err, "");
	assert_int_equal(run(&azjit_cmd_config_check, "--json", "--file", path), 0);
	check_json("ok", "", 0);
}

static void warnings_go_to_stderr(void **state)
{
	write_config("rules = ( { name = \"a \\\"b\\\\\"; users = [ \"azjit-none\" ]; targets = [ \"web01\" "
	             "]; } );",
	             0644);
	assert_int_equal(run(&azjit_cmd_config_check, "--file", path, NULL), 0);
	assert_string_equal(
	        err, "azjit: warning: rule \"a \"b\\\" names the user azjit-none, which does not exist "
	             "on this host\n");
	assert_int_equal(run(&azjit_cmd_config_check, "--json", "--file", path), 0);
	check_json("ok", "", 1);
}

static void an_alias_of_a_known_name_is_warned_of(void **state)
{
	write_config(
	        "aliases = ( { name = \"prod\"; vm = \"web01@rg\"; }, { name = \"WEB01\"; vm = \"db\"; } );\n"
	        "rules = ( { name = \"a\"; users = [ \"root\" ]; targets = [ \"prod@rg\", \"web*\" ]; } );",
	        0644);
	assert_int_equal(run(&azjit_cmd_config_check, "--file", path, NULL), 0);
	assert_string_equal(
	        err, "azjit: warning: rule \"a\" names the target prod@rg, and there is an alias \"prod\": "
	             "rules name virtual machines, never aliases\n"
	             "azjit: warning: the alias \"WEB01\" has the name of a virtual machine, web01@rg: the "
	             "name is ambiguous while there is one\n");
}

static void errors_have_a_sentence_and_a_status(void **state)
{
	write_config("\nwait = { deadline = \"soon\"; };", 0644);
	assert_int_equal(run(&azjit_cmd_config_check, "--file", path, NULL), EX_CONFIG);
	assert_non_null(strstr(err, "azjit.conf:2: wait.deadline takes a duration"));
	assert_string_equal(out, "");
	assert_int_equal(run(&azjit_cmd_config_show, "--file", path, NULL), EX_CONFIG);
	assert_int_equal(run(&azjit_cmd_config_check, "--json", "--file", path), EX_CONFIG);
	check_json("config", "wait.deadline takes", 0);
	write_config("ca_file = \"/nonexistent\";", 0644);
	assert_int_equal(run(&azjit_cmd_config_check, "--file", path, NULL), EX_CONFIG);
	assert_non_null(strstr(err, "/nonexistent does not exist"));
	write_config("", 0666);
	assert_int_equal(run(&azjit_cmd_config_check, "--file", path, NULL), EX_CONFIG);
	assert_int_equal(run(&azjit_cmd_config_check, "--file", "/nonexistent", NULL), EX_NOINPUT);
	assert_int_equal(run(&azjit_cmd_config_check, "--fiel", path, NULL), EX_USAGE);
	assert_int_equal(run(&azjit_cmd_config_check, path, NULL, NULL), EX_USAGE);
	assert_non_null(strstr(err, "usage: azjit config check"));
	assert_int_equal(run(&azjit_cmd_config_show, "--help", NULL, NULL), 0);
	assert_non_null(strstr(out, "usage: azjit config show"));
}

#define CERTIFICATE                                                                                        \
	"rules = ( { name = \"a\"; users = [ \"root\" ]; targets = [ \"web01\" ]; } ); identity = { kind " \
	"= \"client-certificate\"; tenant_id = \"contoso.example\"; client_id = "                          \
	"\"36c3b2ab-3f5f-4b2a-9c6f-06bfc8c0a0a2\"; certificate_file = \"/etc/passwd\"; %s};"

static void a_certificate_is_the_broker_s_to_judge(void **state)
{
	char text[1024];

	(void)snprintf(text, sizeof(text), CERTIFICATE, "key_file = \"/etc/shadow\"; ");
	write_config(text, 0644);
	assert_int_equal(run(&azjit_cmd_config_check, "--file", path, NULL), 0);
	assert_string_equal(err, "azjit: warning: identity.certificate_file was not examined: "
	                         "/nonexistent/azjitd cannot be run: No such file or directory\n");
	(void)snprintf(text, sizeof(text), CERTIFICATE, "");
	write_config(text, 0644);
	assert_int_equal(run(&azjit_cmd_config_check, "--file", path, NULL), EX_CONFIG);
	assert_non_null(strstr(err, "identity.certificate_file: /etc/passwd holds a secret and can be read"));
}

static void a_token_s_file_may_be_a_link(void **state)
{
	char text[512], token[80], link[80];
	int fd;

	(void)snprintf(token, sizeof(token), "%s/token", dir);
	(void)snprintf(link, sizeof(link), "%s/link", dir);
	fd = open(token, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && dprintf(fd, "ey\n") > 0);
	assert_int_equal(symlink("token", link), 0);
	(void)snprintf(text, sizeof(text),
	               "identity = { kind = \"workload\"; tenant_id = \"contoso.example\"; client_id = "
	               "\"36c3b2ab-3f5f-4b2a-9c6f-06bfc8c0a0a2\"; token_file = \"%s\"; };",
	               link);
	write_config(text, 0644);
	assert_int_equal(run(&azjit_cmd_config_check, "--file", path, NULL), 0);
	assert_int_equal(fchmod(fd, 0604), 0);
	assert_int_equal(run(&azjit_cmd_config_check, "--file", path, NULL), EX_CONFIG);
	assert_non_null(strstr(err, "identity.token_file: "));
	assert_non_null(strstr(err, "/link holds a secret and can be read by everybody"));
	close(fd);
	assert_int_equal(unlink(token) | unlink(link), 0);
}

// A broker that does what the text says, with the arguments that it was called with.
static enum azjit_result ask(const char *script, struct azjit_reason *reason)
{
	_cleanup_buf_ struct azjit_buf warnings = AZJIT_BUF(1024);
	char program[80];
	int fd;
	enum azjit_result result;

	(void)snprintf(program, sizeof(program), "%s/azjitd", dir);
	fd = open(program, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	assert_true(fd >= 0 && dprintf(fd, "#!/bin/sh\n%s\n", script) > 0);
	close(fd);
	result = config_ask_broker(program, "/a b", &warnings, reason);
	assert_int_equal(warnings.len, 0);
	assert_int_equal(unlink(program), 0);
	return result;
}

static void the_broker_s_sentence_is_told(void **state)
{
	struct azjit_reason reason = {""};

	assert_int_equal(ask("[ \"$1 $2 $3\" = '--check --config /a b' ] && [ -z \"$HOME$LANG\" ]", &reason),
	                 AZJIT_OK);
	assert_int_equal(ask("echo 'azjitd: the key is bad' >&2; exit 78", &reason), AZJIT_CONFIG);
	assert_string_equal(reason.text, "the key is bad");
	assert_int_equal(ask("echo 'no word' ; kill -9 $$", &reason), AZJIT_CONFIG);
	assert_string_equal(reason.text, "azjitd --check failed");
}

static void show_is_a_file_and_json(void **state)
{
	json_t *root;
	static char first[sizeof(out)];

	write_config("wait = { deadline = \"90s\"; };", 0644);
	assert_int_equal(run(&azjit_cmd_config_show, "--json", "--file", path), 0);
	root = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	assert_string_equal(json_string_value(json_object_get(json_object_get(root, "wait"), "deadline")),
	                    "1m30s");
	assert_true(json_is_null(json_object_get(root, "ca_file")));
	json_decref(root);
	assert_int_equal(run(&azjit_cmd_config_show, "--file", path, NULL), 0);
	memcpy(first, out, sizeof(first));
	write_config(first, 0644);
	assert_int_equal(run(&azjit_cmd_config_show, "--file", path, NULL), 0);
	assert_string_equal(first, out);
}

static void an_answer_that_cannot_be_written_is_an_error(void **state)
{
	int saved = dup(STDOUT_FILENO), full = open("/dev/full", O_WRONLY | O_CLOEXEC), status;
	char *argv[] = {(char *)"show", (char *)"--file", path, NULL};

	write_config("", 0644);
	assert_true(saved >= 0 && full >= 0);
	fflush(stdout);
	assert_true(dup2(full, STDOUT_FILENO) >= 0);
	status = azjit_cmd_config_show.run(3, argv);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	clearerr(stdout);
	close(saved);
	close(full);
	assert_int_equal(status, EX_OSERR);
}

// docs/operations.md has each result in the line of its exit status.
static void the_handbook_has_every_exit_status(void **state)
{
	FILE *book = fopen("docs/operations.md", "re");
	static char text[1 << 17];
	size_t len;

	assert_non_null(book);
	len = fread(text, 1, sizeof(text) - 1, book);
	text[len] = '\0';
	fclose(book);
	for (int r = 0; r < AZJIT_RESULT_COUNT_; r++) {
		const char *name = azjit_result_name((enum azjit_result)r), *line, *found;
		char start[16], quoted[64];

		(void)snprintf(start, sizeof(start), "\n| %d |", azjit_result_exit((enum azjit_result)r));
		(void)snprintf(quoted, sizeof(quoted), "`%s`", name);
		line = strstr(text, start);
		if (!line)
			fail_msg("no line for exit status of %s", name);
		found = strstr(line + 1, quoted);
		if (r != AZJIT_OK && (!found || found > strchr(line + 1, '\n')))
			fail_msg("%s does not stand in \"%s\"", name, start + 1);
	}
}

// The file must be root's.
static int setup(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/azjit.conf", dir);
	return 0;
}

static int teardown(void **state)
{
	return unlink(path) || rmdir(dir);
}

static void only_roots_files_are_read(void **state)
{
	write_config("", 0644);
	assert_int_equal(run(&azjit_cmd_config_check, "--file", path, NULL), EX_CONFIG);
	assert_non_null(strstr(err, path));
}

int main(void)
{
	const struct CMUnitTest as_root[] = {
	        cmocka_unit_test(a_good_file_is_ok),
	        cmocka_unit_test(warnings_go_to_stderr),
	        cmocka_unit_test(an_alias_of_a_known_name_is_warned_of),
	        cmocka_unit_test(errors_have_a_sentence_and_a_status),
	        cmocka_unit_test(a_token_s_file_may_be_a_link),
	        cmocka_unit_test(a_certificate_is_the_broker_s_to_judge),
	        cmocka_unit_test(the_broker_s_sentence_is_told),
	        cmocka_unit_test(show_is_a_file_and_json),
	        cmocka_unit_test(an_answer_that_cannot_be_written_is_an_error),
	        cmocka_unit_test(the_handbook_has_every_exit_status),
	};
	const struct CMUnitTest as_somebody[] = {
	        cmocka_unit_test(only_roots_files_are_read),
	        cmocka_unit_test(the_handbook_has_every_exit_status),
	};

	if (geteuid() != 0)
		return cmocka_run_group_tests(as_somebody, setup, teardown);
	return cmocka_run_group_tests(as_root, setup, teardown);
}
