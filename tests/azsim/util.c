// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "util.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

void die(int status, const char *fmt, ...)
{
	va_list ap;

	fputs("azsim: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(status);
}

static void *or_die(void *p)
{
	if (!p)
		die(EX_SOFTWARE, "out of memory");
	return p;
}

void *xcalloc(size_t count, size_t size)
{
	return or_die(calloc(count, size));
}

void *xrealloc(void *p, size_t bytes)
{
	return or_die(realloc(p, bytes));
}

char *xstrdup(const char *s)
{
	return or_die(strdup(s ? s : ""));
}

char *xstrndup(const char *s, size_t bytes)
{
	return or_die(strndup(s, bytes));
}

char *xasprintf(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return or_die(n < 0 ? NULL : s);
}

char *str_lower(const char *s)
{
	char *copy = xstrdup(s);

	for (char *p = copy; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return copy;
}

bool str_ieq(const char *a, const char *b)
{
	return a && b && !strcasecmp(a, b);
}

bool str_istarts(const char *s, const char *prefix)
{
	return s && prefix && !strncasecmp(s, prefix, strlen(prefix));
}

bool str_glob(const char *pattern, const char *s)
{
	const char *star = NULL, *from = NULL;

	while (*s) {
		if (*pattern == '*') {
			star = pattern++;
			from = s;
		} else if (tolower((unsigned char)*pattern) == tolower((unsigned char)*s)) {
			pattern++;
			s++;
		} else if (star) {
			pattern = star + 1;
			s = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

bool parse_number(const char *s, long long min, long long max, long long *ret)
{
	char *end;
	long long n;

	if (!s || !*s || isspace((unsigned char)*s) || *s == '+')
		return false;
	errno = 0;
	n = strtoll(s, &end, 10);
	if (errno || *end || n < min || n > max)
		return false;
	*ret = n;
	return true;
}

void buf_add(struct buf *b, const void *data, size_t bytes)
{
	if (b->len + bytes + 1 > b->cap) {
		b->cap = (b->len + bytes + 1) * 2;
		b->data = xrealloc(b->data, b->cap);
	}
	if (bytes)
		memcpy(b->data + b->len, data, bytes);
	b->len += bytes;
	b->data[b->len] = '\0';
}

void buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

uint64_t hash64(const char *s)
{
	uint64_t h = 1469598103934665603ULL; // FNV-1a

	for (; *s; s++) {
		h ^= (unsigned char)tolower((unsigned char)*s);
		h *= 1099511628211ULL;
	}
	return h;
}

char *base64url(const void *data, size_t bytes)
{
	char *out = xcalloc(bytes / 3 + 2, 4);
	size_t n = (size_t)EVP_EncodeBlock((unsigned char *)out, data, (int)bytes);

	while (n && out[n - 1] == '=')
		out[--n] = '\0';
	for (char *p = out; *p; p++)
		*p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
	return out;
}

unsigned char *base64url_decode(const char *s, size_t len, size_t *ret_bytes)
{
	size_t padded = (len + 3) / 4 * 4;
	_cleanup_free_ char *in = xcalloc(padded + 1, 1);
	unsigned char *out = xcalloc(padded + 1, 1);
	int n;

	for (size_t i = 0; i < padded; i++) {
		char c = i < len ? s[i] : '=';

		if (i < len && !isalnum((unsigned char)c) && c != '-' && c != '_') {
			free(out);
			return NULL;
		}
		in[i] = c == '-' ? '+' : c == '_' ? '/' : c;
	}
	n = EVP_DecodeBlock(out, (unsigned char *)in, (int)padded);
	if (n < 0 || len % 4 == 1) {
		free(out);
		return NULL;
	}
	*ret_bytes = len * 3 / 4;
	return out;
}

json_t *jnew(const char *fmt, ...)
{
	json_error_t err;
	json_t *v;
	va_list ap;

	va_start(ap, fmt);
	v = json_vpack_ex(&err, 0, fmt, ap);
	va_end(ap);
	if (!v)
		die(EX_SOFTWARE, "json '%s': %s", fmt, err.text);
	return v;
}

const char *jstr(const json_t *o, const char *key, const char *otherwise)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : otherwise;
}

long long jint(const json_t *o, const char *key, long long otherwise)
{
	const json_t *v = json_object_get(o, key);

	if (json_is_real(v))
		return (long long)json_real_value(v);
	return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

bool jbool(const json_t *o, const char *key, bool otherwise)
{
	const json_t *v = json_object_get(o, key);

	return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

json_t *jpath(const json_t *o, const char *dotted)
{
	const json_t *v = o;

	while (v && *dotted) {
		size_t n = strcspn(dotted, ".");
		_cleanup_free_ char *key = xstrndup(dotted, n);

		v = json_object_get(v, key);
		dotted += n + (dotted[n] == '.');
	}
	return (json_t *)v;
}

void jset(json_t *o, const char *key, json_t *stolen)
{
	if (json_object_set_new(o, key, or_die(stolen)))
		die(EX_SOFTWARE, "json member '%s' cannot be set", key);
}

void jsets(json_t *o, const char *key, const char *value)
{
	jset(o, key, json_string(value));
}

void jpush(json_t *array, json_t *stolen)
{
	if (json_array_append_new(array, or_die(stolen)))
		die(EX_SOFTWARE, "json array cannot grow");
}
