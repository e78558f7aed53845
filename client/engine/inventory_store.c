// SPDX-License-Identifier: Apache-2.0
#include "inventory_store.h"

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

inv_str inv_add_text(struct inv_array *pool, const char *text)
{
	size_t len = strlen(text) + 1;
	inv_str at;
	char *room;

	if (len == 1)
		return 0;
	if (pool->count == 0 && !inv_push(pool, 1, 1))
		return INV_NONE;
	at = pool->count;
	room = len < ITEMS_MAX ? inv_push(pool, (uint32_t)len, 1) : NULL;
	if (!room)
		return INV_NONE;
	memcpy(room, text, len);
	return at;
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

uint32_t inv_hash_text(const char *text)
{
	uint32_t hash = 2166136261;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		hash = (hash ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * 16777619;
	}
	return inv_hash_number(hash);
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

static int compare_hashes(const uint32_t a[2], const uint32_t b[2])
{
	if (a[0] != b[0])
		return a[0] < b[0] ? -1 : 1;
	return (a[1] > b[1]) - (a[1] < b[1]);
}

static int compare_tags(const void *a, const void *b)
{
	const struct inv_tag *one = a, *other = b;
	int order = compare_hashes(one->hash, other->hash);

	return order ? order : (one->vm > other->vm) - (one->vm < other->vm);
}

uint32_t inv_tags_of(const struct inv_snapshot *s, const uint32_t hash[2], uint32_t *ret_count)
{
	uint32_t low = 0, high = s->tags.count, end;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (compare_hashes(INV(struct inv_tag, &s->tags, middle)->hash, hash) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < s->tags.count; end++)
		if (compare_hashes(INV(struct inv_tag, &s->tags, end)->hash, hash) != 0)
			break;
	*ret_count = end - low;
	return low;
}

// --- indexes ---

bool inv_index_build(struct inv_index *index, uint32_t count, inv_hash_fn *hash, const void *context)
{
	uint32_t heads = 16;

	while (heads < count)
		heads *= 2;
	inv_index_free(index);
	index->heads = calloc(heads, sizeof(*index->heads));
	index->next = calloc(count ? count : 1, sizeof(*index->next));
	if (!index->heads || !index->next)
		return false;
	index->mask = heads - 1;
	// From the last to the first, so that a chain is in the order of the records. Entries are the
	// record's number plus one.
	for (uint32_t record = count; record-- > 0;) {
		uint32_t *head = &index->heads[hash(context, record) & index->mask];

		index->next[record] = *head;
		*head = record + 1;
	}
	return true;
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
	free(snapshot);
}

// --- their indexes ---

static const char *vm_id(const void *context, uint32_t vm)
{
	const struct inv_snapshot *s = context;

	return inv_text(&s->text, INV(struct inv_vm, &s->vms, vm)->id);
}

static uint32_t hash_id(const void *context, uint32_t vm)
{
	return inv_hash_text(vm_id(context, vm));
}

static uint32_t hash_name(const void *context, uint32_t vm)
{
	return inv_hash_text(azjit_id_name(vm_id(context, vm)));
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

bool inv_snapshot_index(struct inv_snapshot *s)
{
	if (s->tags.count)
		qsort(s->tags.items, s->tags.count, sizeof(struct inv_tag), compare_tags);
	return inv_index_build(&s->by_id, s->vms.count, hash_id, s) &&
	       inv_index_build(&s->by_name, s->vms.count, hash_name, s) &&
	       inv_index_build(&s->by_private, s->addresses.count, hash_private, s) &&
	       inv_index_build(&s->by_public, s->addresses.count, hash_public, s) &&
	       inv_index_build(&s->by_dns_name, s->dns_names.count, hash_dns_name, s);
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

	while (vm != INV_NONE &&
	       !azjit_ieq(inv_text(&snapshot->text, INV(struct inv_vm, &snapshot->vms, vm)->id), id))
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
	       index_bytes(&s->by_id, s->vms.count) + index_bytes(&s->by_name, s->vms.count) +
	       index_bytes(&s->by_private, s->addresses.count) +
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
