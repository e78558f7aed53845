// SPDX-License-Identifier: Apache-2.0
// IP addresses and prefixes, parsed strictly: never a name, never a zone, never resolved.
#ifndef AZJIT_ADDRESS_H
#define AZJIT_ADDRESS_H

#include <azjit/result.h>

enum azjit_family { AZJIT_FAMILY_NONE = 0, AZJIT_IPV4 = 4, AZJIT_IPV6 = 6 };

struct azjit_addr {
	enum azjit_family family;
	uint8_t bytes[16]; // network order; IPv4 in the first four, the rest zero
};

struct azjit_prefix {
	struct azjit_addr addr; // host bits as they were written
	unsigned bits;
};

#define AZJIT_ADDR_CHARS   46
#define AZJIT_PREFIX_CHARS 50

struct sockaddr;
struct sockaddr_storage;

// A numeric address, whole string; dotted quad in canonical form only (no octal, no short forms);
// v4-mapped IPv6 becomes IPv4; zone identifiers are refused. AZJIT_USAGE otherwise.
enum azjit_result azjit_addr_parse(const char *text, struct azjit_addr *ret);
void azjit_addr_format(const struct azjit_addr *addr, char ret_text[AZJIT_ADDR_CHARS]);
bool azjit_addr_equal(const struct azjit_addr *a, const struct azjit_addr *b);
// From a kernel socket address (v4-mapped is unmapped); false for another family.
bool azjit_addr_from_sockaddr(const struct sockaddr *sa, struct azjit_addr *ret, uint16_t *ret_port);
// To a kernel socket address; returns its length.
unsigned azjit_addr_to_sockaddr(const struct azjit_addr *addr, uint16_t port, struct sockaddr_storage *ret);

// "10.0.0.0/8", "10.1.2.3" (= /32); "*" is not a prefix. Host bits may be set (Azure ignores them).
enum azjit_result azjit_prefix_parse(const char *text, struct azjit_prefix *ret);
// A host prefix is written without "/32" or "/128".
void azjit_prefix_format(const struct azjit_prefix *prefix, char ret_text[AZJIT_PREFIX_CHARS]);
bool azjit_prefix_contains(const struct azjit_prefix *outer, const struct azjit_addr *addr);
bool azjit_prefix_covers(const struct azjit_prefix *outer, const struct azjit_prefix *inner);

// True for what the relay must never dial whatever inventory says: unspecified, loopback, link-local
// (IMDS), 168.63.129.16, multicast, broadcast, reserved (240/4). `ret_why` names the kind (static).
bool azjit_addr_forbidden(const struct azjit_addr *addr, const char **ret_why);

#endif
