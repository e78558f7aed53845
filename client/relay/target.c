// SPDX-License-Identifier: Apache-2.0
// Threat model: a broker that was talked into a wrong target. Whatever it says, nothing is dialled that
// is not another machine: no loopback, no link-local (IMDS and its tokens), no 168.63.129.16, none of
// our own addresses, which are asked of the kernel each time since they change.
//
// And: whoever opens many connections to one sshd at once gets everybody behind our address dropped
// (MaxStartups 10:30:100, counted until a login succeeded). Young connections to one target are
// therefore few at a time, and the rest wait in the order in which they came. A connection is young
// until it has ended, or AZJIT_COPY_LOGIN_BYTES came from the target, or its first bytes are no ssh
// server's, or it is as old as LoginGraceTime.
//
// Bytes from sshd, measured with OpenSSH 9.2p1 on both sides, idle after: a password prompt 2,837; the
// same after five refused RSA keys 3,097; a login by password 3,493, ed25519 3,889, 4,097 after four
// refused keys, certificate 4,233, RSA-3072 4,249 (all -N: a shell or command has some 100 to 600
// more). A key is announced (some 450 bytes for RSA-4096) before it is used. So 3,600 is passed by
// logins that have succeeded and by nobody who waits at a prompt. An older key exchange saves 1,040 bytes:
// there the first lines of a shell end its youth, or LoginGraceTime. A long banner before the login
// ends it early.
#include "private.h"

#include <ifaddrs.h>

static bool is_own(const struct azjit_addr *addr)
{
	struct ifaddrs *all = NULL;
	bool own = false;

	if (getifaddrs(&all) < 0)
		return true;
	for (const struct ifaddrs *one = all; one && !own; one = one->ifa_next) {
		struct azjit_addr mine;
		uint16_t port;

		own = one->ifa_addr && azjit_addr_from_sockaddr(one->ifa_addr, &mine, &port) &&
		      azjit_addr_equal(&mine, addr);
	}
	freeifaddrs(all);
	return own;
}

enum azjit_result target_check(const struct azjit_addr *addr, uint16_t port, struct azjit_reason *reason)
{
	char text[AZJIT_ADDR_CHARS];
	const char *why = NULL;

	azjit_addr_format(addr, text);
	if (azjit_addr_forbidden(addr, &why))
		return azjit_fail(reason, AZJIT_DENIED, "%s port %u is never dialled: %s address", text, port,
		                  why);
	if (is_own(addr))
		return azjit_fail(reason, AZJIT_DENIED,
		                  "%s port %u is never dialled: it is this host's own address", text, port);
	return AZJIT_OK;
}

struct target *target_get(struct relay *relay, const struct azjit_addr *addr, uint16_t port)
{
	struct target *target = relay->targets;

	while (target && !(target->port == port && azjit_addr_equal(&target->addr, addr)))
		target = target->next;
	if (!target) {
		target = calloc(1, sizeof(*target));
		if (!target)
			return NULL;
		*target = (struct target){.next = relay->targets, .addr = *addr, .port = port};
		relay->targets = target;
	}
	target->refs++;
	return target;
}

void target_put(struct relay *relay, struct target *target)
{
	struct target **link = &relay->targets;

	if (--target->refs > 0)
		return;
	while (*link != target)
		link = &(*link)->next;
	*link = target->next;
	free(target);
}

bool target_enter(struct relay *relay, struct flow *flow)
{
	struct target *target = flow->target;
	struct flow **link = &target->queue;

	if (target->young < relay->young) {
		target->young++;
		flow->counted = true;
		return true;
	}
	while (*link)
		link = &(*link)->next_queued;
	*link = flow;
	flow->next_queued = NULL;
	return false;
}

void target_unqueue(struct target *target, struct flow *flow)
{
	struct flow **link = &target->queue;

	while (*link && *link != flow)
		link = &(*link)->next_queued;
	if (*link)
		*link = flow->next_queued;
}

void target_leave(struct relay *relay, struct target *target)
{
	struct flow *flow = target->queue;

	target->young--;
	if (!flow || target->young >= relay->young || relay->stopping)
		return;
	target->queue = flow->next_queued;
	target->young++;
	flow->counted = true;
	flow_connect(flow);
}
