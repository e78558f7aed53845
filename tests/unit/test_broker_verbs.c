// SPDX-License-Identifier: Apache-2.0
// Logins, sessions, requests and reports: who may say what, what is recorded, who sees it.
#include "broker_stage.h"

#include "record.h"

// --- logins -------------------------------------------------------------------------------------------

static void login_is_judged_by_rules(void **state)
{
	struct stage *stage = *state;
	struct azjit_wire_msg msg;

	stage_start(stage);
	msg = ask(stage, "AZJIT/1 ACCOUNT\nuser=alice\nservice=sshd\n\n", "ok");
	assert_string_equal(azjit_wire_get(&msg, "rule"), "web");
	assert_int_equal(entries(stage, AZJIT_ENTRY_LOGIN, "denied", NULL, NULL), 0);
	msg = ask(stage, "AZJIT/1 ACCOUNT\nuser=bob\nservice=sshd\nrhost=203.0.113.9\n\n", "denied");
	assert_true(strlen(azjit_wire_get(&msg, "reason")) > 10);
	assert_int_equal(entries(stage, AZJIT_ENTRY_LOGIN, "denied", "user", "bob"), 1);
	assert_int_equal(entries(stage, AZJIT_ENTRY_LOGIN, "denied", "from", "203.0.113.9"), 1);
	assert_int_equal(shared->lookups + shared->needs, 0);
	stage_stop(stage);
}

static bool file_holds(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *bytes = malloc(4 * 1024 * 1024);
	ssize_t n = fd < 0 ? 0 : read(fd, bytes, 4 * 1024 * 1024);

	return n > 0 && memmem(bytes, (size_t)n, text, strlen(text));
}

static void unknown_name_is_written_nowhere(void **state)
{
	struct stage *stage = *state;
	char path[96];

	stage_start(stage);
	(void)ask(stage, "AZJIT/1 ACCOUNT\nuser=hunter2secret\nservice=sshd\n\n", "denied");
	(void)ask(stage, "AZJIT/1 SESSION-OPEN\nuser=hunter2secret\nservice=sshd\npid=1\n\n", "denied");
	assert_int_equal(entries(stage, AZJIT_ENTRY_LOGIN, "denied", "user", NULL), 1);
	(void)snprintf(path, sizeof(path), "%s/ledger.db-wal", stage->dir);
	assert_true(file_holds(path, "there is no such user"));
	assert_false(file_holds(path, "hunter2secret"));
	stage_stop(stage);
}

static void glass_breaks_only_without_azure(void **state)
{
	struct stage *stage = *state;

	stage_start(stage);
	(void)ask(stage, "AZJIT/1 ACCOUNT\nuser=bob\nservice=sshd\n\n", "denied");
	shared->inventory_down = true;
	(void)ask(stage, "AZJIT/1 ACCOUNT\nuser=bob\nservice=sshd\n\n", "ok");
	assert_int_equal(entries(stage, AZJIT_ENTRY_LOGIN, "break-glass", "user", "bob"), 1);
	stage_stop(stage);
}

static void only_root_speaks_for_others(void **state)
{
	static const char *const texts[] = {
	        "AZJIT/1 ACCOUNT\nuser=alice\nservice=sshd\n\n",
	        "AZJIT/1 SESSION-OPEN\nuser=alice\nservice=sshd\npid=1\n\n",
	        "AZJIT/1 SESSION-CLOSE\nsession=x\n\n",
	        "AZJIT/1 AUDIT-VERIFY\n\n",
	        "AZJIT/1 AUDIT-RECONCILE\n\n",
	        "AZJIT/1 AUDIT-REFUSALS\n\n",
	        "AZJIT/1 GUARD-REFUSED\nuid=1002\naddress=10.20.1.4\nport=22\ncount=1\n\n",
	};
	struct stage *stage = *state;

	shared->uid = ALICE;
	stage_start(stage);
	for (size_t i = 0; i < AZJIT_COUNT(texts); i++)
		(void)ask(stage, texts[i], "denied");
	assert_int_equal(entries(stage, AZJIT_ENTRY_DENIAL, "refused", "uid", "1001"), AZJIT_COUNT(texts));
	assert_int_equal(entries(stage, AZJIT_ENTRY_SESSION, "opened", NULL, NULL), 0);
	stage_stop(stage);
}

// --- sessions -----------------------------------------------------------------------------------------

static int open_session(const struct stage *stage, char id[AZJIT_UUID_CHARS])
{
	struct azjit_wire_msg msg;
	int fd = say(stage, "AZJIT/1 SESSION-OPEN\nuser=alice\nservice=sshd\npid=1\n"
	                    "ssh-connection=203.0.113.10 5 10.0.0.1 22\n\n");

	hear_done(fd, &msg);
	assert_string_equal(azjit_wire_get(&msg, "result"), "ok");
	assert_true(azjit_copy(id, AZJIT_UUID_CHARS, azjit_wire_get(&msg, "session")));
	return fd;
}

static void tell(int fd, const char *verb, const char *id, const char *result)
{
	struct azjit_wire_msg msg;
	char text[128];

	(void)snprintf(text, sizeof(text), "AZJIT/1 %s\nsession=%s\n\n", verb, id);
	assert_int_equal(azjit_wire_send(fd, text, strlen(text), NULL, 0, ANSWER_MS), 0);
	hear_done(fd, &msg);
	assert_string_equal(azjit_wire_get(&msg, "result"), result);
}

static void session_lives_from_open_to_close(void **state)
{
	struct stage *stage = *state;
	char id[AZJIT_UUID_CHARS];
	int fd;

	stage_start(stage);
	fd = open_session(stage, id);
	assert_int_equal(entries(stage, AZJIT_ENTRY_SESSION, "opened", "from", "203.0.113.10"), 1);
	tell(fd, "COMMIT", id, "ok");
	(void)close(fd);
	fd = say(stage, "");
	tell(fd, "SESSION-CLOSE", id, "ok");
	(void)close(fd);
	fd = say(stage, "");
	tell(fd, "SESSION-CLOSE", id, "not-found");
	(void)close(fd);
	assert_int_equal(entries(stage, AZJIT_ENTRY_SESSION, "committed", NULL, NULL), 1);
	assert_int_equal(entries(stage, AZJIT_ENTRY_SESSION, "closed", NULL, NULL), 1);
	assert_int_equal(entries(stage, AZJIT_ENTRY_SESSION, "undone", NULL, NULL), 0);
	stage_stop(stage);
}

static void leaving_before_commit_undoes(void **state)
{
	struct stage *stage = *state;
	char id[AZJIT_UUID_CHARS];
	int tries = 0;

	stage_start(stage);
	(void)close(open_session(stage, id));
	while (entries(stage, AZJIT_ENTRY_SESSION, "undone", NULL, NULL) == 0 && tries++ < 500)
		(void)usleep(10000);
	assert_int_equal(entries(stage, AZJIT_ENTRY_SESSION, "undone", NULL, NULL), 1);
	stage_stop(stage);
}

static void commit_names_its_session(void **state)
{
	struct stage *stage = *state;
	char id[AZJIT_UUID_CHARS];
	int fd;

	stage_start(stage);
	fd = open_session(stage, id);
	id[0] = id[0] == '0' ? '1' : '0';
	tell(fd, "COMMIT", id, "usage");
	assert_int_equal(entries(stage, AZJIT_ENTRY_SESSION, "committed", NULL, NULL), 0);
	assert_int_equal(entries(stage, AZJIT_ENTRY_SESSION, "undone", NULL, NULL), 1);
	(void)close(fd);
	stage_stop(stage);
}

static void commit_stays_on_its_connection(void **state)
{
	struct stage *stage = *state;
	char id[AZJIT_UUID_CHARS];
	int fd, other;

	stage_start(stage);
	fd = open_session(stage, id);
	other = say(stage, "");
	tell(other, "COMMIT", id, "usage");
	(void)close(other);
	in = (struct azjit_wire_in){.bytes = heard, .size = sizeof(heard)};
	tell(fd, "SESSION-CLOSE", id, "usage");
	assert_int_equal(entries(stage, AZJIT_ENTRY_SESSION, "committed", NULL, NULL), 0);
	assert_int_equal(entries(stage, AZJIT_ENTRY_SESSION, "undone", NULL, NULL), 1);
	(void)close(fd);
	stage_stop(stage);
}

// --- requests -----------------------------------------------------------------------------------------

static void request_tells_of_each_target(void **state)
{
	struct stage *stage = *state;
	struct azjit_wire_msg msg;
	int open = 0, failed = 0, fd;

	shared->uid = ALICE;
	stage_start(stage);
	fd = say(stage, "AZJIT/1 REQUEST\ntargets=web01:22,db01,nosuch:22\nreason=patching\n\n");
	while (hear(fd, &msg) && azjit_streq(msg.verb, "PROGRESS")) {
		open += azjit_streq(azjit_wire_get(&msg, "stage"), "open");
		failed += azjit_streq(azjit_wire_get(&msg, "stage"), "failed");
	}
	assert_int_equal(open, 1);
	assert_int_equal(failed, 2);
	assert_string_not_equal(azjit_wire_get(&msg, "result"), "ok");
	assert_non_null(strstr(azjit_wire_get(&msg, "reason"), "1 of 3"));
	assert_int_equal(shared->needs, 1);
	assert_int_equal(shared->probe_needs, 0);
	(void)close(fd);
	assert_int_equal(entries(stage, AZJIT_ENTRY_DENIAL, "refused", "host", "db01"), 1);
	stage_stop(stage);
}

static void request_takes_no_other_source(void **state)
{
	struct stage *stage = *state;

	shared->uid = ALICE;
	stage_start(stage);
	(void)ask(stage, "AZJIT/1 REQUEST\ntargets=web01\nsource=0.0.0.0/0\n\n", "denied");
	(void)ask(stage, "AZJIT/1 REQUEST\ntargets=web01\nfor=forever\n\n", "usage");
	(void)ask(stage, "AZJIT/1 REQUEST\ntargets=twin:22\n\n", "ambiguous");
	(void)ask(stage, "AZJIT/1 REQUEST\ntargets=TAG:a=c:22\n\n", "not-found");
	(void)ask(stage, "AZJIT/1 REQUEST\ntargets=tag:a=c:x\n\n", "usage");
	(void)ask(stage, "AZJIT/1 REQUEST\ntargets=tag:\n\n", "not-found");
	(void)ask(stage, "AZJIT/1 REQUEST\ntargets=t:22\n\n", "not-managed");
	(void)ask(stage, "AZJIT/1 REQUEST\ntargets=web01:0\n\n", "usage");
	(void)ask(stage, "AZJIT/1 REQUEST\ntargets=,\n\n", "usage");
	(void)ask(stage, "AZJIT/1 REQUEST\ntargets=169.254.169.254:80\n\n", "denied");
	assert_int_equal(shared->needs, 0);
	(void)ask(stage, "AZJIT/1 REQUEST\ntargets=web01\nsource=self\nwait=0\nfor=30m\n\n", "ok");
	stage_stop(stage);
}

// What of each target was told: "NAME:RESULT …", as it came.
static void outcomes(int fd, char *ret_text, size_t size, struct azjit_wire_msg *ret_done)
{
	size_t len = 0;

	*ret_text = '\0';
	while (hear(fd, ret_done) && azjit_streq(ret_done->verb, "PROGRESS")) {
		const char *result = azjit_wire_get(ret_done, "result");

		assert_null(strstr(azjit_wire_get(ret_done, "text"), "secret"));
		if (result)
			len += (size_t)snprintf(ret_text + len, size - len, "%s%s:%s", len ? " " : "",
			                        azjit_wire_get(ret_done, "vm"), result);
		assert_true(len < size);
	}
	(void)close(fd);
}

static void request_by_tag_opens_what_rules_permit(void **state)
{
	struct stage *stage = *state;
	struct azjit_wire_msg msg;
	char told[256];

	shared->uid = ALICE;
	stage_start(stage);
	outcomes(say(stage, "AZJIT/1 REQUEST\ntargets=tag:a=b\n\n"), told, sizeof(told), &msg);
	assert_string_equal(told, "tag:a=b:denied web01:ok web02:ok");
	assert_string_equal(azjit_wire_get(&msg, "result"), "denied");
	assert_string_equal(azjit_wire_get(&msg, "reason"), "2 of 3: no rule lets you open 1 VM of this tag");
	assert_int_equal(shared->needs, 2);
	assert_int_equal(entries(stage, AZJIT_ENTRY_DENIAL, "refused", "host", "tag:a=b"), 1);
	shared->uid = BOB;
	outcomes(say(stage, "AZJIT/1 REQUEST\ntargets=tag:a=b:22\n\n"), told, sizeof(told), &msg);
	assert_string_equal(told, "tag:a=b:denied");
	assert_string_equal(azjit_wire_get(&msg, "reason"), "no rule lets you open 3 VMs of this tag");
	shared->uid = 0; // hears of everything, and opens what rules permit
	(void)ask(stage, "AZJIT/1 REQUEST\ntargets=tag:a=b:22\n\n", "not-managed");
	assert_int_equal(entries(stage, AZJIT_ENTRY_DENIAL, "refused", "vm", VM_ID("web02")), 1);
	assert_int_equal(shared->needs, 2);
	stage_stop(stage);
}

static void only_a_rule_that_says_so_starts(void **state)
{
	struct stage *stage = *state;
	struct azjit_wire_msg msg;

	shared->uid = ALICE;
	stage_start(stage);
	(void)ask(stage, "AZJIT/1 REQUEST\ntargets=web01\nstart=yes\n\n", "usage");
	msg = ask(stage, "AZJIT/1 REQUEST\ntargets=web01\nstart=1\n\n", "denied");
	assert_non_null(strstr(azjit_wire_get(&msg, "reason"),
	                       "rule 'web' does not let you start web01: only "
	                       "one that says start = true in azjit.conf"));
	assert_int_equal(entries(stage, AZJIT_ENTRY_DENIAL, "refused", "vm", VM_ID("web01")), 1);
	assert_int_equal(shared->needs, 0);
	(void)ask(stage, "AZJIT/1 REQUEST\ntargets=web01\nstart=0\n\n", "ok");
	assert_int_equal(shared->start_needs, 0);
	stage_stop(stage);
	shared->may_start = true;
	stage_start(stage);
	(void)ask(stage, "AZJIT/1 REQUEST\ntargets=web01\nstart=1\n\n", "ok");
	assert_int_equal(shared->start_needs, 1);
	(void)ask(stage, "AZJIT/1 REQUEST\ntargets=web01\n\n", "ok");
	assert_int_equal(shared->start_needs, 1);
	stage_stop(stage);
}

static void match_says_what_is_managed(void **state)
{
	struct stage *stage = *state;
	struct azjit_wire_msg msg;

	shared->uid = BOB;
	stage_start(stage);
	(void)ask(stage, "AZJIT/1 MATCH\nhost=web01\nport=22\n\n", "ok");
	(void)ask(stage, "AZJIT/1 MATCH\nhost=nosuch\nport=22\n\n", "not-managed");
	(void)ask(stage, "AZJIT/1 MATCH\nhost=stale\nport=22\n\n", "ok");
	msg = ask(stage, "AZJIT/1 MATCH\nhost=web01\nport=23\n\n", "not-managed");
	assert_null(strstr(azjit_wire_get(&msg, "reason"), "secret"));
	(void)ask(stage, "AZJIT/1 MATCH\nhost=web01\nport=99999\n\n", "usage");
	assert_int_equal(shared->lookups, 0);
	stage_stop(stage);
}

// --- reports ------------------------------------------------------------------------------------------

static int rows(const struct stage *stage, const char *text, const char *type)
{
	struct azjit_wire_msg msg;
	int count = 0, fd = say(stage, text);

	while (hear(fd, &msg) && azjit_streq(msg.verb, "ROW"))
		count += azjit_streq(azjit_wire_get(&msg, "type"), type);
	(void)close(fd);
	return count;
}

static void people_see_their_own(void **state)
{
	struct stage *stage = *state;
	char id[AZJIT_UUID_CHARS], text[128];
	int fd;

	stage_start(stage);
	fd = open_session(stage, id);
	tell(fd, "COMMIT", id, "ok");
	(void)close(fd);
	(void)snprintf(text, sizeof(text), "AZJIT/1 SESSIONS\nsession=%s\n\n", id);
	assert_int_equal(rows(stage, "AZJIT/1 STATUS\n\n", "grant"), 1);
	assert_int_equal(rows(stage, "AZJIT/1 STATUS\n\n", "session"), 1);
	assert_int_equal(rows(stage, "AZJIT/1 STATUS\n\n", "operation"), 0);
	assert_int_equal(rows(stage, "AZJIT/1 STATUS\nazure=1\n\n", "operation"),
	                 1); // the other was never asked
	// "committed" follows "opened" a moment later.
	while (rows(stage, text, "entry") < 2)
		continue;
	assert_int_equal(rows(stage, "AZJIT/1 AUDIT-VERIFY\n\n", "verify"), 1);
	shared->uid = ALICE;
	assert_int_equal(rows(stage, "AZJIT/1 STATUS\n\n", "grant"), 1);
	assert_int_equal(rows(stage, text, "entry"), 2);
	shared->uid = BOB;
	assert_int_equal(rows(stage, "AZJIT/1 STATUS\n\n", "grant"), 0);
	assert_int_equal(rows(stage, "AZJIT/1 STATUS\n\n", "session"), 0);
	assert_int_equal(rows(stage, "AZJIT/1 SESSIONS\nall=1\n\n", "session"), 0);
	(void)ask(stage, text, "not-found");
	shared->uid = 4711;
	(void)ask(stage, "AZJIT/1 STATUS\n\n", "denied");
	stage_stop(stage);
}

// Refusing in a loop neither stops nor fills the disk.
static void refusals_are_recorded_up_to_a_rate(void **state)
{
	struct stage *stage = *state;

	shared->uid = BOB;
	stage_start(stage);
	for (int i = 0; i < DENIALS_A_MINUTE + 50; i++)
		(void)ask(stage, "AZJIT/1 REQUEST\ntargets=web01:22\n\n", "denied");
	assert_int_equal(entries(stage, AZJIT_ENTRY_DENIAL, "refused", "user", "bob"), DENIALS_A_MINUTE);
	assert_int_equal(entries(stage, AZJIT_ENTRY_DENIAL, "refused", "more",
	                         "more refusals of this minute are not recorded one by one"),
	                 1);
	// Nobody's flood hides what another was refused, whatever their uids are.
	for (shared->uid = 3000; shared->uid < 3200; shared->uid++)
		(void)ask(stage, "AZJIT/1 AUDIT-VERIFY\n\n", "denied");
	assert_int_equal(entries(stage, AZJIT_ENTRY_DENIAL, "refused", "user", NULL), 200);
	stage_stop(stage);
}

// --- the guard ----------------------------------------------------------------------------------------

#define GUARD_REFUSED(uid, address, port, count) \
	"AZJIT/1 GUARD-REFUSED\nuid=" uid "\naddress=" address "\nport=" port "\ncount=" count "\n\n"

static void what_the_guard_refused_is_an_entry(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
	        {GUARD_REFUSED("1002", "10.20.1.4", "22", "3"),
	         "the guard refused bob 3 connections to web01 port 22 (10.20.1.4)"},
	        {GUARD_REFUSED("1002", "10.20.1.4", "23", "1"),
	         "the guard refused bob 1 connection to 10.20.1.4 port 23"},
	        {GUARD_REFUSED("1001", "169.254.169.254", "80", "2"),
	         "the guard refused alice 2 connections to Azure's metadata service (169.254.169.254 port "
	         "80)"},
	        {GUARD_REFUSED("4711", "168.63.129.16", "32526", "9223372036854775807"),
	         "the guard refused uid 4711 9223372036854775807 connections to Azure's wire server "
	         "(168.63.129.16 port 32526)"},
	};
	struct stage *stage = *state;

	stage_start(stage);
	for (size_t i = 0; i < AZJIT_COUNT(cases); i++) {
		(void)ask(stage, cases[i].text, "ok");
		assert_int_equal(entries(stage, AZJIT_ENTRY_DENIAL, "guard", "reason", cases[i].reason), 1);
	}
	assert_int_equal(entries(stage, AZJIT_ENTRY_DENIAL, "guard", "user", "bob"), 2);
	assert_int_equal(entries(stage, AZJIT_ENTRY_DENIAL, "guard", "vm", VM_ID("web01")), 1);
	assert_int_equal(entries(stage, AZJIT_ENTRY_DENIAL, "guard", "host", "10.20.1.4"), 2);
	assert_int_equal(entries(stage, AZJIT_ENTRY_DENIAL, "guard", "count", "3"), 1);
	assert_int_equal(entries(stage, AZJIT_ENTRY_DENIAL, "guard", "user", NULL), 1);
	stage_stop(stage);
}

static void odd_words_of_the_guard_are_refused(void **state)
{
	static const char *const texts[] = {
	        GUARD_REFUSED("bob", "10.20.1.4", "22", "3"),
	        GUARD_REFUSED("4294967296", "10.20.1.4", "22", "3"),
	        GUARD_REFUSED("1002", "web01", "22", "3"),
	        GUARD_REFUSED("1002", "10.20.1.4", "0", "3"),
	        GUARD_REFUSED("1002", "10.20.1.4", "22", "0"),
	        GUARD_REFUSED("1002", "10.20.1.4", "22", "-1"),
	        GUARD_REFUSED("1002", "10.20.1.4", "22", "9223372036854775808"),
	        "AZJIT/1 GUARD-REFUSED\nuid=1002\naddress=10.20.1.4\nport=22\n\n",
	        GUARD_REFUSED("1002", "10.20.1.4", "22", "3\nuser=alice"),
	};
	struct stage *stage = *state;

	stage_start(stage);
	for (size_t i = 0; i < AZJIT_COUNT(texts); i++)
		(void)ask(stage, texts[i], "usage");
	assert_int_equal(entries(stage, AZJIT_ENTRY_DENIAL, "guard", NULL, NULL), 0);
	stage_stop(stage);
}

static void refusals_without_a_session_are_shown(void **state)
{
	struct stage *stage = *state;

	stage_start(stage);
	(void)ask(stage, "AZJIT/1 ACCOUNT\nuser=bob\nservice=sshd\n\n", "denied");
	(void)ask(stage, GUARD_REFUSED("1002", "10.20.1.4", "22", "3"), "ok");
	assert_int_equal(rows(stage, "AZJIT/1 AUDIT-REFUSALS\n\n", "entry"), 2);
	assert_int_equal(rows(stage, "AZJIT/1 AUDIT-REFUSALS\nsince=3600\njson=1\n\n", "entry"), 2);
	(void)ask(stage, "AZJIT/1 AUDIT-REFUSALS\nsince=0\n\n", "usage");
	(void)ask(stage, "AZJIT/1 AUDIT-REFUSALS\nsince=7776001\n\n", "usage");
	stage_stop(stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        broker_test(login_is_judged_by_rules),
	        broker_test(unknown_name_is_written_nowhere),
	        broker_test(glass_breaks_only_without_azure),
	        broker_test(only_root_speaks_for_others),
	        broker_test(session_lives_from_open_to_close),
	        broker_test(leaving_before_commit_undoes),
	        broker_test(commit_names_its_session),
	        broker_test(commit_stays_on_its_connection),
	        broker_test(request_tells_of_each_target),
	        broker_test(request_takes_no_other_source),
	        broker_test(request_by_tag_opens_what_rules_permit),
	        broker_test(only_a_rule_that_says_so_starts),
	        broker_test(match_says_what_is_managed),
	        broker_test(people_see_their_own),
	        broker_test(refusals_are_recorded_up_to_a_rate),
	        broker_test(what_the_guard_refused_is_an_entry),
	        broker_test(odd_words_of_the_guard_are_refused),
	        broker_test(refusals_without_a_session_are_shown),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
