// SPDX-License-Identifier: Apache-2.0
#include "arena.h"

#include <stdalign.h>

#define BLOCK_BYTES ((size_t)16 * 1024)

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	alignas(max_align_t) char data[];
};

static struct arena_block *arena_grow(struct arena *arena, size_t size)
{
	size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;
	struct arena_block *block;

	if (room > SIZE_MAX - sizeof(*block))
		return NULL;
	block = calloc(1, sizeof(*block) + room);
	if (!block)
		return NULL;
	block->size = room;
	block->next = arena->blocks;
	arena->blocks = block;
	return block;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct arena_block *block = arena->blocks;
	size_t bytes;
	void *taken;

	if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2)
		return NULL;
	bytes = (bytes + align) / align * align; // at least one unit, so that no two share an address
	if (!block || block->size - block->used < bytes)
		block = arena_grow(arena, bytes);
	if (!block)
		return NULL;
	taken = block->data + block->used;
	block->used += bytes;
	return taken;
}

void arena_free(struct arena *arena)
{
	while (arena->blocks) {
		struct arena_block *next = arena->blocks->next;

		free(arena->blocks);
		arena->blocks = next;
	}
}
