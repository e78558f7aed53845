// SPDX-License-Identifier: Apache-2.0
// Against: a port opened wider than somebody needs, or for an address that is somebody else's. Nothing
// is substituted: an address that is not known, not IPv4 or not the one that Azure will see is refused
// with what to do about it.
#include "config_key.h"

#include <azjit/source.h>
#include <stdio.h>
#include <sys/socket.h>

// Private and shared address space (RFC 1918, RFC 6598): what never leaves by itself.
static bool is_private(const struct azjit_addr *addr)
{
	static const char *const ranges[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
	                                     "100.64.0.0/10"};

	for (size_t i = 0; i < AZJIT_COUNT(ranges); i++) {
		struct azjit_prefix range;

		if (azjit_prefix_parse(ranges[i], &range) == AZJIT_OK && azjit_prefix_contains(&range, addr))
			return true;
	}
	return false;
}

static enum azjit_result add(const struct azjit_config *config, const struct azjit_prefix *prefix,
                             struct azjit_sources *ret, struct azjit_reason *reason)
{
	char text[AZJIT_PREFIX_CHARS];
	const char *why;

	azjit_prefix_format(prefix, text);
	if (!azjit_config_prefix_ok(prefix, config->max_prefix, &why))
		return azjit_fail(reason, AZJIT_DENIED, "%s cannot be a source: %s", text, why);
	if (ret->count == AZJIT_SOURCES_MAX)
		return azjit_fail(reason, AZJIT_USAGE, "more than %d sources at once", AZJIT_SOURCES_MAX);
	ret->items[ret->count++] = *prefix;
	return AZJIT_OK;
}

static enum azjit_result add_addr(const struct azjit_config *config, const struct azjit_addr *addr,
                                  struct azjit_sources *ret, struct azjit_reason *reason)
{
	struct azjit_prefix prefix = {*addr, addr->family == AZJIT_IPV6 ? 128 : 32};

	return add(config, &prefix, ret, reason);
}

// --- self ---

static enum azjit_result self_egress(const struct azjit_config *config, struct azjit_sources *ret,
                                     struct azjit_reason *reason)
{
	enum azjit_result result = AZJIT_OK;

	if (config->egress_count == 0)
		return azjit_fail(reason, AZJIT_CONFIG,
		                  "the address that a public address sees of this host is not known: "
		                  "set source.egress in azjit.conf");
	for (size_t i = 0; result == AZJIT_OK && i < config->egress_count; i++)
		result = add_addr(config, &config->egress[i], ret, reason);
	return result;
}

static enum azjit_result self_private(const struct azjit_config *config, const struct azjit_addr *destination,
                                      struct azjit_sources *ret, struct azjit_reason *reason)
{
	char local_text[AZJIT_ADDR_CHARS], text[AZJIT_ADDR_CHARS];
	struct azjit_addr local;
	const char *why;

	azjit_addr_format(destination, text);
	if (azjit_source_local(destination, &local) != AZJIT_OK)
		return azjit_fail(reason, AZJIT_SYSTEM, "this host has no route to %s", text);
	azjit_addr_format(&local, local_text);
	if (azjit_addr_equal(&local, destination) || azjit_addr_forbidden(&local, &why))
		return azjit_fail(reason, AZJIT_DENIED, "%s is this host itself", text);
	if (!config->fleet_source)
		return add_addr(config, &local, ret, reason);
	if (!azjit_prefix_contains(config->fleet_source, &local))
		return azjit_fail(reason, AZJIT_CONFIG,
		                  "this host's own address %s is outside source.fleet_source in azjit.conf",
		                  local_text);
	return add(config, config->fleet_source, ret, reason);
}

static enum azjit_result resolve_self(const struct azjit_config *config, const struct azjit_addr *destination,
                                      struct azjit_sources *ret, struct azjit_reason *reason)
{
	ret->kind = AZJIT_SOURCE_SELF;
	if (destination->family != AZJIT_IPV4)
		return azjit_fail(reason, AZJIT_NOT_FOUND,
		                  "the virtual machine has no IPv4 address; just-in-time access "
		                  "knows no other");
	if (config->private_translated || !is_private(destination))
		return self_egress(config, ret, reason);
	return self_private(config, destination, ret, reason);
}

// --- client ---

// The narrowest prefix that holds the address; NULL if none does.
static const struct azjit_source_map *mapping_of(const struct azjit_config *config,
                                                 const struct azjit_addr *client)
{
	const struct azjit_source_map *best = NULL;

	for (size_t i = 0; i < config->source_map_count; i++) {
		const struct azjit_source_map *map = &config->source_map[i];

		if (azjit_prefix_contains(&map->from, client) && (!best || map->from.bits > best->from.bits))
			best = map;
	}
	return best;
}

static enum azjit_result resolve_client(const struct azjit_config *config, const struct azjit_addr *client,
                                        const struct azjit_addr *destination, struct azjit_sources *ret,
                                        struct azjit_reason *reason)
{
	const struct azjit_source_map *map;
	char text[AZJIT_ADDR_CHARS];
	const char *why;

	ret->kind = AZJIT_SOURCE_CLIENT;
	if (!client || client->family == AZJIT_FAMILY_NONE)
		return azjit_fail(reason, AZJIT_USAGE,
		                  "the address that you logged in from is not known, so no port "
		                  "can be opened for it");
	map = mapping_of(config, client);
	if (map)
		return add_addr(config, &map->to, ret, reason);
	azjit_addr_format(client, text);
	if (client->family != AZJIT_IPV4)
		return azjit_fail(
		        reason, AZJIT_DENIED,
		        "you logged in from %s, and just-in-time access knows IPv4 only: log in over IPv4",
		        text);
	if (azjit_addr_forbidden(client, &why))
		return azjit_fail(reason, AZJIT_DENIED,
		                  "you logged in from %s (%s), which no virtual machine can see", text, why);
	if (is_private(client) && destination && destination->family == AZJIT_IPV4 &&
	    !is_private(destination))
		return azjit_fail(
		        reason, AZJIT_DENIED,
		        "you logged in from the private address %s, which a public address never sees: "
		        "source.map in azjit.conf can say what it becomes",
		        text);
	return add_addr(config, client, ret, reason);
}

// --- a list ---

static enum azjit_result resolve_list(const struct azjit_config *config, const struct azjit_access_rule *rule,
                                      const struct azjit_prefix *wanted, struct azjit_sources *ret,
                                      struct azjit_reason *reason)
{
	char text[AZJIT_PREFIX_CHARS];
	enum azjit_result result = AZJIT_OK;

	ret->kind = AZJIT_SOURCE_LIST;
	for (size_t i = 0; wanted && i < rule->prefix_count; i++)
		if (azjit_prefix_covers(&rule->prefixes[i], wanted))
			return add(config, wanted, ret, reason);
	if (wanted) {
		azjit_prefix_format(wanted, text);
		return azjit_fail(reason, AZJIT_DENIED, "rule '%s' does not allow the source %s", rule->name,
		                  text);
	}
	for (size_t i = 0; result == AZJIT_OK && i < rule->prefix_count; i++)
		result = add(config, &rule->prefixes[i], ret, reason);
	return result;
}

// --- the contract ---

static const char *kind_name(enum azjit_source_kind kind)
{
	switch (kind) {
	case AZJIT_SOURCE_SELF:
		return "the source self only";
	case AZJIT_SOURCE_CLIENT:
		return "the source client only";
	case AZJIT_SOURCE_LIST:
		return "its own list of sources only";
	}
	return "no source";
}

// What an explicit --source asks for: a kind and, for LIST, the prefix.
static enum azjit_result read_wanted(const char *wanted, enum azjit_source_kind *ret_kind,
                                     struct azjit_prefix *ret_prefix, struct azjit_reason *reason)
{
	char clean[64];

	*ret_kind = azjit_streq(wanted, "self")     ? AZJIT_SOURCE_SELF
	            : azjit_streq(wanted, "client") ? AZJIT_SOURCE_CLIENT
	                                            : AZJIT_SOURCE_LIST;
	if (*ret_kind != AZJIT_SOURCE_LIST)
		return AZJIT_OK;
	if (azjit_streq(wanted, "*"))
		return azjit_fail(reason, AZJIT_DENIED, "the source * is never requested; name an address");
	if (azjit_prefix_parse(wanted, ret_prefix) == AZJIT_OK)
		return AZJIT_OK;
	azjit_printable(wanted, clean, sizeof(clean));
	return azjit_fail(reason, AZJIT_USAGE, "%s is no source: write self, client, an address or a prefix",
	                  clean);
}

enum azjit_result azjit_source_resolve(const struct azjit_config *config,
                                       const struct azjit_access_rule *rule, const char *wanted,
                                       const struct azjit_addr *client, const struct azjit_addr *destination,
                                       struct azjit_sources *ret, struct azjit_reason *reason)
{
	enum azjit_source_kind kind = rule->source;
	struct azjit_sources sources = {.count = 0};
	struct azjit_prefix prefix;
	enum azjit_result result = AZJIT_OK;

	if (wanted)
		result = read_wanted(wanted, &kind, &prefix, reason);
	if (result != AZJIT_OK)
		return result;
	if (kind != rule->source)
		return azjit_fail(reason, AZJIT_DENIED, "rule '%s' allows %s", rule->name,
		                  kind_name(rule->source));
	switch (kind) {
	case AZJIT_SOURCE_SELF:
		result = resolve_self(config, destination, &sources, reason);
		break;
	case AZJIT_SOURCE_CLIENT:
		result = resolve_client(config, client, destination, &sources, reason);
		break;
	case AZJIT_SOURCE_LIST:
		result = resolve_list(config, rule, wanted ? &prefix : NULL, &sources, reason);
		break;
	}
	if (result == AZJIT_OK)
		*ret = sources;
	return result;
}

enum azjit_result azjit_source_local(const struct azjit_addr *destination, struct azjit_addr *ret)
{
	struct sockaddr_storage address = {0};
	unsigned len = azjit_addr_to_sockaddr(destination, 9, &address);
	_cleanup_close_ int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t got = sizeof(address);
	uint16_t port;

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, len) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &got) < 0)
		return AZJIT_SYSTEM;
	return azjit_addr_from_sockaddr((struct sockaddr *)&address, ret, &port) ? AZJIT_OK : AZJIT_SYSTEM;
}
