// SPDX-License-Identifier: Apache-2.0
// A call goes through these steps, each begun by its one timer or by an answer, never by the caller:
//
//   start ─▶ endpoints, token? ──no──▶ waits (these wake it, or its deadline does)
//              │yes
//              ▼
//           room in the subscription's bucket? ──no──▶ start, when there may be
//              │yes
//              ▼
//           exchange ─▶ 2xx ─▶ another page? ─yes─▶ start
//              │                    └no─▶ done
//              ├─▶ 401, first time ─▶ token forgotten ─▶ start (a write: with another token, else done)
//              ├─▶ 408 429 5xx lost, retries left ─▶ backoff ─▶ start
//              └─▶ done
#include "call_private.h"

#include <azjit/text.h>
#include <stdio.h>

#define DEADLINE_MS         60000
#define WRITE_DEADLINE_MS   70000
#define TIMEOUT_MS          20000
#define GRACE_MS            200   // beyond the deadline: the exchange's own timeout comes first
#define MAX_BACKGROUND      16    // exchanges at once, of the 64 of http.c
#define BACKGROUND_PAUSE_MS 50    // until one of these may have ended
#define WRITE_TIMEOUT_MS    65000 // Resource Manager waits 60 s for a provider (azure.md §5.1)

// --- end ----------------------------------------------------------------------------------------------

static void call_unlink(struct azjit_call *call)
{
	if (!call->link)
		return;
	*call->link = call->next;
	if (call->next)
		call->next->link = call->link;
	call->link = NULL;
}

static void call_free(struct azjit_call *call)
{
	call_unlink(call);
	identity_unwait(&call->wait);
	http_cancel(call->exchange);
	call_exchanged(call);
	azjit_source_free(call->timer);
	json_decref(call->items);
	json_decref(call->visited);
	json_decref(call->seen);
	list_clear(&call->page);
	arena_free(&call->arena);
	free(call->url);
	free(call->body);
	free(call->key);
	free(call->client_request_id);
	free(call->correlation_id);
	free(call);
}

struct azjit_call *azjit_call_cancel(struct azjit_call *call)
{
	if (call && !call->finishing) {
		call_free(call);
	} else if (call && call->link) {
		// It is telling a piece, and ends when the callback returns.
		call->canceled = true;
		call_unlink(call);
		call->timer = azjit_source_free(call->timer);
	}
	return NULL;
}

void call_finish(struct azjit_call *call)
{
	struct call_result result = {
	        .answer = &call->answer,
	        .json = call->answer.result == AZJIT_OK ? call->items : NULL,
	        .arena = &call->arena,
	        .fn = call->spec.fn,
	        .userdata = call->spec.userdata,
	        .key = call->key,
	        .operation = call->operation ? call->operation : "",
	        .writes = call_writes(call),
	};

	// The callback may free the connection and everything on its list; this call is no more on it.
	call_unlink(call);
	call->finishing = true;
	identity_unwait(&call->wait);
	call->timer = azjit_source_free(call->timer);
	call->spec.done(&result);
	call_free(call);
}

bool call_tell(struct azjit_call *call, const json_t *piece)
{
	struct arena arena = {0};
	struct call_result result = {
	        .answer = &call->answer,
	        .json = piece,
	        .arena = &arena,
	        .fn = call->spec.fn,
	        .userdata = call->spec.userdata,
	        .key = call->key,
	};

	call->answer.result = AZJIT_OK;
	call->answer.more = true;
	call->finishing = true;
	call->spec.done(&result);
	call->finishing = call->answer.more = false;
	arena_free(&arena);
	if (call->canceled || call->answer.result != AZJIT_OK) {
		call_free(call);
		return false;
	}
	return true;
}

void call_fail(struct azjit_call *call, enum azjit_result result, const char *message)
{
	call->answer.result = result;
	call->error.code[0] = '\0';
	azjit_printable(message, call->error.message, sizeof(call->error.message));
	call_finish(call);
}

void call_misread(struct azjit_answer *answer, struct arena *arena, enum azjit_result result,
                  const char *what)
{
	const size_t size = 256;
	char *text = arena_array(arena, size, 1);

	answer->result = text ? result : AZJIT_NOMEM;
	answer->message = "out of memory";
	if (text && result != AZJIT_NOMEM) {
		(void)snprintf(text, size, "Resource Manager answered with %s", what);
		answer->message = text;
	}
}

void call_exchanged(struct azjit_call *call)
{
	if (call->exchange && call->spec.options.background)
		call->azure->background--;
	call->exchange = NULL;
}

uint64_t call_left_ms(const struct azjit_call *call)
{
	uint64_t now = azjit_time_monotonic_ms();

	return now < call->deadline_ms ? call->deadline_ms - now : 0;
}

void call_arm(struct azjit_call *call, uint64_t delay_ms)
{
	(void)azjit_source_timer(call->timer, delay_ms);
}

// --- steps --------------------------------------------------------------------------------------------

static bool header(struct arena *arena, const char **slot, const char *name, const char *value)
{
	size_t size = strlen(name) + strlen(value) + 3;
	char *line = arena_array(arena, size, 1);

	if (line)
		(void)snprintf(line, size, "%s: %s", name, value);
	*slot = line;
	return line != NULL;
}

static void count_sent(const struct azjit_call *call)
{
	struct azjit_azure_counts *counts = &call->azure->counts;

	switch (call_kind(call)) {
	case BUCKET_READS:
	case BUCKET_KINDS_:
		counts->reads++;
		break;
	case BUCKET_WRITES:
		counts->writes++;
		break;
	case BUCKET_DELETES:
		counts->deletes++;
		break;
	}
}

static bool send_request(struct azjit_call *call, const char *token)
{
	static const char *const methods[] = {[CALL_PUT] = "PUT", [CALL_DELETE] = "DELETE"};
	enum call_shape shape = call->spec.shape;
	bool writes = call_writes(call);
	unsigned timeout = call->azure->options.call_timeout_ms ?: TIMEOUT_MS;
	const char *lines[6] = {"Accept: application/json"};
	struct arena arena = {0};
	char uuid[AZJIT_UUID_CHARS], *auth = NULL;
	const char **line = lines + 1;
	_cleanup_free_ char *url = NULL;
	bool ok;

	if (!call->client_request_id && azjit_uuid_random(uuid) != AZJIT_OK)
		return false;
	if (writes && timeout < WRITE_TIMEOUT_MS)
		timeout = WRITE_TIMEOUT_MS;
	if (timeout > call_left_ms(call))
		timeout = (unsigned)call_left_ms(call) + 1;
	if (asprintf(&url, "%s%s", *call->url == '/' ? call->azure->at.resource_manager : "", call->url) < 0)
		return false;
	ok = header(&arena, line++, "x-ms-client-request-id",
	            call->client_request_id ? call->client_request_id : uuid);
	if (call->correlation_id)
		ok = header(&arena, line++, "x-ms-correlation-request-id", call->correlation_id) && ok;
	if (call->body) // also of an empty one: libcurl would call it a form
		*line++ = "Content-Type: application/json";
	ok = asprintf(&auth, "Authorization: Bearer %s", token) > 0 && ok;
	*line = auth;
	if (ok)
		call->exchange =
		        http_start(call->azure->http,
		                   &(struct http_request){
		                           .kind = writes ? HTTP_TLS_ONCE : HTTP_TLS,
		                           .method = shape < AZJIT_COUNT(methods) ? methods[shape] : NULL,
		                           .url = url,
		                           .body = call->body,
		                           .headers = lines,
		                           .timeout_ms = timeout,
		                   },
		                   call_answered, call);
	if (auth)
		explicit_bzero(auth, strlen(auth));
	free(auth);
	arena_free(&arena);
	if (call->exchange && call->spec.options.background)
		call->azure->background++;
	count_sent(call);
	return call->exchange != NULL;
}

static bool endpoints_known(const struct azjit_call *call)
{
	return *call->azure->at.audience;
}

static void call_expire(struct azjit_call *call)
{
	const char *trouble = identity_trouble(call->azure->identity),
	           *lost = endpoints_trouble(call->azure->endpoints);

	if (call->exchange) {
		http_cancel(call->exchange);
		call_exchanged(call);
		call->answer.maybe_done = call_writes(call);
		call_fail(call, AZJIT_UNREACHABLE, "Resource Manager did not answer in time");
	} else if (call->wait.link && !endpoints_known(call))
		call_fail(call, AZJIT_UNREACHABLE,
		          *lost ? lost : "the cloud's metadata endpoint did not answer in time");
	else if (call->wait.link)
		call_fail(call, AZJIT_IDENTITY, *trouble ? trouble : "no token in time");
	else if (*call->error.message)
		call_finish(call); // the failure that the backoff was for
	else
		call_fail(call, AZJIT_UNREACHABLE, "Resource Manager did not answer in time");
}

// What nobody waits for takes few connections, too: a login's call would queue behind it.
static uint64_t wait_of(const struct azjit_call *call)
{
	bool background = call->spec.options.background;

	if (background && call->azure->background >= MAX_BACKGROUND)
		return BACKGROUND_PAUSE_MS;
	return bucket_take(call->bucket, azjit_time_monotonic_ms(), background);
}

// Else the call is armed for when it may, or has failed, as that is too late for it.
static bool may_go(struct azjit_call *call)
{
	uint64_t wait_ms = wait_of(call);
	char sentence[160];

	if (wait_ms == 0)
		return true;
	if (!call->held)
		call->azure->counts.held++;
	call->held = true;
	if (wait_ms < call_left_ms(call)) {
		call_arm(call, wait_ms);
		return false;
	}
	(void)snprintf(sentence, sizeof(sentence),
	               "Azure's limit of calls to this subscription is used up; it is asked again in %llu s",
	               (unsigned long long)(wait_ms + 999) / 1000);
	call->answer.retry_after_ms = (int64_t)wait_ms;
	call_fail(call, AZJIT_THROTTLED, sentence);
	return false;
}

static void on_timer(void *userdata)
{
	struct azjit_call *call = userdata;
	const char *token;

	if (!call->url) {
		call_finish(call); // could not be started, or no token could be had
		return;
	}
	if (call->page.text) {
		call_piece(call);
		return;
	}
	if (call->exchange || call_left_ms(call) == 0) {
		call_expire(call);
		return;
	}
	if (!endpoints_known(call)) {
		call_arm(call, call_left_ms(call));
		endpoints_wait(call->azure->endpoints, &call->wait);
		return;
	}
	token = identity_token(call->azure->identity, &call->token_serial);
	if (!token) {
		call_arm(call, call_left_ms(call));
		identity_wait(call->azure->identity, &call->wait);
	} else if (call_writes(call) && call->token_serial == call->refused_serial) {
		call_finish(call); // with the 401: the source has no other token
	} else if (call->spec.shape == CALL_READY) {
		call->answer.result = AZJIT_OK;
		call_finish(call);
	} else if (!may_go(call)) {
		return;
	} else if (!send_request(call, token)) {
		call_fail(call, AZJIT_NOMEM, "out of memory");
	} else {
		call_arm(call, call_left_ms(call) + GRACE_MS);
	}
}

// Runs inside the identity or the endpoints: only notes, and lets the loop do the rest.
static void on_wake(void *userdata, enum azjit_result result, const char *reason)
{
	struct azjit_call *call = userdata;

	if (result != AZJIT_OK) {
		call->answer.result = result;
		azjit_printable(reason, call->error.message, sizeof(call->error.message));
		free(STEAL(call->url));
	}
	call_arm(call, 0);
}

// --- start --------------------------------------------------------------------------------------------

static const char *refusal_of(const struct call_spec *spec)
{
	if (spec->refusal)
		return spec->refusal;
	if (spec->client_request_id && !azjit_uuid_valid(spec->client_request_id))
		return "a client request id must be a UUID";
	if (spec->correlation_id && !azjit_uuid_valid(spec->correlation_id))
		return "a correlation id must be a UUID";
	return NULL;
}

// What cannot be asked is found here, and told later: the call is left without a URL.
static void call_prepare(struct azjit_call *call, const struct call_spec *spec)
{
	const char *refusal = refusal_of(spec);
	enum azjit_result result = refusal ? AZJIT_USAGE : AZJIT_OK;

	if (result != AZJIT_OK)
		call->url = NULL;
	else if (spec->shape == CALL_READY)
		call->url = strdup("/");
	else if (spec->id)
		result = url_resource("", spec->id, spec->path, &call->url);
	else
		call->url = strdup(spec->path);
	call->answer.result = AZJIT_DENIED;
	if (result == AZJIT_USAGE) {
		call->answer.result = AZJIT_USAGE;
		azjit_printable(refusal ? refusal : "this is no resource id", call->error.message,
		                sizeof(call->error.message));
	} else if (!call->url) {
		call->answer.result = AZJIT_NOMEM;
		azjit_printable("out of memory", call->error.message, sizeof(call->error.message));
	}
}

static bool find_bucket(struct azjit_call *call, const struct call_spec *spec)
{
	char subscription[64];

	if (spec->shape == CALL_QUERY) {
		call->bucket = &call->azure->queries;
		return true;
	}
	if (!spec->id || !azjit_id_segment(spec->id, "subscriptions", subscription, sizeof(subscription)))
		subscription[0] = '\0';
	call->bucket =
	        buckets_find(&call->azure->buckets, subscription, call_kind(call), azjit_time_monotonic_ms());
	return call->bucket;
}

// A write that is repeated keeps its id.
static bool name_write(struct azjit_call *call)
{
	char uuid[AZJIT_UUID_CHARS];

	if (azjit_uuid_random(uuid) == AZJIT_OK)
		call->client_request_id = strdup(uuid);
	return call->client_request_id;
}

static bool copy_strings(struct azjit_call *call, const struct call_spec *spec)
{
	const struct {
		const char *from;
		char **to;
	} strings[] = {
	        {spec->body, &call->body},
	        {spec->key, &call->key},
	        {spec->client_request_id, &call->client_request_id},
	        {spec->correlation_id, &call->correlation_id},
	};

	for (size_t i = 0; i < AZJIT_COUNT(strings); i++)
		if (strings[i].from && !(*strings[i].to = strdup(strings[i].from)))
			return false;
	return call->client_request_id || !call_writes(call) || name_write(call);
}

struct azjit_call *call_new(struct azjit_azure *azure, const struct call_spec *spec)
{
	struct azjit_call *call = calloc(1, sizeof(*call));
	unsigned deadline = spec->options.deadline_ms;

	if (!call)
		return NULL;
	call->spec = *spec;
	if (!deadline)
		deadline = call_writes(call) ? WRITE_DEADLINE_MS : DEADLINE_MS;
	call->azure = azure;
	call->deadline_each_ms = deadline;
	call->deadline_ms = azjit_time_monotonic_ms() + deadline;
	call->retries_left = spec->options.retries;
	call->wait.wake = on_wake;
	call->wait.userdata = call;
	call->answer.code = call->error.code;
	call->answer.message = call->error.message;
	call->answer.correlation_id = call->correlation;
	call->answer.retry_after_ms = -1;
	if (!copy_strings(call, spec) || !find_bucket(call, spec) ||
	    azjit_loop_timer(azure->loop, 0, on_timer, call, &call->timer) != AZJIT_OK) {
		call_free(call);
		return NULL;
	}
	call_prepare(call, spec);
	call->next = azure->calls;
	call->link = &azure->calls;
	if (call->next)
		call->next->link = &call->next;
	azure->calls = call;
	return call;
}
