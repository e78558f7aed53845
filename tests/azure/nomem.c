// SPDX-License-Identifier: Apache-2.0
// Makes the n-th allocation of the driver's process fail, and none after it: ours, libcurl's,
// libsystemd's, glibc's. Not OpenSSL's (3.0: rand_lib uses a lock that it failed to make) and not jansson's
// (2.14: a failed insertion while an object is read frees twice), which crash by themselves. Not in a
// sanitizer build, whose own allocator is the point.
#include "driver.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/crypto.h>

#ifndef __SANITIZE_ADDRESS__
// glibc's own names of what is replaced here.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

// Where a debugger stops to see whose allocation it is.
static __attribute__((noinline)) void allocation_fails(void)
{
	errno = ENOMEM;
}

static bool fails(void)
{
	if (!driver.counting ||
	    __atomic_add_fetch(&driver.allocations, 1, __ATOMIC_RELAXED) != driver.fail_at)
		return false;
	allocation_fails();
	return true;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}

static void *openssl_malloc(size_t size, const char *file, int line)
{
	return __libc_malloc(size);
}

static void *openssl_realloc(void *old, size_t size, const char *file, int line)
{
	return __libc_realloc(old, size);
}

static void openssl_free(void *old, const char *file, int line)
{
	free(old);
}

static void *jansson_malloc(size_t size)
{
	return __libc_malloc(size);
}

__attribute__((constructor)) static void leave_others_alone(void)
{
	json_set_alloc_funcs(jansson_malloc, free);
	(void)CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free);
}
#endif
