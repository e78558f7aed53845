// SPDX-License-Identifier: Apache-2.0
// Copies between a TCP socket of ours and two descriptors of somebody else, to the end of both
// directions. Used by azjit-relay's workers and by `azjit connect` for hosts under no JIT policy.
//
// `input` and `output` are shared with processes that we do not know: their open file descriptions
// are never changed (no O_NONBLOCK, no F_SETPIPE_SZ, no shutdown), because a shell or an ssh that
// shares them would see it. Each kind is served in its own way instead:
//   pipe       as output: splice(2) straight from the socket, SPLICE_F_NONBLOCK. As input: read after
//              poll(2) said that it is ready, through a buffer: splice from a pipe to a socket sends
//              single pages, and measured 0.65 of a direct connection's speed where reading measured 0.95
//   socket     recv and send with MSG_DONTWAIT, through a buffer
//   terminal, other character device
//              read and write through a buffer, only after poll said that it is ready
//   regular    read and write through a buffer
// All but sockets, and a lock that somebody holds in the kernel (a pipe's while its owner's write waits
// for a page of FUSE), can still block this call. So it is made in a process of its own, one for each
// connection, which whoever started it may kill.
//
// `socket` is non-blocking and nobody else's. End of file of input becomes shutdown(SHUT_WR); end of
// file of the socket becomes AZJIT_COPY_TARGET_EOF; the other direction goes on each time. The process
// must ignore SIGPIPE.
#ifndef AZJIT_COPY_H
#define AZJIT_COPY_H

#include <azjit/result.h>
#include <stdatomic.h>

// Shared between a worker and the relay: written by the copier, read by anyone.
struct azjit_copy_counts {
	_Atomic uint64_t in;  // bytes from the target to output
	_Atomic uint64_t out; // bytes from input to the target
};

enum azjit_copy_event {
	AZJIT_COPY_FIRST,      // the target's first byte came
	AZJIT_COPY_LOGIN,      // AZJIT_COPY_LOGIN_BYTES came from the target, or it is no ssh server
	AZJIT_COPY_TARGET_EOF, // the target sends no more and output has everything: close output
};
typedef void azjit_copy_fn(void *userdata, enum azjit_copy_event event);

enum azjit_copy_end {
	AZJIT_COPY_BOTH_ENDED,
	AZJIT_COPY_TURNED_AWAY, // the target reset the connection before its first byte, closed it on an ssh
	                        // client, or said what sshd says when it has too many connections
	AZJIT_COPY_TARGET_LOST, // reset, or no longer there: errno
	AZJIT_COPY_OUTPUT_GONE, // nobody reads output any more
	AZJIT_COPY_LOCAL_ERROR, // reading input or writing output failed: errno
};

// What sshd has sent when it counts a connection as authenticated; measured: see client/relay/target.c.
#define AZJIT_COPY_LOGIN_BYTES 3600

struct azjit_copy;

// input and output stay the caller's, who may close output at AZJIT_COPY_TARGET_EOF. fn may be NULL.
enum azjit_result azjit_copy_new(int input, int output, struct azjit_copy_counts *counts, azjit_copy_fn *fn,
                                 void *userdata, struct azjit_copy **ret);
void azjit_copy_free(struct azjit_copy *copy);
AZJIT_DEFINE_CLEANUP(struct azjit_copy *, azjit_copy_free);

// Copies until an end. After TURNED_AWAY, and only if azjit_copy_repeatable, it may be called again
// with a new socket: what had been sent is sent again.
enum azjit_copy_end azjit_copy_run(struct azjit_copy *copy, int socket);

// True if nothing was sent to the target that would do harm twice: nothing at all, or less than 16 KiB
// that begin with an ssh identification (RFC 4253 §4.2: the server has to answer with its own before
// anything can happen), and input goes on.
bool azjit_copy_repeatable(const struct azjit_copy *copy);

// Makes a connected or connecting socket what azjit_copy_run wants: non-blocking, TCP_NODELAY,
// keepalive (a dead peer is noticed in 2 minutes).
enum azjit_result azjit_copy_prepare(int socket);

#endif
