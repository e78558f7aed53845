// SPDX-License-Identifier: Apache-2.0
// Against: a name that fits another VM than the one meant: several are never chosen from.
#include "inventory_private.h"

#include <stdio.h>
#include <strings.h>

#define NAMED_IN_REASON 4
#define CANDIDATE_CHARS 512
#define POLICIES_MAX    16 // of one port of one VM

static const struct inv_vm *vm_at(const struct inv_snapshot *s, uint32_t vm)
{
	return INV(struct inv_vm, &s->vms, vm);
}

static const char *name_of(const struct inv_snapshot *s, uint32_t vm)
{
	return inv_text(&s->text, vm_at(s, vm)->id.name);
}

static bool group_of(const struct inv_snapshot *s, uint32_t vm, char *ret_group, size_t size)
{
	return azjit_id_segment(inv_text(&s->text, vm_at(s, vm)->id.dir), "resourceGroups", ret_group, size);
}

// --- which VM ---

struct matches {
	struct inv_match first[AZJIT_CANDIDATES_MAX];
	size_t count; // in all
};

static void add_match(struct matches *matches, uint32_t vm, uint32_t address, bool by_public)
{
	for (size_t i = 0; i < matches->count && i < AZJIT_CANDIDATES_MAX; i++)
		if (matches->first[i].vm == vm)
			return;
	if (matches->count < AZJIT_CANDIDATES_MAX)
		matches->first[matches->count] = (struct inv_match){vm, address, by_public};
	matches->count++;
}

static void match_name(const struct inv_snapshot *s, const char *name, const char *group, struct matches *ret)
{
	char have[128];

	for (uint32_t vm = inv_index_first(&s->by_name, inv_hash_text(name)); vm != INV_NONE;
	     vm = inv_index_next(&s->by_name, vm)) {
		if (!azjit_ieq(name_of(s, vm), name))
			continue;
		if (!group || (group_of(s, vm, have, sizeof(have)) && azjit_ieq(have, group)))
			add_match(ret, vm, INV_NONE, false);
	}
}

static void match_address(const struct inv_snapshot *s, uint32_t number, struct matches *ret)
{
	uint32_t hash = inv_hash_number(number);

	for (uint32_t a = inv_index_first(&s->by_private, hash); a != INV_NONE;
	     a = inv_index_next(&s->by_private, a))
		if (INV(struct inv_address, &s->addresses, a)->private_addr == number)
			add_match(ret, INV(struct inv_address, &s->addresses, a)->vm, a, false);
	for (uint32_t a = inv_index_first(&s->by_public, hash); a != INV_NONE;
	     a = inv_index_next(&s->by_public, a))
		if (INV(struct inv_address, &s->addresses, a)->public_addr == number)
			add_match(ret, INV(struct inv_address, &s->addresses, a)->vm, a, true);
}

// As text, with or without the root's dot; nothing is resolved.
static void match_dns_name(const struct inv_snapshot *s, const char *what, struct matches *ret)
{
	size_t len = strlen(what);
	char name[AZJIT_DNS_NAME_MAX + 1];

	if (len && what[len - 1] == '.')
		len--;
	if (len == 0 || len >= sizeof(name))
		return;
	(void)snprintf(name, sizeof(name), "%.*s", (int)len, what);
	for (uint32_t n = inv_index_first(&s->by_dns_name, inv_hash_text(name)); n != INV_NONE;
	     n = inv_index_next(&s->by_dns_name, n)) {
		const struct inv_dns_name *found = INV(struct inv_dns_name, &s->dns_names, n);

		if (azjit_ieq(inv_text(&s->text, found->text), name))
			add_match(ret, INV(struct inv_address, &s->addresses, found->address)->vm,
			          found->address, true);
	}
}

static void match_tag(const struct inv_snapshot *s, const char *tag, struct matches *ret)
{
	const char *equals = strchr(tag, '=');
	uint32_t hash[2];

	if (!equals || equals == tag)
		return;
	inv_tag_hash(tag, (size_t)(equals - tag), equals + 1, hash);
	for (uint32_t t = inv_index_first(&s->by_tag, hash[1]); t != INV_NONE;
	     t = inv_index_next(&s->by_tag, t)) {
		const struct inv_tag *found = INV(struct inv_tag, &s->tags, t);

		if (found->hash[0] == hash[0] && found->hash[1] == hash[1])
			add_match(ret, found->vm, INV_NONE, false);
	}
}

static void match_written(const struct inv_snapshot *s, const char *what, struct matches *ret)
{
	const char *at = strchr(what, '@');
	struct azjit_addr addr;
	char name[128];

	if (strncasecmp(what, AZJIT_TAG_PREFIX, strlen(AZJIT_TAG_PREFIX)) == 0) {
		match_tag(s, what + strlen(AZJIT_TAG_PREFIX), ret);
	} else if (what[0] == '/') {
		uint32_t vm = inv_vm_by_id(s, what);

		if (vm != INV_NONE)
			add_match(ret, vm, INV_NONE, false);
	} else if (azjit_addr_parse(what, &addr) == AZJIT_OK) {
		if (inv_addr_number(&addr))
			match_address(s, inv_addr_number(&addr), ret);
	} else if (!at) {
		match_name(s, what, NULL, ret);
		match_dns_name(s, what, ret);
	} else if ((size_t)(at - what) < sizeof(name)) {
		(void)snprintf(name, sizeof(name), "%.*s", (int)(at - what), what);
		match_name(s, name, at + 1, ret);
	}
}

static const struct azjit_alias *alias_of(const struct azjit_config *config, const char *what)
{
	for (size_t i = 0; i < config->alias_count; i++)
		if (azjit_ieq(config->aliases[i].name, what))
			return &config->aliases[i];
	return NULL;
}

// Neither of an alias and a VM of its name wins: whoever creates such a VM shall not be dialled in place
// of root's, and root shall not hide a VM unawares.
static void match(const struct azjit_inventory *inventory, const char *what, struct matches *ret)
{
	const struct azjit_alias *alias = alias_of(inventory->config, what);

	if (alias)
		match_written(inventory->snapshot, alias->vm, ret);
	match_written(inventory->snapshot, what, ret);
}

// name@group, or the whole id where that would not tell it apart.
static void write_candidate(const struct inv_snapshot *s, uint32_t vm, char ret_text[CANDIDATE_CHARS])
{
	const char *dir = inv_text(&s->text, vm_at(s, vm)->id.dir), *name = name_of(s, vm);
	struct matches same = {.count = 0};
	char group[128] = "";

	(void)group_of(s, vm, group, sizeof(group));
	match_name(s, name, group, &same);
	if (same.count > 1)
		(void)snprintf(ret_text, CANDIDATE_CHARS, "%s%s", dir, name);
	else
		(void)snprintf(ret_text, CANDIDATE_CHARS, "%s@%s", name, group);
}

static enum azjit_result ambiguous(const struct inv_snapshot *s, const char *what,
                                   const struct matches *found, struct azjit_reason *reason)
{
	char list[400] = "", candidate[CANDIDATE_CHARS], clean[80];
	size_t len = 0;

	for (size_t i = 0; i < found->count && i < NAMED_IN_REASON && len < sizeof(list); i++) {
		write_candidate(s, found->first[i].vm, candidate);
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", i ? ", " : "", candidate);
	}
	azjit_printable(what, clean, sizeof(clean));
	return azjit_fail(reason, AZJIT_AMBIGUOUS, "%s fits %zu virtual machines; write one of: %s%s", clean,
	                  found->count, list, found->count > NAMED_IN_REASON ? " …" : "");
}

size_t azjit_inventory_candidates(const struct azjit_inventory *inventory, const char *what,
                                  azjit_candidate_fn *fn, void *userdata)
{
	struct matches found = {.count = 0};
	char candidate[CANDIDATE_CHARS];

	if (inventory->snapshot)
		match(inventory, what, &found);
	for (size_t i = 0; i < found.count && i < AZJIT_CANDIDATES_MAX; i++) {
		const struct inv_snapshot *s = inventory->snapshot;
		_cleanup_free_ char *id = inv_id_text(&s->text, vm_at(s, found.first[i].vm)->id);

		write_candidate(s, found.first[i].vm, candidate);
		if (id)
			fn(userdata, id, candidate);
	}
	return found.count;
}

// --- which policy ---

// The policies that list the port for TCP, those that allow the longest time first. Returns how many.
static size_t policies_of(const struct inv_snapshot *s, const struct inv_vm *vm, uint16_t number,
                          const struct inv_port *ret[POLICIES_MAX], bool *ret_udp)
{
	size_t count = 0;

	for (uint32_t i = 0; i < vm->port_count; i++) {
		const struct inv_port *port = INV(struct inv_port, &s->ports, vm->first_port + i);
		size_t at = count;

		if (port->number != number)
			continue;
		if (port->protocol == AZJIT_PROTOCOL_UDP) {
			*ret_udp = true;
			continue;
		}
		while (at > 0 && port->max_duration_s > ret[at - 1]->max_duration_s)
			at--;
		if (at == POLICIES_MAX)
			continue;
		count += count < POLICIES_MAX;
		memmove(&ret[at + 1], &ret[at], (count - 1 - at) * sizeof(*ret));
		ret[at] = port;
	}
	return count;
}

static enum azjit_result not_managed(const struct inv_snapshot *s, const struct inv_vm *vm, uint16_t number,
                                     bool udp, struct azjit_reason *reason)
{
	const char *name = inv_text(&s->text, vm->id.name);
	char list[128] = "";
	size_t len = 0;

	if (udp)
		return azjit_fail(reason, AZJIT_NOT_MANAGED,
		                  "port %u of %s is under a just-in-time policy for UDP only", number, name);
	if (vm->port_count == 0)
		return azjit_fail(reason, AZJIT_NOT_MANAGED, "%s is under no just-in-time policy", name);
	for (uint32_t i = 0; i < vm->port_count && len < sizeof(list); i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%u", i ? ", " : "",
		                        INV(struct inv_port, &s->ports, vm->first_port + i)->number);
	return azjit_fail(reason, AZJIT_NOT_MANAGED,
	                  "port %u of %s is under no just-in-time policy, which has %s", number, name, list);
}

static enum azjit_result no_address(const struct inv_snapshot *s, uint32_t vm, struct azjit_reason *reason)
{
	_cleanup_free_ char *id = NULL;

	if (vm_at(s, vm)->machine != AZJIT_MACHINE_OTHER)
		return azjit_fail(
		        reason, AZJIT_NOT_FOUND,
		        "Azure shows no IPv4 address of %s; may the identity read its network interface?",
		        name_of(s, vm));
	id = inv_id_text(&s->text, vm_at(s, vm)->id);
	if (!id)
		return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	return azjit_fail(reason, AZJIT_CONFIG,
	                  "%s is no virtual machine of Azure, which tells no address of it "
	                  "(experimental); give it one in azjit.conf: "
	                  "aliases = ( { name = \"…\"; vm = \"%.300s\"; address = \"…\"; } )",
	                  name_of(s, vm), id);
}

static enum azjit_result not_found(const struct azjit_inventory *inventory, const char *what,
                                   struct azjit_reason *reason)
{
	const struct azjit_alias *alias = alias_of(inventory->config, what);
	char clean[80];

	azjit_printable(what, clean, sizeof(clean));
	if (inventory->generation == 0)
		return azjit_fail(reason, AZJIT_NOT_FOUND,
		                  "the virtual machines could not be read yet%s%.300s",
		                  inventory->error.text[0] ? ": " : "", inventory->error.text);
	if (alias)
		return azjit_fail(reason, AZJIT_CONFIG,
		                  "%s is an alias of %.300s in azjit.conf, and no virtual machine of ours is "
		                  "called that",
		                  clean, alias->vm);
	return azjit_fail(reason, AZJIT_NOT_FOUND, "no virtual machine of ours is called %s", clean);
}

enum azjit_result inv_find(const struct azjit_inventory *inventory, const char *what, uint16_t port_number,
                           struct azjit_target **ret, uint32_t *ret_vm, struct azjit_reason *reason)
{
	const struct inv_snapshot *s = inventory->snapshot;
	struct matches found = {.count = 0};
	const struct inv_port *policies[POLICIES_MAX];
	size_t policy_count;
	bool udp = false;

	if (s)
		match(inventory, what, &found);
	if (found.count == 0)
		return not_found(inventory, what, reason);
	if (found.count > 1)
		return ambiguous(s, what, &found, reason);
	*ret_vm = found.first[0].vm;
	if (vm_at(s, *ret_vm)->machine == AZJIT_MACHINE_CLASSIC)
		return azjit_fail(
		        reason, AZJIT_UNSUPPORTED,
		        "%s is a classic virtual machine, for which there is no just-in-time access; "
		        "move it to Azure Resource Manager",
		        name_of(s, *ret_vm));
	policy_count = policies_of(s, vm_at(s, *ret_vm), port_number, policies, &udp);
	if (policy_count == 0)
		return not_managed(s, vm_at(s, *ret_vm), port_number, udp, reason);
	if (vm_at(s, *ret_vm)->address_count == 0)
		return no_address(s, *ret_vm, reason);
	return inv_target(inventory, &found.first[0], policies, policy_count, ret, reason);
}

enum azjit_result azjit_inventory_find(const struct azjit_inventory *inventory, const char *what,
                                       uint16_t port, struct azjit_target **ret, struct azjit_reason *reason)
{
	uint32_t vm;

	return inv_find(inventory, what, port, ret, &vm, reason);
}
