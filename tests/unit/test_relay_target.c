// SPDX-License-Identifier: Apache-2.0
// What is never dialled, who waits for whom, and handshakes that are given up.
#include "../../client/relay/private.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>

#include <cmocka.h>

static void forbidden(void **state)
{
	static const char *const never[] = {"0.0.0.0",
	                                    "127.0.0.1",
	                                    "127.255.255.254",
	                                    "169.254.0.1",
	                                    "169.254.169.254",
	                                    "168.63.129.16",
	                                    "224.0.0.251",
	                                    "239.1.2.3",
	                                    "240.0.0.1",
	                                    "255.255.255.255",
	                                    "::",
	                                    "::1",
	                                    "fe80::1",
	                                    "ff02::1",
	                                    "::ffff:127.0.0.1"};
	struct azjit_reason reason;
	struct azjit_addr addr;

	for (size_t i = 0; i < AZJIT_COUNT(never); i++) {
		assert_int_equal(azjit_addr_parse(never[i], &addr), AZJIT_OK);
		assert_int_equal(target_check(&addr, 22, &reason), AZJIT_DENIED);
		assert_non_null(strstr(reason.text, "never dialled"));
	}
	assert_int_equal(azjit_addr_parse("203.0.113.7", &addr), AZJIT_OK);
	assert_int_equal(target_check(&addr, 22, &reason), AZJIT_OK);
}

static void turns_are_in_order(void **state)
{
	struct relay relay = {.young = 2, .listen_fd = -1};
	struct flow flows[4] = {0};
	struct azjit_addr addr;
	struct target *target;

	assert_int_equal(azjit_loop_new(&relay.loop), AZJIT_OK);
	assert_int_equal(azjit_addr_parse("203.0.113.7", &addr), AZJIT_OK);
	target = target_get(&relay, &addr, 22);
	for (size_t i = 0; i < 4; i++) {
		flows[i].relay = &relay;
		flows[i].target = target;
		flows[i].tcp = -1;
		assert_int_equal(target_enter(&relay, &flows[i]), i < 2);
	}
	assert_ptr_equal(target->queue, &flows[2]);
	target_leave(&relay, target);
	assert_int_equal(flows[2].state, FLOW_DIALING);
	assert_true(flows[2].counted);
	assert_int_equal(target->young, 2);
	target_unqueue(target, &flows[3]);
	assert_null(target->queue);
	target_leave(&relay, target);
	target_leave(&relay, target);
	assert_int_equal(target->young, 0);
	dial_cancel(&flows[2]);
	target_put(&relay, target);
	assert_null(relay.targets);
	azjit_loop_free(relay.loop);
}

static int listener_on_loopback(uint16_t *ret_port, int backlog)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	if (backlog >= 0)
		assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	*ret_port = ntohs(sin.sin_port);
	return fd;
}

// An open handshake is not given up, and works after the attempt to.
static void open_handshakes_stay(void **state)
{
	struct azjit_addr addr;
	uint16_t port;
	int listener = listener_on_loopback(&port, 1), fd, peer, error = 0;
	char byte = 0;

	assert_int_equal(azjit_addr_parse("127.0.0.1", &addr), AZJIT_OK);
	fd = handshake_start(&addr, port);
	peer = accept(listener, NULL, NULL);
	assert_false(handshake_abandon(fd));
	assert_int_equal(handshake_state(fd, &error), HANDSHAKE_OPEN);
	assert_int_equal(send(peer, "x", 1, 0), 1);
	assert_int_equal(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 5000), 1);
	assert_int_equal(recv(fd, &byte, 1, 0), 1);
	assert_int_equal(byte, 'x');
	(void)close(fd);
	(void)close(peer);
	(void)close(listener);
}

static void refused_handshakes_fail(void **state)
{
	struct azjit_addr addr;
	uint16_t port;
	int bound = listener_on_loopback(&port, -1), fd, error = 0;

	assert_int_equal(azjit_addr_parse("127.0.0.1", &addr), AZJIT_OK);
	fd = handshake_start(&addr, port);
	assert_false(handshake_abandon(fd));
	assert_int_equal(handshake_state(fd, &error), HANDSHAKE_FAILED);
	assert_int_equal(error, ECONNREFUSED);
	(void)close(fd);
	(void)close(bound);
}

// A listener whose queue is full answers no SYN.
static void pending_handshakes_are_given_up(void **state)
{
	struct azjit_addr addr;
	uint16_t port;
	int listener = listener_on_loopback(&port, 0), fds[8], pending = -1, error;

	assert_int_equal(azjit_addr_parse("127.0.0.1", &addr), AZJIT_OK);
	for (size_t i = 0; i < AZJIT_COUNT(fds); i++) {
		fds[i] = handshake_start(&addr, port);
		if (handshake_state(fds[i], &error) == HANDSHAKE_PENDING)
			pending = fds[i];
	}
	assert_true(pending >= 0);
	assert_true(handshake_abandon(pending));
	// Now there is room, and the SYN that the kernel repeats would be answered: it must not be.
	for (size_t i = 0; i < AZJIT_COUNT(fds); i++)
		if (handshake_state(fds[i], &error) == HANDSHAKE_OPEN)
			(void)close(accept(listener, NULL, NULL));
	(void)poll(NULL, 0, 1500);
	assert_int_equal(handshake_state(pending, &error), HANDSHAKE_PENDING);
	for (size_t i = 0; i < AZJIT_COUNT(fds); i++)
		(void)close(fds[i]);
	(void)close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(forbidden),
	        cmocka_unit_test(turns_are_in_order),
	        cmocka_unit_test(open_handshakes_stay),
	        cmocka_unit_test(refused_handshakes_fail),
	        cmocka_unit_test(pending_handshakes_are_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
