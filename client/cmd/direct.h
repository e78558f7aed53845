// SPDX-License-Identifier: Apache-2.0
// A host under no JIT policy is dialled here, by the caller's own program, as the caller: what the relay
// dials may pass the guard and the packet filters that look at its uid, so it dials nothing but
// authorised VMs, and never a name that somebody gave it. Here whatever holds for the caller holds.
#ifndef AZJIT_CMD_DIRECT_H
#define AZJIT_CMD_DIRECT_H

#include <azjit/result.h>

// Connects and copies between stdin, stdout and the host until both directions have ended.
enum azjit_result direct_connect(const char *host, const char *port, struct azjit_reason *reason);

// Tells whoever reads our stdout that nothing more comes. A socket is shut down, since others may hold
// it, too (sshd's, which is also stdin), unless stderr is the same one.
void direct_close_output(void);

#endif
