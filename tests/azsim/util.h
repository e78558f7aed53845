// SPDX-License-Identifier: Apache-2.0
/*
 * What every other file of azsim leans on. Memory: azsim is a test program, so running out of memory
 * ends it (exit 70); nothing here returns NULL for that reason.
 */
#ifndef AZSIM_UTIL_H
#define AZSIM_UTIL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define ARRAY_SIZE(a)  (sizeof(a) / sizeof((a)[0]))
#define _cleanup_(f)   __attribute__((cleanup(f)))
#define _cleanup_free_ _cleanup_(cleanup_free)
#define _printf_(a, b) __attribute__((format(printf, a, b)))

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

// One line on stderr, then exit(status) (sysexits.h).
_Noreturn _printf_(2, 3) void die(int status, const char *fmt, ...);

void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t bytes);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t bytes);
_printf_(1, 2) char *xasprintf(const char *fmt, ...);
char *str_lower(const char *s);

// ASCII case does not matter, as in every name and id of Resource Manager.
bool str_ieq(const char *a, const char *b);
bool str_istarts(const char *s, const char *prefix);

// '*' stands for any run of characters, '/' included; case does not matter.
bool str_glob(const char *pattern, const char *s);

// The whole string as a decimal number within [min, max]; false leaves *ret alone.
bool parse_number(const char *s, long long min, long long max, long long *ret);

// Growing bytes; data is always NUL-terminated once something was added.
struct buf {
	char *data;
	size_t len, cap;
};
void buf_add(struct buf *b, const void *data, size_t bytes);
void buf_adds(struct buf *b, const char *s);
void buf_free(struct buf *b);

uint64_t hash64(const char *s);

// Base64url without padding (RFC 7515); the decoder refuses everything else. Caller frees.
char *base64url(const void *data, size_t bytes);
unsigned char *base64url_decode(const char *s, size_t len, size_t *ret_bytes);

// JSON. A json_t * argument or result is borrowed unless the name says new.
json_t *jnew(const char *fmt, ...); // json_pack, or exit
const char *jstr(const json_t *o, const char *key, const char *otherwise);
long long jint(const json_t *o, const char *key, long long otherwise);
bool jbool(const json_t *o, const char *key, bool otherwise);
json_t *jpath(const json_t *o, const char *dotted);
void jset(json_t *o, const char *key, json_t *stolen);
void jsets(json_t *o, const char *key, const char *value);
void jpush(json_t *array, json_t *stolen);

#endif
