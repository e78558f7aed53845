// SPDX-License-Identifier: Apache-2.0
#ifndef AZJIT_AZURE_ARC_H
#define AZJIT_AZURE_ARC_H

#include <azjit/buf.h>
#include <azjit/result.h>

// Where the agent of Azure Arc writes its keys (azure.md §6.3). In a file of its own, so that a test can put
// another one in its place when it is linked; no configuration can.
const char *arc_directory(void);

// Reads the key that a challenge ("Basic realm=PATH") asks for. PATH is hostile input: it must name a .key file
// of exactly that directory, a regular one of whose owner the directory is (or root's), not writable by others and
// not larger than 4096 bytes; nothing else is ever opened. AZJIT_OK, or AZJIT_IDENTITY with the reason.
enum azjit_result arc_read_key(const char *directory, const char *challenge, struct azjit_buf *ret,
                               struct azjit_reason *reason);

#endif
