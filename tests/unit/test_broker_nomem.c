// SPDX-License-Identifier: Apache-2.0
// Every allocation of a request fails once, the first, the second, the third, until the request no longer
// gets that far. Whatever fails, the caller gets an answer or an end of file, the broker goes on, nobody is
// told "open" without an entry, and the ledger's chain holds.
#include "broker_relay.h"

#ifndef __SANITIZE_ADDRESS__ // which has an allocator of its own

#define MOST 400 // allocations of one scenario

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static pid_t test_pid;

// In the broker only, and one allocation only.
static bool fails(void)
{
	if (!shared || shared->fail_at == 0 || getpid() == test_pid)
		return false;
	return --shared->fail_at == 0;
}

static void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

void *malloc(size_t size)
{
	return fails() ? no_memory() : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails() ? no_memory() : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails() ? no_memory() : __libc_realloc(old, size);
}

struct scenario {
	const char *text, *then; // then: a second message, after the first DONE
	unsigned uid;
	bool fds, flow; // flow: "ok" means that the relay has a flow and the ledger its entry
};

// Takes what the broker sends, greets a new connection of it; the number of flows.
static int relay_serve(struct relay *relay)
{
	static const char end[] = "AZJIT/1 LIST-END\n\n";
	struct pollfd pfd = {.fd = relay->listener, .events = POLLIN};
	int flows = 0;

	if (poll(&pfd, 1, 0) == 1) {
		if (relay->fd >= 0)
			(void)close(relay->fd);
		relay->fd = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	}
	for (;;) {
		char bytes[4096];
		union {
			char bytes[CMSG_SPACE(sizeof(int) * 8)];
			struct cmsghdr align;
		} control;
		struct iovec iov = {bytes, sizeof(bytes) - 1};
		struct msghdr msg = {.msg_iov = &iov,
		                     .msg_iovlen = 1,
		                     .msg_control = control.bytes,
		                     .msg_controllen = sizeof(control.bytes)};
		ssize_t n = relay->fd < 0 ? -1 : recvmsg(relay->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

		if (n <= 0)
			return flows;
		bytes[n] = '\0';
		take_fds(relay, &msg);
		for (size_t i = 0; i < relay->fd_count; i++)
			(void)close(relay->fds[i]);
		flows += strncmp(bytes, "AZJIT/1 FLOW\n", 13) == 0;
		if (strncmp(bytes, "AZJIT/1 LIST\n", 13) == 0)
			(void)send(relay->fd, end, strlen(end), MSG_NOSIGNAL);
	}
}

// True if a DONE with result=ok came.
static bool read_done(int fd)
{
	struct azjit_wire_msg msg;

	for (;;) {
		int got = azjit_wire_receive(fd, &in, azjit_time_monotonic_ms() + ANSWER_MS, &msg);

		if (got == -ETIMEDOUT)
			fail_msg("neither an answer nor an end of file");
		if (got <= 0)
			return false;
		if (azjit_streq(msg.verb, "DONE"))
			return azjit_streq(azjit_wire_get(&msg, "result"), "ok");
	}
}

static void run(const struct stage *stage, struct relay *relay, const struct scenario *scenario)
{
	int fds[3] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
	int before = entries(stage, AZJIT_ENTRY_FLOW, "start", NULL, NULL), fd;
	bool ok;

	shared->uid = scenario->uid;
	fd = connect_to(stage);
	in = (struct azjit_wire_in){.bytes = heard, .size = sizeof(heard)};
	// The broker may have no memory for the connection: its answer stands there already.
	(void)azjit_wire_send(fd, scenario->text, strlen(scenario->text), fds, scenario->fds ? 3 : 0,
	                      ANSWER_MS);
	ok = read_done(fd);
	if (ok && scenario->then &&
	    azjit_wire_send(fd, scenario->then, strlen(scenario->then), NULL, 0, ANSWER_MS) == 0)
		(void)read_done(fd);
	(void)close(fd);
	if (ok && scenario->flow) {
		assert_int_equal(relay_serve(relay), 1);
		assert_int_equal(entries(stage, AZJIT_ENTRY_FLOW, "start", NULL, NULL), before + 1);
	}
}

static void fail_each(struct stage *stage, const struct scenario *scenario)
{
	struct relay relay = {.fd = -1};
	int n;

	relay_listen(&relay, stage);
	shared->uid = scenario->uid;
	stage_start(stage);
	for (n = 1; n < MOST; n++) {
		bool reached;

		(void)relay_serve(&relay);
		shared->fail_at = n;
		run(stage, &relay, scenario);
		reached = shared->fail_at == 0;
		shared->fail_at = 0;
		assert_int_equal(kill(stage->broker, 0), 0);
		(void)ask(stage, "AZJIT/1 PING\n\n", "ok");
		if (!reached)
			break;
	}
	assert_in_range(n, 5, MOST - 1);
	stage_stop(stage);
	relay.fd_count = 0;
	relay_close(&relay);
}

static void verify_chain(const struct stage *stage)
{
	struct azjit_verify_report report = {.ok = false};
	struct azjit_ledger *ledger = NULL;
	char path[96];

	(void)snprintf(path, sizeof(path), "%s/ledger.db", stage->dir);
	assert_int_equal(azjit_ledger_open(path, "jump", NULL, &ledger), AZJIT_OK);
	assert_int_equal(azjit_ledger_verify(ledger, &report, NULL), AZJIT_OK);
	assert_true(report.ok);
	azjit_ledger_close(ledger);
}

static void each(void **state, const struct scenario *scenario)
{
	fail_each(*state, scenario);
	verify_chain(*state);
}

static void connect_survives(void **state)
{
	each(state, &(struct scenario){.text = "AZJIT/1 CONNECT\nhost=web01\nport=22\n\n",
	                               .uid = ALICE,
	                               .fds = true,
	                               .flow = true});
}

static void refusal_survives(void **state)
{
	each(state, &(struct scenario){
	                    .text = "AZJIT/1 CONNECT\nhost=db01\nport=22\n\n", .uid = ALICE, .fds = true});
}

static void login_survives(void **state)
{
	each(state, &(struct scenario){.text = "AZJIT/1 ACCOUNT\nuser=bob\nservice=sshd\n\n"});
}

static void session_survives(void **state)
{
	each(state,
	     &(struct scenario){.text = "AZJIT/1 SESSION-OPEN\nuser=alice\nservice=sshd\npid=1\n"
	                                "auth-info=publickey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==%0A\n\n",
	                        .then = "AZJIT/1 COMMIT\nsession=another\n\n"});
}

static void request_survives(void **state)
{
	each(state, &(struct scenario){.text = "AZJIT/1 REQUEST\ntargets=web01,db01:22\n\n", .uid = ALICE});
}

static void reports_survive(void **state)
{
	each(state, &(struct scenario){.text = "AZJIT/1 STATUS\n\n"});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        broker_test(connect_survives), broker_test(refusal_survives), broker_test(login_survives),
	        broker_test(session_survives), broker_test(request_survives), broker_test(reports_survive),
	};

	test_pid = getpid();
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void allocator_is_the_sanitizers(void **state)
{
	(void)state;
	skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(allocator_is_the_sanitizers)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
