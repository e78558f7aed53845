// SPDX-License-Identifier: Apache-2.0
#include <azjit/macro.h>
#include <azjit/wire.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

static uint64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

// Parses a copy whose bounds the sanitizers know.
static enum azjit_wire_parse parse(const char *text, size_t len, size_t max, struct azjit_wire_msg *msg,
                                   char **ret_copy, size_t *ret_used)
{
	char *copy = malloc(len ? len : 1);

	memcpy(copy, text, len);
	*ret_copy = copy;
	return azjit_wire_parse(copy, len, max, msg, ret_used);
}

static enum azjit_wire_parse parse_kind(const char *text, size_t len, size_t max)
{
	_cleanup_free_ char *copy = NULL;
	struct azjit_wire_msg msg;
	size_t used;

	return parse(text, len, max, &msg, &copy, &used);
}

static void a_message_comes_back_as_it_was_put(void **state)
{
	static const char value[] = "a=b %41 \x01\n\r\t\x7f \xc3\xa9 \xff";
	char bytes[256];
	struct azjit_wire_out out;
	struct azjit_wire_msg msg;
	size_t len, used = 0;

	azjit_wire_begin(&out, bytes, sizeof(bytes), "SESSION-OPEN");
	azjit_wire_put(&out, "user", value);
	azjit_wire_put(&out, "rhost", NULL);
	azjit_wire_put(&out, "tty", "");
	azjit_wire_put_u64(&out, "pid", 0);
	azjit_wire_put_u64(&out, "big", UINT64_MAX);
	len = azjit_wire_end(&out);
	assert_true(len > 0);
	assert_int_equal(azjit_wire_parse(bytes, len, len, &msg, &used), AZJIT_WIRE_MESSAGE);
	assert_int_equal(used, len);
	assert_string_equal(msg.verb, "SESSION-OPEN");
	assert_int_equal(msg.pair_count, 4);
	assert_string_equal(azjit_wire_get(&msg, "user"), value);
	assert_string_equal(azjit_wire_get(&msg, "tty"), "");
	assert_string_equal(azjit_wire_get(&msg, "pid"), "0");
	assert_string_equal(azjit_wire_get(&msg, "big"), "18446744073709551615");
	assert_null(azjit_wire_get(&msg, "rhost"));
}

static void the_bytes_are_what_the_header_says(void **state)
{
	char bytes[64];
	struct azjit_wire_out out;
	size_t len;

	azjit_wire_begin(&out, bytes, sizeof(bytes), "DONE");
	azjit_wire_put(&out, "reason", "50% \n\x1f");
	len = azjit_wire_end(&out);
	assert_int_equal(len, strlen("AZJIT/1 DONE\nreason=50%25 %0A%1F\n\n"));
	assert_memory_equal(bytes, "AZJIT/1 DONE\nreason=50%25 %0A%1F\n\n", len);
}

static void every_prefix_wants_more(void **state)
{
	static const char text[] = "AZJIT/1 PING\na=b\nc=%0A\n\n";

	for (size_t len = 0; len < sizeof(text) - 1; len++)
		assert_int_equal(parse_kind(text, len, 100), AZJIT_WIRE_MORE);
	assert_int_equal(parse_kind(text, sizeof(text) - 1, 100), AZJIT_WIRE_MESSAGE);
	assert_int_equal(parse_kind(text, sizeof(text) - 1, sizeof(text) - 1), AZJIT_WIRE_MESSAGE);
	assert_int_equal(parse_kind(text, sizeof(text) - 1, sizeof(text) - 2), AZJIT_WIRE_BAD);
	assert_int_equal(parse_kind(text, sizeof(text) - 2, sizeof(text) - 2), AZJIT_WIRE_BAD);
}

static void two_messages_are_taken_one_by_one(void **state)
{
	static const char text[] = "AZJIT/1 PROGRESS\nstage=a\n\nAZJIT/1 DONE\n\n";
	_cleanup_free_ char *copy = NULL;
	struct azjit_wire_msg msg;
	size_t used = 0, len = sizeof(text) - 1;

	assert_int_equal(parse(text, len, 100, &msg, &copy, &used), AZJIT_WIRE_MESSAGE);
	assert_string_equal(msg.verb, "PROGRESS");
	assert_int_equal(azjit_wire_parse(copy + used, len - used, 100, &msg, &used), AZJIT_WIRE_MESSAGE);
	assert_string_equal(msg.verb, "DONE");
}

static void what_is_no_message_is_bad(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} bad[] = {
#define BAD(s) {s, sizeof(s) - 1}
	        BAD("x"),
	        BAD("azjit/1 PING\n\n"),
	        BAD("\n\n"),
	        BAD("GET / HTTP/1.1\r\n\r\n"),
	        BAD("AZJIT/1 PING\0\n\n"),
	        BAD("AZJIT/1 PING\nk=\0v\n\n"),
	        BAD("AZJIT/1\n\n"),
	        BAD("AZJIT/1 \n\n"),
	        BAD("AZJIT/1  PING\n\n"),
	        BAD("AZJIT/1 ping\n\n"),
	        BAD("AZJIT/1 PING \n\n"),
	        BAD("AZJIT/1 -PING\n\n"),
	        BAD("AZJIT/01 PING\n\n"),
	        BAD("AZJIT/ PING\n\n"),
	        BAD("AZJIT/x PING\n\n"),
	        BAD("AZJIT/99999 PING\n\n"),
	        BAD("AZJIT/1 PING\r\n\r\n\n"),
	        BAD("AZJIT/1 PINGPINGPINGPINGPINGPINGPINGPINGP\n\n"),
	        BAD("AZJIT/1 PING\nk\n\n"),
	        BAD("AZJIT/1 PING\n=v\n\n"),
	        BAD("AZJIT/1 PING\nK=v\n\n"),
	        BAD("AZJIT/1 PING\nk =v\n\n"),
	        BAD("AZJIT/1 PING\nk=a\nk=b\n\n"),
	        BAD("AZJIT/1 PING\nk=a\tb\n\n"),
	        BAD("AZJIT/1 PING\nk=\x7f\n\n"),
	        BAD("AZJIT/1 PING\nk=%\n\n"),
	        BAD("AZJIT/1 PING\nk=%0\n\n"),
	        BAD("AZJIT/1 PING\nk=%0a\n\n"),
	        BAD("AZJIT/1 PING\nk=%00\n\n"),
	        BAD("AZJIT/1 PING\nk=%41\n\n"),
	        BAD("AZJIT/1 PING\nk=%zz\n\n"),
	        BAD("AZJIT/1 PING\nk=v\r\n\n"),
	        BAD("AZJIT/1 PING\nkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk=v\n\n"),
#undef BAD
	};

	for (size_t i = 0; i < AZJIT_COUNT(bad); i++)
		assert_int_equal(parse_kind(bad[i].text, bad[i].len, 1000), AZJIT_WIRE_BAD);
	assert_int_equal(parse_kind("AZJIT/1 PING\nkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk=v\n\n", 49, 1000),
	                 AZJIT_WIRE_MESSAGE);
}

static void another_version_is_told_apart(void **state)
{
	assert_int_equal(parse_kind("AZJIT/2 PING\nanything at all\n\n", 30, 100), AZJIT_WIRE_VERSION);
	assert_int_equal(parse_kind("AZJIT/2 PING\n", 13, 100), AZJIT_WIRE_MORE);
	assert_int_equal(parse_kind("AZJIT/2 ping\n\n", 14, 100), AZJIT_WIRE_BAD);
}

static size_t many_keys(char *bytes, size_t size, unsigned count)
{
	struct azjit_wire_out out;

	azjit_wire_begin(&out, bytes, size, "PING");
	for (unsigned i = 0; i < count; i++) {
		char key[16];

		(void)snprintf(key, sizeof(key), "k%u", i);
		azjit_wire_put(&out, key, "v");
	}
	return azjit_wire_end(&out);
}

static void keys_are_counted(void **state)
{
	char bytes[1024], text[1024] = "AZJIT/1 PING\n";
	size_t len = strlen(text), full = many_keys(bytes, sizeof(bytes), AZJIT_WIRE_MAX_KEYS);

	assert_true(full > 0);
	assert_int_equal(parse_kind(bytes, full, sizeof(bytes)), AZJIT_WIRE_MESSAGE);
	assert_int_equal(many_keys(bytes, sizeof(bytes), AZJIT_WIRE_MAX_KEYS + 1), 0);
	for (unsigned i = 0; i <= AZJIT_WIRE_MAX_KEYS; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "k%u=v\n", i);
	text[len++] = '\n';
	assert_int_equal(parse_kind(text, len, sizeof(text)), AZJIT_WIRE_BAD);
}

static void what_cannot_be_sent_is_refused_whole(void **state)
{
	static const struct {
		const char *verb, *key, *value;
	} bad[] = {
	        {"ping", "k", "v"},      {"", "k", "v"},
	        {"PING\nk=v", "k", "v"}, {"PING", "K", "v"},
	        {"PING", "", "v"},       {"PING", "k=", "v"},
	        {"PING", "a", "v"},      {"PING", "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk", "v"},
	};
	char bytes[256];
	struct azjit_wire_out out;

	for (size_t i = 0; i < AZJIT_COUNT(bad); i++) {
		azjit_wire_begin(&out, bytes, sizeof(bytes), bad[i].verb);
		azjit_wire_put(&out, "a", "1");
		azjit_wire_put(&out, bad[i].key, bad[i].value);
		azjit_wire_put(&out, "z", "1");
		assert_int_equal(azjit_wire_end(&out), 0);
	}
	for (size_t size = 0; size < strlen("AZJIT/1 PING\nk=%0A\n\n"); size++) {
		_cleanup_free_ char *exact = malloc(size ? size : 1);

		azjit_wire_begin(&out, exact, size, "PING");
		azjit_wire_put(&out, "k", "\n");
		assert_int_equal(azjit_wire_end(&out), 0);
	}
}

// --- over sockets -------------------------------------------------------------------------------------
struct scene {
	char dir[32], path[64];
	int listener;
};

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	*state = scene;
	(void)snprintf(scene->dir, sizeof(scene->dir), "/tmp/azjit-wire.XXXXXX");
	if (!mkdtemp(scene->dir))
		return -1;
	(void)snprintf(scene->path, sizeof(scene->path), "%s/s", scene->dir);
	memcpy(sun.sun_path, scene->path, sizeof(scene->path));
	scene->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(scene->listener, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		return -1;
	return listen(scene->listener, 0);
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	(void)close(scene->listener);
	(void)unlink(scene->path);
	(void)rmdir(scene->dir);
	free(scene);
	return 0;
}

static void connects_and_checks_who_listens(void **state)
{
	struct scene *scene = *state;
	int fd = azjit_wire_connect(scene->path, geteuid(), 1000);

	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	(void)close(fd);
	(void)close(accept(scene->listener, NULL, NULL));
	if (geteuid() != 0)
		assert_int_equal(azjit_wire_connect(scene->path, geteuid() + 1, 1000), -EPERM);
}

// SO_PEERCRED tells who listened, so a listener that gave up root shows the other uid.
static void a_strangers_socket_is_refused(void **state)
{
	struct scene *scene = *state;
	int status = 0, before, after;
	pid_t child;

	if (geteuid() != 0)
		skip();
	child = fork();
	if (child == 0)
		_exit(setresuid(12345, 12345, 12345) == 0 && listen(scene->listener, 5) == 0 ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	before = dup(0);
	assert_int_equal(azjit_wire_connect(scene->path, 54321, 1000), -EPERM);
	after = azjit_wire_connect(scene->path, 12345, 1000);
	assert_int_equal(after, before + 1); // nothing was left open by the refusal
	(void)close(before);
	(void)close(after);
}

static void places_without_a_socket_fail_at_once(void **state)
{
	struct scene *scene = *state;
	static const char *const others[] = {"/dev/null", "/tmp", "/proc/self/exe"};
	uint64_t start = now_ms();
	char path[200];

	for (size_t i = 0; i < AZJIT_COUNT(others); i++)
		assert_int_equal(azjit_wire_connect(others[i], 0, 1000), -ENOTSOCK);
	assert_int_equal(azjit_wire_connect("/nonexistent/s", 0, 1000), -ENOENT);
	assert_int_equal(azjit_wire_connect("", 0, 1000), -ENAMETOOLONG);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(azjit_wire_connect(path, 0, 1000), -ENAMETOOLONG);
	(void)snprintf(path, sizeof(path), "%s/l", scene->dir);
	assert_int_equal(symlink(scene->path, path), 0);
	assert_int_equal(azjit_wire_connect(path, geteuid(), 1000), -ENOTSOCK);
	assert_int_equal(unlink(path), 0);
	(void)close(scene->listener);
	scene->listener = -1;
	assert_int_equal(azjit_wire_connect(scene->path, geteuid(), 1000), -ECONNREFUSED);
	assert_true(now_ms() - start < 500);
}

static void a_full_queue_ends_at_the_deadline(void **state)
{
	struct scene *scene = *state;
	int fds[8], r = 0;
	size_t count = 0;
	uint64_t start = 0;

	while (r >= 0 && count < AZJIT_COUNT(fds)) {
		start = now_ms();
		r = azjit_wire_connect(scene->path, geteuid(), 200);
		fds[count++] = r;
	}
	assert_int_equal(r, -ETIMEDOUT);
	assert_in_range(now_ms() - start, 190, 4000);
	while (count > 1)
		(void)close(fds[--count - 1]);
}

static void a_send_that_nobody_reads_ends_at_the_deadline(void **state)
{
	_cleanup_free_ char *lot = calloc(1, 1 << 22);
	int fds[2];
	uint64_t start = now_ms();

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(azjit_wire_send(fds[0], lot, 1 << 22, NULL, 0, 200), -ETIMEDOUT);
	assert_in_range(now_ms() - start, 190, 4000);
	(void)close(fds[1]);
	assert_int_equal(azjit_wire_send(fds[0], "x", 1, NULL, 0, 200), -EPIPE); // and no SIGPIPE
	assert_int_equal(azjit_wire_send(fds[0], "x", 1, fds, 4, 200), -EINVAL);
	(void)close(fds[0]);
}

static void descriptors_travel_with_the_first_byte(void **state)
{
	char bytes[64], control[CMSG_SPACE(sizeof(int) * 3)];
	struct iovec iov = {.iov_base = bytes, .iov_len = 1};
	struct msghdr msg = {
	        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	int fds[2], got[3], pass[3] = {0, 1, 2};

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(azjit_wire_send(fds[0], "hello", 5, pass, 3, 200), 0);
	assert_int_equal(recvmsg(fds[1], &msg, MSG_CMSG_CLOEXEC), 1);
	assert_non_null(CMSG_FIRSTHDR(&msg));
	assert_int_equal(CMSG_FIRSTHDR(&msg)->cmsg_len, CMSG_LEN(sizeof(got)));
	memcpy(got, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(got));
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(close(got[i]), 0);
	assert_int_equal(recv(fds[1], bytes, sizeof(bytes), 0), 4);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void receives_across_packets_and_ends(void **state)
{
	char bytes[64];
	struct azjit_wire_in in = {.bytes = bytes, .size = sizeof(bytes)};
	struct azjit_wire_msg msg;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(azjit_wire_send(fds[0], "AZJIT/1 PING\na=1\n\nAZJIT/1 DO", 28, NULL, 0, 100), 0);
	assert_int_equal(azjit_wire_receive(fds[1], &in, now_ms() + 1000, &msg), 1);
	assert_string_equal(azjit_wire_get(&msg, "a"), "1");
	assert_int_equal(azjit_wire_receive(fds[1], &in, now_ms() + 50, &msg), -ETIMEDOUT);
	assert_int_equal(azjit_wire_send(fds[0], "NE\n\n", 4, NULL, 0, 100), 0);
	assert_int_equal(azjit_wire_receive(fds[1], &in, 0, &msg), 1);
	assert_string_equal(msg.verb, "DONE");
	(void)close(fds[0]);
	assert_int_equal(azjit_wire_receive(fds[1], &in, 0, &msg), 0);
	(void)close(fds[1]);
}

static void receive_names_what_is_wrong(void **state)
{
	static const struct {
		const char *text;
		int r;
	} cases[] = {
	        {"AZJIT/1 PI", -EPROTO}, // cut by the end
	        {"HTTP/1.1 200 OK\n\n", -EPROTO},
	        {"AZJIT/2 DONE\n\n", -EPROTO},
	        {"AZJIT/1 DONE\nreason=0123456789012345678901234567890123456789012345\n\n",
	         -EPROTO}, // too long
	        {"", 0},
	};

	for (size_t i = 0; i < AZJIT_COUNT(cases); i++) {
		char bytes[64];
		struct azjit_wire_in in = {.bytes = bytes, .size = sizeof(bytes)};
		struct azjit_wire_msg msg;
		int fds[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
		assert_int_equal(azjit_wire_send(fds[0], cases[i].text, strlen(cases[i].text), NULL, 0, 100),
		                 0);
		(void)close(fds[0]);
		assert_int_equal(azjit_wire_receive(fds[1], &in, now_ms() + 1000, &msg), cases[i].r);
		(void)close(fds[1]);
	}
}

// A byte every 20 ms never lets a wait run into its own time; only the clock ends it.
static void a_slow_drip_ends_at_the_deadline(void **state)
{
	char bytes[8192];
	struct azjit_wire_in in = {.bytes = bytes, .size = sizeof(bytes)};
	struct azjit_wire_msg msg;
	uint64_t start = now_ms();
	int fds[2];
	pid_t child;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	child = fork();
	if (child == 0) {
		(void)close(fds[1]);
		for (const char *p = "AZJIT/1 DONE\nreason=";; p = p[1] ? p + 1 : p) {
			const struct timespec ts = {.tv_nsec = 20000000};

			if (send(fds[0], p, 1, MSG_NOSIGNAL) != 1)
				_exit(0);
			(void)nanosleep(&ts, NULL);
		}
	}
	(void)close(fds[0]);
	assert_int_equal(azjit_wire_receive(fds[1], &in, start + 300, &msg), -ETIMEDOUT);
	assert_in_range(now_ms() - start, 300, 4000);
	assert_true(in.len > 0);
	(void)close(fds[1]);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

// select(2) would write past its sets here.
static void descriptors_past_a_thousand_work(void **state)
{
	struct rlimit limit = {.rlim_cur = 2100, .rlim_max = 2100};
	int fds[2], r;
	struct azjit_wire_msg msg;
	char bytes[64];
	struct azjit_wire_in in = {.bytes = bytes, .size = sizeof(bytes)};

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 2100;
	if (limit.rlim_max < 2100 || setrlimit(RLIMIT_NOFILE, &limit) < 0)
		skip();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	r = fcntl(fds[0], F_DUPFD_CLOEXEC, 2000);
	assert_true(r >= 2000);
	assert_int_equal(azjit_wire_send(fds[1], "AZJIT/1 DONE\n\n", 14, NULL, 0, 100), 0);
	assert_int_equal(azjit_wire_receive(r, &in, now_ms() + 100, &msg), 1);
	assert_int_equal(azjit_wire_receive(r, &in, now_ms() + 10, &msg), -ETIMEDOUT);
	(void)close(r);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_message_comes_back_as_it_was_put),
	        cmocka_unit_test(the_bytes_are_what_the_header_says),
	        cmocka_unit_test(every_prefix_wants_more),
	        cmocka_unit_test(two_messages_are_taken_one_by_one),
	        cmocka_unit_test(what_is_no_message_is_bad),
	        cmocka_unit_test(another_version_is_told_apart),
	        cmocka_unit_test(keys_are_counted),
	        cmocka_unit_test(what_cannot_be_sent_is_refused_whole),
	        cmocka_unit_test_setup_teardown(connects_and_checks_who_listens, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_strangers_socket_is_refused, setup, teardown),
	        cmocka_unit_test_setup_teardown(places_without_a_socket_fail_at_once, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_full_queue_ends_at_the_deadline, setup, teardown),
	        cmocka_unit_test(a_send_that_nobody_reads_ends_at_the_deadline),
	        cmocka_unit_test(descriptors_travel_with_the_first_byte),
	        cmocka_unit_test(receives_across_packets_and_ends),
	        cmocka_unit_test(receive_names_what_is_wrong),
	        cmocka_unit_test(a_slow_drip_ends_at_the_deadline),
	        cmocka_unit_test(descriptors_past_a_thousand_work),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
