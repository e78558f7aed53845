// SPDX-License-Identifier: Apache-2.0
// The inside of azjit-relay: what its files share. The protocol is azjit/relay.h.
//
// The main process is single-threaded on azjit_loop. It never reads, writes, examines or closes a
// descriptor of a caller's except control, which is known to be a unix stream socket: all that is done
// in the flow's worker (worker.c), because even close(2) can block for ever on a file system that its
// owner wrote.
#ifndef AZJIT_RELAY_PRIVATE_H
#define AZJIT_RELAY_PRIVATE_H

#include <azjit/address.h>
#include <azjit/copy.h>
#include <azjit/loop.h>
#include <azjit/relay.h>
#include <azjit/wire.h>

#define RELAY_ID_CHARS    65
#define RELAY_MSG_BYTES   4096
#define RELAY_CONNS       16
#define RELAY_PROBES      1024 // of one connection
#define RELAY_ENDED_MAX   4096
#define RELAY_ENDED_S     3600
#define RELAY_HELD_MS     10000
#define RELAY_DIAL_MS     3000
#define RELAY_REPEAT_MS   1000
#define RELAY_YOUNG_MS    120000 // sshd's LoginGraceTime: nobody logs in after it
#define RELAY_KILL_MS     2000
#define RELAY_FDS_OF_FLOW 6
#define RELAY_FDS_MAX     65536

struct relay {
	struct azjit_loop *loop;
	struct azjit_source *listener, *stop_timer;
	int listen_fd;
	bool own_socket; // made by us: unlinked at the end
	const char *path;
	unsigned flows_per_uid, young, flows_max;
	bool stopping;
	struct conn *conns;
	struct flow *flows;
	struct target *targets;
	struct held *held;
	struct ended *ended, **ended_tail; // oldest first
	size_t ended_count;
};

// --- listen.c ---
// A socket from the service manager, or one of our own at relay->path. The reason names path and mend.
enum azjit_result relay_listen(struct relay *relay, struct azjit_reason *reason);
void relay_listen_end(struct relay *relay);

// --- conn.c: connections of brokers ---
struct conn {
	struct relay *relay;
	struct conn *next;
	int fd;
	struct azjit_source *io, *reaper;
	struct packet *out, **out_tail;
	size_t out_bytes;
	struct probe *probes;
	size_t probe_count;
	struct flow *receiving; // whose worker has not taken its packet yet: nothing is read before
	bool dead;
};
void conn_accept(void *userdata, int fd, uint32_t events); // azjit_io_fn of the listening socket
void conn_send(struct conn *conn, const char *bytes, size_t len);
void conn_broadcast(struct relay *relay, const char *bytes, size_t len);
void conn_received(struct conn *conn); // the packet of conn->receiving was taken
void conn_end(struct conn *conn);      // in a later turn of the loop
void conn_free_all(struct relay *relay);
void conn_error(struct conn *conn, const char *kind, const char *id, enum azjit_result result,
                const char *reason);

// --- commands.c: what a broker may ask for ---
enum command { COMMAND_TAKEN, COMMAND_IN_WORKER };
// IN_WORKER: the packet must not be read here, since descriptors come with it.
enum command command_run(struct conn *conn, const struct azjit_wire_msg *msg);

// --- handshake.c: one TCP handshake ---
enum handshake { HANDSHAKE_PENDING, HANDSHAKE_OPEN, HANDSHAKE_FAILED };
// A non-blocking socket with its SYN on the way, prepared for copying; -1 and errno.
int handshake_start(const struct azjit_addr *addr, uint16_t port);
// FAILED: *ret_errno says why, and the socket is good for nothing but close.
enum handshake handshake_state(int fd, int *ret_errno);
// Gives an attempt up unless its handshake is complete: true, it never will be, close it; false, it is
// open (or failed) and goes on.
bool handshake_abandon(int fd);

// --- target.c: an address and port; who is young there ---
struct target {
	struct target *next;
	unsigned refs; // of flows, probes and held sockets
	struct azjit_addr addr;
	uint16_t port;
	unsigned young;     // held sockets, dials and young flows
	struct flow *queue; // waiting for their turn, first come first
};
// AZJIT_DENIED for what must never be dialled, with the sentence.
enum azjit_result target_check(const struct azjit_addr *addr, uint16_t port, struct azjit_reason *reason);
// A reference to the entry of that address and port, made if there is none; NULL: no memory.
struct target *target_get(struct relay *relay, const struct azjit_addr *addr, uint16_t port);
void target_put(struct relay *relay, struct target *target);
bool target_enter(struct relay *relay, struct flow *flow); // false: queued
void target_leave(struct relay *relay, struct target *target);
void target_unqueue(struct target *target, struct flow *flow);

// --- probe.c ---
void probe_begin(struct conn *conn, const char *id, const struct azjit_addr *addr, uint16_t port, bool slow);
void probe_stop(struct conn *conn, const char *id);
void probe_stop_all(struct conn *conn);
struct held *probe_held(const struct conn *conn, const char *id); // NULL: no such probe, or not open

// --- held.c: sockets whose handshake is done and whose flow has not come ---
// Owned by the probe at *owner, which becomes NULL when the socket is gone. fd is taken over; it may
// be gone at once.
void held_add(struct relay *relay, int fd, struct target *target, struct held **owner);
// Nobody's from now on, for RELAY_HELD_MS; also the socket of a flow that came to nothing.
void held_orphan(struct held *held);
void held_add_orphan(struct relay *relay, int fd, struct target *target);
// The socket for a flow to this target, -1 if there is none: `held` itself if it is not NULL, else an
// orphan. The target's count of young connections passes to the caller.
int held_take(struct relay *relay, struct held *held, const struct target *target);
void held_free_all(struct relay *relay);

// --- flow.c ---
enum flow_state { FLOW_RECEIVING, FLOW_QUEUED, FLOW_DIALING, FLOW_OPEN, FLOW_ENDING };
struct worker_msg;
struct flow {
	struct relay *relay;
	struct flow *next, *next_queued;
	char id[RELAY_ID_CHARS], session[RELAY_ID_CHARS];
	char name[300]; // "web01 (10.0.0.4) port 22", printable
	struct target *target;
	unsigned uid;
	enum flow_state state;
	bool counted;   // in target->young
	bool connected; // FLOW-OPEN was sent
	bool repeated;  // the second dial
	bool refused;   // never was a flow: ERROR in place of FLOW-END
	bool announced;
	struct conn *receiving_from;
	int tcp; // the socket, until the worker has it
	struct azjit_source *dial_io, *dial_timer, *young_timer, *kill_timer;
	int control, creator_fd;
	struct azjit_source *control_io, *creator_io;
	pid_t worker;
	int worker_fd, channel; // pidfd; our end of its channel
	struct azjit_source *worker_io, *channel_io;
	struct azjit_copy_counts *counts; // a page of its own, shared with the worker
	enum azjit_result result;
	struct azjit_reason reason;
};
struct flow_request {
	const char *id, *session, *host;
	struct azjit_addr addr;
	uint16_t port;
	unsigned uid;
	struct held *held;
};
// Starts the flow's worker, which takes the packet that waits on conn. False: no worker could be
// started, and the packet is still there.
bool flow_begin(struct conn *conn, const struct flow_request *request, struct azjit_reason *reason);
bool flow_fork(struct conn *conn, struct flow *flow); // flow_worker.c: starts and watches its worker
void flow_free(struct flow *flow);
void flow_announce(struct flow *flow); // once: to brokers and caller
struct flow *flow_find(const struct relay *relay, const char *id);
void flow_connect(struct flow *flow);   // it has its turn at the target
void flow_connected(struct flow *flow); // flow->tcp is open
// What its worker says (flow_worker.c).
void flow_message(struct flow *flow, const struct worker_msg *msg, int fd);
void flow_grown(struct flow *flow); // is young no more
void flow_list(struct conn *conn);
// Ends it with this result; the first call decides. `flow` may be used until the loop's next turn.
void flow_end(struct flow *flow, enum azjit_result result, const char *fmt, ...) _printf_(3, 4);
void flow_end_all(struct relay *relay, const char *reason);

// --- control.c: what the caller is told ---
// Takes `control` over; false (with the reason) if it does not belong to the flow's uid.
bool control_attach(struct flow *flow, int control, struct azjit_reason *reason);
void control_progress(struct flow *flow, const char *stage, const char *text);
void control_done(struct flow *flow);
void control_detach(struct flow *flow);

// --- ended.c: flows whose end no broker has acknowledged ---
void ended_add(struct flow *flow); // and tells every connection
void ended_got(struct relay *relay, const char *id);
void ended_repeat(struct conn *conn);
void ended_free_all(struct relay *relay);

// --- dial.c ---
void dial_begin(struct flow *flow);
void dial_repeat(struct flow *flow); // after RELAY_REPEAT_MS
void dial_cancel(struct flow *flow);

// --- channel.c: between a worker and the main process (SOCK_SEQPACKET, one struct a packet) ---
enum worker_kind {
	WORKER_NONE = 0,
	WORKER_GOT,   // the packet was taken; with control if there is a good one
	WORKER_READY, // the descriptors are good
	WORKER_BAD,   // they are not: text says why
	WORKER_FIRST,
	WORKER_LOGIN,
	WORKER_TARGET_EOF,
	WORKER_AGAIN, // turned away, dial once more
	WORKER_END,   // end, error
	WORKER_GO,    // main to worker, with the TCP socket
};
struct worker_msg {
	enum worker_kind kind;
	enum azjit_copy_end end;
	int error;
	char text[200];
};
// fd: -1 for none. False: the other side is gone.
bool channel_send(int channel, const struct worker_msg *msg, int fd);
// 1, 0 (end of file or nonsense) or -1 with errno EAGAIN; *ret_fd is -1 or owned by the caller.
int channel_receive(int channel, int flags, struct worker_msg *ret, int *ret_fd);

// --- worker.c ---
// The whole life of a forked child. parent: who must still be there.
_Noreturn void worker_main(pid_t parent, int broker, int channel, struct azjit_copy_counts *counts);

// --- vet.c ---
// Whether stdin, stdout and control are what a flow takes; the sentence if not.
bool vet_descriptors(int input, int output, int control, char *ret_text, size_t size);
bool vet_control(int control);

// --- tell.c: messages to brokers ---
void tell_flow(const struct flow *flow, const char *verb);
void tell_flow_is(struct conn *conn, const struct flow *flow);
size_t tell_flow_end(const struct flow *flow, bool repeat, char *bytes, size_t size);

#endif
