// SPDX-License-Identifier: Apache-2.0
// How commands speak with the broker. Nothing here is read from the environment but AZJIT_SESSION, an
// identifier which the broker judges.
#ifndef AZJIT_CMD_CALLER_H
#define AZJIT_CMD_CALLER_H

#include <azjit/result.h>
#include <azjit/wire.h>
#include <getopt.h>

#define CALLER_USER "azjit"

struct caller {
	const char *socket;      // NULL: AZJIT_SOCKET_PATH
	const char *broker_user; // NULL: CALLER_USER
};

// The options that every command which asks the broker has, for its `struct option` table, its switch
// (caller_option is true for them) and its help.
enum { CALLER_OPT_SOCKET = 0x1000, CALLER_OPT_USER };
#define CALLER_OPTIONS                                                  \
	{"socket", required_argument, NULL, CALLER_OPT_SOCKET},         \
	{                                                               \
		"broker-user", required_argument, NULL, CALLER_OPT_USER \
	}
#define CALLER_HELP                                                           \
	"  --socket PATH       the broker's socket (" AZJIT_SOCKET_PATH ")\n" \
	"  --broker-user NAME  the user whom the broker must run as (" CALLER_USER ", or root)\n"
bool caller_option(struct caller *caller, int option, const char *value);

// Connects within timeout_ms. AZJIT_BROKER_DOWN with a sentence that names socket and mend; AZJIT_DENIED
// if somebody else listens there.
enum azjit_result caller_open(const struct caller *caller, int timeout_ms, struct azjit_reason *reason,
                              int *ret_fd);

// Ends the message and sends it, with descriptors. AZJIT_USAGE if it does not fit.
enum azjit_result caller_send(int fd, struct azjit_wire_out *out, const int *fds, size_t fd_count,
                              struct azjit_reason *reason);

// AZJIT_SESSION if it is one; NULL otherwise.
const char *caller_session(void);

// The result and the sentence of a DONE.
enum azjit_result caller_done(const struct azjit_wire_msg *msg, struct azjit_reason *reason);

// Says the sentence on stderr ("azjit: …") unless the result is good; returns the exit status.
int caller_exit(enum azjit_result result, const struct azjit_reason *reason);

// What is wrong with a command's words: AZJIT_USAGE's status, after one sentence on stderr.
int caller_usage(const char *fmt, ...) _printf_(1, 2);

#endif
