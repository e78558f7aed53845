// SPDX-License-Identifier: Apache-2.0
// A growing byte buffer that is given its cap when made. Truncation is a failure, never a shorter
// string: once an append fails the buffer stays failed and every later append does nothing.
#ifndef AZJIT_BUF_H
#define AZJIT_BUF_H

#include <azjit/macro.h>

struct azjit_buf {
	char *data; // NUL-terminated once anything was appended; NULL before
	size_t len; // without the NUL
	size_t alloc;
	size_t max_bytes; // the cap on len
	bool failed;      // an append did not fit, or memory ran out
};

#define AZJIT_BUF(max) ((struct azjit_buf){.max_bytes = (max)})

// Appends; false if the buffer is, or now becomes, failed.
bool azjit_buf_add(struct azjit_buf *buf, const void *bytes, size_t len);
bool azjit_buf_str(struct azjit_buf *buf, const char *string);
bool azjit_buf_printf(struct azjit_buf *buf, const char *fmt, ...) _printf_(2, 3);
// Forgets the first `len` bytes (len <= buf->len).
void azjit_buf_consume(struct azjit_buf *buf, size_t len);
// Forgets the content and the failure, keeps the memory.
void azjit_buf_reset(struct azjit_buf *buf);
// Hands the string over (caller frees; "" if empty); NULL if failed. The buffer is empty afterwards.
char *azjit_buf_steal(struct azjit_buf *buf);
void azjit_buf_free(struct azjit_buf *buf);
// As azjit_buf_free, and the bytes are wiped first.
void azjit_buf_wipe(struct azjit_buf *buf);

#define _cleanup_buf_ _cleanup_(azjit_buf_free)

#endif
