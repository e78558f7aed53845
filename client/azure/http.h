// SPDX-License-Identifier: Apache-2.0
// HTTP exchanges on the loop: the only room with curl.
//
// Every exchange is made by one function that holds the whole policy: https only (http only where the
// request says so, for IMDS), TLS 1.2 or newer, certificate and name checked, no redirect, no cookie,
// no .netrc, no HSTS or Alt-Svc memory, no proxy but the configured one, no signal, bounded in time and
// size. libcurl 7.88 reads SSLKEYLOGFILE and OpenSSL reads OPENSSL_CONF from the environment by
// themselves, and OpenSSL writes without MSG_NOSIGNAL: the program that uses this library unsets both
// at its start and ignores SIGPIPE.
#ifndef AZJIT_AZURE_HTTP_H
#define AZJIT_AZURE_HTTP_H

#include <azjit/loop.h>

#define HTTP_BODY_MAX_BYTES   ((size_t)16 * 1024 * 1024) // of one answer, after decompression
#define HTTP_HEADER_MAX_BYTES ((size_t)256 * 1024)
#define HTTP_LINK_MAX_BYTES   ((size_t)8 * 1024)

struct http;
struct http_exchange;

// ca_file: instead of the system's certificates; proxy: none unless set. Both are copied; NULL: not set.
enum azjit_result http_new(struct azjit_loop *loop, const char *ca_file, const char *proxy,
                           struct http **ret);
// Cancels what is in flight. Allowed inside a callback of an exchange.
void http_free(struct http *http);

enum http_kind {
	HTTP_TLS = 0,
	HTTP_TLS_ONCE,    // on a fresh connection: libcurl sends a request again by itself when a kept
	                  // connection turns out dead, and what must not be done twice must not be sent so
	HTTP_PLAIN_DIRECT // http, never through a proxy: IMDS
};

struct http_request {
	enum http_kind kind;
	const char *url;
	const char *method;         // "PUT", "DELETE"; NULL: GET, with a body POST; static
	const char *body;           // NULL: none; copied and wiped
	const char *const *headers; // "Name: value", ended by NULL; copied and wiped
	unsigned timeout_ms;        // of the whole exchange, name look-up to last byte
};

enum http_fault {
	HTTP_FAULT_NONE = 0,  // a whole answer
	HTTP_FAULT_CONNECT,   // no connection
	HTTP_FAULT_TRUST,     // the server's certificate was refused
	HTTP_FAULT_LOST,      // the connection broke, or the answer ended early
	HTTP_FAULT_TIME,      // timeout_ms passed
	HTTP_FAULT_TOO_LARGE, // more than HTTP_BODY_MAX_BYTES or HTTP_HEADER_MAX_BYTES
	HTTP_FAULT_GARBLED,   // not the gzip it says it is, or no HTTP
	HTTP_FAULT_LOCAL,     // memory, a bad URL, a CA file that cannot be read
};

struct http_answer {
	enum http_fault fault;
	const char *detail; // libcurl's words for the fault, printable; "" without one
	bool sent;          // some byte of the request may have left
	int status;         // 0: no final status line came
	int64_t took_ms;    // from the moment the request could be sent to the last byte
	const char *body;   // NUL-terminated
	size_t body_len;
	// header values, "" where absent
	const char *date, *retry_after, *correlation_id, *content_type, *www_authenticate;
	const char *operation; // Azure-AsyncOperation: a link of at most HTTP_LINK_MAX_BYTES (azure.md §5.2)
	const char *remaining_reads, *remaining_writes, *remaining_deletes,
	        *remaining_requests;           // of azure.md §5.4
	const char *quota_left, *quota_resets; // of Resource Graph: a number, "hh:mm:ss"
};

// Runs exactly once, later, from the loop.
typedef void http_fn(void *userdata, const struct http_answer *answer);
// NULL if memory ran out; then fn never runs.
struct http_exchange *http_start(struct http *http, const struct http_request *request, http_fn *fn,
                                 void *userdata);
// Accepts NULL; returns NULL; fn never runs.
struct http_exchange *http_cancel(struct http_exchange *exchange);

#endif
