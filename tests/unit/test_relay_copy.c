// SPDX-License-Identifier: Apache-2.0
// The copier against a peer on loopback that this program plays itself.
#include <azjit/copy.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>

#include <cmocka.h>

struct bench {
	int in[2], out[2];     // pipes: in[1] is written by the caller, out[0] read
	int target[2], second; // a TCP connection: ours and the peer's
	unsigned first, login, eof;
	struct azjit_copy_counts counts;
	struct azjit_copy *copy;
};

static void tcp_pair(int pair[2])
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&sin, &len), 0);
	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(pair[0], (struct sockaddr *)&sin, sizeof(sin)), 0);
	pair[1] = accept(listener, NULL, NULL);
	assert_true(pair[1] >= 0);
	assert_int_equal(azjit_copy_prepare(pair[0]), AZJIT_OK);
	(void)close(listener);
}

static void on_event(void *userdata, enum azjit_copy_event event)
{
	struct bench *bench = userdata;

	bench->first += event == AZJIT_COPY_FIRST;
	bench->login += event == AZJIT_COPY_LOGIN;
	if (event != AZJIT_COPY_TARGET_EOF)
		return;
	bench->eof++;
	(void)close(bench->out[1]);
	bench->out[1] = -1;
}

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(bench->in), 0);
	assert_int_equal(pipe(bench->out), 0);
	tcp_pair(bench->target);
	assert_int_equal(
	        azjit_copy_new(bench->in[0], bench->out[1], &bench->counts, on_event, bench, &bench->copy),
	        AZJIT_OK);
	*state = bench;
	return 0;
}

static void shut(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static int teardown(void **state)
{
	struct bench *bench = *state;
	int *const fds[] = {&bench->in[0],  &bench->in[1],     &bench->out[0],
	                    &bench->out[1], &bench->target[0], &bench->target[1]};

	for (size_t i = 0; i < AZJIT_COUNT(fds); i++)
		shut(fds[i]);
	azjit_copy_free(bench->copy);
	free(bench);
	return 0;
}

static void say(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void expect(int fd, const char *text)
{
	char bytes[256] = "";
	size_t len = strlen(text), got = 0;
	ssize_t n;

	while (got < len && (n = read(fd, bytes + got, len - got)) > 0)
		got += (size_t)n;
	assert_string_equal(bytes, text);
}

static void expect_eof(int fd)
{
	char byte;

	assert_int_equal(read(fd, &byte, 1), 0);
}

static void both_directions_end(void **state)
{
	struct bench *bench = *state;

	say(bench->in[1], "up");
	shut(&bench->in[1]);
	say(bench->target[1], "down");
	(void)shutdown(bench->target[1], SHUT_WR);
	assert_int_equal(azjit_copy_run(bench->copy, bench->target[0]), AZJIT_COPY_BOTH_ENDED);
	expect(bench->target[1], "up");
	expect_eof(bench->target[1]);
	expect(bench->out[0], "down");
	expect_eof(bench->out[0]);
	assert_int_equal(bench->counts.in, 4);
	assert_int_equal(bench->counts.out, 2);
	assert_int_equal(bench->first, 1);
	assert_int_equal(bench->eof, 1);
}

// What is no ssh server has no login to wait for; an ssh server has until 3,600 bytes.
static void login_of_other_servers(void **state)
{
	struct bench *bench = *state;

	shut(&bench->in[1]);
	say(bench->target[1], "220 smtp\r\n");
	(void)shutdown(bench->target[1], SHUT_WR);
	assert_int_equal(azjit_copy_run(bench->copy, bench->target[0]), AZJIT_COPY_BOTH_ENDED);
	assert_int_equal(bench->login, 1);
}

static void ssh_server(struct bench *bench, size_t bytes)
{
	char *text = malloc(bytes + 1);

	memset(text, 'x', bytes);
	text[bytes] = '\0';
	memcpy(text, "SSH-2.0-", 8);
	shut(&bench->in[1]);
	say(bench->target[1], text);
	(void)shutdown(bench->target[1], SHUT_WR);
	assert_int_equal(azjit_copy_run(bench->copy, bench->target[0]), AZJIT_COPY_BOTH_ENDED);
	free(text);
}

static void login_of_ssh_not_yet(void **state)
{
	ssh_server(*state, AZJIT_COPY_LOGIN_BYTES - 1);
	assert_int_equal(((struct bench *)*state)->login, 0);
}

static void login_of_ssh(void **state)
{
	ssh_server(*state, AZJIT_COPY_LOGIN_BYTES);
	assert_int_equal(((struct bench *)*state)->login, 1);
}

static void turned_away_and_repeated(void **state)
{
	struct bench *bench = *state;

	say(bench->in[1], "SSH-2.0-client\r\n");
	shut(&bench->target[1]);
	assert_int_equal(azjit_copy_run(bench->copy, bench->target[0]), AZJIT_COPY_TURNED_AWAY);
	assert_true(azjit_copy_repeatable(bench->copy));
	shut(&bench->target[0]);
	tcp_pair(bench->target);
	say(bench->in[1], "more");
	shut(&bench->in[1]);
	say(bench->target[1], "SSH-2.0-server\r\n");
	(void)shutdown(bench->target[1], SHUT_WR);
	assert_int_equal(azjit_copy_run(bench->copy, bench->target[0]), AZJIT_COPY_BOTH_ENDED);
	expect(bench->target[1], "SSH-2.0-client\r\nmore");
	expect_eof(bench->target[1]);
	expect(bench->out[0], "SSH-2.0-server\r\n");
}

static void max_startups(void **state)
{
	struct bench *bench = *state;

	say(bench->target[1], "Exceeded MaxStartups\r\n");
	shut(&bench->target[1]);
	assert_int_equal(azjit_copy_run(bench->copy, bench->target[0]), AZJIT_COPY_TURNED_AWAY);
	assert_true(azjit_copy_repeatable(bench->copy));
	shut(&bench->out[1]);
	expect_eof(bench->out[0]);
}

static void other_protocols_are_not_repeated(void **state)
{
	struct bench *bench = *state;
	const struct linger reset = {1, 0};

	say(bench->in[1], "DELETE /\r\n");
	assert_int_equal(setsockopt(bench->target[1], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
	shut(&bench->target[1]);
	(void)azjit_copy_run(bench->copy, bench->target[0]);
	assert_true(bench->counts.out == 0 || !azjit_copy_repeatable(bench->copy));
}

// More than is kept for a repetition.
static void long_uploads_are_not_repeated(void **state)
{
	struct bench *bench = *state;
	char bytes[16385] = "SSH-";

	assert_int_equal(write(bench->in[1], bytes, sizeof(bytes)), sizeof(bytes));
	assert_int_equal(read(bench->target[1], bytes, 0), 0);
	shut(&bench->in[1]);
	(void)shutdown(bench->target[1], SHUT_WR);
	(void)azjit_copy_run(bench->copy, bench->target[0]);
	assert_false(azjit_copy_repeatable(bench->copy));
}

static void output_gone(void **state)
{
	struct bench *bench = *state;

	shut(&bench->out[0]);
	say(bench->target[1], "nobody reads this");
	assert_int_equal(azjit_copy_run(bench->copy, bench->target[0]), AZJIT_COPY_OUTPUT_GONE);
}

static void target_reset(void **state)
{
	struct bench *bench = *state;
	const struct linger reset = {1, 0};

	say(bench->target[1], "x");
	(void)shutdown(bench->target[1], SHUT_WR);
	assert_int_equal(setsockopt(bench->target[1], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
	shut(&bench->target[1]);
	assert_int_equal(azjit_copy_run(bench->copy, bench->target[0]), AZJIT_COPY_TARGET_LOST);
	assert_true(errno == ECONNRESET || errno == EPIPE);
}

static void output_full_device(void **state)
{
	struct bench *bench = *state;
	_cleanup_(azjit_copy_freep) struct azjit_copy *copy = NULL;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	assert_int_equal(azjit_copy_new(bench->in[0], full, &bench->counts, NULL, NULL, &copy), AZJIT_OK);
	say(bench->target[1], "x");
	assert_int_equal(azjit_copy_run(copy, bench->target[0]), AZJIT_COPY_LOCAL_ERROR);
	assert_int_equal(errno, ENOSPC);
	(void)close(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(both_directions_end, setup, teardown),
	        cmocka_unit_test_setup_teardown(login_of_other_servers, setup, teardown),
	        cmocka_unit_test_setup_teardown(login_of_ssh_not_yet, setup, teardown),
	        cmocka_unit_test_setup_teardown(login_of_ssh, setup, teardown),
	        cmocka_unit_test_setup_teardown(turned_away_and_repeated, setup, teardown),
	        cmocka_unit_test_setup_teardown(max_startups, setup, teardown),
	        cmocka_unit_test_setup_teardown(other_protocols_are_not_repeated, setup, teardown),
	        cmocka_unit_test_setup_teardown(long_uploads_are_not_repeated, setup, teardown),
	        cmocka_unit_test_setup_teardown(output_gone, setup, teardown),
	        cmocka_unit_test_setup_teardown(target_reset, setup, teardown),
	        cmocka_unit_test_setup_teardown(output_full_device, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
