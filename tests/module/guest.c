// SPDX-License-Identifier: Apache-2.0
// Hostile input, and the manners of a guest.
#include "host.h"

#include <azjit/macro.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

static const struct plan good = {.fault = FAULT_NONE};

// --- hostile input ------------------------------------------------------------------------------------
static void addresses_are_passed_on_and_never_made_up(void **state)
{
	static const struct {
		const char *rhost, *connection;
		bool sent; // the connection
	} cases[] = {
	        {"10.1.2.3", "10.1.2.3 5 10.0.0.4 22", true},
	        {"10.1.2.3", "::ffff:10.1.2.3 5 ::ffff:10.0.0.4 22", true},
	        {"::ffff:10.1.2.3", "10.1.2.3 5 10.0.0.4 22", true},
	        {"2001:db8::1", "2001:DB8:0::1 5 2001:db8::2 22", true},
	        {"10.1.2.3", "10.9.9.9 5 10.0.0.4 22", false}, // written by the user
	        {"10.1.2.3", "garbage", false},
	        {"laptop.example", "10.1.2.3 5 10.0.0.4 22", true}, // UseDNS yes: nothing to compare with
	        {"UNKNOWN", "10.1.2.3 5 10.0.0.4 22", true},
	        {"fe80::1%eth0", "fe80::1%eth0 5 fe80::2%eth0 22", true},
	        {NULL, "10.1.2.3 5 10.0.0.4 22", true},
	        {"10.1.2.3", NULL, false},
	        {NULL, NULL, false},
	};

	for (size_t i = 0; i < AZJIT_COUNT(cases); i++) {
		char line[128];
		struct scene s;
		const char *text;

		scene_begin(&s, &good, "required", "");
		set_item(&s, PAM_RHOST, cases[i].rhost);
		(void)snprintf(line, sizeof(line), "SSH_CONNECTION=%s",
		               cases[i].connection ? cases[i].connection : "");
		if (cases[i].connection)
			assert_int_equal(pam_putenv(s.host.pamh, line), PAM_SUCCESS);
		assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_SUCCESS);
		text = fake_asked(&s.fake, 1);
		assert_int_equal(strstr(text, "ssh-connection=") != NULL, cases[i].sent);
		(void)snprintf(line, sizeof(line), "rhost=%s", cases[i].rhost ? cases[i].rhost : "");
		assert_int_equal(strstr(text, "rhost=") != NULL, cases[i].rhost != NULL);
		assert_true(!cases[i].rhost || asked(text, line));
		scene_end(&s);
	}
}

static char *letters(size_t count)
{
	char *text = malloc(count + 1);

	assert_non_null(text);
	memset(text, 'a', count);
	text[count] = '\0';
	return text;
}

static void a_mebibyte_of_anything_ends_in_a_code(void **state)
{
	_cleanup_free_ char *longest = letters(1 << 20), *variable = letters(1 << 20);
	struct scene s;

	memcpy(variable, "SSH_AUTH_INFO_0=", strlen("SSH_AUTH_INFO_0="));
	scene_begin(&s, &good, "required", "");
	set_item(&s, PAM_USER, longest);
	assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_USER_UNKNOWN);
	scene_end(&s);
	for (int item = 0; item < 2; item++) {
		scene_begin(&s, &good, "required", "");
		set_item(&s, item ? PAM_TTY : PAM_RHOST, longest);
		// Where the kernel keeps an audit trail, libpam fails as well, by PAM_SYSTEM_ERR.
		assert_int_not_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_SUCCESS);
		assert_non_null(
		        strstr(host_logged, "refused: the login's data does not fit into a message\n"));
		assert_true(strlen(host_logged) < 300);
		assert_string_equal(fake_asked(&s.fake, 1), "EOF\n");
		scene_end(&s);
	}
	scene_begin(&s, &good, "required", "");
	assert_int_equal(pam_putenv(s.host.pamh, variable), PAM_SUCCESS);
	assert_int_equal(pam_open_session(s.host.pamh, 0), PAM_SESSION_ERR);
	scene_end(&s);
}

// A certificate with 250 principals.
static void fourteen_kibibytes_of_authentication_travel(void **state)
{
	_cleanup_free_ char *variable = letters(14 << 10);
	struct scene s;

	memcpy(variable, "SSH_AUTH_INFO_0=", strlen("SSH_AUTH_INFO_0="));
	scene_begin(&s, &good, "required", "");
	assert_int_equal(pam_putenv(s.host.pamh, variable), PAM_SUCCESS);
	assert_int_equal(pam_open_session(s.host.pamh, 0), PAM_SUCCESS);
	assert_non_null(strstr(fake_asked(&s.fake, 1), variable + strlen("SSH_AUTH_INFO_0=")));
	scene_end(&s);
}

// Nothing of this may lead anywhere: the module reads no variable of the process. The listener would
// see the connection of whoever believes a proxy.
static void a_poisoned_environment_has_no_effect(void **state)
{
	static const char *const names[] = {
	        "https_proxy",
	        "HTTPS_PROXY",
	        "http_proxy",
	        "ALL_PROXY",
	        "AZURE_CLIENT_ID",
	        "AZURE_AUTHORITY_HOST",
	        "LD_PRELOAD",
	        "LD_LIBRARY_PATH",
	        "LD_AUDIT",
	        "HOME",
	        "PATH",
	        "TMPDIR",
	        "SSLKEYLOGFILE",
	        "AZJIT_SOCKET",
	        "AZJIT_SESSION",
	        "SSH_CONNECTION",
	        "SSH_AUTH_INFO_0",
	        "IDENTITY_ENDPOINT",
	        "LANG",
	        "LC_ALL",
	        "NOTIFY_SOCKET",
	};
	struct scene s;
	char key_log[80];

	scene_begin(&s, &good, "required", "");
	(void)snprintf(key_log, sizeof(key_log), "%s/poison", s.fake.dir);
	for (size_t i = 0; i < AZJIT_COUNT(names); i++)
		assert_int_equal(setenv(names[i], key_log, 1), 0);
	assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_open_session(s.host.pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_close_session(s.host.pamh, 0), PAM_SUCCESS);
	assert_null(strstr(fake_asked(&s.fake, 3), "poison"));
	assert_int_equal(access(key_log, F_OK), -1);
	for (size_t i = 0; i < AZJIT_COUNT(names); i++)
		assert_true(azjit_streq(getenv(names[i]), key_log) && unsetenv(names[i]) == 0);
	scene_end(&s);
}

// --- manners ------------------------------------------------------------------------------------------
static void two_thousand_descriptors_do_no_harm(void **state)
{
	struct rlimit limit;
	struct scene s;
	uint64_t start;
	int *fds = calloc(2000, sizeof(*fds)), null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_max < 2100) {
		free(fds);
		skip();
	}
	limit.rlim_cur = 2100;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (size_t i = 0; i < 2000; i++)
		fds[i] = fcntl(null, F_DUPFD_CLOEXEC, 0);
	scene_begin(&s, &(struct plan){.fault = FAULT_DRIP}, "required", "account_timeout=300ms");
	start = host_now_ms();
	assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_AUTHINFO_UNAVAIL);
	assert_in_range(host_now_ms() - start, 300, 3000);
	assert_int_equal(pam_acct_mgmt(s.host.pamh, PAM_SILENT), PAM_AUTHINFO_UNAVAIL);
	scene_end(&s);
	for (size_t i = 0; i < 2000; i++)
		(void)close(fds[i]);
	(void)close(null);
	free(fds);
}

static void no_descriptor_left_refuses(void **state)
{
	struct rlimit saved, limit;
	struct scene s;
	int code;

	scene_begin(&s, &good, "required", "");
	assert_int_equal(pam_setcred(s.host.pamh, PAM_ESTABLISH_CRED), PAM_SUCCESS); // loads the stack
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved), 0);
	limit = saved;
	limit.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	code = pam_acct_mgmt(s.host.pamh, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
	assert_int_not_equal(code, PAM_SUCCESS);
	assert_non_null(strstr(host_logged, "refused: "));
	scene_end(&s);
}

// libpam has errors of its own in between, so another module looks.
static void errno_is_the_hosts(void **state)
{
	char line[256];
	struct scene s;

	fake_start(&s.fake, &(struct plan){.fault = FAULT_DEAD});
	(void)snprintf(line, sizeof(line), "required %s socket=%s broker_user=%s", getenv("AZJIT_SHIM"),
	               s.fake.path, host_user());
	host_stack(&s.fake, &(struct stack){"optional", "", line});
	host_start(&s.host, &s.fake, host_user(), true);
	assert_int_equal(pam_acct_mgmt(s.host.pamh, PAM_SILENT), PAM_AUTHINFO_UNAVAIL);
	scene_end(&s);
}

static volatile sig_atomic_t pipe_signals;

static void on_pipe(int signo)
{
	pipe_signals++;
}

static void a_dying_broker_raises_no_signal(void **state)
{
	static const enum fault faults[] = {FAULT_RESET, FAULT_CLOSE, FAULT_KILLED, FAULT_DEAF};
	struct sigaction action = {.sa_handler = on_pipe}, before, after;

	assert_int_equal(sigaction(SIGPIPE, &action, &before), 0);
	for (size_t i = 0; i < AZJIT_COUNT(faults); i++) {
		struct scene s;

		scene_begin(&s, &(struct plan){.fault = faults[i], .phase = PHASE_OPEN}, "required", "");
		assert_int_equal(pam_open_session(s.host.pamh, 0), PAM_SESSION_ERR);
		scene_end(&s);
	}
	assert_int_equal(sigaction(SIGPIPE, &before, &after), 0);
	assert_ptr_equal(after.sa_handler, on_pipe);
	assert_int_equal(pipe_signals, 0);
}

// sshd runs account in a forked child in keyboard-interactive, and open in the parent.
static void account_in_a_child_and_open_in_the_parent(void **state)
{
	struct scene s;
	int status = 0;
	pid_t pid;

	scene_begin(&s, &good, "required", "");
	pid = fork();
	if (pid == 0)
		_exit(pam_acct_mgmt(s.host.pamh, 0) == PAM_SUCCESS ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(pam_open_session(s.host.pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_close_session(s.host.pamh, 0), PAM_SUCCESS);
	scene_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(addresses_are_passed_on_and_never_made_up),
	        cmocka_unit_test(a_mebibyte_of_anything_ends_in_a_code),
	        cmocka_unit_test(fourteen_kibibytes_of_authentication_travel),
	        cmocka_unit_test(a_poisoned_environment_has_no_effect),
	        cmocka_unit_test(two_thousand_descriptors_do_no_harm),
	        cmocka_unit_test(no_descriptor_left_refuses),
	        cmocka_unit_test(errno_is_the_hosts),
	        cmocka_unit_test(a_dying_broker_raises_no_signal),
	        cmocka_unit_test(account_in_a_child_and_open_in_the_parent),
	};

	return cmocka_run_group_tests_name("module/guest", tests, NULL, NULL);
}
