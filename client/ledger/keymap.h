// SPDX-License-Identifier: Apache-2.0
// A map from ids, compared without case as Azure compares them, to numbers. Keys are borrowed.
#ifndef AZJIT_LEDGER_KEYMAP_H
#define AZJIT_LEDGER_KEYMAP_H

#include <azjit/macro.h>

struct azjit_keymap {
	struct azjit_keymap_slot {
		const char *key; // NULL: free
		size_t value;
	} * slots;
	size_t size; // a power of two
};

// Makes room for at most `count` keys.
bool azjit_keymap_init(struct azjit_keymap *map, size_t count);
void azjit_keymap_clear(struct azjit_keymap *map);
// The place of a key's number, a new one holding `value`; NULL for an empty or NULL key, or if the map
// is full.
size_t *azjit_keymap_put(struct azjit_keymap *map, const char *key, size_t value);
// The place of a key's number; NULL if it is not there.
size_t *azjit_keymap_get(const struct azjit_keymap *map, const char *key);

#endif
