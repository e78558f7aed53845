// SPDX-License-Identifier: Apache-2.0
// The words that go to broker, user and log in a login, its session, and on the way out of both.
#include "host.h"

#include <azjit/macro.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct plan good = {.fault = FAULT_NONE};

// --- what is asked ------------------------------------------------------------------------------------
static void account_asks_once_and_says_what_it_knows(void **state)
{
	struct scene s;
	char user[80];

	scene_begin(&s, &good, "required", "");
	set_item(&s, PAM_RHOST, "203.0.113.7");
	set_item(&s, PAM_TTY, "ssh");
	assert_int_equal(pam_putenv(s.host.pamh, "SSH_CONNECTION=203.0.113.7 50000 10.0.0.4 22"),
	                 PAM_SUCCESS);
	assert_int_equal(pam_putenv(s.host.pamh, "SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA"), PAM_SUCCESS);
	assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_SUCCESS);
	(void)snprintf(user, sizeof(user), "ACCOUNT\nuser=%s\nservice=test\n", host_user());
	assert_ptr_equal(strstr(fake_asked(&s.fake, 1), user), fake_asked(&s.fake, 1));
	assert_true(asked(fake_asked(&s.fake, 1), "rhost=203.0.113.7"));
	assert_true(asked(fake_asked(&s.fake, 1), "tty=ssh"));
	assert_true(asked(fake_asked(&s.fake, 1), "ssh-connection=203.0.113.7 50000 10.0.0.4 22"));
	assert_null(strstr(fake_asked(&s.fake, 1), "auth-info"));
	assert_null(strstr(fake_asked(&s.fake, 1), "AZJIT_SESSION"));
	assert_null(pam_getenv(s.host.pamh, "AZJIT_SESSION"));
	assert_int_equal(s.host.say_count, 0);
	assert_int_equal(host_log_count, 0);
	scene_end(&s);
}

static void a_session_is_opened_committed_and_closed(void **state)
{
	struct scene s;
	char pid[32];
	const char *text;

	scene_begin(&s, &good, "required", "");
	assert_int_equal(pam_putenv(s.host.pamh, "SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA\npassword\n"),
	                 PAM_SUCCESS);
	assert_int_equal(pam_open_session(s.host.pamh, 0), PAM_SUCCESS);
	assert_string_equal(pam_getenv(s.host.pamh, "AZJIT_SESSION"), "s1");
	assert_int_equal(pam_close_session(s.host.pamh, PAM_SILENT), PAM_SUCCESS);
	text = fake_asked(&s.fake, 2);
	(void)snprintf(pid, sizeof(pid), "pid=%d", (int)getpid());
	assert_true(asked(text, pid));
	assert_true(asked(text, "auth-info=publickey ssh-ed25519 AAAA\npassword\n"));
	assert_non_null(strstr(text, "\n\nCOMMIT\nsession=s1\n\nEOF\nSESSION-CLOSE\nsession=s1\n\nEOF\n"));
	assert_int_equal(host_log_count, 0);
	scene_end(&s);
}

static void the_variable_is_all_the_user_gets(void **state)
{
	struct scene s;
	char **list;

	scene_begin(&s, &good, "required", "");
	assert_int_equal(pam_open_session(s.host.pamh, 0), PAM_SUCCESS);
	list = pam_getenvlist(s.host.pamh);
	assert_string_equal(list[0], "AZJIT_SESSION=s1");
	assert_null(list[1]);
	free(list[0]);
	free(list);
	scene_end(&s);
}

static void auth_and_credentials_are_not_ours(void **state)
{
	struct scene s;

	scene_begin(&s, &(struct plan){.fault = FAULT_HANG}, "required", "");
	assert_int_equal(pam_authenticate(s.host.pamh, 0), PAM_SUCCESS); // pam_permit's
	assert_int_equal(pam_setcred(s.host.pamh, PAM_ESTABLISH_CRED), PAM_SUCCESS);
	assert_string_equal(fake_asked_now(&s.fake), "");
	scene_end(&s);
}

// --- sessions at the edge -----------------------------------------------------------------------------
static void close_without_open_asks_nothing(void **state)
{
	struct scene s;

	scene_begin(&s, &good, "required", "");
	assert_int_equal(pam_putenv(s.host.pamh, "AZJIT_SESSION=anothers"),
	                 PAM_SUCCESS); // by ~/.pam_environment
	assert_int_equal(pam_close_session(s.host.pamh, PAM_SILENT), PAM_SUCCESS);
	assert_string_equal(fake_asked_now(&s.fake), "");
	scene_end(&s);
}

static void a_changed_variable_closes_no_other_session(void **state)
{
	struct scene s;

	scene_begin(&s, &good, "required", "");
	assert_int_equal(pam_open_session(s.host.pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_putenv(s.host.pamh, "AZJIT_SESSION=anothers"), PAM_SUCCESS);
	assert_int_equal(pam_close_session(s.host.pamh, 0), PAM_SUCCESS);
	assert_true(asked(fake_asked(&s.fake, 2), "SESSION-CLOSE\nsession=s1"));
	assert_null(strstr(fake_asked(&s.fake, 2), "anothers"));
	scene_end(&s);
}

static void close_twice_ends_once(void **state)
{
	struct scene s;
	const char *text;

	scene_begin(&s, &good, "required", "");
	assert_int_equal(pam_open_session(s.host.pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_close_session(s.host.pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_close_session(s.host.pamh, 0), PAM_SUCCESS);
	text = strstr(fake_asked(&s.fake, 2), "SESSION-CLOSE");
	assert_non_null(text);
	assert_null(strstr(text + 1, "SESSION-CLOSE"));
	scene_end(&s);
}

static void open_without_close_says_nothing_more(void **state)
{
	struct scene s;

	scene_begin(&s, &good, "required", "");
	assert_int_equal(pam_open_session(s.host.pamh, 0), PAM_SUCCESS);
	host_end(&s.host);
	assert_null(strstr(fake_asked(&s.fake, 1), "SESSION-CLOSE"));
	scene_end(&s);
}

static void a_failed_close_can_be_tried_again(void **state)
{
	struct scene s;
	const char *text;

	scene_begin(&s, &(struct plan){.fault = FAULT_CLOSE, .phase = PHASE_CLOSE}, "required", "");
	assert_int_equal(pam_open_session(s.host.pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_close_session(s.host.pamh, 0), PAM_SESSION_ERR);
	assert_int_equal(pam_close_session(s.host.pamh, 0), PAM_SESSION_ERR);
	text = strstr(fake_asked(&s.fake, 3), "SESSION-CLOSE\nsession=s1");
	assert_non_null(text);
	assert_non_null(strstr(text + 1, "SESSION-CLOSE\nsession=s1"));
	scene_end(&s);
}

static void a_broker_that_dies_before_commit_leaves_no_session(void **state)
{
	struct scene s;

	scene_begin(&s, &(struct plan){.fault = FAULT_KILLED, .phase = PHASE_COMMIT}, "required", "");
	assert_int_equal(pam_open_session(s.host.pamh, 0), PAM_SESSION_ERR);
	assert_null(pam_getenv(s.host.pamh, "AZJIT_SESSION"));
	(void)pam_close_session(s.host.pamh, 0);
	assert_null(strstr(fake_asked_now(&s.fake), "SESSION-CLOSE"));
	scene_end(&s);
}

static void progress_grants_the_wait(void **state)
{
	struct scene s;
	uint64_t start = host_now_ms();

	scene_begin(&s, &(struct plan){.fault = FAULT_PROGRESS, .phase = PHASE_OPEN, .delay_ms = 1500},
	            "required", "open_timeout=1s wait=10s");
	assert_int_equal(pam_open_session(s.host.pamh, 0), PAM_SUCCESS);
	assert_true(host_now_ms() - start >= 1500);
	scene_end(&s);
}

static void the_wait_ends_too(void **state)
{
	struct scene s;
	uint64_t start = host_now_ms();

	scene_begin(&s, &(struct plan){.fault = FAULT_PROGRESS, .phase = PHASE_OPEN, .delay_ms = 6000},
	            "required", "open_timeout=1s wait=500ms");
	assert_int_equal(pam_open_session(s.host.pamh, 0), PAM_SESSION_ERR);
	assert_in_range(host_now_ms() - start, 1500, 4500);
	scene_end(&s);
}

static void silence_is_granted_no_wait(void **state)
{
	struct scene s;
	uint64_t start = host_now_ms();

	scene_begin(&s, &(struct plan){.fault = FAULT_HANG, .phase = PHASE_OPEN}, "required",
	            "open_timeout=200ms wait=5s");
	assert_int_equal(pam_open_session(s.host.pamh, 0), PAM_SESSION_ERR);
	assert_in_range(host_now_ms() - start, 200, 4500);
	scene_end(&s);
}

static void a_flood_of_progress_is_granted_it_once(void **state)
{
	struct scene s;
	uint64_t start = host_now_ms();

	scene_begin(&s, &(struct plan){.fault = FAULT_FLOOD, .phase = PHASE_OPEN}, "required",
	            "open_timeout=1s wait=500ms");
	assert_int_equal(pam_open_session(s.host.pamh, 0), PAM_SESSION_ERR);
	assert_in_range(host_now_ms() - start, 1500, 4500);
	scene_end(&s);
}

static void the_default_deadlines_are_two_seconds(void **state)
{
	struct scene s;
	uint64_t start;

	scene_begin(&s, &(struct plan){.fault = FAULT_HANG}, "required", "");
	start = host_now_ms();
	assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_AUTHINFO_UNAVAIL);
	assert_in_range(host_now_ms() - start, 2000, 3900);
	scene_end(&s);
}

// --- who passes, and what is said ---------------------------------------------------------------------
static void a_refusal_is_shown_and_logged_in_the_brokers_words(void **state)
{
	struct scene s;

	scene_begin(&s,
	            &(struct plan){
	                    .fault = FAULT_RESULT, .result = "denied", .reason = "no rule\x1b[2J names you"},
	            "required", "");
	assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_PERM_DENIED);
	assert_string_equal(s.host.said, "azjit: no rule?[2J names you\n");
	assert_non_null(strstr(host_logged, "refused by the broker: no rule?[2J names you\n"));
	assert_null(strchr(host_logged, '\x1b'));
	scene_end(&s);
}

static void a_very_long_reason_is_cut_at_a_character(void **state)
{
	char reason[1500] = "";
	struct scene s;

	for (size_t i = 0; i < sizeof(reason) - 4; i += 3)
		memcpy(reason + i, "\xe2\x82\xac", 4); // three bytes each: 511 is inside one
	scene_begin(&s, &(struct plan){.fault = FAULT_RESULT, .result = "denied", .reason = reason},
	            "required", "");
	assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_PERM_DENIED);
	assert_int_equal(strlen(s.host.said), strlen("azjit: ") + 510 + 1);
	scene_end(&s);
}

static void silence_is_kept_where_it_is_asked_for(void **state)
{
	static const struct plan refusal = {.fault = FAULT_RESULT, .result = "denied", .reason = "no"};
	struct scene s;

	scene_begin(&s, &refusal, "required", "");
	assert_int_equal(pam_acct_mgmt(s.host.pamh, PAM_SILENT), PAM_PERM_DENIED);
	assert_int_equal(s.host.say_count, 0);
	scene_end(&s);
	scene_begin(&s, &refusal, "required", "quiet");
	assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_PERM_DENIED);
	assert_int_equal(s.host.say_count, 0);
	scene_end(&s);
	scene_begin(&s, &refusal, "required", "");
	host_end(&s.host);
	host_start(&s.host, &s.fake, host_user(), false); // a null conversation, as sshd has at close
	assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_PERM_DENIED);
	assert_int_equal(host_log_count, 1);
	scene_end(&s);
}

static void open_speaks_to_terminals_only(void **state)
{
	static const struct {
		const char *tty;
		unsigned say_count;
	} cases[] = {{NULL, 0}, {"ssh", 0},        {"cron", 0}, {":0", 0},
	             {"", 0},   {"/dev/pts/3", 1}, {"tty1", 1}, {"pts/3", 1}};
	static const struct plan refusal = {
	        .fault = FAULT_RESULT, .phase = PHASE_OPEN, .result = "denied", .reason = "no"};

	for (size_t i = 0; i < AZJIT_COUNT(cases); i++) {
		struct scene s;

		scene_begin(&s, &refusal, "required", "");
		set_item(&s, PAM_TTY, cases[i].tty);
		assert_int_equal(pam_open_session(s.host.pamh, 0), PAM_PERM_DENIED);
		assert_int_equal(s.host.say_count, cases[i].say_count);
		scene_end(&s);
	}
}

static void break_glass_passes_members_when_the_broker_is_down(void **state)
{
	char mine[96];
	struct scene s;

	(void)snprintf(mine, sizeof(mine), "break_glass=%s", host_group());
	scene_begin(&s, &(struct plan){.fault = FAULT_DEAD}, "required", mine);
	assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_open_session(s.host.pamh, 0), PAM_SUCCESS);
	assert_non_null(strstr(host_logged, "4 pam_azjit(test:account): account of user"));
	assert_non_null(strstr(host_logged, "passes unchecked by break_glass: the broker cannot be reached"));
	assert_int_equal(host_log_count, 2);
	assert_null(pam_getenv(s.host.pamh, "AZJIT_SESSION"));
	scene_end(&s);
	scene_begin(&s, &(struct plan){.fault = FAULT_DEAD}, "required", "break_glass=daemon");
	assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_AUTHINFO_UNAVAIL);
	scene_end(&s);
	scene_begin(&s, &(struct plan){.fault = FAULT_DEAD}, "required", "break_glass=no-such-group");
	assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_AUTHINFO_UNAVAIL);
	scene_end(&s);
	scene_begin(&s, &(struct plan){.fault = FAULT_RESULT, .result = "denied", .reason = "no"}, "required",
	            mine);
	assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_PERM_DENIED); // it is no way around a refusal
	scene_end(&s);
}

static void an_unknown_user_goes_nowhere(void **state)
{
	static const char *const users[] = {"hunter2-typed-as-name", "", "%s%n", "root\n", "../root"};
	struct scene s;

	for (size_t i = 0; i < AZJIT_COUNT(users); i++) {
		scene_begin(&s, &good, "required", "on_error=allow");
		set_item(&s, PAM_USER, users[i]);
		assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_USER_UNKNOWN);
		assert_int_equal(pam_open_session(s.host.pamh, 0), PAM_USER_UNKNOWN);
		assert_string_equal(fake_asked_now(&s.fake), "");
		assert_int_equal(host_log_count, 2);
		assert_true(users[i][0] == '\0' || !strstr(host_logged, users[i]));
		assert_int_equal(s.host.say_count + s.host.prompt_count, 0);
		scene_end(&s);
	}
	scene_begin(&s, &good, "required", "");
	set_item(&s, PAM_USER, NULL);
	assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_USER_UNKNOWN);
	assert_int_equal(s.host.prompt_count, 0);
	scene_end(&s);
}

static void a_line_that_cannot_be_obeyed_refuses(void **state)
{
	static const char *const bad[] = {
	        "on_eror=deny",
	        "on_error=",
	        "on_error=Allow",
	        "on_error",
	        "on_error=deny on_error=allow",
	        "quiet=1",
	        "Quiet",
	        "socket=relative",
	        "break_glass=",
	        "account_timeout=0",
	        "account_timeout=3s",
	        "account_timeout=2001ms",
	        "account_timeout=-1",
	        "account_timeout=1m",
	        "account_timeout=",
	        "account_timeout=99999999999",
	        "open_timeout=11s",
	        "wait=11s",
	        "wait=x",
	        "use_first_pass",
	        "broker_user=",
	};

	for (size_t i = 0; i < AZJIT_COUNT(bad); i++) {
		char arguments[128];
		struct scene s;

		(void)snprintf(arguments, sizeof(arguments), "%s%s",
		               strstr(bad[i], "on_error") ? "" : "on_error=allow ", bad[i]);
		scene_begin(&s, &good, "required", arguments);
		assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_PERM_DENIED);
		assert_int_equal(pam_open_session(s.host.pamh, 0), PAM_SESSION_ERR);
		assert_string_equal(fake_asked_now(&s.fake), "");
		assert_non_null(strstr(host_logged, "is unknown, repeated or malformed"));
		scene_end(&s);
	}
}

static void arguments_that_can_be_obeyed_are(void **state)
{
	struct scene s;

	scene_begin(&s, &good, "required",
	            "on_error=deny account_timeout=2 open_timeout=10s wait=10000ms break_glass=nogroup quiet "
	            "debug");
	assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_SUCCESS);
	assert_non_null(strstr(host_logged, "7 pam_azjit(test:account): account answered after"));
	scene_end(&s);
	scene_begin(&s, &good, "required", "broker_user=no-such-user on_error=deny");
	assert_int_equal(pam_acct_mgmt(s.host.pamh, 0), PAM_AUTHINFO_UNAVAIL);
	assert_string_equal(fake_asked_now(&s.fake), "");
	scene_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(account_asks_once_and_says_what_it_knows),
	        cmocka_unit_test(a_session_is_opened_committed_and_closed),
	        cmocka_unit_test(the_variable_is_all_the_user_gets),
	        cmocka_unit_test(auth_and_credentials_are_not_ours),
	        cmocka_unit_test(close_without_open_asks_nothing),
	        cmocka_unit_test(a_changed_variable_closes_no_other_session),
	        cmocka_unit_test(close_twice_ends_once),
	        cmocka_unit_test(open_without_close_says_nothing_more),
	        cmocka_unit_test(a_failed_close_can_be_tried_again),
	        cmocka_unit_test(a_broker_that_dies_before_commit_leaves_no_session),
	        cmocka_unit_test(progress_grants_the_wait),
	        cmocka_unit_test(the_wait_ends_too),
	        cmocka_unit_test(silence_is_granted_no_wait),
	        cmocka_unit_test(a_flood_of_progress_is_granted_it_once),
	        cmocka_unit_test(the_default_deadlines_are_two_seconds),
	        cmocka_unit_test(a_refusal_is_shown_and_logged_in_the_brokers_words),
	        cmocka_unit_test(a_very_long_reason_is_cut_at_a_character),
	        cmocka_unit_test(silence_is_kept_where_it_is_asked_for),
	        cmocka_unit_test(open_speaks_to_terminals_only),
	        cmocka_unit_test(break_glass_passes_members_when_the_broker_is_down),
	        cmocka_unit_test(an_unknown_user_goes_nowhere),
	        cmocka_unit_test(a_line_that_cannot_be_obeyed_refuses),
	        cmocka_unit_test(arguments_that_can_be_obeyed_are),
	};

	return cmocka_run_group_tests_name("module/login", tests, NULL, NULL);
}
