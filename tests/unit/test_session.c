// SPDX-License-Identifier: Apache-2.0
// Sessions with real processes: a monitor that opens the session, a worker that is its user's command.
#include "ledger_fixture.h"
#include "loop_until.h"

#include <azjit/session.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define WITHIN_MS 8000

struct scene {
	struct place *place;
	struct azjit_loop *loop;
	struct azjit_ledger *ledger;
	struct azjit_sessions *sessions;
	pid_t monitor, worker;
	char id[AZJIT_UUID_CHARS], how[16];
	int ends;
	uint64_t since_ms;
};

static void on_end(void *userdata, const struct azjit_session *session, const char *how)
{
	struct scene *scene = userdata;

	(void)session;
	scene->ends++;
	(void)azjit_copy(scene->how, sizeof(scene->how), how);
}

static void start(struct scene *scene)
{
	struct azjit_reason reason = {""};

	assert_int_equal(azjit_loop_new(&scene->loop), AZJIT_OK);
	scene->ledger = open_ledger(scene->place);
	if (azjit_sessions_new(scene->loop, scene->ledger, on_end, scene, &reason, &scene->sessions) !=
	    AZJIT_OK)
		fail_msg("%s", reason.text);
}

static void end(struct scene *scene)
{
	azjit_sessions_free(scene->sessions);
	azjit_ledger_close(scene->ledger);
	azjit_loop_free(scene->loop);
}

static int leash[2]; // the test holds the writing end: who reads from it ends with the test

// A process that lives until it is killed, or the test ends.
_Noreturn static void live(void)
{
	(void)close(leash[1]);
	while (read(leash[0], &(char){0}, 1) > 0)
		continue;
	_exit(0);
}

// Gives the process an audit session id of its own; false where that is not permitted.
static bool new_audit_session(void)
{
	_cleanup_close_ int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, "0", 1) == 1;
}

// Like sshd's monitor: it opens an audit session, and its worker runs the user's command in a session
// (setsid) of its own. False where the kernel gives no audit session.
static bool spawn(struct scene *scene, bool audit)
{
	int pipe_fds[2];
	pid_t worker = -1;

	assert_int_equal(pipe(pipe_fds), 0);
	scene->monitor = fork();
	if (scene->monitor == 0) {
		worker = audit && !new_audit_session() ? -1 : fork();
		if (worker == 0) {
			(void)setsid();
			live();
		}
		(void)!write(pipe_fds[1], &worker, sizeof(worker));
		live();
	}
	assert_true(scene->monitor > 0);
	assert_int_equal(read(pipe_fds[0], &worker, sizeof(worker)), sizeof(worker));
	scene->worker = worker;
	(void)close(pipe_fds[0]);
	(void)close(pipe_fds[1]);
	return worker > 0;
}

static void kill_one(pid_t *pid)
{
	if (*pid > 0) {
		(void)kill(*pid, SIGKILL);
		(void)waitpid(*pid, NULL, 0);
	}
	*pid = 0;
}

static void cleanup(struct scene *scene)
{
	end(scene);
	kill_one(&scene->monitor);
	kill_one(&scene->worker);
}

static void open_session(struct scene *scene)
{
	struct azjit_session wanted = {
	        .user = "alice", .uid = getuid(), .service = "sshd", .tty = "pts/3", .pid = scene->monitor};
	const struct azjit_session *session = NULL;
	struct azjit_reason reason = {""};

	assert_int_equal(azjit_addr_parse("10.1.2.3", &wanted.client), AZJIT_OK);
	if (azjit_session_open(scene->sessions, &wanted, &session, &reason) != AZJIT_OK)
		fail_msg("%s", reason.text);
	(void)azjit_copy(scene->id, sizeof(scene->id), session->id);
}

struct event_count {
	const char *event;
	int count;
};

static bool count_one(void *userdata, const struct azjit_entry_read *read)
{
	struct event_count *count = userdata;

	count->count += azjit_streq(read->entry->event, count->event);
	return true;
}

static int events(struct scene *scene, const char *event)
{
	struct event_count count = {.event = event};

	assert_int_equal(azjit_ledger_read(scene->ledger, 0, NULL, NULL, count_one, &count, NULL), AZJIT_OK);
	return count.count;
}

// --- steps --------------------------------------------------------------------------------------------

static bool orphaned(void *userdata)
{
	struct scene *scene = userdata;
	const struct azjit_session *session = azjit_session_find(scene->sessions, scene->id);

	scene->since_ms = azjit_time_monotonic_ms();
	return session && session->orphaned;
}

// Past the first look for its processes, which comes 200 ms after the monitor's end.
static bool looked_for(void *userdata)
{
	struct scene *scene = userdata;

	return azjit_time_monotonic_ms() - scene->since_ms > 500;
}

static bool still_there(void *userdata)
{
	struct scene *scene = userdata;

	assert_int_equal(scene->ends, 0);
	assert_non_null(azjit_session_find(scene->sessions, scene->id));
	return true;
}

static bool kill_monitor(void *userdata)
{
	kill_one(&((struct scene *)userdata)->monitor);
	return true;
}

static bool kill_worker(void *userdata)
{
	struct scene *scene = userdata;

	(void)kill(scene->worker, SIGKILL);
	(void)waitpid(scene->worker, NULL, 0);
	scene->worker = 0;
	return true;
}

static bool has_ended(void *userdata)
{
	return ((struct scene *)userdata)->ends > 0;
}

static bool is_committed_in_ledger(void *userdata)
{
	return events(userdata, "committed") == 1;
}

// --- tests --------------------------------------------------------------------------------------------

static void close_ends_it_once(void **state)
{
	struct scene scene = {.place = *state};
	static step_fn *const steps[] = {is_committed_in_ledger, NULL};

	start(&scene);
	assert_true(spawn(&scene, false));
	open_session(&scene);
	assert_int_equal(events(&scene, "opened"), 1);
	assert_int_equal(azjit_session_commit(scene.sessions, scene.id, scene.monitor + 1), AZJIT_DENIED);
	assert_int_equal(azjit_session_commit(scene.sessions, scene.id, scene.monitor), AZJIT_OK);
	loop_steps(scene.loop, steps, &scene, WITHIN_MS);
	azjit_session_undo(scene.sessions, scene.id);
	assert_int_equal(scene.ends, 0);
	assert_int_equal(azjit_session_close(scene.sessions, scene.id), AZJIT_OK);
	assert_int_equal(azjit_session_close(scene.sessions, scene.id), AZJIT_NOT_FOUND);
	assert_string_equal(scene.how, "closed");
	assert_int_equal(events(&scene, "closed"), 1);
	assert_int_equal(azjit_sessions_count(scene.sessions), 0);
	cleanup(&scene);
}

static void without_commit_it_is_undone(void **state)
{
	struct scene scene = {.place = *state};

	start(&scene);
	assert_true(spawn(&scene, false));
	open_session(&scene);
	azjit_session_undo(scene.sessions, scene.id);
	assert_string_equal(scene.how, "undone");
	assert_int_equal(azjit_session_commit(scene.sessions, scene.id, scene.monitor), AZJIT_NOT_FOUND);
	assert_int_equal(events(&scene, "undone"), 1);
	cleanup(&scene);
}

// SIGKILL of the monitor: the session lives on in the worker, known by its audit session id.
static void worker_outlives_monitor(void **state)
{
	struct scene scene = {.place = *state};
	static step_fn *const steps[] = {kill_monitor, orphaned,  looked_for, still_there,
	                                 kill_worker,  has_ended, NULL};

	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	start(&scene);
	if (!spawn(&scene, true)) {
		cleanup(&scene);
		skip();
	}
	open_session(&scene);
	assert_int_not_equal(azjit_session_find(scene.sessions, scene.id)->audit, UINT32_MAX);
	loop_steps(scene.loop, steps, &scene, WITHIN_MS);
	assert_string_equal(scene.how, "lost");
	assert_int_equal(events(&scene, "lost"), 1);
	cleanup(&scene);
}

// Another login of the same user is no life of this one.
static void other_audit_session_is_another(void **state)
{
	struct scene scene = {.place = *state}, other = {.place = *state};
	static step_fn *const steps[] = {kill_monitor, kill_worker, has_ended, NULL};

	start(&scene);
	if (!spawn(&scene, true) || !spawn(&other, true)) {
		cleanup(&scene);
		kill_one(&other.monitor);
		skip();
	}
	open_session(&scene);
	loop_steps(scene.loop, steps, &scene, WITHIN_MS);
	assert_string_equal(scene.how, "lost");
	kill_one(&other.monitor);
	(void)kill(other.worker, SIGKILL);
	cleanup(&scene);
}

static void restart_finds_the_living(void **state)
{
	struct scene scene = {.place = *state};
	const struct azjit_session *session;

	start(&scene);
	assert_true(spawn(&scene, false));
	open_session(&scene);
	assert_int_equal(azjit_session_commit(scene.sessions, scene.id, scene.monitor), AZJIT_OK);
	end(&scene);
	start(&scene);
	session = azjit_session_find(scene.sessions, scene.id);
	assert_non_null(session);
	assert_true(session->committed);
	assert_string_equal(session->user, "alice");
	assert_string_equal(session->tty, "pts/3");
	assert_int_equal(session->client.bytes[3], 3);
	assert_int_equal(scene.ends, 0);
	cleanup(&scene);
}

static void restart_loses_the_dead(void **state)
{
	struct scene scene = {.place = *state};

	start(&scene);
	if (!spawn(&scene, true)) {
		cleanup(&scene);
		skip();
	}
	open_session(&scene);
	end(&scene);
	kill_one(&scene.monitor);
	(void)kill(scene.worker, SIGKILL);
	(void)waitpid(scene.worker, NULL, 0);
	scene.worker = 0;
	start(&scene);
	assert_int_equal(scene.ends, 1);
	assert_string_equal(scene.how, "lost");
	end(&scene);
	start(&scene); // it does not end twice
	assert_int_equal(scene.ends, 1);
	cleanup(&scene);
}

static void append_opened(struct scene *scene, const char *id, const char *start_text, const char *boot)
{
	struct azjit_entry entry = {.kind = AZJIT_ENTRY_SESSION, .event = "opened", .session = id};
	char pid[16], uid[16];

	(void)snprintf(pid, sizeof(pid), "%d", getpid());
	(void)snprintf(uid, sizeof(uid), "%u", getuid());
	(void)azjit_entry_put(&entry, "user", "alice");
	(void)azjit_entry_put(&entry, "uid", uid);
	(void)azjit_entry_put(&entry, "service", "sshd");
	(void)azjit_entry_put(&entry, "pid", pid);
	(void)azjit_entry_put(&entry, "pid_start", start_text);
	(void)azjit_entry_put(&entry, "audit", "4294967000");
	(void)azjit_entry_put(&entry, "boot", boot);
	append(scene->ledger, &entry, T0);
}

static void boot_id(char text[AZJIT_UUID_CHARS])
{
	_cleanup_close_ int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	assert_int_equal(read(fd, text, AZJIT_UUID_CHARS - 1), AZJIT_UUID_CHARS - 1);
	text[AZJIT_UUID_CHARS - 1] = '\0';
}

// When this process started, as /proc tells it.
static void own_start(char text[24])
{
	char line[1024], *p;
	_cleanup_close_ int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, line, sizeof(line) - 1);

	assert_true(n > 0);
	line[n] = '\0';
	p = strrchr(line, ')');
	for (int i = 0; i < 20; i++)
		p = strchr(p + 1, ' ');
	(void)snprintf(text, 24, "%.*s", (int)strcspn(p + 1, " "), p + 1);
}

// Our own pid is alive, but it is not the process, or not the boot, that the entry means.
static void reused_pid_is_another_process(void **state)
{
	struct scene scene = {.place = *state};
	char boot[AZJIT_UUID_CHARS], start_text[24];

	boot_id(boot);
	own_start(start_text);
	scene.ledger = open_ledger(scene.place);
	append_opened(&scene, "11111111-1111-4111-8111-111111111111", "1", boot);
	append_opened(&scene, "22222222-2222-4222-8222-222222222222", start_text,
	              "33333333-3333-4333-8333-333333333333");
	azjit_ledger_close(scene.ledger);
	scene.ledger = open_ledger(scene.place);
	append_opened(&scene, "44444444-4444-4444-8444-444444444444", start_text, boot);
	azjit_ledger_close(scene.ledger);
	start(&scene);
	assert_int_equal(scene.ends, 2);
	assert_int_equal(events(&scene, "lost"), 2);
	assert_non_null(azjit_session_find(scene.sessions, "44444444-4444-4444-8444-444444444444"));
	cleanup(&scene);
}

static void process_belongs_by_audit_id(void **state)
{
	struct scene scene = {.place = *state}, other = {.place = *state};
	char first[AZJIT_UUID_CHARS];
	const struct azjit_session *found;
	bool ambiguous;

	start(&scene);
	if (!spawn(&scene, true) || !spawn(&other, true)) {
		cleanup(&scene);
		kill_one(&other.monitor);
		skip();
	}
	open_session(&scene);
	(void)azjit_copy(first, sizeof(first), scene.id);
	other.sessions = scene.sessions;
	open_session(&other);
	found = azjit_session_of(scene.sessions, scene.worker, getuid(), NULL, &ambiguous);
	assert_non_null(found);
	assert_string_equal(found->id, first);
	// What the caller says does not beat the kernel.
	found = azjit_session_of(scene.sessions, scene.worker, getuid(), other.id, &ambiguous);
	assert_string_equal(found->id, first);
	// Nor is another person's session hers because her process runs in it.
	assert_null(azjit_session_of(scene.sessions, scene.worker, getuid() + 1, first, &ambiguous));
	assert_false(ambiguous);
	kill_one(&other.monitor);
	(void)kill(other.worker, SIGKILL);
	cleanup(&scene);
}

static void hint_counts_among_own_sessions(void **state)
{
	struct scene scene = {.place = *state};
	struct azjit_session wanted = {.user = "bob", .uid = getuid() + 7, .service = "sshd"};
	const struct azjit_session *first, *second, *bobs;
	struct azjit_reason reason;
	bool ambiguous;

	start(&scene);
	assert_true(spawn(&scene, false));
	wanted.pid = scene.monitor;
	assert_int_equal(azjit_session_open(scene.sessions, &wanted, &bobs, &reason), AZJIT_OK);
	wanted.uid = getuid() + 9;
	assert_int_equal(azjit_session_open(scene.sessions, &wanted, &first, &reason), AZJIT_OK);
	// A process without marks, of a uid with one session, belongs to it.
	assert_ptr_equal(azjit_session_of(scene.sessions, 0, wanted.uid, NULL, &ambiguous), first);
	assert_int_equal(azjit_session_open(scene.sessions, &wanted, &second, &reason), AZJIT_OK);
	assert_null(azjit_session_of(scene.sessions, 0, wanted.uid, NULL, &ambiguous));
	assert_true(ambiguous);
	assert_ptr_equal(azjit_session_of(scene.sessions, 0, wanted.uid, second->id, &ambiguous), second);
	assert_null(azjit_session_of(scene.sessions, 0, wanted.uid, bobs->id, &ambiguous));
	cleanup(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        ledger_test(close_ends_it_once),
	        ledger_test(without_commit_it_is_undone),
	        ledger_test(worker_outlives_monitor),
	        ledger_test(other_audit_session_is_another),
	        ledger_test(restart_finds_the_living),
	        ledger_test(restart_loses_the_dead),
	        ledger_test(reused_pid_is_another_process),
	        ledger_test(process_belongs_by_audit_id),
	        ledger_test(hint_counts_among_own_sessions),
	};

	if (pipe(leash) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
