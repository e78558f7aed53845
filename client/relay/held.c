// SPDX-License-Identifier: Apache-2.0
// Sockets whose handshake is done and whose flow has not come yet. A held socket counts as young at its
// target, since the target's sshd counts it.
#include "private.h"

#include <azjit/log.h>
#include <sys/epoll.h>

struct held {
	struct relay *relay;
	struct held *next;
	struct held **owner; // the probe's pointer to us; NULL: an orphan
	struct target *target;
	int fd;
	struct azjit_source *io, *timer;
};

// Its place in the target's count of young ones is left to the caller.
static void unlink_held(struct held *held)
{
	struct held **link = &held->relay->held;

	while (*link != held)
		link = &(*link)->next;
	*link = held->next;
	if (held->owner)
		*held->owner = NULL;
	azjit_source_free(held->io);
	azjit_source_free(held->timer);
	target_put(held->relay, held->target);
	free(held);
}

static void drop(struct held *held)
{
	struct relay *relay = held->relay;
	struct target *target = target_get(relay, &held->target->addr, held->target->port);
	int fd = held->fd;

	unlink_held(held);
	(void)close(fd);
	target_leave(relay, target);
	target_put(relay, target);
}

static void on_hangup(void *userdata, int fd, uint32_t events)
{
	drop(userdata);
}

static void on_timeout(void *userdata)
{
	azjit_log(LOG_NOTICE, "a connection that a probe opened was not asked for in %d s and is closed",
	          RELAY_HELD_MS / 1000);
	drop(userdata);
}

static struct held *add(struct relay *relay, int fd, struct target *target)
{
	struct held *held = calloc(1, sizeof(*held));

	if (!held || azjit_loop_io(relay->loop, fd, EPOLLRDHUP, on_hangup, held, &held->io) != AZJIT_OK) {
		free(held);
		(void)close(fd);
		return NULL;
	}
	held->relay = relay;
	held->target = target_get(relay, &target->addr, target->port);
	held->fd = fd;
	held->next = relay->held;
	relay->held = held;
	target->young++;
	return held;
}

void held_add(struct relay *relay, int fd, struct target *target, struct held **owner)
{
	struct held *held = add(relay, fd, target);

	if (held)
		held->owner = owner;
	*owner = held;
}

void held_add_orphan(struct relay *relay, int fd, struct target *target)
{
	struct held *held = add(relay, fd, target);

	if (held)
		held_orphan(held);
}

void held_orphan(struct held *held)
{
	held->owner = NULL;
	if (azjit_loop_timer(held->relay->loop, RELAY_HELD_MS, on_timeout, held, &held->timer) != AZJIT_OK)
		drop(held);
}

int held_take(struct relay *relay, struct held *held, const struct target *target)
{
	int fd;

	if (!held)
		for (held = relay->held; held; held = held->next)
			if (!held->owner && held->target == target)
				break;
	if (!held || held->target != target)
		return -1;
	fd = held->fd;
	unlink_held(held);
	return fd;
}

void held_free_all(struct relay *relay)
{
	while (relay->held)
		drop(relay->held);
}
