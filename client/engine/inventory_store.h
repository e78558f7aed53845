// SPDX-License-Identifier: Apache-2.0
// How the inventory lies in memory: one snapshot, arrays of small records that name each other by index,
// strings in one pool. About 250 bytes a VM (its resource id is more than half of it); found through
// chained hash tables, so that equal names cost their number and no more.
//
// A snapshot is built beside the one in use (struct inv_builder) and takes its place whole, or not at
// all. Afterwards only policies are added to it (a group's list that shows what the subscription's list
// left out).
#ifndef AZJIT_ENGINE_INVENTORY_STORE_H
#define AZJIT_ENGINE_INVENTORY_STORE_H

#include <azjit/inventory.h>

#define INV_NONE UINT32_MAX

// An array that grows; elements are addressed through INV(), which is good until the next inv_push.
struct inv_array {
	void *items;
	uint32_t count, alloc;
};
#define INV(type, array, index) (&((type *)(array)->items)[index])

// Room for `count` more zeroed elements at the end; the first of them, or NULL.
void *inv_push(struct inv_array *array, uint32_t count, size_t item_bytes);
// Gives back what was allocated ahead.
void inv_trim(struct inv_array *array, size_t item_bytes);
void inv_array_free(struct inv_array *array);

// Strings: an offset into a pool of bytes; 0 is "".
typedef uint32_t inv_str;
const char *inv_text(const struct inv_array *pool, inv_str string);
// INV_NONE if memory ran out.
inv_str inv_add_text(struct inv_array *pool, const char *text);

// A chained hash table over the records 0 … count-1 of some array.
typedef uint32_t inv_hash_fn(const void *context, uint32_t record);
struct inv_index {
	uint32_t *heads, *next;
	uint32_t mask;
};
bool inv_index_build(struct inv_index *index, uint32_t count, inv_hash_fn *hash, const void *context);
uint32_t inv_index_first(const struct inv_index *index, uint32_t hash); // INV_NONE: no more
uint32_t inv_index_next(const struct inv_index *index, uint32_t record);
void inv_index_free(struct inv_index *index);
uint32_t inv_hash_text(const char *text); // without case (ASCII)
uint32_t inv_hash_number(uint32_t number);

struct inv_port {
	inv_str policy;    // id
	uint32_t prefixes; // list
	uint32_t max_duration_s;
	uint16_t number;
	uint8_t protocol;
};

struct inv_vm {
	inv_str id;
	uint32_t first_address, first_port;
	uint32_t firewall_addr; // where `firewall`; 0: not readable as an IPv4 address
	uint16_t port_count;
	uint8_t address_count;
	bool stopped : 1;
	bool firewall : 1;
	bool gap : 1;                   // an interface, subnet or public address that it names was not there
	enum azjit_machine machine : 2; // but AZJIT_MACHINE_AZURE: inventory_foreign.c
};

// One IP configuration with an IPv4 address. Addresses are numbers in host order, 0: none.
struct inv_address {
	uint32_t private_addr, public_addr;
	inv_str nic_nsg, subnet_nsg;
	uint32_t asgs; // list
	uint32_t vm;
	bool subnet_unread;
};

// The DNS name of a public address, as Azure tells it.
struct inv_dns_name {
	inv_str text; // no dot at its end
	uint32_t address;
};

// A tag of a VM: of name and value a hash of 64 bits, which no two come to share by chance. Who makes two
// share it on purpose may write tags, and could write the very tag instead.
struct inv_tag {
	uint32_t hash[2];
	uint32_t vm;
};
// name is not terminated. Without case (ASCII) like every name; the value as well, so that two VMs whose
// values differ in case only are ambiguous.
void inv_tag_hash(const char *name, size_t name_len, const char *value, uint32_t ret_hash[2]);

struct inv_snapshot {
	struct inv_array text;      // char
	struct inv_array lists;     // uint32_t: a count, then strings; list 0 is empty
	struct inv_array vms;       // struct inv_vm
	struct inv_array addresses; // struct inv_address
	struct inv_array ports;     // struct inv_port
	struct inv_array dns_names; // struct inv_dns_name
	struct inv_array tags;      // struct inv_tag, sorted
	struct inv_index by_id, by_name, by_private, by_public, by_dns_name;
	// What policies name and is not there, or has a gap: a digest, 0 for nothing. Two snapshots that lack
	// the same have the same.
	uint32_t gaps;
};

struct inv_snapshot *inv_snapshot_new(void);
void inv_snapshot_free(struct inv_snapshot *snapshot);
AZJIT_DEFINE_CLEANUP(struct inv_snapshot *, inv_snapshot_free);
// Once VMs and addresses are there; false if memory ran out.
bool inv_snapshot_index(struct inv_snapshot *snapshot);
void inv_snapshot_trim(struct inv_snapshot *snapshot);
// The first of the tags with this hash, and how many there are.
uint32_t inv_tags_of(const struct inv_snapshot *snapshot, const uint32_t hash[2], uint32_t *ret_count);
// Has some VM this address, private or public?
bool inv_address_known(const struct inv_snapshot *snapshot, uint32_t number);
// The VM of a resource id; INV_NONE if there is none.
uint32_t inv_vm_by_id(const struct inv_snapshot *snapshot, const char *id);
size_t inv_snapshot_bytes(const struct inv_snapshot *snapshot);

void inv_addr_from(uint32_t number, struct azjit_addr *ret); // 0: family NONE
uint32_t inv_addr_number(const struct azjit_addr *addr);     // 0 unless IPv4
uint32_t inv_addr_read(const char *text);                    // likewise

// --- building ---

// A policy says these ports of a VM.
struct inv_claim {
	inv_str vm;
	uint32_t first_port;
	uint16_t port_count;
	bool firewall;
	uint32_t firewall_addr;
};

struct inv_builder {
	struct inv_snapshot *snapshot;     // borrowed
	const struct azjit_config *config; // borrowed
	struct inv_array text;             // of what is needed for building only
	struct inv_array lists, vm_nics, nics, ipconfigs, subnets, public_ips, claims;
	struct inv_array interned; // inv_str of the snapshot, open addressing
	uint32_t interned_count;
	bool failed; // memory ran out
};

void inv_builder_clear(struct inv_builder *builder);
// What the lists answered, in any order.
void inv_feed_policies(struct inv_builder *builder, const struct azjit_jit_policy *policies, size_t count);
void inv_feed_vms(struct inv_builder *builder, const struct azjit_vm *vms, size_t count);
void inv_feed_nics(struct inv_builder *builder, const struct azjit_nic *nics, size_t count);
void inv_feed_subnets(struct inv_builder *builder, const struct azjit_subnet *subnets, size_t count);
void inv_feed_public_ips(struct inv_builder *builder, const struct azjit_public_ip *ips, size_t count);
// Steps of inv_build; false if memory ran out. A VM that was fed twice, in two pages of one result, stays once.
bool inv_drop_repeated(struct inv_builder *builder);
bool inv_add_foreign(struct inv_builder *builder);
void inv_note_gaps(struct inv_builder *builder);
// Joins everything and makes the indexes; false if memory ran out at any time.
bool inv_build(struct inv_builder *builder);
// For a snapshot that is built: adds the policies fed. *ret_added: ports that were new.
bool inv_add_policies(struct inv_builder *builder, size_t *ret_added);

#endif
