// SPDX-License-Identifier: Apache-2.0
#include <azjit/address.h>
#include <azjit/text.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

static void addr_unmap(struct azjit_addr *addr)
{
	if (addr->family != AZJIT_IPV6 || memcmp(addr->bytes, v4_mapped, sizeof(v4_mapped)) != 0)
		return;
	addr->family = AZJIT_IPV4;
	memcpy(addr->bytes, addr->bytes + 12, 4);
	memset(addr->bytes + 4, 0, 12);
}

// Before the unmapping, so that a prefix length can be read in the family it was written in.
static bool addr_read(const char *text, struct azjit_addr *ret)
{
	*ret = (struct azjit_addr){0};
	if (inet_pton(AF_INET, text, ret->bytes) == 1)
		ret->family = AZJIT_IPV4;
	else if (inet_pton(AF_INET6, text, ret->bytes) == 1)
		ret->family = AZJIT_IPV6;
	return ret->family != AZJIT_FAMILY_NONE;
}

enum azjit_result azjit_addr_parse(const char *text, struct azjit_addr *ret)
{
	struct azjit_addr addr;

	if (!addr_read(text, &addr))
		return AZJIT_USAGE;
	addr_unmap(&addr);
	*ret = addr;
	return AZJIT_OK;
}

void azjit_addr_format(const struct azjit_addr *addr, char ret_text[AZJIT_ADDR_CHARS])
{
	int family = addr->family == AZJIT_IPV4 ? AF_INET : AF_INET6;

	if (addr->family == AZJIT_FAMILY_NONE || !inet_ntop(family, addr->bytes, ret_text, AZJIT_ADDR_CHARS))
		ret_text[0] = '\0';
}

bool azjit_addr_equal(const struct azjit_addr *a, const struct azjit_addr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool azjit_addr_from_sockaddr(const struct sockaddr *sa, struct azjit_addr *ret, uint16_t *ret_port)
{
	struct azjit_addr addr = {0};
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;

	if (sa->sa_family == AF_INET) {
		memcpy(&sin, sa, sizeof(sin));
		addr.family = AZJIT_IPV4;
		memcpy(addr.bytes, &sin.sin_addr, 4);
		if (ret_port)
			*ret_port = ntohs(sin.sin_port);
	} else if (sa->sa_family == AF_INET6) {
		memcpy(&sin6, sa, sizeof(sin6));
		addr.family = AZJIT_IPV6;
		memcpy(addr.bytes, &sin6.sin6_addr, 16);
		addr_unmap(&addr);
		if (ret_port)
			*ret_port = ntohs(sin6.sin6_port);
	} else {
		return false;
	}
	*ret = addr;
	return true;
}

unsigned azjit_addr_to_sockaddr(const struct azjit_addr *addr, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	memset(ret, 0, sizeof(*ret));
	if (addr->family == AZJIT_IPV4) {
		memcpy(&sin.sin_addr, addr->bytes, 4);
		memcpy(ret, &sin, sizeof(sin));
		return sizeof(sin);
	}
	memcpy(&sin6.sin6_addr, addr->bytes, 16);
	memcpy(ret, &sin6, sizeof(sin6));
	return sizeof(sin6);
}

static unsigned addr_bits(const struct azjit_addr *addr)
{
	return addr->family == AZJIT_IPV4 ? 32 : 128;
}

enum azjit_result azjit_prefix_parse(const char *text, struct azjit_prefix *ret)
{
	struct azjit_prefix prefix = {0};
	char host[AZJIT_ADDR_CHARS];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	unsigned written;
	uint64_t bits;

	if (len >= sizeof(host))
		return AZJIT_USAGE;
	memcpy(host, text, len);
	host[len] = '\0';
	if (!addr_read(host, &prefix.addr))
		return AZJIT_USAGE;
	bits = written = addr_bits(&prefix.addr);
	if (slash && azjit_parse_u64(slash + 1, 0, written, &bits) != AZJIT_OK)
		return AZJIT_USAGE;
	addr_unmap(&prefix.addr);
	if (addr_bits(&prefix.addr) != written) {
		if (bits < 96)
			return AZJIT_USAGE;
		bits -= 96;
	}
	prefix.bits = (unsigned)bits;
	*ret = prefix;
	return AZJIT_OK;
}

void azjit_prefix_format(const struct azjit_prefix *prefix, char ret_text[AZJIT_PREFIX_CHARS])
{
	size_t len;
	unsigned bits = prefix->bits;
	char *p;

	azjit_addr_format(&prefix->addr, ret_text);
	len = strlen(ret_text);
	if (len == 0 || bits >= addr_bits(&prefix->addr))
		return;
	p = ret_text + len;
	*p++ = '/';
	if (bits >= 100)
		*p++ = '1';
	if (bits >= 10)
		*p++ = (char)('0' + bits / 10 % 10);
	*p++ = (char)('0' + bits % 10);
	*p = '\0';
}

bool azjit_prefix_contains(const struct azjit_prefix *outer, const struct azjit_addr *addr)
{
	unsigned whole = outer->bits / 8, rest = outer->bits % 8;

	if (outer->addr.family == AZJIT_FAMILY_NONE || outer->addr.family != addr->family ||
	    outer->bits > addr_bits(addr))
		return false;
	if (memcmp(outer->addr.bytes, addr->bytes, whole) != 0)
		return false;
	return rest == 0 || (outer->addr.bytes[whole] ^ addr->bytes[whole]) >> (8 - rest) == 0;
}

bool azjit_prefix_covers(const struct azjit_prefix *outer, const struct azjit_prefix *inner)
{
	return outer->bits <= inner->bits && azjit_prefix_contains(outer, &inner->addr);
}

struct kind {
	struct azjit_prefix prefix;
	const char *why;
};

#define V4(a, b, c, d, len, text)                       \
	{                                               \
		{{AZJIT_IPV4, {a, b, c, d}}, len}, text \
	}

// RFC 6890 and Azure's own: 168.63.129.16 is the host's agent endpoint, 169.254.169.254 is IMDS.
static const struct kind v4_kinds[] = {
        V4(0, 0, 0, 0, 8, "unspecified"),     V4(127, 0, 0, 0, 8, "loopback"),
        V4(169, 254, 0, 0, 16, "link-local"), V4(168, 63, 129, 16, 32, "Azure's host endpoint"),
        V4(224, 0, 0, 0, 4, "multicast"),     V4(255, 255, 255, 255, 32, "broadcast"),
        V4(240, 0, 0, 0, 4, "reserved"),
};

static const struct kind v6_kinds[] = {
        {{{AZJIT_IPV6, {0}}, 128}, "unspecified"},
        {{{AZJIT_IPV6, {[15] = 1}}, 128}, "loopback"},
        {{{AZJIT_IPV6, {0xfe, 0x80}}, 10}, "link-local"},
        {{{AZJIT_IPV6, {0xff}}, 8}, "multicast"},
};

// Prefixes of IPv6 that carry an IPv4 address: mapped, compatible, NAT64 (RFC 6052), 6to4.
static const struct {
	struct azjit_prefix prefix;
	unsigned offset;
} embeddings[] = {
        {{{AZJIT_IPV6, {[10] = 0xff, [11] = 0xff}}, 96}, 12},
        {{{AZJIT_IPV6, {0}}, 96}, 12},
        {{{AZJIT_IPV6, {0x00, 0x64, 0xff, 0x9b}}, 96}, 12},
        {{{AZJIT_IPV6, {0x20, 0x02}}, 16}, 2},
};

static const char *kind_of(const struct kind *kinds, size_t count, const struct azjit_addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (azjit_prefix_contains(&kinds[i].prefix, addr))
			return kinds[i].why;
	return NULL;
}

static const char *kind_of_v6(const struct azjit_addr *addr)
{
	const char *why = kind_of(v6_kinds, AZJIT_COUNT(v6_kinds), addr);

	for (size_t i = 0; !why && i < AZJIT_COUNT(embeddings); i++) {
		struct azjit_addr inner = {.family = AZJIT_IPV4};

		if (!azjit_prefix_contains(&embeddings[i].prefix, addr))
			continue;
		memcpy(inner.bytes, addr->bytes + embeddings[i].offset, 4);
		why = kind_of(v4_kinds, AZJIT_COUNT(v4_kinds), &inner);
	}
	return why;
}

bool azjit_addr_forbidden(const struct azjit_addr *addr, const char **ret_why)
{
	const char *why = "no address";

	if (addr->family == AZJIT_IPV4)
		why = kind_of(v4_kinds, AZJIT_COUNT(v4_kinds), addr);
	else if (addr->family == AZJIT_IPV6)
		why = kind_of_v6(addr);
	if (why && ret_why)
		*ret_why = why;
	return why != NULL;
}
