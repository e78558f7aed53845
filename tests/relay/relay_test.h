// SPDX-License-Identifier: Apache-2.0
// What driver and target agree on, and the driver's tools. driver: the broker and its callers, as the
// relay's uid, in the jump host's namespace. target: a host with many kinds of servers, as root, in a
// namespace of its own; it also moves the packet filter and looks at processes for the driver.
#ifndef AZJIT_RELAY_TEST_H
#define AZJIT_RELAY_TEST_H

#include <azjit/macro.h>
#include <azjit/wire.h>
#include <stdio.h>

#define JUMP_ADDR   "10.91.0.1"
#define TARGET_ADDR "10.91.0.2"

enum {
	PORT_ECHO = 7001,
	PORT_SSH = 7002,       // identifies itself, then echoes
	PORT_SINK = 7003,      // reads to the end of file, answers "BYTES CHECKSUM\n", closes
	PORT_SOURCE = 7004,    // reads "BYTES\n", sends so many, closes
	PORT_FIRST_EOF = 7005, // sends "bye", ends its side, then reads to the end of file
	PORT_TURN_ONCE = 7006, // every odd connection is closed at once; else as PORT_SSH
	PORT_TURN_ALWAYS = 7007,
	PORT_STARTUPS = 7008,    // says what sshd says at MaxStartups, and closes
	PORT_LOGIN = 7009,       // a login takes 150 ms and 6000 bytes; counts those who are in one
	PORT_DEAF = 7010,        // never reads
	PORT_RESET = 7011,       // resets at the first byte
	PORT_FAST_SOURCE = 7012, // as PORT_SOURCE, zeroes
	PORT_FAST_SINK = 7013,   // reads to the end of file and closes
	PORT_LATER = 7014,       // nothing listens until "listen"
	PORT_GATED = 7100,       // 7100…7139: echo, behind the packet filter
	PORT_COUNT = 40,
};

// target's questions (one packet each way, on the socket whose path is argv[1]): text, answered by text
//   "open PORT MS"   the filter lets PORT pass in MS milliseconds -> "ok"; "shut" -> all ports shut
//   "opened PORT"    -> CLOCK_MONOTONIC in microseconds at which nft was asked to, 0: not yet
//   "stats PORT"     -> "ACCEPTS BARE MOST BYTES OPEN SUM": connections taken; closed by the peer without
//                       a byte; most at once in a login; bytes read; still open; checksum of what was read
//   "reset"          -> counters to 0, but OPEN
//   "fds PID", "children PID", "rss PID"   -> a number (rss in KiB)
//   "syns"           -> SYNs to gated ports that the filter has seen
//   "listen"         -> PORT_LATER listens
//   "fuse"           -> with the answer comes a file, open for reading and writing, of a file system
//                       that never answers statfs, read, write and flush; "unfuse" ends it

// FNV-1a, 64 bits: byte by byte, so that a swap or a loss shows.
#define SUM_START UINT64_C(14695981039346656037)
uint64_t sum_add(uint64_t sum, const unsigned char *bytes, size_t len);
// A pattern without period below 4 GiB: byte at `offset`.
void pattern_fill(unsigned char *bytes, size_t len, uint64_t offset);
uint64_t now_us(void);

int fuse_open(void); // fuse.c; -1: this machine has no FUSE
void fuse_end(void);

// --- driver ---
extern unsigned failures_in_case;
#define CHECK(condition, ...)                                                             \
	do {                                                                              \
		if (!(condition)) {                                                       \
			failures_in_case++;                                               \
			fprintf(stderr, "# %s:%d: %s: ", __FILE__, __LINE__, #condition); \
			fprintf(stderr, __VA_ARGS__);                                     \
			fprintf(stderr, "\n");                                            \
		}                                                                         \
	} while (0)

struct test_case {
	const char *name;
	void (*run)(void);
};
extern const struct test_case cases_probe[], cases_data[], cases_life[], cases_odd[], cases_cli[],
        cases_last[];

int bench(void); // throughput through the relay over that of a connection of our own

extern const char *relay_path; // the relay's socket
extern long relay_pid;
extern int target_socket;                                           // connected
unsigned long long ask_target(const char *fmt, ...) _printf_(1, 2); // the first number of the answer
void ask_target_text(char *ret, size_t size, const char *fmt, ...) _printf_(3, 4);
int ask_target_file(const char *question); // -1: none came
struct stats {
	unsigned long long accepts, bare, most, bytes, open, sum;
};
struct stats target_stats(int port);

// A message of the relay, or of control. Values are copied.
struct heard {
	char bytes[4200];
	struct azjit_wire_msg msg;
};
const char *value(const struct heard *heard, const char *key); // "" if absent

int relay_connect(void);
int relay_connect_to(const char *path);
void relay_say(int fd, const int *fds, size_t fd_count, const char *verb, ...); // key, value, …, NULL
// Waits for a message of this verb (and flow or probe, unless NULL), skipping others. False: not within
// timeout_ms.
bool relay_hear(int fd, const char *verb, const char *id, int timeout_ms, struct heard *ret);

// A flow as a caller has it.
struct call {
	char id[40];
	int in, out, control; // what we write to, what we read from, our end of control
	char control_bytes[4200];
	struct azjit_wire_in control_in;
};
// With pipes for stdin and stdout.
void call_begin(struct call *call, int relay, int port, const char *probe);
// With these descriptors, which stay the caller's.
void call_begin_with(struct call *call, int relay, const char *addr, int port, int in, int out);
// Waits for a message on control: PROGRESS of that stage, or DONE if stage is NULL.
bool call_hear(struct call *call, const char *stage, int timeout_ms, struct heard *ret);
void call_end(struct call *call);

bool write_all(int fd, const void *bytes, size_t len);
size_t read_for(int fd, void *bytes, size_t len, int timeout_ms); // until len, EOF or the time is over
bool at_eof(int fd, int timeout_ms);
bool wait_until(bool (*fn)(void *), void *userdata, int timeout_ms);
void new_id(char *ret, size_t size);

#endif
