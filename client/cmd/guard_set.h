// SPDX-License-Identifier: Apache-2.0
// The guard's set as the broker writes it, and nftables' words for it.
//
//   azjit-guard 1
//   A.B.C.D PORT            any number of them
//   end COUNT GENERATION
//
// The broker replaces the file by rename. COUNT is the number of pairs; GENERATION (u64) is the
// broker's, so that it can tell from the state file what the kernel has.
#ifndef AZJIT_CMD_GUARD_SET_H
#define AZJIT_CMD_GUARD_SET_H

#include <azjit/address.h>
#include <azjit/buf.h>
#include <azjit/result.h>
#include <sys/types.h>

#define AZJIT_GUARD_SET_MAX_BYTES (16 << 20)
// Of the nftables script: a pair takes at most 24 bytes, the table's own file some kilobytes.
#define AZJIT_GUARD_SCRIPT_MAX_BYTES (32 << 20)

struct azjit_guard_pair {
	struct azjit_addr addr; // IPv4, never one of azjit_addr_forbidden
	uint16_t port;
};

struct azjit_guard_set {
	struct azjit_guard_pair *pairs;
	size_t count;
	uint64_t generation;
};

void azjit_guard_set_free(struct azjit_guard_set *set);

// Parses a whole file. AZJIT_PROTOCOL with line number and fault if anything differs from the form
// above, the last newline included; AZJIT_NOMEM. `ret` is written on success only.
enum azjit_result azjit_guard_set_parse(const char *text, size_t len, struct azjit_guard_set *ret,
                                        struct azjit_reason *reason);

// Reads and parses the file, which must be regular, of `owner` or root, not writable by others and at
// most AZJIT_GUARD_SET_MAX_BYTES. AZJIT_NOT_FOUND if there is none.
enum azjit_result azjit_guard_set_read(const char *path, uid_t owner, struct azjit_guard_set *ret,
                                       struct azjit_reason *reason);

// Appends the commands that make the kernel's set this one; false if the buffer is full.
bool azjit_guard_set_script(const struct azjit_guard_set *set, struct azjit_buf *script);

#endif
