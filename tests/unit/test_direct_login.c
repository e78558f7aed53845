// SPDX-License-Identifier: Apache-2.0
// What is kept of a login: its form, its file, and several at once. Whom the file is closed to: tests/direct.
#include "../../client/direct/login_cache.h"
#include "test_engine_memory.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

static int setup(void **state)
{
	char *dir = strdup("/tmp/azjit-login.XXXXXX");

	*state = dir;
	return dir && mkdtemp(dir) && setenv("XDG_STATE_HOME", dir, 1) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	static const char *const names[] = {"azjit/login.json", "azjit/login.lock", "azjit/login.json.new",
	                                    "azjit"};
	char path[128];

	for (size_t i = 0; i < AZJIT_COUNT(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", (char *)*state, names[i]);
		(void)remove(path);
	}
	int r = rmdir(*state);

	free(*state);
	return r;
}

static struct azjit_login sample(char *refresh_token)
{
	static char tenant[] = "organizations", client[] = "c-1", cloud[] = "AzureCloud",
	            url[] = "https://login", who[] = "";

	return (struct azjit_login){tenant, client, cloud, url, who, refresh_token};
}

static struct login_cache *open_cache(bool make)
{
	struct login_cache *cache = NULL;
	struct azjit_reason reason;

	assert_int_equal(login_cache_open(make, &reason, &cache), AZJIT_OK);
	return cache;
}

static void assert_kept(struct login_cache *cache, const char *refresh_token)
{
	struct azjit_login login = {.tenant = NULL};
	struct azjit_reason reason;

	assert_int_equal(login_cache_read(cache, &login, &reason), AZJIT_OK);
	assert_string_equal(login.refresh_token, refresh_token);
	assert_string_equal(login.tenant, "organizations");
	assert_string_equal(login.login_url, "https://login");
	assert_string_equal(login.who, "");
	azjit_login_clear(&login);
}

static void the_form(void **state)
{
	static char token[] = "0.A\"\\é\n";
	struct azjit_login login = sample(token), back = {.tenant = NULL};
	_cleanup_buf_ struct azjit_buf text = AZJIT_BUF(4096);

	(void)state;
	assert_true(login_format(&login, &text));
	assert_int_equal(login_parse(text.data, text.len, &back), AZJIT_OK);
	assert_string_equal(back.refresh_token, token);
	assert_string_equal(back.client_id, "c-1");
	assert_string_equal(back.cloud, "AzureCloud");
	azjit_login_clear(&back);
	for (size_t len = 0; len < text.len - 2; len++)
		assert_int_equal(login_parse(text.data, len, &back), AZJIT_CONFIG);
	assert_null(back.tenant);
}

static void what_is_no_login(void **state)
{
	static const char rest[] =
	        "\"client_id\": \"c\", \"cloud\": \"a\", \"login_url\": \"l\", \"who\": \"\"";
	static const char *const starts[] = {
	        "\"version\": 1, \"tenant\": \"t\"",
	        "\"version\": 1, \"tenant\": \"t\", \"refresh_token\": \"\"",
	        "\"version\": 1, \"tenant\": \"t\", \"refresh_token\": 7",
	        "\"version\": 1, \"tenant\": \"\", \"refresh_token\": \"r\"",
	        "\"version\": 2, \"tenant\": \"t\", \"refresh_token\": \"r\"",
	        "\"version\": \"1\", \"tenant\": \"t\", \"refresh_token\": \"r\"",
	        "\"tenant\": \"t\", \"refresh_token\": \"r\"",
	        "\"version\": 1, \"tenant\": \"t\", \"tenant\": \"u\", \"refresh_token\": \"r\"",
	        "\"version\": 1, \"tenant\": \"t\\u0000u\", \"refresh_token\": \"r\"",
	};
	struct azjit_login login = {.tenant = NULL};
	char text[512];

	(void)state;
	for (size_t i = 0; i < AZJIT_COUNT(starts); i++) {
		(void)snprintf(text, sizeof(text), "{%s, %s}", starts[i], rest);
		assert_int_equal(login_parse(text, strlen(text), &login), AZJIT_CONFIG);
	}
	(void)snprintf(text, sizeof(text),
	               "{\"version\": 1, \"tenant\": \"t\", \"refresh_token\": \"r\", %s}", rest);
	assert_int_equal(login_parse(text, strlen(text), &login), AZJIT_OK);
	azjit_login_clear(&login);
	assert_int_equal(login_parse("[1]", 3, &login), AZJIT_CONFIG);
	assert_int_equal(login_parse("", 0, &login), AZJIT_CONFIG);
}

static void nobody_has_logged_in(void **state)
{
	struct login_cache *cache = NULL;
	struct azjit_login login;
	struct azjit_reason reason;

	(void)state;
	assert_int_equal(login_cache_open(false, &reason, &cache), AZJIT_NOT_FOUND);
	assert_null(cache);
	cache = open_cache(true);
	assert_int_equal(login_cache_read(cache, &login, &reason), AZJIT_NOT_FOUND);
	assert_int_equal(login_cache_remove(cache, &reason), AZJIT_NOT_FOUND);
	login_cache_free(cache);
}

static void kept_replaced_removed(void **state)
{
	static char first[] = "first", second[] = "second";
	struct login_cache *cache = open_cache(true);
	struct azjit_login one = sample(first), two = sample(second);
	struct azjit_reason reason;
	struct stat st;

	(void)state;
	assert_int_equal(login_cache_write(cache, &one, &reason), AZJIT_OK);
	assert_kept(cache, "first");
	assert_int_equal(stat(login_cache_path(cache), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(login_cache_write(cache, &two, &reason), AZJIT_OK);
	assert_kept(cache, "second");
	assert_int_equal(login_cache_remove(cache, &reason), AZJIT_OK);
	assert_int_equal(access(login_cache_path(cache), F_OK), -1);
	login_cache_free(cache);
}

// As on a full disk.
static void what_cannot_be_written_leaves_the_old(void **state)
{
	static char first[] = "first", second[] = "second";
	const struct rlimit none = {0, RLIM_INFINITY}, all = {RLIM_INFINITY, RLIM_INFINITY};
	struct login_cache *cache = open_cache(true);
	struct azjit_login one = sample(first), two = sample(second);
	struct azjit_reason reason;
	enum azjit_result result;

	(void)state;
	assert_int_equal(login_cache_write(cache, &one, &reason), AZJIT_OK);
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	result = login_cache_write(cache, &two, &reason);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	assert_int_equal(result, AZJIT_SYSTEM);
	assert_non_null(strstr(reason.text, "the login cannot be kept in "));
	assert_kept(cache, "first");
	login_cache_free(cache);
}

// Read or not: never half, and never lost.
static void every_allocation_may_fail(void **state)
{
	static char first[] = "first";
	struct login_cache *cache = open_cache(true);
	struct azjit_login one = sample(first);
	enum azjit_result result = AZJIT_NOMEM;
	struct azjit_reason reason;
	long n = 0;

	(void)state;
	assert_int_equal(login_cache_write(cache, &one, &reason), AZJIT_OK);
	while (result != AZJIT_OK) {
		struct azjit_login login = {.tenant = NULL};

		allocations_left = ++n;
		result = login_cache_read(cache, &login, &reason);
		allocations_left = 0;
		if (result != AZJIT_OK) {
			assert_int_equal(result, AZJIT_NOMEM);
			assert_null(login.tenant);
			assert_null(login.refresh_token);
		}
		azjit_login_clear(&login);
		assert_kept(cache, "first");
	}
	assert_true(n > 6);
	login_cache_free(cache);
}

// --- several at once ----------------------------------------------------------------------------------

#define PROCESSES 4
#define TURNS     25

// Each turn counts one up, as a refresh token follows another.
static int count_up(void)
{
	struct login_cache *cache = NULL;
	struct azjit_reason reason;

	if (login_cache_open(false, &reason, &cache) != AZJIT_OK)
		return 1;
	for (int turn = 0; turn < TURNS; turn++) {
		const struct azjit_login_store *store = login_cache_store(cache);
		const struct azjit_login *login;
		char next[32];

		if (store->take(store->userdata, &login, &reason) != AZJIT_OK)
			return 1;
		(void)snprintf(next, sizeof(next), "%ld", strtol(login->refresh_token, NULL, 10) + 1);
		if (store->rotate(store->userdata, next, &reason) != AZJIT_OK)
			return 1;
		store->release(store->userdata);
	}
	login_cache_free(cache);
	return 0;
}

static void several_at_once_lose_nothing(void **state)
{
	static char zero[] = "0";
	struct login_cache *cache = open_cache(true);
	struct azjit_login login = sample(zero);
	struct azjit_reason reason;
	pid_t pids[PROCESSES];
	char wanted[32];
	int status;

	(void)state;
	assert_int_equal(login_cache_write(cache, &login, &reason), AZJIT_OK);
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(count_up());
		assert_true(pids[i] > 0);
	}
	for (int i = 0; i < PROCESSES; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	(void)snprintf(wanted, sizeof(wanted), "%d", PROCESSES * TURNS);
	assert_kept(cache, wanted);
	login_cache_free(cache);
}

static void the_same_token_is_not_written_again(void **state)
{
	static char token[] = "0.A";
	struct login_cache *cache = open_cache(true);
	const struct azjit_login_store *store = login_cache_store(cache);
	struct azjit_login login = sample(token);
	const struct azjit_login *taken;
	struct azjit_reason reason;
	struct stat before, after;

	(void)state;
	assert_int_equal(login_cache_write(cache, &login, &reason), AZJIT_OK);
	assert_int_equal(stat(login_cache_path(cache), &before), 0);
	assert_int_equal(store->take(store->userdata, &taken, &reason), AZJIT_OK);
	assert_int_equal(store->rotate(store->userdata, "0.A", &reason), AZJIT_OK);
	store->release(store->userdata);
	store->release(store->userdata);
	assert_int_equal(stat(login_cache_path(cache), &after), 0);
	assert_true(before.st_ino == after.st_ino);
	login_cache_free(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_form),
	        cmocka_unit_test(what_is_no_login),
	        cmocka_unit_test_setup_teardown(nobody_has_logged_in, setup, teardown),
	        cmocka_unit_test_setup_teardown(kept_replaced_removed, setup, teardown),
	        cmocka_unit_test_setup_teardown(what_cannot_be_written_leaves_the_old, setup, teardown),
	        cmocka_unit_test_setup_teardown(every_allocation_may_fail, setup, teardown),
	        cmocka_unit_test_setup_teardown(several_at_once_lose_nothing, setup, teardown),
	        cmocka_unit_test_setup_teardown(the_same_token_is_not_written_again, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
