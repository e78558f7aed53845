// SPDX-License-Identifier: Apache-2.0
#include "inventory_store.h"

#include <strings.h>

#define FIRST_ITEMS 16
#define ITEMS_MAX   (UINT32_MAX / 2)

void *inv_push(struct inv_array *array, uint32_t count, size_t item_bytes)
{
	uint64_t need = (uint64_t)array->count + count;
	char *first;

	if (need > ITEMS_MAX)
		return NULL;
	if (need > array->alloc || !array->items) {
		uint64_t alloc = array->alloc ? array->alloc + array->alloc / 2 : FIRST_ITEMS;
		void *grown;

		if (alloc < need)
			alloc = need;
		grown = reallocarray(array->items, alloc, item_bytes);
		if (!grown)
			return NULL;
		array->items = grown;
		array->alloc = (uint32_t)alloc;
	}
	first = (char *)array->items + array->count * item_bytes;
	memset(first, 0, count * item_bytes);
	array->count = (uint32_t)need;
	return first;
}

void inv_trim(struct inv_array *array, size_t item_bytes)
{
	void *trimmed = array->count ? reallocarray(array->items, array->count, item_bytes) : NULL;

	if (!trimmed)
		return;
	array->items = trimmed;
	array->alloc = array->count;
}

void inv_array_free(struct inv_array *array)
{
	free(array->items);
	*array = (struct inv_array){NULL, 0, 0};
}

// --- strings ---

const char *inv_text(const struct inv_array *pool, inv_str string)
{
	return string ? INV(const char, pool, string) : "";
}

inv_str inv_add_bytes(struct inv_array *pool, const char *text, size_t len)
{
	inv_str at;
	char *room;

	if (len == 0)
		return 0;
	if (pool->count == 0 && !inv_push(pool, 1, 1))
		return INV_NONE;
	at = pool->count;
	room = len < ITEMS_MAX ? inv_push(pool, (uint32_t)len + 1, 1) : NULL;
	if (!room)
		return INV_NONE;
	memcpy(room, text, len);
	return at;
}

inv_str inv_add_text(struct inv_array *pool, const char *text)
{
	return inv_add_bytes(pool, text, strlen(text));
}

// --- ids ---

char *inv_id_text(const struct inv_array *pool, struct inv_id id)
{
	const char *dir = inv_text(pool, id.dir), *name = inv_text(pool, id.name);
	size_t dir_len = strlen(dir), name_len = strlen(name);
	char *text = malloc(dir_len + name_len + 1);

	if (!text)
		return NULL;
	memcpy(text, dir, dir_len);
	memcpy(text + dir_len, name, name_len + 1);
	return text;
}

bool inv_id_is(const struct inv_array *pool, struct inv_id id, const char *text)
{
	const char *dir = inv_text(pool, id.dir);
	size_t len = strlen(dir);

	return strncasecmp(dir, text, len) == 0 && azjit_ieq(inv_text(pool, id.name), text + len);
}

// --- hash tables ---

uint32_t inv_hash_number(uint32_t number)
{
	number ^= number >> 16;
	number *= 0x7feb352d;
	number ^= number >> 15;
	number *= 0x846ca68b;
	return number ^ number >> 16;
}

#define HASH_START 2166136261

static uint32_t hash_on(uint32_t hash, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		hash = (hash ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * 16777619;
	}
	return hash;
}

uint32_t inv_hash_bytes(const char *text, size_t len)
{
	return inv_hash_number(hash_on(HASH_START, text, len));
}

uint32_t inv_hash_text(const char *text)
{
	return inv_hash_bytes(text, strlen(text));
}

uint32_t inv_hash_id(const struct inv_array *pool, struct inv_id id)
{
	const char *dir = inv_text(pool, id.dir), *name = inv_text(pool, id.name);

	return inv_hash_number(hash_on(hash_on(HASH_START, dir, strlen(dir)), name, strlen(name)));
}

// --- tags ---

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

void inv_tag_hash(const char *name, size_t name_len, const char *value, uint32_t ret_hash[2])
{
	uint64_t hash = 14695981039346656037U;

	for (size_t i = 0; i < name_len; i++)
		hash = (hash ^ lower(name[i])) * 1099511628211U;
	hash *= 1099511628211U; // a zero byte between, which neither holds
	for (; *value; value++)
		hash = (hash ^ lower(*value)) * 1099511628211U;
	ret_hash[0] = (uint32_t)(hash >> 32);
	ret_hash[1] = (uint32_t)hash;
}

// --- indexes ---

bool inv_index_new(struct inv_index *index, uint32_t count)
{
	uint32_t heads = 16;

	while (heads < count)
		heads *= 2;
	inv_index_free(index);
	index->heads = calloc(heads, sizeof(*index->heads));
	index->next = calloc(count ? count : 1, sizeof(*index->next));
	index->mask = heads - 1;
	return index->heads && index->next;
}

// Entries are the record's number plus one.
void inv_index_add(struct inv_index *index, uint32_t record, uint32_t hash)
{
	uint32_t *head = &index->heads[hash & index->mask];

	index->next[record] = *head;
	*head = record + 1;
}

uint32_t inv_index_first(const struct inv_index *index, uint32_t hash)
{
	return index->heads ? index->heads[hash & index->mask] - 1 : INV_NONE;
}

uint32_t inv_index_next(const struct inv_index *index, uint32_t record)
{
	return index->next[record] - 1;
}

void inv_index_free(struct inv_index *index)
{
	free(index->heads);
	free(index->next);
	*index = (struct inv_index){NULL, NULL, 0};
}

// --- snapshots ---

struct inv_snapshot *inv_snapshot_new(void)
{
	_cleanup_(inv_snapshot_freep) struct inv_snapshot *snapshot = calloc(1, sizeof(*snapshot));

	// List 0 is the empty one.
	if (!snapshot || !inv_push(&snapshot->lists, 1, sizeof(uint32_t)))
		return NULL;
	return STEAL(snapshot);
}

void inv_snapshot_free(struct inv_snapshot *snapshot)
{
	if (!snapshot)
		return;
	inv_array_free(&snapshot->text);
	inv_array_free(&snapshot->lists);
	inv_array_free(&snapshot->vms);
	inv_array_free(&snapshot->addresses);
	inv_array_free(&snapshot->ports);
	inv_array_free(&snapshot->dns_names);
	inv_array_free(&snapshot->tags);
	inv_index_free(&snapshot->by_id);
	inv_index_free(&snapshot->by_name);
	inv_index_free(&snapshot->by_private);
	inv_index_free(&snapshot->by_public);
	inv_index_free(&snapshot->by_dns_name);
	inv_index_free(&snapshot->by_tag);
	free(snapshot);
}

// --- their indexes ---

static uint32_t hash_id(const void *context, uint32_t vm)
{
	const struct inv_snapshot *s = context;

	return inv_hash_id(&s->text, INV(struct inv_vm, &s->vms, vm)->id);
}

static uint32_t hash_name(const void *context, uint32_t vm)
{
	const struct inv_snapshot *s = context;

	return inv_hash_text(inv_text(&s->text, INV(struct inv_vm, &s->vms, vm)->id.name));
}

static uint32_t hash_private(const void *context, uint32_t address)
{
	const struct inv_snapshot *s = context;

	return inv_hash_number(INV(struct inv_address, &s->addresses, address)->private_addr);
}

static uint32_t hash_public(const void *context, uint32_t address)
{
	const struct inv_snapshot *s = context;

	return inv_hash_number(INV(struct inv_address, &s->addresses, address)->public_addr);
}

static uint32_t hash_dns_name(const void *context, uint32_t name)
{
	const struct inv_snapshot *s = context;

	return inv_hash_text(inv_text(&s->text, INV(struct inv_dns_name, &s->dns_names, name)->text));
}

static uint32_t hash_tag(const void *context, uint32_t tag)
{
	const struct inv_snapshot *s = context;

	return INV(struct inv_tag, &s->tags, tag)->hash[1];
}

void inv_snapshot_indexed(struct inv_snapshot *s, struct inv_indexed ret[INV_INDEXES])
{
	const struct inv_indexed all[INV_INDEXES] = {
	        {&s->by_id, s->vms.count, hash_id},
	        {&s->by_name, s->vms.count, hash_name},
	        {&s->by_private, s->addresses.count, hash_private},
	        {&s->by_public, s->addresses.count, hash_public},
	        {&s->by_dns_name, s->dns_names.count, hash_dns_name},
	        {&s->by_tag, s->tags.count, hash_tag},
	};

	memcpy(ret, all, sizeof(all));
}

bool inv_snapshot_index_one(struct inv_snapshot *s, int which)
{
	struct inv_indexed all[INV_INDEXES];

	inv_snapshot_indexed(s, all);
	if (!inv_index_new(all[which].index, all[which].count))
		return false;
	for (uint32_t record = all[which].count; record-- > 0;)
		inv_index_add(all[which].index, record, all[which].hash(s, record));
	return true;
}

bool inv_snapshot_index_all(struct inv_snapshot *s)
{
	bool ok = true;

	for (int which = 0; ok && which < INV_INDEXES; which++)
		ok = inv_snapshot_index_one(s, which);
	return ok;
}

void inv_snapshot_trim(struct inv_snapshot *s)
{
	inv_trim(&s->text, 1);
	inv_trim(&s->lists, sizeof(uint32_t));
	inv_trim(&s->vms, sizeof(struct inv_vm));
	inv_trim(&s->addresses, sizeof(struct inv_address));
	inv_trim(&s->ports, sizeof(struct inv_port));
	inv_trim(&s->dns_names, sizeof(struct inv_dns_name));
	inv_trim(&s->tags, sizeof(struct inv_tag));
}

uint32_t inv_vm_by_id(const struct inv_snapshot *snapshot, const char *id)
{
	uint32_t vm = inv_index_first(&snapshot->by_id, inv_hash_text(id));

	while (vm != INV_NONE && !inv_id_is(&snapshot->text, INV(struct inv_vm, &snapshot->vms, vm)->id, id))
		vm = inv_index_next(&snapshot->by_id, vm);
	return vm;
}

bool inv_address_known(const struct inv_snapshot *s, uint32_t number)
{
	const struct inv_index *indexes[] = {&s->by_private, &s->by_public};

	for (size_t i = 0; i < AZJIT_COUNT(indexes); i++)
		for (uint32_t a = inv_index_first(indexes[i], inv_hash_number(number)); a != INV_NONE;
		     a = inv_index_next(indexes[i], a)) {
			const struct inv_address *address = INV(struct inv_address, &s->addresses, a);

			if ((i == 0 ? address->private_addr : address->public_addr) == number)
				return true;
		}
	return false;
}

uint32_t inv_vm_by_parts(const struct inv_snapshot *snapshot, const struct inv_array *pool, struct inv_id id)
{
	uint32_t vm = inv_index_first(&snapshot->by_id, inv_hash_id(pool, id));

	for (; vm != INV_NONE; vm = inv_index_next(&snapshot->by_id, vm)) {
		struct inv_id have = INV(struct inv_vm, &snapshot->vms, vm)->id;

		if (azjit_ieq(inv_text(&snapshot->text, have.name), inv_text(pool, id.name)) &&
		    azjit_ieq(inv_text(&snapshot->text, have.dir), inv_text(pool, id.dir)))
			break;
	}
	return vm;
}

static size_t index_bytes(const struct inv_index *index, uint32_t records)
{
	return ((size_t)index->mask + 1 + records) * sizeof(uint32_t);
}

size_t inv_snapshot_bytes(const struct inv_snapshot *s)
{
	return sizeof(*s) + s->text.alloc + s->lists.alloc * sizeof(uint32_t) +
	       s->vms.alloc * sizeof(struct inv_vm) + s->addresses.alloc * sizeof(struct inv_address) +
	       s->ports.alloc * sizeof(struct inv_port) + s->dns_names.alloc * sizeof(struct inv_dns_name) +
	       s->tags.alloc * sizeof(struct inv_tag) + index_bytes(&s->by_dns_name, s->dns_names.count) +
	       index_bytes(&s->by_tag, s->tags.count) + index_bytes(&s->by_id, s->vms.count) +
	       index_bytes(&s->by_name, s->vms.count) + index_bytes(&s->by_private, s->addresses.count) +
	       index_bytes(&s->by_public, s->addresses.count);
}

// --- addresses ---

void inv_addr_from(uint32_t number, struct azjit_addr *ret)
{
	*ret = (struct azjit_addr){AZJIT_FAMILY_NONE, {0}};
	if (!number)
		return;
	ret->family = AZJIT_IPV4;
	for (int i = 0; i < 4; i++)
		ret->bytes[i] = (uint8_t)(number >> (24 - 8 * i));
}

uint32_t inv_addr_number(const struct azjit_addr *addr)
{
	uint32_t number = 0;

	for (int i = 0; addr->family == AZJIT_IPV4 && i < 4; i++)
		number = number << 8 | addr->bytes[i];
	return number;
}

uint32_t inv_addr_read(const char *text)
{
	struct azjit_addr addr;

	return azjit_addr_parse(text, &addr) == AZJIT_OK ? inv_addr_number(&addr) : 0;
}
