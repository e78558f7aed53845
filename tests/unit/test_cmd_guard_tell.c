// SPDX-License-Identifier: Apache-2.0
// What the guard tells the broker, also one that is away or odd. The commands' objects are in no library, so
// the files under test are included; nft is played.
#include "../../client/cmd/caller.c"
#include "../../client/cmd/guard_attempts.c"
#include "../../client/cmd/guard_refused.c"
#include "../../client/cmd/guard_tell.c"

#include "guard_list.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

static const char *nft_prints;
static bool flushed;

enum azjit_result azjit_guard_list_attempts(struct azjit_buf *ret_json, struct azjit_reason *reason)
{
	if (!nft_prints)
		return azjit_fail(reason, AZJIT_NOT_FOUND, "no table");
	return azjit_buf_str(ret_json, nft_prints) ? AZJIT_OK : AZJIT_SYSTEM;
}

enum azjit_result azjit_guard_flush_attempts(struct azjit_reason *reason)
{
	(void)reason;
	flushed = true;
	return AZJIT_OK;
}

struct world {
	char user[64], dir[64], socket[96], path[96], heard[96];
	struct azjit_guard_teller teller;
	pid_t broker;
};

static int world_setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	const struct passwd *self = getpwuid(geteuid());

	if (!w || !self)
		return -1;
	(void)snprintf(w->user, sizeof(w->user), "%s", self->pw_name);
	(void)snprintf(w->dir, sizeof(w->dir), "%s", "/tmp/azjit-guard.XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	(void)snprintf(w->socket, sizeof(w->socket), "%s/sock", w->dir);
	(void)snprintf(w->path, sizeof(w->path), "%s/refused", w->dir);
	(void)snprintf(w->heard, sizeof(w->heard), "%s/heard", w->dir);
	w->teller.caller = (struct caller){.socket = w->socket, .broker_user = w->user};
	w->teller.path = w->path;
	nft_prints = NULL;
	flushed = false;
	azjit_log_max(-1);
	*state = w;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int world_teardown(void **state)
{
	struct world *w = *state;

	if (w->broker > 0) {
		(void)kill(w->broker, SIGKILL);
		(void)waitpid(w->broker, NULL, 0);
	}
	azjit_guard_book_clear(&w->teller.book);
	(void)nftw(w->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(w);
	return 0;
}

// Writes what it hears and answers so; "" hangs. Then the next.
_Noreturn static void play(const struct world *w, int listener, const char *answer_text)
{
	FILE *heard = fopen(w->heard, "we");

	for (;;) {
		char bytes[1024];
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		ssize_t n = fd < 0 ? -1 : recv(fd, bytes, sizeof(bytes), 0);

		if (n <= 0 || !heard)
			_exit(1);
		(void)fwrite(bytes, 1, (size_t)n, heard);
		(void)fflush(heard);
		if (*answer_text) {
			(void)send(fd, answer_text, strlen(answer_text), MSG_NOSIGNAL);
			(void)close(fd);
		}
	}
}

static void start_broker(struct world *w, const char *answer_text)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(azjit_copy(sun.sun_path, sizeof(sun.sun_path), w->socket));
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 32), 0);
	w->broker = fork();
	if (w->broker == 0)
		play(w, fd, answer_text);
	(void)close(fd);
}

static void stop_broker(struct world *w)
{
	(void)kill(w->broker, SIGKILL);
	(void)waitpid(w->broker, NULL, 0);
	w->broker = 0;
	(void)unlink(w->socket);
}

static void turn(struct world *w)
{
	azjit_guard_teller_read(&w->teller);
	azjit_guard_teller_tell(&w->teller, -1, true);
}

static char *contents(const char *path)
{
	static char text[4096];
	FILE *file = fopen(path, "re");
	size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	text[n] = '\0';
	if (file)
		(void)fclose(file);
	return text;
}

#define DONE_OK    "AZJIT/1 DONE\nresult=ok\n\n"
#define HEARD(n)   "AZJIT/1 GUARD-REFUSED\nuid=2002\naddress=10.20.1.4\nport=22\ncount=" n "\n\n"
#define BOOK(told) "azjit-refused 1\n2002 10.20.1.4 22 " told "\nend 1\n"

static void a_refusal_is_told_once(void **state)
{
	struct world *w = *state;

	nft_prints = ONE(BOB_WEB, "3");
	start_broker(w, DONE_OK);
	turn(w);
	turn(w);
	assert_string_equal(contents(w->heard), HEARD("3"));
	assert_string_equal(contents(w->path), BOOK("3 0"));
	nft_prints = ONE(BOB_WEB, "5");
	turn(w);
	assert_string_equal(contents(w->heard), HEARD("3") HEARD("2"));
}

// Also to the guard that follows.
static void a_broker_that_is_away_or_refuses_is_told_later(void **state)
{
	static const char *const answers[] = {
	        "AZJIT/1 DONE\nresult=ledger\nreason=no room\n\n",
	        "AZJIT/1 DONE\n\n",
	        "AZJIT/1 PROGRESS\nresult=ok\n\n",
	        "nonsense\n\n",
	        "",
	};
	struct world *w = *state;

	nft_prints = ONE(BOB_WEB, "3");
	turn(w);
	assert_string_equal(contents(w->path), BOOK("3 3"));
	for (size_t i = 0; i < AZJIT_COUNT(answers); i++) {
		uint64_t begun_ms = azjit_time_monotonic_ms();

		start_broker(w, answers[i]);
		turn(w);
		assert_string_equal(contents(w->heard), HEARD("3"));
		assert_int_equal(w->teller.book.items[0].untold, 3);
		assert_true(azjit_time_monotonic_ms() - begun_ms < 10 * ANSWER_MS);
		stop_broker(w);
	}
	azjit_guard_book_clear(&w->teller.book);
	azjit_guard_teller_load(&w->teller);
	start_broker(w, DONE_OK);
	turn(w);
	assert_string_equal(contents(w->heard), HEARD("3"));
	assert_string_equal(contents(w->path), BOOK("3 0"));
}

static void telling_makes_way_for_a_new_set(void **state)
{
	struct world *w = *state;
	int pipe_fds[2];

	nft_prints = ONE(BOB_WEB, "3");
	start_broker(w, DONE_OK);
	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(write(pipe_fds[1], "x", 1), 1);
	azjit_guard_teller_read(&w->teller);
	azjit_guard_teller_tell(&w->teller, pipe_fds[0], false);
	assert_int_equal(w->teller.book.items[0].untold, 3);
	(void)close(pipe_fds[0]);
	(void)close(pipe_fds[1]);
}

static void a_crowded_set_is_emptied_when_it_was_read(void **state)
{
	_cleanup_buf_ struct azjit_buf text = AZJIT_BUF(AZJIT_GUARD_ATTEMPTS_MAX_BYTES);
	struct world *w = *state;

	azjit_buf_str(&text, "{\"nftables\": [{\"set\": {\"name\": \"attempts\", \"table\": \"azjit_guard\", "
	                     "\"elem\": [");
	for (unsigned i = 1; i <= CROWDED; i++)
		azjit_buf_printf(&text,
		                 "%s{\"elem\": {\"val\": {\"concat\": [2002, \"10.20.1.4\", %u]}, "
		                 "\"counter\": {\"packets\": 1}}}",
		                 i > 1 ? ", " : "", i);
	azjit_buf_str(&text, "]}}]}");
	assert_false(text.failed);
	nft_prints = ONE(BOB_WEB, "3");
	azjit_guard_teller_read(&w->teller);
	assert_false(flushed);
	nft_prints = text.data;
	azjit_guard_teller_read(&w->teller);
	assert_true(flushed);
	assert_int_equal(w->teller.book.count, CROWDED);
	assert_int_equal(w->teller.book.items[0].untold, 1);
	assert_int_equal(w->teller.book.items[0].seen, 0);
}

static void an_odd_list_changes_nothing(void **state)
{
	struct world *w = *state;

	nft_prints = ONE(BOB_WEB, "3");
	azjit_guard_teller_read(&w->teller);
	nft_prints = ONE(BOB_WEB, "-3");
	azjit_guard_teller_read(&w->teller);
	assert_int_equal(w->teller.book.items[0].seen, 3);
	assert_non_null(strstr(w->teller.unread.text, "without a count"));
	nft_prints = NULL;
	azjit_guard_teller_read(&w->teller);
	assert_int_equal(w->teller.book.items[0].untold, 3);
}

#define world_test(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        world_test(a_refusal_is_told_once),
	        world_test(a_broker_that_is_away_or_refuses_is_told_later),
	        world_test(telling_makes_way_for_a_new_set),
	        world_test(a_crowded_set_is_emptied_when_it_was_read),
	        world_test(an_odd_list_changes_nothing),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
