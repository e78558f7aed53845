// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <zlib.h>

#include "request.h"
#include "settings.h"
#include "util.h"

static void drop_headers(struct reply *r)
{
	for (size_t i = 0; i < r->header_count; i++) {
		free(r->headers[i].name);
		free(r->headers[i].value);
	}
	r->header_count = 0;
}

void reply_restart(struct reply *r)
{
	drop_headers(r);
	json_decref(r->body);
	free(r->text);
	r->body = NULL;
	r->text = NULL;
	r->text_len = 0;
	r->bom = false;
	r->content_type = NULL;
}

void reply_clear(struct reply *r)
{
	reply_restart(r);
	*r = (struct reply){.cut_at = -1};
}

void reply_json(struct request *req, int status, json_t *stolen)
{
	json_decref(req->reply.body);
	req->reply.body = stolen;
	req->reply.status = status;
}

void reply_empty(struct request *req, int status)
{
	reply_json(req, status, NULL);
}

void reply_text(struct request *req, int status, const char *content_type, const char *text)
{
	reply_empty(req, status);
	free(req->reply.text);
	req->reply.text = xstrdup(text);
	req->reply.text_len = strlen(text);
	req->reply.content_type = content_type;
}

void reply_error(struct request *req, int status, const char *code, const char *fmt, ...)
{
	_cleanup_free_ char *message = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&message, fmt, ap) < 0)
		die(EX_SOFTWARE, "out of memory");
	va_end(ap);
	reply_json(req, status, jnew("{s:{s:s s:s}}", "error", "code", code, "message", message));
}

void reply_header(struct request *req, const char *name, const char *value)
{
	struct reply *r = &req->reply;

	if (r->header_count == MAX_HEADERS)
		die(EX_SOFTWARE, "more than %d headers", MAX_HEADERS);
	r->headers[r->header_count++] = (struct header){xstrdup(name), xstrdup(value)};
}

void reply_headerf(struct request *req, const char *name, const char *fmt, ...)
{
	_cleanup_free_ char *value = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&value, fmt, ap) < 0)
		die(EX_SOFTWARE, "out of memory");
	va_end(ap);
	reply_header(req, name, value);
}

const char *reply_find_header(const struct reply *r, const char *name)
{
	for (size_t i = 0; i < r->header_count; i++)
		if (!strcasecmp(r->headers[i].name, name))
			return r->headers[i].value;
	return NULL;
}

static void crlf(struct buf *out, const char *text)
{
	for (; *text; text++)
		if (*text == '\n')
			buf_add(out, "\r\n", 2);
		else
			buf_add(out, text, 1);
}

void reply_render(struct reply *r)
{
	struct buf out = {0};

	if (!r->body || r->text)
		return;
	if (r->bom)
		buf_adds(&out, "\xef\xbb\xbf");
	_cleanup_free_ char *text =
	        json_dumps(r->body, JSON_ENCODE_ANY | (r->pretty ? JSON_INDENT(2) : JSON_COMPACT));

	if (!text)
		die(EX_SOFTWARE, "an answer is not JSON");
	if (r->pretty)
		crlf(&out, text);
	else
		buf_adds(&out, text);
	r->text = out.data;
	r->text_len = out.len;
}

static bool takes_gzip(const char *accept)
{
	const char *p = accept ? strcasestr(accept, "gzip") : NULL;

	return p && !str_istarts(p, "gzip;q=0");
}

void reply_gzip(struct request *req)
{
	struct reply *r = &req->reply;
	z_stream z = {0};
	char *out;
	size_t cap;

	if (!r->text_len || !sw_bool(req->sim, "gzip") || !takes_gzip(request_header(req, "Accept-Encoding")))
		return;
	if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		die(EX_SOFTWARE, "zlib refused to start");
	cap = deflateBound(&z, r->text_len);
	out = xcalloc(cap + 1, 1);
	z.next_in = (unsigned char *)r->text;
	z.avail_in = (unsigned)r->text_len;
	z.next_out = (unsigned char *)out;
	z.avail_out = (unsigned)cap;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		die(EX_SOFTWARE, "an answer could not be compressed");
	free(r->text);
	r->text = out;
	r->text_len = z.total_out;
	r->gzipped = true;
	deflateEnd(&z);
	reply_header(req, "Content-Encoding", "gzip");
	reply_header(req, "Vary", "Accept-Encoding");
}
