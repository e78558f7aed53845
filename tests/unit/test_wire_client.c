// SPDX-License-Identifier: Apache-2.0
// The blocking calls of the wire, over real sockets and against peers that misbehave.
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

// A send that the kernel takes in parts must not send its descriptors again with each.
static void descriptors_travel_once(void **state)
{
	enum { LOT = 1 << 20 };
	_cleanup_free_ char *lot = calloc(1, LOT);
	int fds[2], status = 0;
	pid_t child;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	child = fork();
	if (child == 0) {
		char bytes[4096], control[CMSG_SPACE(sizeof(int) * 3)];
		int count = 0;
		ssize_t n;

		(void)close(fds[0]);
		do {
			struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
			struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

			msg.msg_control = control;
			msg.msg_controllen = sizeof(control);
			n = recvmsg(fds[1], &msg, MSG_CMSG_CLOEXEC);
			count += msg.msg_controllen > 0;
		} while (n > 0);
		_exit(count);
	}
	(void)close(fds[1]);
	assert_int_equal(azjit_wire_send(fds[0], lot, LOT, (int[]){0}, 1, 5000), 0);
	(void)close(fds[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
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
	        cmocka_unit_test_setup_teardown(connects_and_checks_who_listens, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_strangers_socket_is_refused, setup, teardown),
	        cmocka_unit_test_setup_teardown(places_without_a_socket_fail_at_once, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_full_queue_ends_at_the_deadline, setup, teardown),
	        cmocka_unit_test(a_send_that_nobody_reads_ends_at_the_deadline),
	        cmocka_unit_test(descriptors_travel_with_the_first_byte),
	        cmocka_unit_test(descriptors_travel_once),
	        cmocka_unit_test(receives_across_packets_and_ends),
	        cmocka_unit_test(receive_names_what_is_wrong),
	        cmocka_unit_test(a_slow_drip_ends_at_the_deadline),
	        cmocka_unit_test(descriptors_past_a_thousand_work),
	};

	return cmocka_run_group_tests_name("wire/client", tests, NULL, NULL);
}
