// SPDX-License-Identifier: Apache-2.0
// Starting, watching, delivering. What a handle may do is said in http_policy.c.
#include "http_policy.h"

#include <azjit/buf.h>
#include <azjit/text.h>
#include <azjit/time.h>
#include <stdio.h>

#include <strings.h>
#include <sys/epoll.h>

#define NEVER_MS        UINT64_C(86400000)
#define MAX_CONNECTIONS 64L // kept and in use together; more exchanges queue

struct http {
	struct azjit_loop *loop;
	CURLM *multi;
	struct azjit_source *timer;
	char *ca_file, *proxy;
	struct http_exchange *exchanges;
	bool delivering, dead; // freed inside a callback: the memory goes when the deliverer is done
};

struct http_exchange {
	struct http *http;
	struct http_exchange *next, **link;
	CURL *easy;
	struct curl_slist *headers;
	char *request_body;
	struct azjit_buf body;
	size_t header_bytes;
	bool too_large, ended; // ended: to be delivered, with `code`
	CURLcode code;
	http_fn *fn;
	void *userdata;
	char error[CURL_ERROR_SIZE], detail[2 * CURL_ERROR_SIZE];
	char date[64], retry_after[64], correlation_id[64], content_type[128], www_authenticate[512];
	char remaining[6][24]; // reads, writes, deletes, resource requests; quota left, when it resets
	char operation[HTTP_LINK_MAX_BYTES + 1];
};

// --- what libcurl calls -------------------------------------------------------------------------------

static void http_deliver(struct http *http);

// When libcurl fails as a whole it has forgotten sockets and timeouts of we do not know which exchange:
// all fail now, rather than some of them never.
static void act(struct http *http, curl_socket_t fd, int mask)
{
	int running;

	if (curl_multi_socket_action(http->multi, fd, mask, &running) != CURLM_OK) {
		for (struct http_exchange *x = http->exchanges; x; x = x->next) {
			x->ended = true;
			x->code = CURLE_OUT_OF_MEMORY;
		}
	}
	http_deliver(http);
}

static void on_ready(void *userdata, int fd, uint32_t events)
{
	struct http *http = userdata;
	int mask = 0;

	if (events & (EPOLLIN | EPOLLRDHUP))
		mask |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		mask |= CURL_CSELECT_ERR;
	act(http, fd, mask);
}

static void on_timer(void *userdata)
{
	act(userdata, CURL_SOCKET_TIMEOUT, 0);
}

// The timer lives as long as we do, so that arming it takes no memory: a callback that fails would end
// the multi handle for good.
static int on_timer_change(CURLM *multi, long timeout_ms, void *userdata)
{
	struct http *http = userdata;

	(void)azjit_source_timer(http->timer, timeout_ms < 0 ? NEVER_MS : (uint64_t)timeout_ms);
	return 0;
}

// The loop cannot watch a socket of this exchange: it fails, the others go on.
static int unwatched(struct http *http, CURL *easy)
{
	struct http_exchange *x = NULL;

	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&x);
	if (x) {
		x->ended = true;
		x->code = CURLE_OUT_OF_MEMORY;
		(void)azjit_source_timer(http->timer, 0);
	}
	return 0;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *socket_data)
{
	struct azjit_source *source = socket_data;
	struct http *http = userdata;
	uint32_t events = 0;

	if (what == CURL_POLL_REMOVE) {
		azjit_source_free(source);
		(void)curl_multi_assign(http->multi, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	if (source)
		return azjit_source_io_events(source, events) == AZJIT_OK ? 0 : unwatched(http, easy);
	if (azjit_loop_io(http->loop, fd, events, on_ready, http, &source) != AZJIT_OK)
		return unwatched(http, easy);
	(void)curl_multi_assign(http->multi, fd, source);
	return 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *userdata)
{
	struct http_exchange *exchange = userdata;

	if (azjit_buf_add(&exchange->body, bytes, size * count))
		return size * count;
	exchange->too_large = size * count > HTTP_BODY_MAX_BYTES - exchange->body.len; // else no memory
	return 0;
}

// Copies the value if the header has this name; longer values than any sound one are left out.
static void take_header(const char *line, size_t len, const char *name, char *field, size_t size)
{
	size_t name_len = strlen(name);

	if (len <= name_len || line[name_len] != ':' || strncasecmp(line, name, name_len) != 0)
		return;
	line += name_len + 1;
	len -= name_len + 1;
	for (; len && (*line == ' ' || *line == '\t'); len--)
		line++;
	for (; len && strchr(" \t\r\n", line[len - 1]);)
		len--;
	if (len >= size || memchr(line, '\0', len))
		return;
	memcpy(field, line, len);
	field[len] = '\0';
}

static const char *const remaining_names[] = {
        "x-ms-ratelimit-remaining-subscription-reads",
        "x-ms-ratelimit-remaining-subscription-writes",
        "x-ms-ratelimit-remaining-subscription-deletes",
        "x-ms-ratelimit-remaining-subscription-resource-requests",
        "x-ms-user-quota-remaining",
        "x-ms-user-quota-resets-after",
};

static size_t on_header(char *line, size_t size, size_t count, void *userdata)
{
	struct http_exchange *x = userdata;
	size_t len = size * count;

	x->header_bytes += len;
	if (x->header_bytes > HTTP_HEADER_MAX_BYTES) {
		x->too_large = true;
		return 0;
	}
	if (len > 5 && strncasecmp(line, "HTTP/", 5) == 0) { // an interim answer's headers are not ours
		x->date[0] = x->retry_after[0] = x->correlation_id[0] = x->content_type[0] =
		        x->www_authenticate[0] = x->operation[0] = '\0';
		memset(x->remaining, 0, sizeof(x->remaining));
	}
	take_header(line, len, "date", x->date, sizeof(x->date));
	take_header(line, len, "retry-after", x->retry_after, sizeof(x->retry_after));
	take_header(line, len, "x-ms-correlation-request-id", x->correlation_id, sizeof(x->correlation_id));
	take_header(line, len, "www-authenticate", x->www_authenticate, sizeof(x->www_authenticate));
	take_header(line, len, "content-type", x->content_type, sizeof(x->content_type));
	take_header(line, len, "azure-asyncoperation", x->operation, sizeof(x->operation));
	for (size_t i = 0; i < AZJIT_COUNT(x->remaining); i++)
		take_header(line, len, remaining_names[i], x->remaining[i], sizeof(x->remaining[i]));
	return len;
}

// --- exchanges ----------------------------------------------------------------------------------------

static void wipe_free(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void exchange_free(struct http_exchange *x)
{
	if (x->link) {
		*x->link = x->next;
		if (x->next)
			x->next->link = x->link;
	}
	if (x->easy) {
		(void)curl_multi_remove_handle(x->http->multi, x->easy);
		curl_easy_cleanup(x->easy);
	}
	for (struct curl_slist *line = x->headers; line; line = line->next)
		explicit_bzero(line->data, strlen(line->data));
	curl_slist_free_all(x->headers);
	wipe_free(x->request_body);
	azjit_buf_wipe(&x->body);
	free(x);
}

struct http_exchange *http_cancel(struct http_exchange *exchange)
{
	if (exchange)
		exchange_free(exchange);
	return NULL;
}

static bool add_headers(struct http_exchange *x, const char *const *headers)
{
	static const char *const none[] = {NULL};

	for (const char *const *line = headers ? headers : none; *line; line++) {
		struct curl_slist *longer = curl_slist_append(x->headers, *line);

		if (!longer)
			return false;
		x->headers = longer;
	}
	return true;
}

static bool set_sinks(struct http_exchange *x)
{
	CURL *easy = x->easy;

	return SET(CURLOPT_HTTPHEADER, x->headers) && SET(CURLOPT_WRITEFUNCTION, on_body) &&
	       SET(CURLOPT_WRITEDATA, x) && SET(CURLOPT_HEADERFUNCTION, on_header) &&
	       SET(CURLOPT_HEADERDATA, x) && SET(CURLOPT_ERRORBUFFER, x->error) && SET(CURLOPT_PRIVATE, x);
}

static bool exchange_fill(struct http_exchange *x, const struct http_request *request)
{
	CURL *easy = x->easy = curl_easy_init();

	if (!easy || !add_headers(x, request->headers))
		return false;
	if (request->body) {
		struct curl_slist *longer = curl_slist_append(x->headers, "Expect:");

		x->headers = longer ? longer : x->headers;
		x->request_body = strdup(request->body);
		if (!longer || !x->request_body || !SET(CURLOPT_POST, 1L) ||
		    !SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(x->request_body)) ||
		    !SET(CURLOPT_POSTFIELDS, x->request_body))
			return false;
	}
	if (request->method && !SET(CURLOPT_CUSTOMREQUEST, request->method))
		return false;
	return set_sinks(x) && http_policy(easy, request, x->http->ca_file, x->http->proxy);
}

struct http_exchange *http_start(struct http *http, const struct http_request *request, http_fn *fn,
                                 void *userdata)
{
	struct http_exchange *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->http = http;
	x->fn = fn;
	x->userdata = userdata;
	x->body = AZJIT_BUF(HTTP_BODY_MAX_BYTES);
	if (!exchange_fill(x, request) || curl_multi_add_handle(http->multi, x->easy) != CURLM_OK) {
		exchange_free(x);
		return NULL;
	}
	x->next = http->exchanges;
	x->link = &http->exchanges;
	if (x->next)
		x->next->link = &x->next;
	http->exchanges = x;
	return x;
}

static enum http_fault fault_of(const struct http_exchange *x, bool sent)
{
	switch (x->code) {
	case CURLE_OK:
		return HTTP_FAULT_NONE;
	case CURLE_OPERATION_TIMEDOUT:
		return HTTP_FAULT_TIME;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return HTTP_FAULT_TRUST;
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_UNSUPPORTED_PROTOCOL: // HTTP/0.9; the URL's own scheme was checked before
	case CURLE_WEIRD_SERVER_REPLY:
		return HTTP_FAULT_GARBLED;
	case CURLE_FILESIZE_EXCEEDED:
		return HTTP_FAULT_TOO_LARGE;
	case CURLE_WRITE_ERROR:
		return x->too_large ? HTTP_FAULT_TOO_LARGE : HTTP_FAULT_LOST;
	case CURLE_OUT_OF_MEMORY:
	case CURLE_URL_MALFORMAT:
	case CURLE_SSL_CACERT_BADFILE:
		return HTTP_FAULT_LOCAL;
	default:
		return sent ? HTTP_FAULT_LOST : HTTP_FAULT_CONNECT;
	}
}

static void exchange_answer(struct http_exchange *x, struct http_answer *ret)
{
	const char *words = x->error[0] ? x->error : curl_easy_strerror(x->code);
	long status = 0, request_bytes = 0;
	curl_off_t total_us = 0, before_us = 0;

	(void)curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(x->easy, CURLINFO_REQUEST_SIZE, &request_bytes);
	(void)curl_easy_getinfo(x->easy, CURLINFO_TOTAL_TIME_T, &total_us);
	(void)curl_easy_getinfo(x->easy, CURLINFO_PRETRANSFER_TIME_T, &before_us);
	if (x->code != CURLE_OK)
		azjit_printable(words, x->detail, sizeof(x->detail));
	*ret = (struct http_answer){
	        .fault = fault_of(x, request_bytes > 0),
	        .detail = x->detail,
	        .sent = request_bytes > 0,
	        .status = status >= 200 && status <= 599 ? (int)status : 0,
	        .took_ms = (total_us - before_us) / 1000 + 1,
	        .body = x->body.data ? x->body.data : "",
	        .body_len = x->body.len,
	        .date = x->date,
	        .retry_after = x->retry_after,
	        .correlation_id = x->correlation_id,
	        .www_authenticate = x->www_authenticate,
	        .content_type = x->content_type,
	        .operation = x->operation,
	        .remaining_reads = x->remaining[0],
	        .remaining_writes = x->remaining[1],
	        .remaining_deletes = x->remaining[2],
	        .remaining_requests = x->remaining[3],
	        .quota_left = x->remaining[4],
	        .quota_resets = x->remaining[5],
	};
}

// Marks what has ended, so that one can be canceled from inside another's callback.
static void collect_ended(struct http *http)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left))) {
		struct http_exchange *x = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&x);
		x->ended = true;
		x->code = message->data.result;
	}
}

static struct http_exchange *first_ended(struct http *http)
{
	struct http_exchange *x = http->exchanges;

	while (x && !x->ended)
		x = x->next;
	return x;
}

static void http_deliver(struct http *http)
{
	struct http_exchange *x;

	collect_ended(http);
	http->delivering = true;
	while (!http->dead && (x = first_ended(http))) {
		struct http_answer answer;

		exchange_answer(x, &answer);
		// Off the list: the callback may cancel any exchange and free us, but this one is ours.
		*x->link = x->next;
		if (x->next)
			x->next->link = x->link;
		x->link = NULL;
		(void)curl_multi_remove_handle(http->multi, x->easy);
		curl_easy_cleanup(STEAL(x->easy));
		x->fn(x->userdata, &answer);
		exchange_free(x);
	}
	http->delivering = false;
	if (http->dead)
		free(http);
}

// --- the whole ----------------------------------------------------------------------------------------

static bool multi_policy(struct http *http)
{
	CURLM *multi = http->multi;

	return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
	       curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, http) == CURLM_OK &&
	       curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer_change) == CURLM_OK &&
	       curl_multi_setopt(multi, CURLMOPT_TIMERDATA, http) == CURLM_OK &&
	       curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) == CURLM_OK &&
	       curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, MAX_CONNECTIONS) == CURLM_OK;
}

enum azjit_result http_new(struct azjit_loop *loop, const char *ca_file, const char *proxy, struct http **ret)
{
	struct http *http = calloc(1, sizeof(*http));

	if (!http)
		return AZJIT_NOMEM;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(http);
		return AZJIT_SYSTEM;
	}
	http->loop = loop;
	http->multi = curl_multi_init();
	http->ca_file = ca_file ? strdup(ca_file) : NULL;
	http->proxy = proxy ? strdup(proxy) : NULL;
	(void)azjit_loop_timer(loop, NEVER_MS, on_timer, http, &http->timer);
	if (!http->multi || !http->timer || !multi_policy(http) || (ca_file && !http->ca_file) ||
	    (proxy && !http->proxy)) {
		http_free(http);
		return AZJIT_NOMEM;
	}
	*ret = http;
	return AZJIT_OK;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	while (http->exchanges)
		exchange_free(http->exchanges);
	(void)curl_multi_cleanup(http->multi);
	azjit_source_free(http->timer);
	free(http->ca_file);
	free(http->proxy);
	curl_global_cleanup();
	http->dead = true;
	if (!http->delivering)
		free(http);
}
