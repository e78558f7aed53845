// SPDX-License-Identifier: Apache-2.0
#include <azjit/buf.h>

#include <stdarg.h>
#include <stdio.h>

static bool buf_fail(struct azjit_buf *buf)
{
	buf->failed = true;
	return false;
}

// Not realloc: it may leave a copy of a secret behind that azjit_buf_wipe could not reach.
static bool buf_grow(struct azjit_buf *buf, size_t need)
{
	size_t alloc = buf->alloc ? buf->alloc : 64;
	char *data;

	while (alloc < need)
		alloc = alloc > SIZE_MAX / 2 ? need : alloc * 2;
	data = malloc(alloc);
	if (!data)
		return buf_fail(buf);
	if (buf->data) {
		memcpy(data, buf->data, buf->len);
		explicit_bzero(buf->data, buf->len);
		free(buf->data);
	}
	buf->data = data;
	buf->alloc = alloc;
	return true;
}

// Makes room for `len` more bytes and the NUL.
static bool buf_reserve(struct azjit_buf *buf, size_t len)
{
	if (buf->failed)
		return false;
	if (buf->len > buf->max_bytes || len > buf->max_bytes - buf->len || len >= SIZE_MAX - buf->len)
		return buf_fail(buf);
	return buf->len + len < buf->alloc || buf_grow(buf, buf->len + len + 1);
}

bool azjit_buf_add(struct azjit_buf *buf, const void *bytes, size_t len)
{
	if (!buf_reserve(buf, len))
		return false;
	if (len > 0)
		memcpy(buf->data + buf->len, bytes, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
	return true;
}

bool azjit_buf_str(struct azjit_buf *buf, const char *string)
{
	return azjit_buf_add(buf, string, strlen(string));
}

bool azjit_buf_printf(struct azjit_buf *buf, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0)
		return buf_fail(buf);
	if (!buf_reserve(buf, (size_t)len))
		return false;
	va_start(args, fmt);
	(void)vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, args);
	va_end(args);
	buf->len += (size_t)len;
	return true;
}

void azjit_buf_consume(struct azjit_buf *buf, size_t len)
{
	if (len == 0 || !buf->data)
		return;
	if (len > buf->len)
		len = buf->len;
	memmove(buf->data, buf->data + len, buf->len - len + 1);
	buf->len -= len;
}

void azjit_buf_reset(struct azjit_buf *buf)
{
	buf->len = 0;
	buf->failed = false;
	if (buf->data)
		buf->data[0] = '\0';
}

char *azjit_buf_steal(struct azjit_buf *buf)
{
	char *data = NULL;

	if (!buf->failed && azjit_buf_add(buf, "", 0))
		data = STEAL(buf->data);
	azjit_buf_free(buf);
	return data;
}

void azjit_buf_free(struct azjit_buf *buf)
{
	int saved = errno;

	free(buf->data);
	*buf = AZJIT_BUF(buf->max_bytes);
	errno = saved;
}

void azjit_buf_wipe(struct azjit_buf *buf)
{
	if (buf->data)
		explicit_bzero(buf->data, buf->alloc);
	azjit_buf_free(buf);
}
