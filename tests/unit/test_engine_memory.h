// SPDX-License-Identifier: Apache-2.0
// The n-th allocation of our own code fails (calloc, strdup, reallocarray); those of libraries do not.
// Included once by a test program.
#ifndef AZJIT_TEST_ENGINE_MEMORY_H
#define AZJIT_TEST_ENGINE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static long allocations_left; // the n-th from now on fails; 0: none does
extern char __executable_start, etext;

static bool this_one_fails(const void *caller)
{
	bool ours =
	        (uintptr_t)caller >= (uintptr_t)&__executable_start && (uintptr_t)caller < (uintptr_t)&etext;

	return ours && allocations_left > 0 && --allocations_left == 0;
}

// By way of a pointer that the compiler cannot see through: it would make calloc of malloc and memset.
static void *(*volatile take)(size_t) = malloc;

void *calloc(size_t count, size_t bytes)
{
	size_t total;
	void *memory;

	if (this_one_fails(__builtin_return_address(0)) || __builtin_mul_overflow(count, bytes, &total))
		return NULL;
	memory = take(total);
	return memory ? memset(memory, 0, total) : NULL;
}

char *strdup(const char *text)
{
	size_t len = strlen(text) + 1;
	char *copy = this_one_fails(__builtin_return_address(0)) ? NULL : take(len);

	return copy ? memcpy(copy, text, len) : NULL;
}

void *reallocarray(void *old, size_t count, size_t bytes)
{
	size_t total;

	if (this_one_fails(__builtin_return_address(0)) || __builtin_mul_overflow(count, bytes, &total))
		return NULL;
	return realloc(old, total);
}

#endif
