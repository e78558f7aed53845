// SPDX-License-Identifier: Apache-2.0
// The configuration as a file: the sample beside the table of keys, whom a file must belong to, and what
// only the host can tell.
#include "config_text.h"

#include <azjit/file.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

// --- conf/azjit.conf ---

static char *read_whole(const char *path)
{
	struct azjit_buf text = AZJIT_BUF(1 << 20);
	FILE *file = fopen(path, "re");
	char part[4096];
	size_t got;

	if (!file)
		fail_msg("%s cannot be opened: run from the top of the tree", path);
	while ((got = fread(part, 1, sizeof(part), file)) > 0)
		assert_true(azjit_buf_add(&text, part, got));
	fclose(file);
	return azjit_buf_steal(&text);
}

// AZJIT_WRITE_SAMPLE=1 writes the file after a change of the table (then packaging/man/conf-page).
static void the_sample_is_the_file(void **state)
{
	_cleanup_free_ char *file = read_whole("conf/azjit.conf");
	_cleanup_buf_ struct azjit_buf sample = AZJIT_BUF(1 << 20);
	struct azjit_reason reason = {""};

	assert_true(azjit_config_sample(&sample));
	if (getenv("AZJIT_WRITE_SAMPLE")) {
		assert_int_equal(
		        azjit_file_replace("conf/azjit.conf", sample.data, sample.len, 0644, &reason),
		        AZJIT_OK);
		return;
	}
	assert_string_equal(file, sample.data);
}

// Every "#key = default;" of the sample made a real line: the same configuration as no file at all.
static void the_sample_states_the_real_defaults(void **state)
{
	_cleanup_buf_ struct azjit_buf sample = AZJIT_BUF(1 << 20), text = AZJIT_BUF(1 << 20);
	_cleanup_config_ struct azjit_config *bare = parse(""), *config = NULL;
	_cleanup_free_ char *expected = shown(bare, azjit_config_show), *got = NULL;
	size_t uncommented = 0;

	assert_true(azjit_config_sample(&sample));
	for (char *line = sample.data, *end; *line; line = end + 1) {
		char *hash = line + strspn(line, "\t");
		bool key;

		end = strchr(line, '\n');
		*end = '\0';
		key = *hash == '#' && hash[1] >= 'a' && hash[1] <= 'z' && !strstr(hash, "...") &&
		      strncmp(hash, "#rules", 6) != 0;

		if (key)
			*hash = ' ';
		uncommented += key;
		assert_true(azjit_buf_printf(&text, "%s\n", line));
	}
	assert_true(uncommented > 20);
	config = parse(text.data);
	got = shown(config, azjit_config_show);
	assert_string_equal(expected, got);
}

// --- files ---

static void only_a_trusted_file_is_read(void **state)
{
	char dir[] = "/tmp/azjit-config-XXXXXX", path[64], fifo[64];
	_cleanup_config_ struct azjit_config *config = NULL;
	struct azjit_reason reason = {""};
	int fd;

	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/azjit.conf", dir);
	(void)snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	assert_int_equal(azjit_config_load(path, &reason, &config), AZJIT_NOT_FOUND);
	assert_int_equal(mkfifo(fifo, 0644), 0);
	assert_int_equal(azjit_config_load(fifo, &reason, &config), AZJIT_CONFIG);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, "wait = { };\0@include", 20), 20);
	assert_int_equal(azjit_config_load(path, &reason, &config), AZJIT_CONFIG);
	if (geteuid() == 0)
		assert_non_null(strstr(reason.text, "NUL byte"));
	assert_int_equal(ftruncate(fd, 11), 0);
	assert_int_equal(azjit_config_load(path, &reason, &config), geteuid() == 0 ? AZJIT_OK : AZJIT_CONFIG);
	azjit_config_free(STEAL(config));
	assert_int_equal(fchmod(fd, 0666), 0);
	assert_int_equal(azjit_config_load(path, &reason, &config), AZJIT_CONFIG);
	close(fd);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(fifo), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void check_tells_what_the_host_lacks(void **state)
{
	_cleanup_config_ struct azjit_config *config =
	        parse("break_glass_groups = [ \"azjit-no-group\" ]; kill_switch = \"/\";\n"
	              "rules = ( { name = \"r\"; users = [ \"root\", \"azjit-no-user\" ]; groups = [ "
	              "\"root\" ]; targets = "
	              "[ \"*\" ]; services = [ \"azjit-no-service\" ]; } );");
	_cleanup_config_ struct azjit_config *lost = parse("ca_file = \"/nonexistent/ca.pem\";");
	_cleanup_buf_ struct azjit_buf warnings = AZJIT_BUF(1 << 16);
	struct azjit_reason reason = {""};

	assert_int_equal(azjit_config_check(config, &warnings, &reason), AZJIT_OK);
	assert_string_equal(
	        warnings.data,
	        "rule \"r\" names the user azjit-no-user, which does not exist on this host\n"
	        "rule \"r\" names the service azjit-no-service, for which /etc/pam.d has no file\n"
	        "rule \"r\" opens every virtual machine that the identity can see\n"
	        "break_glass_groups names the group azjit-no-group, which does not exist on this host\n"
	        "the kill switch / exists: nothing is requested\n");
	azjit_buf_reset(&warnings);
	assert_int_equal(azjit_config_check(lost, &warnings, &reason), AZJIT_CONFIG);
	assert_non_null(strstr(warnings.data, "there are no rules"));
	assert_non_null(strstr(reason.text, "ca_file: /nonexistent/ca.pem"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_sample_is_the_file),
	        cmocka_unit_test(the_sample_states_the_real_defaults),
	        cmocka_unit_test(only_a_trusted_file_is_read),
	        cmocka_unit_test(check_tells_what_the_host_lacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
