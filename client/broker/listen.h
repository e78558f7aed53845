// SPDX-License-Identifier: Apache-2.0
// The socket that callers connect to: systemd's, or one of our own.
#ifndef AZJIT_BROKER_LISTEN_H
#define AZJIT_BROKER_LISTEN_H

#include "broker.h"

// Takes the socket that systemd passed (LISTEN_FDS), if it is a listening SOCK_STREAM of AF_UNIX; else
// makes `path` with mode 0666, in a directory that is ours or root's and that nobody else may write
// to. A socket that a dead broker left is replaced; one that answers is another broker: refused.
enum azjit_result listener_new(struct broker *broker, const char *path, struct azjit_reason *reason,
                               struct listener **ret);
// Removes the socket if we made it.
void listener_free(struct listener *listener);

#endif
