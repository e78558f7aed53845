// SPDX-License-Identifier: Apache-2.0
// A second verifier, written from the opening comment of client/ledger/chain.c alone; it shares no code
// with the ledger. Returns the number of entries whose chain holds from the start, and their last digest;
// *ret_whole says whether that is all of them.
#ifndef AZJIT_TESTS_LEDGER_INDEPENDENT_H
#define AZJIT_TESTS_LEDGER_INDEPENDENT_H

#include <openssl/sha.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct heap {
	unsigned char *bytes;
	size_t len;
};

static inline void heap_add(struct heap *heap, const void *bytes, size_t len)
{
	heap->bytes = realloc(heap->bytes, heap->len + len + 1);
	memcpy(heap->bytes + heap->len, bytes, len);
	heap->len += len;
}

static inline void heap_number(struct heap *heap, uint64_t number, int size)
{
	for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) {
		unsigned char byte = (number >> shift) & 255;

		heap_add(heap, &byte, 1);
	}
}

static inline void heap_column(struct heap *heap, sqlite3_stmt *row, int column)
{
	const void *bytes = sqlite3_column_blob(row, column);
	int len = sqlite3_column_bytes(row, column);

	heap_number(heap, (uint64_t)len, 4);
	if (len > 0)
		heap_add(heap, bytes, (size_t)len);
}

static inline void heap_fields(struct heap *heap, sqlite3 *db, int64_t seq)
{
	struct heap fields = {0};
	uint64_t count = 0;
	sqlite3_stmt *row = NULL;

	sqlite3_prepare_v2(db, "SELECT key, value FROM field WHERE seq = ? ORDER BY pos", -1, &row, NULL);
	sqlite3_bind_int64(row, 1, seq);
	for (; sqlite3_step(row) == SQLITE_ROW; count++) {
		heap_column(&fields, row, 0);
		heap_column(&fields, row, 1);
	}
	sqlite3_finalize(row);
	heap_number(heap, count, 4);
	if (fields.len > 0)
		heap_add(heap, fields.bytes, fields.len);
	free(fields.bytes);
}

static inline bool independent_entry(sqlite3 *db, sqlite3_stmt *row, int64_t expected,
                                     unsigned char chain[SHA256_DIGEST_LENGTH])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	struct heap heap = {0};
	bool fits;

	heap_add(&heap, chain, SHA256_DIGEST_LENGTH);
	heap_add(&heap, "azjit-ledger-1", 15);
	heap_number(&heap, (uint64_t)sqlite3_column_int64(row, 0), 8);
	heap_number(&heap, (uint64_t)sqlite3_column_int64(row, 1), 8);
	for (int column = 2; column <= 6; column++)
		heap_column(&heap, row, column);
	heap_fields(&heap, db, sqlite3_column_int64(row, 0));
	SHA256(heap.bytes, heap.len, digest);
	free(heap.bytes);
	fits = sqlite3_column_int64(row, 0) == expected &&
	       sqlite3_column_bytes(row, 7) == SHA256_DIGEST_LENGTH &&
	       memcmp(sqlite3_column_blob(row, 7), digest, sizeof(digest)) == 0;
	if (fits)
		memcpy(chain, digest, sizeof(digest));
	return fits;
}

static inline int64_t independent_verify(const char *path, unsigned char ret_digest[SHA256_DIGEST_LENGTH],
                                         bool *ret_whole)
{
	unsigned char chain[SHA256_DIGEST_LENGTH] = {0};
	sqlite3_stmt *row = NULL;
	sqlite3 *db = NULL;
	int64_t fitting = 0;

	*ret_whole = true;
	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_prepare_v2(db,
	                       "SELECT seq, at, kind, event, session, grant_id, host, digest FROM entry"
	                       " ORDER BY seq",
	                       -1, &row, NULL) != SQLITE_OK)
		return -1;
	while (*ret_whole && sqlite3_step(row) == SQLITE_ROW) {
		*ret_whole = independent_entry(db, row, fitting + 1, chain);
		fitting += *ret_whole;
	}
	memcpy(ret_digest, chain, sizeof(chain));
	sqlite3_finalize(row);
	sqlite3_close(db);
	return fitting;
}

// The anchor of a digest by the comment's words.
static inline void independent_anchor(const unsigned char digest[SHA256_DIGEST_LENGTH], char ret_uuid[37])
{
	static const int version = 48, variant = 64;
	unsigned char bits[16] = {0};
	int from = 0;

	for (int to = 0; to < 128; to++) {
		int bit;

		if (to >= version && to < version + 4)
			bit = to == version;
		else if (to >= variant && to < variant + 2)
			bit = to == variant;
		else {
			bit = (digest[from / 8] >> (7 - from % 8)) & 1;
			from++;
		}
		bits[to / 8] |= (unsigned char)(bit << (7 - to % 8));
	}
	for (int i = 0, at = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			ret_uuid[at++] = '-';
		at += snprintf(ret_uuid + at, 3, "%02x", bits[i]);
	}
}

#endif
