// SPDX-License-Identifier: Apache-2.0
#include "keymap.h"
#include <azjit/text.h>

bool azjit_keymap_init(struct azjit_keymap *map, size_t count)
{
	size_t size = 16;

	while (size / 2 < count)
		size *= 2;
	map->slots = calloc(size, sizeof(*map->slots));
	map->size = map->slots ? size : 0;
	return map->slots != NULL;
}

void azjit_keymap_clear(struct azjit_keymap *map)
{
	free(map->slots);
	*map = (struct azjit_keymap){0};
}

// FNV-1a over the lower-case key.
static size_t hash(const char *key)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (; *key; key++) {
		unsigned char c = (unsigned char)*key;

		hash = (hash ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * UINT64_C(1099511628211);
	}
	return (size_t)(hash ^ (hash >> 32));
}

static struct azjit_keymap_slot *find(const struct azjit_keymap *map, const char *key)
{
	if (!key || !*key)
		return NULL;
	for (size_t i = 0, at = hash(key); i < map->size; i++, at++) {
		struct azjit_keymap_slot *slot = &map->slots[at & (map->size - 1)];

		if (!slot->key || azjit_ieq(slot->key, key))
			return slot;
	}
	return NULL;
}

size_t *azjit_keymap_put(struct azjit_keymap *map, const char *key, size_t value)
{
	struct azjit_keymap_slot *slot = find(map, key);

	if (!slot)
		return NULL;
	if (!slot->key)
		*slot = (struct azjit_keymap_slot){key, value};
	return &slot->value;
}

size_t *azjit_keymap_get(const struct azjit_keymap *map, const char *key)
{
	struct azjit_keymap_slot *slot = find(map, key);

	return slot && slot->key ? &slot->value : NULL;
}
