// SPDX-License-Identifier: Apache-2.0
// Descriptors that callers gave us.
#ifndef AZJIT_BROKER_DESCRIPTOR_H
#define AZJIT_BROKER_DESCRIPTOR_H

// Closes a descriptor of a caller's (-1: nothing). Pipes and local sockets here; everything else in a
// thread of its own, since close(2) waits for whoever serves it (a FUSE file's owner may never answer).
// At most DESCRIPTOR_CLOSERS wait at once; beyond that a descriptor stays open, and the log says so.
#define DESCRIPTOR_CLOSERS 64
void descriptor_close(int fd);

#endif
