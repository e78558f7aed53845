// SPDX-License-Identifier: Apache-2.0
// What passes unchecked while the broker cannot be asked is kept for the ledger, where that is safe.
#include "host.h"

#include <azjit/macro.h>
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

// The files of the directory: their number, and the text of the last.
static unsigned kept(const char *path, char *ret_text, size_t size)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	unsigned count = 0;

	ret_text[0] = '\0';
	while (dir && (entry = readdir(dir))) {
		bool self = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
		int fd = self ? -1 : openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? -1 : read(fd, ret_text, size - 1);

		if (n < 0)
			continue;
		ret_text[n] = '\0';
		(void)close(fd);
		count++;
	}
	if (dir)
		(void)closedir(dir);
	return count;
}

static void a_pass_is_kept_for_the_ledger(void **state)
{
	char text[4096];
	struct scene s;

	scene_begin(&s, &(struct plan){.fault = FAULT_DEAD}, "required", "on_error=allow");
	set_item(&s, PAM_RHOST, "203.0.113.7");
	assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_SUCCESS);
	assert_int_equal(kept(s.fake.passes, text, sizeof(text)), 1);
	assert_ptr_equal(strstr(text, "AZJIT/1 PASSED\nat=2"), text);
	assert_true(asked(text, "phase=account"));
	assert_true(asked(text, "by=on_error=allow"));
	assert_true(asked(text, "rhost=203.0.113.7"));
	assert_non_null(strstr(text, "\nreason=the broker cannot be reached"));
	assert_non_null(strstr(text, host_user()));
	assert_int_equal(pam_open_session(s.host.pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_close_session(s.host.pamh, 0), PAM_SUCCESS);
	assert_int_equal(kept(s.fake.passes, text, sizeof(text)), 2); // a close lets nobody in
	scene_end(&s);
	scene_begin(&s, &(struct plan){.fault = FAULT_DEAD}, "required", "");
	assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(kept(s.fake.passes, text, sizeof(text)), 0);
	scene_end(&s);
}

// A directory that others may write, a link in its place, one that is full, and none: the login passes, the
// log says what the ledger will lack, and nothing is written.
static void where_a_pass_cannot_be_kept_the_log_says_so(void **state)
{
	char link[80], name[96], text[4096];
	struct scene s;

	scene_begin(&s, &(struct plan){.fault = FAULT_DEAD}, "required", "on_error=allow");
	assert_int_equal(chmod(s.fake.passes, 0777), 0);
	assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_SUCCESS);
	assert_non_null(strstr(host_logged, "this pass will not be in the ledger: /tmp/azjit-module."));
	assert_int_equal(kept(s.fake.passes, text, sizeof(text)), 0);
	assert_int_equal(chmod(s.fake.passes, 0700), 0);
	(void)snprintf(link, sizeof(link), "%s.real", s.fake.passes);
	assert_int_equal(rename(s.fake.passes, link), 0);
	host_logged[0] = '\0';
	assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_SUCCESS);
	assert_non_null(strstr(host_logged, "No such file"));
	assert_int_equal(symlink(link, s.fake.passes), 0);
	host_logged[0] = '\0';
	assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_SUCCESS);
	assert_non_null(strstr(host_logged, "this pass will not be in the ledger"));
	assert_int_equal(kept(link, text, sizeof(text)), 0);
	assert_int_equal(unlink(s.fake.passes), 0);
	assert_int_equal(rename(link, s.fake.passes), 0);
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof(name), "%s/%d", s.fake.passes, i);
		assert_int_equal(mknod(name, S_IFREG | 0600, 0), 0);
	}
	host_logged[0] = '\0';
	assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_SUCCESS);
	assert_non_null(strstr(host_logged, "Disk quota exceeded"));
	assert_int_equal(kept(s.fake.passes, text, sizeof(text)), 1000);
	scene_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_pass_is_kept_for_the_ledger),
	        cmocka_unit_test(where_a_pass_cannot_be_kept_the_log_says_so),
	};

	return cmocka_run_group_tests_name("module/passed", tests, NULL, NULL);
}
