// SPDX-License-Identifier: Apache-2.0
// Memory that lives as long as one answer: everything a callback borrows is taken here and given back
// at once when the callback has returned.
#ifndef AZJIT_AZURE_ARENA_H
#define AZJIT_AZURE_ARENA_H

#include <azjit/macro.h>

struct arena_block;
struct arena {
	struct arena_block *blocks;
};

// Zeroed and aligned for any type; NULL if memory ran out or count * size overflows. A count of zero
// gives a valid pointer, so that NULL always means failure.
void *arena_array(struct arena *arena, size_t count, size_t size);
// Gives everything back.
void arena_free(struct arena *arena);

#define _cleanup_arena_ _cleanup_(arena_free)

#endif
