// SPDX-License-Identifier: Apache-2.0
// The source address a VM will see (docs/design.md §7). Never asked of a third party, never wider than
// max_prefix, never IPv6 (JIT refuses it, azure.md §0.7), never "*".
#ifndef AZJIT_SOURCE_H
#define AZJIT_SOURCE_H

#include <azjit/access.h>

#define AZJIT_SOURCES_MAX 16

struct azjit_sources {
	struct azjit_prefix items[AZJIT_SOURCES_MAX];
	size_t count;
	enum azjit_source_kind kind; // SELF: the jump host connects, so a handshake proves
};

// rule: what the access rule says. wanted: an explicit --source ("self", "client", an address or CIDR;
// NULL: the rule's own); one that the rule does not permit is refused (a rule of "self" permits self,
// "client" permits client, a list what it covers). client: the address the person logged in from
// (family NONE: unknown). destination: what will be dialled.
enum azjit_result azjit_source_resolve(const struct azjit_config *config,
                                       const struct azjit_access_rule *rule, const char *wanted,
                                       const struct azjit_addr *client, const struct azjit_addr *destination,
                                       struct azjit_sources *ret, struct azjit_reason *reason);

// The local address the kernel would use towards a destination (a connected UDP socket sends nothing).
enum azjit_result azjit_source_local(const struct azjit_addr *destination, struct azjit_addr *ret);

#endif
