// SPDX-License-Identifier: Apache-2.0
// When is a write surely not done? If no byte of it left, or if the answer's status line is a 4xx other
// than 408: every gateway on the way and Resource Manager itself answer so before or instead of the
// work. All else may have been done: 408 and 5xx come from whoever lost patience (a 503 or 502 from a
// gateway says nothing about the provider behind it), 2xx with an unreadable body was accepted, and a
// connection that broke says nothing. A 401 is therefore the one answer after which a write is made again,
// once, with the same ids and another token.
#include "call_private.h"
#include "retry.h"

#include <azjit/text.h>
#include <stdio.h>

#define BACKOFF_MS     500
#define MAX_BACKOFF_MS 8000
#define MAX_PAGES      5000
#define MAX_ENTRIES    500000

// --- answers ------------------------------------------------------------------------------------------

// "hh:mm:ss" in milliseconds; -1 if it is none.
static int64_t clock_ms(const char *text)
{
	int64_t total_s = 0;

	if (strlen(text) != strlen("hh:mm:ss") || text[2] != ':' || text[5] != ':')
		return -1;
	for (size_t i = 0; i < 8; i += 3) {
		if (text[i] < '0' || text[i] > '5' || text[i + 1] < '0' || text[i + 1] > '9')
			return -1;
		total_s = total_s * 60 + (text[i] - '0') * 10 + (text[i + 1] - '0');
	}
	return total_s * 1000;
}

// Resource Graph says how many queries are left until when. Its 429 has no Retry-After.
static void note_quota(struct azjit_call *call, const struct http_answer *http)
{
	uint64_t now = azjit_time_monotonic_ms(), left;
	int64_t resets_ms = clock_ms(http->quota_resets);

	if (azjit_parse_u64(http->quota_left, 0, UINT32_MAX, &left) != AZJIT_OK || resets_ms < 0)
		return;
	bucket_lower(call->bucket, now, left);
	if (left == 0)
		bucket_hold(call->bucket, now, (uint64_t)resets_ms);
	if (http->status == 429 && call->answer.retry_after_ms < 0)
		call->answer.retry_after_ms = resets_ms;
}

// A provider with a limit of its own tells `requests` in the place of the other three.
static void note_limits(struct azjit_call *call, const struct http_answer *http)
{
	const char *const by_kind[] = {[BUCKET_READS] = http->remaining_reads,
	                               [BUCKET_WRITES] = http->remaining_writes,
	                               [BUCKET_DELETES] = http->remaining_deletes};
	const char *told[] = {by_kind[call_kind(call)], http->remaining_requests};
	uint64_t now = azjit_time_monotonic_ms(), remaining;
	int64_t hold = call->answer.retry_after_ms;

	for (size_t i = 0; i < AZJIT_COUNT(told); i++)
		if (azjit_parse_u64(told[i], 0, UINT32_MAX, &remaining) == AZJIT_OK)
			bucket_lower(call->bucket, now, remaining);
	if (http->status == 429)
		bucket_hold(call->bucket, now, hold > 0 ? (uint64_t)hold : 0);
}

// Without memory there is no link, and who waits for the operation sees only what came of it.
static void note_operation(struct azjit_call *call, const char *link)
{
	char *copy = *link ? arena_array(&call->arena, strlen(link) + 1, 1) : NULL;

	call->operation = copy ? memcpy(copy, link, strlen(link)) : NULL;
}

static void note_answer(struct azjit_call *call, const struct http_answer *http)
{
	struct azjit_answer *answer = &call->answer;
	azjit_ticks date = 0;

	answer->http_status = http->status;
	azjit_printable(http->correlation_id, call->correlation, sizeof(call->correlation));
	if (http->status && azjit_time_parse_http(http->date, &date) == AZJIT_OK)
		(void)azure_set_clock(call->azure, date, (azjit_ticks)http->took_ms * AZJIT_TICKS_PER_MS);
	answer->server_time = date;
	note_operation(call, http->operation);
	answer->retry_after_ms =
	        retry_after_ms(http->retry_after, date ? date : azjit_azure_now(call->azure));
	if (call->spec.shape == CALL_QUERY)
		note_quota(call, http);
	note_limits(call, http);
	if (http->fault == HTTP_FAULT_NONE)
		latency_add(&call->azure->latencies[call->spec.operation], (uint64_t)http->took_ms);
	if (http->status == 429)
		call->azure->counts.throttled++;
	if (http->fault != HTTP_FAULT_NONE || http->status >= 500 || http->status == 408)
		call->azure->counts.failed++;
}

// Sets result, code and message of an answer that is no success.
static void judge_failure(struct azjit_call *call, const struct http_answer *http)
{
	char sentence[sizeof(call->error.message)];

	if (http->fault == HTTP_FAULT_NONE) {
		error_read("Resource Manager", http->status, http->body, http->body_len, &call->error);
		call->answer.result = error_result(http->status, call_writes(call));
		return;
	}
	call->error.code[0] = '\0';
	call->answer.result = AZJIT_UNREACHABLE;
	if (http->fault == HTTP_FAULT_TOO_LARGE || http->fault == HTTP_FAULT_GARBLED)
		call->answer.result = AZJIT_PROTOCOL;
	else if (http->fault == HTTP_FAULT_LOCAL)
		call->answer.result = AZJIT_SYSTEM;
	if (http->fault == HTTP_FAULT_TOO_LARGE)
		(void)snprintf(sentence, sizeof(sentence), "Resource Manager's answer is larger than %zu MiB",
		               HTTP_BODY_MAX_BYTES / 1024 / 1024);
	else if (http->fault == HTTP_FAULT_GARBLED)
		(void)snprintf(sentence, sizeof(sentence), "Resource Manager's answer cannot be read: %s",
		               http->detail);
	else if (http->fault == HTTP_FAULT_TRUST)
		(void)snprintf(sentence, sizeof(sentence), "Resource Manager's certificate is refused: %s",
		               http->detail);
	else
		(void)snprintf(sentence, sizeof(sentence), "no answer from Resource Manager: %s",
		               http->detail);
	azjit_printable(sentence, call->error.message, sizeof(call->error.message));
}

static bool worth_again(const struct azjit_call *call, const struct http_answer *http)
{
	if (call_writes(call))
		return false;
	switch (http->fault) {
	case HTTP_FAULT_NONE:
		return http->status == 408 || http->status == 429 || http->status >= 500;
	case HTTP_FAULT_CONNECT:
	case HTTP_FAULT_LOST:
	case HTTP_FAULT_TIME:
		return true;
	case HTTP_FAULT_TRUST:
	case HTTP_FAULT_TOO_LARGE:
	case HTTP_FAULT_GARBLED:
	case HTTP_FAULT_LOCAL:
		return false;
	}
	return false;
}

// Backs off if there is a retry and time left; otherwise the failure stands.
static bool try_again(struct azjit_call *call, const struct http_answer *http)
{
	uint64_t delay = retry_backoff_ms(call->attempt, BACKOFF_MS, MAX_BACKOFF_MS);
	int64_t asked = call->answer.retry_after_ms;

	if (!worth_again(call, http) || call->retries_left == 0)
		return false;
	if (asked >= 0 && (uint64_t)asked >= delay)
		delay = (uint64_t)asked + retry_backoff_ms(0, 40, 40); // not a moment before, not all at once
	if (delay >= call_left_ms(call))
		return false;
	call->retries_left--;
	call->attempt++;
	call_arm(call, delay);
	return true;
}

static void judge_maybe_done(struct azjit_call *call, const struct http_answer *http)
{
	bool refused = http->status >= 400 && http->status < 500 && http->status != 408;

	call->answer.maybe_done = call_writes(call) && http->sent && !refused;
}

// --- bodies -------------------------------------------------------------------------------------------

void call_misread_body(struct azjit_call *call, const char *what)
{
	char sentence[256];

	(void)snprintf(sentence, sizeof(sentence), "Resource Manager answered %d with %s",
	               call->answer.http_status, what);
	call_fail(call, AZJIT_PROTOCOL, sentence);
}

// The link was not followed before, in this call.
static bool new_link(struct azjit_call *call, const char *url)
{
	if (!call->visited)
		call->visited = json_object();
	if (!call->visited || json_object_get(call->visited, url))
		return false;
	return json_object_set_new(call->visited, url, json_true()) == 0;
}

static void list_done(struct azjit_call *call)
{
	const char *why = NULL;
	json_t *unique = js_unique(call->items, call->spec.unique, &why);

	if (!unique && why) {
		call_misread_body(call, why);
	} else if (!unique) {
		call_fail(call, AZJIT_NOMEM, "out of memory");
	} else {
		json_decref(call->items);
		call->items = unique;
		call->answer.result = AZJIT_OK;
		call_finish(call);
	}
}

bool call_follow(struct azjit_call *call, const char *link, size_t entries)
{
	char *url = NULL;

	if (url_follow(call->azure->at.resource_manager, link, &url) != AZJIT_OK) {
		call_misread_body(call, "a nextLink that leads to another host");
		return false;
	}
	if (++call->pages > MAX_PAGES || entries > MAX_ENTRIES) {
		free(url);
		call_misread_body(call, "a list that does not end");
		return false;
	}
	if (!new_link(call, url)) {
		free(url);
		call_misread_body(call, "a list whose pages go round in a circle");
		return false;
	}
	free(call->url);
	call->url = url;
	call_arm(call, 0);
	return true;
}

static void page_done(struct azjit_call *call, json_t *root)
{
	json_t *value = json_object_get(root, "value");
	const char *link = js_text(root, "nextLink");

	if (!json_is_array(value)) {
		call_misread_body(call, "a list that has no 'value'");
		return;
	}
	if (!call->items)
		call->items = json_array();
	if (!call->items || json_array_extend(call->items, value))
		call_fail(call, AZJIT_NOMEM, "out of memory");
	else if (!*link)
		list_done(call);
	else
		(void)call_follow(call, link, js_count(call->items));
}

static void accept_body(struct azjit_call *call, const struct http_answer *http)
{
	const char *why = NULL;
	json_auto_t *root = NULL;

	if (call->spec.options.piecewise && call->spec.shape == CALL_LIST) {
		call_page(call, http);
		return;
	}
	if (!call_writes(call) || strspn(http->body, " \r\n\t") < http->body_len)
		root = js_read(http->body, http->body_len, &why);
	if (why) {
		call_misread_body(call, why);
	} else if (root && !json_is_object(root)) {
		call_misread_body(call, "JSON that is no object");
	} else if (call->spec.shape == CALL_LIST) {
		page_done(call, root);
	} else {
		call->answer.maybe_done = false;
		call->answer.result = AZJIT_OK;
		call->items = STEAL(root);
		call_finish(call);
	}
}

void call_answered(void *userdata, const struct http_answer *http)
{
	struct azjit_call *call = userdata;

	call_exchanged(call);
	call->error.code[0] = call->error.message[0] = '\0';
	note_answer(call, http);
	judge_maybe_done(call, http);
	if (http->fault == HTTP_FAULT_NONE && http->status >= 200 && http->status < 300) {
		accept_body(call, http);
		return;
	}
	judge_failure(call, http);
	if (http->status == 401) {
		identity_reject(call->azure->identity, call->token_serial);
		if (!call->refused_serial) {
			call->refused_serial = call->token_serial;
			call_arm(call, 0);
			return;
		}
	}
	if (!try_again(call, http))
		call_finish(call);
}
