// SPDX-License-Identifier: Apache-2.0
// The wire between callers (PAM module, azjit) and the broker, and between broker and relay.
//
// A message is a first line "AZJIT/1 VERB", then lines KEY=value, then an empty line; LF ends a line.
// KEY is [a-z0-9_-]{1,32}. In a value every byte below 0x20, 0x7f and '%' is written %HH (upper-case
// hexadecimal); nothing else is. A repeated key is an error. NUL cannot be sent. Messages are never
// truncated: what does not fit is refused whole.
//
// Over /run/azjit/azjit.sock (SOCK_STREAM, SO_PEERCRED decides who speaks) a caller sends one request;
// the broker answers any number of PROGRESS and one DONE, except that SESSION-OPEN is followed by
// COMMIT on the same connection. Descriptors travel by SCM_RIGHTS with the first byte of their
// message. This header needs libc only: the PAM module includes nothing else of azjit.
//
// Requests (keys in brackets are optional):
//   ACCOUNT        user service [rhost] [tty] [ssh-connection]                  uid 0 only
//   SESSION-OPEN   user service [rhost] [tty] [ssh-connection] [auth-info] pid  uid 0 only
//                  -> DONE session=ID; the caller answers COMMIT; EOF before COMMIT undoes the record
//   COMMIT         session                       -> DONE
//   SESSION-CLOSE  session                       uid 0 only
//   CONNECT        host port [start=0|1] [session] + 3 descriptors: stdin, stdout, control (see relay.h)
//   MATCH          host port                     -> DONE result=ok | not-managed | denied; no Azure call
//   REQUEST        targets [for] [source] [reason] [wait=0|1] [start=0|1] [session]
//                  -> per target PROGRESS, then DONE
//   STATUS, SESSIONS, AUDIT-VERIFY, AUDIT-RECONCILE, AUDIT-REFUSALS   [json=1] -> ROW messages, then DONE
//   GUARD-REFUSED  uid address port count        uid 0 only: the kernel's table refused that uid so many
//                  connections since it was told last -> DONE result=ok: recorded
//   PING           -> DONE
// Never sent, but left in AZJIT_PASSES_PATH as a file of root's for each login that passed unchecked:
//   PASSED         at (UTC) phase by=on_error=allow|break_glass reason user service [rhost] [tty] [ssh-connection]
// Progress: PROGRESS stage=… text=… (one clause for a person) [elapsed-ms] [key=value …]
// Row:      ROW with the keys of one entry; the client renders it as a line or as JSON
// Done:     DONE result=NAME (result.h) reason=SENTENCE [key=value …]
// An unknown verb or version is answered with DONE result=usage.
#ifndef AZJIT_WIRE_H
#define AZJIT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AZJIT_SOCKET_PATH         "/run/azjit/azjit.sock"
#define AZJIT_PASSES_PATH         "/var/lib/azjit/passes"
#define AZJIT_WIRE_MAX_BYTES      8192  // a whole message from an ordinary caller
#define AZJIT_WIRE_MAX_ROOT_BYTES 65536 // from uid 0, and from the broker to anyone
#define AZJIT_WIRE_MAX_KEYS       64
#define AZJIT_WIRE_MAX_FDS        3

struct azjit_wire_pair {
	const char *key;
	const char *value; // decoded
};

// A parsed message; the strings live in the caller's buffer, which parsing changes.
struct azjit_wire_msg {
	const char *verb;
	struct azjit_wire_pair pairs[AZJIT_WIRE_MAX_KEYS];
	size_t pair_count;
};

enum azjit_wire_parse {
	AZJIT_WIRE_BAD = 0, // never a message, whatever follows
	AZJIT_WIRE_MORE,    // so far so good: read more
	AZJIT_WIRE_MESSAGE, // *ret_msg is one message
	AZJIT_WIRE_VERSION, // well-formed, of another version: answer it
};

// Looks for one message at the start of `bytes` (changed in place when it is whole). At most
// `max_bytes` may be a message: more without an end is BAD. *ret_used: bytes of the message.
enum azjit_wire_parse azjit_wire_parse(char *bytes, size_t len, size_t max_bytes,
                                       struct azjit_wire_msg *ret_msg, size_t *ret_used);

// The value of a key; NULL if absent. Borrowed.
const char *azjit_wire_get(const struct azjit_wire_msg *msg, const char *key);

// A message being written into caller's memory. An error sticks; azjit_wire_end tells.
struct azjit_wire_out {
	char *bytes;
	size_t size, len;
	unsigned pair_count;
	bool failed;
};

void azjit_wire_begin(struct azjit_wire_out *out, char *bytes, size_t size, const char *verb);
// NULL values are left out.
void azjit_wire_put(struct azjit_wire_out *out, const char *key, const char *value);
void azjit_wire_put_u64(struct azjit_wire_out *out, const char *key, uint64_t value);
// Ends the message; its length, or 0 if it did not fit or a key was malformed or repeated.
size_t azjit_wire_end(struct azjit_wire_out *out);

// --- blocking client calls, used by the PAM module and by azjit (poll, never select; MSG_NOSIGNAL) ---

// Connects to a broker's socket within timeout_ms and checks that the peer's uid (SO_PEERCRED) is
// `expected_uid` or 0. Returns the descriptor (CLOEXEC, non-blocking) or -errno; -EPERM: wrong uid.
int azjit_wire_connect(const char *path, unsigned expected_uid, int timeout_ms);

// Sends all bytes, the descriptors with the first; 0 or -errno (-ETIMEDOUT).
int azjit_wire_send(int fd, const void *bytes, size_t len, const int *fds, size_t fd_count, int timeout_ms);

// A receiver: bytes not yet parsed.
struct azjit_wire_in {
	char *bytes;
	size_t size, len, used;
};

// Waits for the next message until deadline_ms of CLOCK_MONOTONIC (0: for ever): 1 a message, 0 end of
// file, or -errno (-ETIMEDOUT, -EPROTO). The message lives until the next call.
int azjit_wire_receive(int fd, struct azjit_wire_in *in, uint64_t deadline_ms,
                       struct azjit_wire_msg *ret_msg);

#endif
