// SPDX-License-Identifier: Apache-2.0
// What conn.c (one connection: reading, writing) and conns.c (all of them: accepting, limits, ending) share.
#ifndef AZJIT_BROKER_CONN_PRIVATE_H
#define AZJIT_BROKER_CONN_PRIVATE_H

#include "conn.h"

#include <azjit/buf.h>
#include <azjit/loop.h>

enum conn_state { CONN_READING, CONN_BUSY, CONN_DRAINING };

struct conn {
	struct conns *conns;
	struct conn *next, *prev;
	enum conn_state state;
	bool dead; // to be put away
	int fd;
	struct ucred peer;
	struct azjit_source *io, *timer;
	struct azjit_buf in, out;
	int fds[AZJIT_WIRE_MAX_FDS];
	size_t fd_count;
	void *work;
	conn_gone_fn *gone;
};

struct conns {
	struct broker *broker;
	struct conn *first;
	size_t count;
	struct azjit_source *reaper;
	bool reaping;
};

// conn.c
void conn_on_io(void *userdata, int fd, uint32_t events);
void conn_on_deadline(void *userdata);
void conn_close_fds(struct conn *conn);
// Calls `gone`, once.
void conn_let_go(struct conn *conn);

// conns.c: put away in the next turn.
void conn_drop(struct conn *conn);

#endif
