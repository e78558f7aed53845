// SPDX-License-Identifier: Apache-2.0
// Scope owns: cleanup attributes and the few macros that every room uses.
#ifndef AZJIT_MACRO_H
#define AZJIT_MACRO_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define _cleanup_(fn)       __attribute__((cleanup(fn)))
#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))
#define _must_check_        __attribute__((warn_unused_result))

#define AZJIT_COUNT(array) (sizeof(array) / sizeof((array)[0]))

// Hands a pointer (or descriptor) over: the variable is NULL (-1) afterwards.
#define STEAL(ptr)                                 \
	({                                         \
		__auto_type azjit_stolen_ = (ptr); \
		(ptr) = NULL;                      \
		azjit_stolen_;                     \
	})
#define STEAL_FD(fd)                      \
	({                                \
		int azjit_stolen_ = (fd); \
		(fd) = -1;                \
		azjit_stolen_;            \
	})

static inline void azjit_freep_(void *p)
{
	int saved = errno;

	free(*(void **)p);
	errno = saved;
}

static inline void azjit_closep_(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	errno = saved;
}

#define _cleanup_free_  _cleanup_(azjit_freep_)
#define _cleanup_close_ _cleanup_(azjit_closep_)

// A cleanup function `typep` for a destructor that takes `type *` and accepts NULL.
#define AZJIT_DEFINE_CLEANUP(type, destructor)    \
	static inline void destructor##p(type *p) \
	{                                         \
		int saved = errno;                \
		if (*p)                           \
			destructor(*p);           \
		errno = saved;                    \
	}                                         \
	struct azjit_cleanup_##destructor##_ /* swallows the semicolon */

static inline bool azjit_streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

#endif
