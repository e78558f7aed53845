// SPDX-License-Identifier: Apache-2.0
// The set `attempts` of the guard's table, as `nft -jn list set` prints it: whom the kernel refused what,
// and how often since the set was made.
#ifndef AZJIT_CMD_GUARD_ATTEMPTS_H
#define AZJIT_CMD_GUARD_ATTEMPTS_H

#include <azjit/address.h>
#include <azjit/result.h>

// What nft prints of a full set is a sixth of it.
#define AZJIT_GUARD_ATTEMPTS_MAX_BYTES (4 << 20)

struct azjit_guard_attempt {
	uint32_t uid;
	struct azjit_addr addr; // IPv4
	uint16_t port;
	uint64_t packets; // first packets of connections
};

// AZJIT_PROTOCOL with the fault if anything differs from that form, AZJIT_NOMEM. A uid that nft prints as a
// name is looked up; an element whose name nobody has is left out, since there is no number to tell.
// *ret_list is the caller's to free, and written on success only.
enum azjit_result azjit_guard_attempts_parse(const char *json, size_t len,
                                             struct azjit_guard_attempt **ret_list, size_t *ret_count,
                                             struct azjit_reason *reason);

#endif
