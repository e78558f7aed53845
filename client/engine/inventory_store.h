// SPDX-License-Identifier: Apache-2.0
// How the inventory lies in memory: one snapshot, arrays of small records that name each other by index,
// strings in one pool. A resource id is two of them, since what stands before the name is the same for a
// whole group. 250 to 300 bytes a VM (`make bench` measures it in the broker); found through chained hash
// tables, so that equal names cost their number and no more.
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
inv_str inv_add_bytes(struct inv_array *pool, const char *text, size_t len);

// A resource id, cut behind its last slash. Its casing may be another VM's of the same group: ids are
// compared without case.
struct inv_id {
	inv_str dir, name;
};
// A copy in one piece; NULL if memory ran out.
char *inv_id_text(const struct inv_array *pool, struct inv_id id);
bool inv_id_is(const struct inv_array *pool, struct inv_id id, const char *text);

// A chained hash table over the records 0 … count-1 of some array.
typedef uint32_t inv_hash_fn(const void *context, uint32_t record);
struct inv_index {
	uint32_t *heads, *next;
	uint32_t mask;
};
// Makes an empty one, and adds record after record, from the last to the first, so that a chain is in
// their order.
bool inv_index_new(struct inv_index *index, uint32_t count);
void inv_index_add(struct inv_index *index, uint32_t record, uint32_t hash);
uint32_t inv_index_first(const struct inv_index *index, uint32_t hash); // INV_NONE: no more
uint32_t inv_index_next(const struct inv_index *index, uint32_t record);
void inv_index_free(struct inv_index *index);
uint32_t inv_hash_text(const char *text); // without case (ASCII)
uint32_t inv_hash_bytes(const char *text, size_t len);
uint32_t inv_hash_id(const struct inv_array *pool, struct inv_id id); // that of its text
uint32_t inv_hash_number(uint32_t number);

struct inv_port {
	inv_str policy;    // id
	uint32_t prefixes; // list
	uint32_t max_duration_s;
	uint16_t number;
	uint8_t protocol;
};

struct inv_vm {
	struct inv_id id;
	uint32_t first_address, first_port;
	uint32_t firewall_addr; // where `firewall`; 0: not readable as an IPv4 address
	uint16_t port_count;
	uint8_t address_count;
	bool stopped : 1;
	bool firewall : 1;
	bool gap : 1;                   // an interface, subnet or public address that it names was not there
	bool repeated : 1;              // fed before; gone once the snapshot is built
	enum azjit_machine machine : 2; // but AZJIT_MACHINE_AZURE: inventory_foreign.c
};

// One IP configuration with an IPv4 address. Addresses are numbers in host order, 0: none.
struct inv_address {
	uint32_t private_addr, public_addr;
	struct inv_id nic_nsg; // no name: none
	inv_str subnet_nsg;
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
	struct inv_array tags;      // struct inv_tag
	struct inv_index by_id, by_name, by_private, by_public, by_dns_name, by_tag;
	// What policies name and is not there, or has a gap: a digest, 0 for nothing. Two snapshots that lack
	// the same have the same.
	uint32_t gaps;
};

struct inv_snapshot *inv_snapshot_new(void);
void inv_snapshot_free(struct inv_snapshot *snapshot);
AZJIT_DEFINE_CLEANUP(struct inv_snapshot *, inv_snapshot_free);
// Its indexes, to be made once VMs, addresses, names and tags are there.
struct inv_indexed {
	struct inv_index *index;
	uint32_t count;
	inv_hash_fn *hash; // of the snapshot
};
#define INV_INDEXES 6 // the first is by_id
void inv_snapshot_indexed(struct inv_snapshot *snapshot, struct inv_indexed ret[INV_INDEXES]);
// Makes one of them, or all, at once; false if memory ran out.
bool inv_snapshot_index_one(struct inv_snapshot *snapshot, int which);
bool inv_snapshot_index_all(struct inv_snapshot *snapshot);
void inv_snapshot_trim(struct inv_snapshot *snapshot);
// Has some VM this address, private or public?
bool inv_address_known(const struct inv_snapshot *snapshot, uint32_t number);
// The VM of a resource id; INV_NONE if there is none.
uint32_t inv_vm_by_id(const struct inv_snapshot *snapshot, const char *id);
// The same of an id in another pool.
uint32_t inv_vm_by_parts(const struct inv_snapshot *snapshot, const struct inv_array *pool, struct inv_id id);
size_t inv_snapshot_bytes(const struct inv_snapshot *snapshot);

void inv_addr_from(uint32_t number, struct azjit_addr *ret); // 0: family NONE
uint32_t inv_addr_number(const struct azjit_addr *addr);     // 0 unless IPv4
uint32_t inv_addr_read(const char *text);                    // likewise

// --- building ---

struct inv_builder {
	struct inv_snapshot *snapshot;     // borrowed
	const struct azjit_config *config; // borrowed
	struct inv_array text;             // of what is needed for building only
	struct inv_array lists, vm_nics, nics, ipconfigs, subnets, public_ips, claims;
	struct inv_interned {
		struct inv_array slots; // of inventory_build.c, open addressing
		uint32_t count;
	} interned, known;     // of the snapshot's text; of ours
	struct inv_join *join; // of inv_build_some
	uint32_t repeated;     // VMs so marked
	bool failed;           // memory ran out
};

void inv_builder_clear(struct inv_builder *builder);
// What the lists answered, in any order.
void inv_feed_policies(struct inv_builder *builder, const struct azjit_jit_policy *policies, size_t count);
void inv_feed_vms(struct inv_builder *builder, const struct azjit_vm *vms, size_t count);
void inv_feed_nics(struct inv_builder *builder, const struct azjit_nic *nics, size_t count);
void inv_feed_subnets(struct inv_builder *builder, const struct azjit_subnet *subnets, size_t count);
void inv_feed_public_ips(struct inv_builder *builder, const struct azjit_public_ip *ips, size_t count);
// Joins everything and makes the indexes, some thousand records at a time, so that whoever waits for the
// loop does not wait for all. True: call again. It is done, or `failed`, when false; policies that are fed
// afterwards are joined by calling it again.
bool inv_build_some(struct inv_builder *builder);
// For a snapshot that is built: adds the policies fed. *ret_added: ports that were new.
bool inv_add_policies(struct inv_builder *builder, size_t *ret_added);

#endif
