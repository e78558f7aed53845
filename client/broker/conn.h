// SPDX-License-Identifier: Apache-2.0
// One caller's connection: reads one request, hands it to its verb, writes the answers.
//
// A connection ends after DONE, except that a verb may ask for one more message (conn_expect). It is
// never freed inside a call of this header: one that ended is put away in the loop's next turn, so a
// verb may go on using it until it returns.
#ifndef AZJIT_BROKER_CONN_H
#define AZJIT_BROKER_CONN_H

#include "broker.h"

#include <azjit/wire.h>
#include <sys/socket.h>

#define CONN_REQUEST_MS   5000 // a request is complete by then, however it drips
#define CONN_STALL_MS     5000 // a caller that reads nothing for so long is dropped
#define CONN_PER_UID      256
#define CONN_TOTAL        1024
#define CONN_ROOT_RESERVE 64 // of the total: logins pass when ordinary callers filled the rest
#define CONN_QUEUE_BYTES  (256 * 1024)
#define CONN_QUEUE_ROOT   (16 * 1024 * 1024) // reports; still bounded by CONN_STALL_MS

struct conn;

// The caller left, or the broker stops: give up what `work` does. It is not called after conn_done.
typedef void conn_gone_fn(struct conn *conn, void *work);

struct conns *conns_new(struct broker *broker);
void conns_free(struct conns *conns); // drops all; the callers see an end of file
// Takes the descriptor of an accepted connection over, or answers "busy" and closes it.
void conns_accept(struct conns *conns, int fd);
size_t conns_count(const struct conns *conns);
// Answers every caller that waits for something with DONE broker-down and this sentence.
void conns_stop(struct conns *conns, const char *reason);

struct broker *conn_broker(const struct conn *conn);
const struct ucred *conn_peer(const struct conn *conn); // as the kernel says, at connect
size_t conn_fd_count(const struct conn *conn);
// Hands the descriptors that came with the request over; those not taken are closed with the connection.
void conn_take_fds(struct conn *conn, int ret_fds[AZJIT_WIRE_MAX_FDS]);

// The verb goes on after it returned: `gone` releases `work` if the caller leaves first.
void conn_busy(struct conn *conn, void *work, conn_gone_fn *gone);
// One more message is read (verbs.c decides which may come) after what was sent so far; until then as
// conn_busy. conn_work: what was given; NULL if nothing waits.
void conn_expect(struct conn *conn, void *work, conn_gone_fn *gone);
void *conn_work(const struct conn *conn);

// Messages. conn_begin hands out one scratch buffer for all connections: end one before the next.
void conn_begin(struct azjit_wire_out *out, const char *verb);
void conn_send(struct conn *conn, struct azjit_wire_out *out);
// True if so much waits to be read by the caller that a report should end here and say so.
bool conn_crowded(const struct conn *conn);
// For rows.h: the scratch buffer and its size.
char *conn_scratch(size_t *ret_size);
void conn_progress(struct conn *conn, const char *stage, const char *text);
// Starts a DONE; conn_finish sends it and ends the connection.
void conn_done_begin(struct azjit_wire_out *out, enum azjit_result result, const char *reason);
void conn_finish(struct conn *conn, struct azjit_wire_out *out);
void conn_done(struct conn *conn, enum azjit_result result, const char *reason);
// The message does not belong here: what the connection waited with is given up (conn_gone_fn) first.
void conn_refuse(struct conn *conn, enum azjit_result result, const char *reason);

#endif
