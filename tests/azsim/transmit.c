// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "transmit.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#define FLUSH_MS 100 // what was sent is on its way before a reset overtakes it

struct stream {
	struct request *req; // gone when the stream is freed
	struct sim *sim;
	size_t sent;
	bool rested;
};

// A TCP reset at once: disconnecting an established socket sends one.
static void reset_peer(struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

	if (info)
		connect(info->connect_fd, &nobody, sizeof(nobody));
}

static void wake(struct sim *sim, void *arg)
{
	struct stream *s = arg;

	(void)sim;
	s->rested = true;
	MHD_resume_connection(s->req->conn);
}

static size_t allowed(struct stream *s, size_t max)
{
	const struct reply *r = &s->req->reply;
	size_t end = r->text_len, n;

	if (r->cut_at >= 0 && (size_t)r->cut_at < end)
		end = (size_t)r->cut_at;
	n = end - s->sent;
	if (r->ms_per_byte && n > (size_t)r->chunk)
		n = (size_t)r->chunk;
	return n < max ? n : max;
}

// libmicrohttpd corks the socket until the body's end: what was written must leave before the rest comes.
static void push(struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	const int off = 0;

	if (info)
		setsockopt(info->connect_fd, IPPROTO_TCP, TCP_CORK, &off, sizeof(off));
}

// Nothing for now; the reader is asked again after that time.
static ssize_t rest(struct stream *s, int64_t ms)
{
	push(s->req->conn);
	MHD_suspend_connection(s->req->conn);
	timers_add(&s->sim->wall, mono_ms() + ms, wake, s);
	return 0;
}

static ssize_t next_bytes(void *cls, uint64_t pos, char *buf, size_t max)
{
	struct stream *s = cls;
	struct reply *r = &s->req->reply;
	size_t n = allowed(s, max);

	if (!n && s->sent == r->text_len)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (!n && r->reset && !s->rested)
		return rest(s, FLUSH_MS);
	if (!n) {
		if (r->reset)
			reset_peer(s->req->conn);
		return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	if (r->ms_per_byte && s->sent && !s->rested)
		return rest(s, (int64_t)r->ms_per_byte * (int64_t)n);
	s->rested = false;
	memcpy(buf, r->text + s->sent, n);
	s->sent += n;
	return (ssize_t)n;
}

static void stream_free(void *cls)
{
	struct stream *s = cls;

	timers_drop(&s->sim->wall, s);
	free(s);
}

static struct MHD_Response *response_of(struct request *req)
{
	struct reply *r = &req->reply;
	struct stream *s;

	if (r->cut_at < 0 && !r->ms_per_byte && !r->chunked)
		return MHD_create_response_from_buffer(r->text_len, r->text, MHD_RESPMEM_MUST_COPY);
	s = xcalloc(1, sizeof(*s));
	s->req = req;
	s->sim = req->sim;
	return MHD_create_response_from_callback(r->chunked ? MHD_SIZE_UNKNOWN : r->text_len, 512, next_bytes,
	                                         s, stream_free);
}

enum MHD_Result transmit(struct request *req)
{
	struct reply *r = &req->reply;
	struct MHD_Response *response;
	enum MHD_Result result;

	if (r->reset && r->cut_at < 0) {
		reset_peer(req->conn);
		return MHD_NO;
	}
	response = response_of(req);
	// libmicrohttpd refuses an empty value; a blank is the same to HTTP (RFC 9110 §5.5).
	for (size_t i = 0; i < r->header_count; i++)
		MHD_add_response_header(response, r->headers[i].name,
		                        *r->headers[i].value ? r->headers[i].value : " ");
	result = MHD_queue_response(req->conn, (unsigned)r->status, response);
	MHD_destroy_response(response);
	return result;
}
