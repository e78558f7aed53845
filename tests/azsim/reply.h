// SPDX-License-Identifier: Apache-2.0
/*
 * An answer before it is bytes: status, headers, a JSON body, and how it is to be sent.
 */
#ifndef AZSIM_REPLY_H
#define AZSIM_REPLY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct request;

#define MAX_HEADERS 40

struct header {
	char *name, *value;
};

struct reply {
	int status;
	json_t *body; // NULL: none, or text
	char *text;   // rendered, or literal; text_len bytes
	size_t text_len;
	bool pretty; // two-space indent and CRLF, as Microsoft.Network and Microsoft.Compute write
	bool bom;
	const char *content_type; // static; NULL: JSON
	struct header headers[MAX_HEADERS];
	size_t header_count;
	uint64_t mutate_seed; // used by mutation of bytes
	const json_t *mutate; // kinds, borrowed from the fault; NULL: none

	bool gzipped, chunked, reset, hang;
	long cut_at;      // bytes of the body after which the connection ends; -1: never
	int64_t delay_ms; // before the first byte, wall clock
	int ms_per_byte, chunk;
};

void reply_clear(struct reply *r);
// Forgets body and headers made so far; the way of sending stays.
void reply_restart(struct reply *r);

void reply_json(struct request *req, int status, json_t *stolen);
void reply_empty(struct request *req, int status);
void reply_text(struct request *req, int status, const char *content_type, const char *text);
// {"error":{"code","message"}}
void reply_error(struct request *req, int status, const char *code, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));
// Adds a header; one name may be added more than once. An empty value is sent as an empty header.
void reply_header(struct request *req, const char *name, const char *value);
void reply_headerf(struct request *req, const char *name, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
const char *reply_find_header(const struct reply *r, const char *name);

// Makes text of body, byte order mark and line ends included.
void reply_render(struct reply *r);
// Compresses the text when the caller takes gzip.
void reply_gzip(struct request *req);

#endif
