// SPDX-License-Identifier: Apache-2.0
// One POST to Azure: intent first, then the request, then what its answer means.
//
// Against: a second request for one need (the service gives no request id, may be slow to answer and
// says nothing if the work fails later), an open that nothing recorded, and an answer that speaks of
// something else than was asked (CVE-2021-31924). So: the intent, with its ids and the nonce in its end,
// is durable before the POST leaves; after an outcome that is not known the policy is read before
// anything is repeated; and the echo is compared member by member.
#include "grants.h"

#include <stdio.h>

#define RETRY_FIRST_MS 500
#define RETRY_FOR_MS   15000 // how long a POST that surely never arrived is tried again
#define INITIATE_MS    70000

static void request_send(struct azjit_request *request);

void request_unref(struct azjit_request *request)
{
	if (!request || --request->users > 0)
		return;
	azjit_call_cancel(request->call);
	azjit_source_free(request->retry);
	TAILQ_REMOVE(&request->engine->requests, request, link);
	free(request->policy_id);
	free(request->vm_id);
	free(request->refusal);
	free(request->unsettled);
	free(request);
}

bool request_carries(const struct azjit_request *request, const struct azjit_grant *grant)
{
	return grant->request == request || grant->pending == request;
}

bool request_names(const struct azjit_jit_request *entry, const struct azjit_prefix *source)
{
	struct azjit_prefix prefix;

	for (size_t i = 0; i < entry->prefix_count; i++)
		if (azjit_prefix_parse(entry->prefixes[i], &prefix) == AZJIT_OK &&
		    prefix.bits == source->bits && azjit_addr_equal(&prefix.addr, &source->addr))
			return true;
	return false;
}

static struct azjit_request *request_new(struct azjit_grant *first, const struct azjit_sources *sources,
                                         azjit_ticks end)
{
	struct azjit_request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->engine = first->engine;
	request->policy_id = strdup(first->policy_id);
	request->vm_id = strdup(first->vm_id);
	request->port = first->port;
	request->sources = *sources;
	request->end = end;
	azjit_ledger_anchor(first->engine->ledger, request->client_request_id, &request->anchor_seq);
	if (!request->policy_id || !request->vm_id ||
	    azjit_uuid_random(request->correlation_id) != AZJIT_OK) {
		free(request->policy_id);
		free(request->vm_id);
		free(request);
		return NULL;
	}
	TAILQ_INSERT_HEAD(&first->engine->requests, request, link);
	return request;
}

// The intent is one entry, of the first grant that the request carries; the others are `renewed`.
static enum azjit_result record_intent(struct azjit_grant *grant, const struct azjit_request *request,
                                       bool first, struct azjit_reason *reason)
{
	char scratch[160], end[AZJIT_TIME_CHARS], sources[400], seq[24], max[24];
	struct azjit_entry entry = grant_entry(grant, first ? AZJIT_ENTRY_INTENT : AZJIT_ENTRY_GRANT,
	                                       first ? "sending" : "renewed", scratch);

	azjit_time_format(request->end, end);
	sources_text(&request->sources, sources, sizeof(sources));
	snprintf(seq, sizeof(seq), "%llu", (unsigned long long)request->anchor_seq);
	snprintf(max, sizeof(max), "%lld", (long long)grant->rule_max_s);
	azjit_entry_put(&entry, "nonce_end", end);
	azjit_entry_put(&entry, "sources", sources);
	azjit_entry_put(&entry, "policy", request->policy_id);
	azjit_entry_put(&entry, "rule", grant->rule);
	azjit_entry_put(&entry, "rule_max_s", max);
	azjit_entry_put(&entry, "client_request_id", request->client_request_id);
	azjit_entry_put(&entry, "correlation_id", request->correlation_id);
	azjit_entry_put(&entry, "anchor_seq", seq);
	azjit_entry_put(&entry, "justification", grant->note[0] ? grant->note : NULL);
	return grant_record(grant, &entry, reason);
}

static void record_answer(struct azjit_request *request, const char *event, const struct azjit_answer *answer)
{
	struct azjit_grant *grant;
	char scratch[160], status[12];

	TAILQ_FOREACH(grant, &request->engine->grants, link)
	if (request_carries(request, grant))
		break;
	if (!grant)
		return;
	struct azjit_entry entry = grant_entry(grant, AZJIT_ENTRY_REQUEST, event, scratch);

	azjit_entry_put(&entry, "client_request_id", request->client_request_id);
	azjit_entry_put(&entry, "correlation_id", request->correlation_id);
	if (request->answer_correlation_id[0])
		azjit_entry_put(&entry, "answer_correlation_id", request->answer_correlation_id);
	if (answer) {
		snprintf(status, sizeof(status), "%d", answer->http_status);
		azjit_entry_put(&entry, "http_status", status);
		azjit_entry_put(&entry, "result", azjit_result_name(answer->result));
		azjit_entry_put(&entry, "code", answer->code[0] ? answer->code : NULL);
		azjit_entry_put(&entry, "reason", answer->message[0] ? answer->message : NULL);
	}
	(void)grant_record(grant, &entry, NULL);
}

// Calls fn for every grant that this request carries; fn may end the grant.
static void each_grant(struct azjit_request *request, void (*fn)(struct azjit_grant *grant))
{
	struct azjit_grant *grant, *next;

	request->users++; // stays while we walk
	for (grant = TAILQ_FIRST(&request->engine->grants); grant; grant = next) {
		next = TAILQ_NEXT(grant, link);
		if (request_carries(request, grant))
			fn(grant);
	}
	request_unref(request);
}

// An open grant's newer request takes the place of the older.
static void take_over(struct azjit_grant *grant)
{
	if (grant->pending && !grant_live(grant)) { // it ended meanwhile
		request_unref(STEAL(grant->pending));
		return;
	}
	if (grant->pending) {
		request_unref(grant->request);
		grant->request = STEAL(grant->pending);
		grant->ev.entry_seen = false;
		grant->ev.entry = AZJIT_STATE_PENDING;
		grant->ev.lost_reads = 0;
		grant->ev.rule_told = false;
	}
	grant_accepted(grant);
}

void request_taken(struct azjit_request *request, const char *event)
{
	if (event)
		record_answer(request, event, NULL);
	request->state = REQUEST_TAKEN;
	conflict_taken(request);
	each_grant(request, take_over);
}

static void to_checking(struct azjit_grant *grant)
{
	grant->ev.policy_reads = 0;
	if (grant->pending) { // its older request still holds
		grant_poll(grant, true);
		return;
	}
	grant->state = AZJIT_GRANT_CHECKING;
	grant_progress(grant, "checking", "no answer from Azure: looking whether the request arrived");
	grant_poll(grant, true);
}

bool request_fits(const struct azjit_request *request, const struct azjit_jit_request *echoes, size_t count,
                  char *why, size_t size)
{
	const size_t asked = request->sources.count;
	size_t found = 0, named = 0;

	if (count == 0) {
		snprintf(why, size, "the answer does not name the machine and port");
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		if (echoes[i].end != request->end) {
			snprintf(why, size, "the answer names another end than was asked");
			return false;
		}
		named += echoes[i].prefix_count;
	}
	for (size_t i = 0; i < asked; i++)
		for (size_t j = 0; j < count; j++)
			if (request_names(&echoes[j], &request->sources.items[i])) {
				found++;
				break;
			}
	if (found == asked && named == found)
		return true;
	snprintf(why, size, "the answer names %zu sources, the first %s, which is not what was asked", named,
	         echoes[0].prefix_count ? echoes[0].prefixes[0] : "(none)");
	return false;
}

void request_over(struct azjit_request *request, enum azjit_result result, const char *text)
{
	struct azjit_grant *grant, *next;

	request->state = REQUEST_DEAD;
	request->users++;
	for (grant = TAILQ_FIRST(&request->engine->grants); grant; grant = next) {
		next = TAILQ_NEXT(grant, link);
		if (grant->pending == request) {
			conflict_unrenewed(grant, text);
		} else if (grant->request == request) {
			grant_fail(grant, result, "%s", text);
		}
	}
	request_unref(request);
}

static void retry_now(void *userdata)
{
	struct azjit_request *request = userdata;
	struct azjit_reason reason;

	request->retry = azjit_source_free(request->retry);
	if (engine_stopped(request->engine, &reason))
		request_over(request, AZJIT_STOPPED, reason.text);
	else
		request_send(request);
}

// A POST that surely did not arrive is sent again under the same intent, while there is time.
static bool retry_later(struct azjit_request *request, const struct azjit_answer *answer)
{
	uint64_t age = azjit_time_monotonic_ms() - request->sent_ms;
	uint64_t delay = (uint64_t)RETRY_FIRST_MS << (request->tries < 4 ? request->tries : 4);

	if (answer->http_status == 401)
		delay = 0;
	if (answer->retry_after_ms > (int64_t)delay)
		delay = (uint64_t)answer->retry_after_ms;
	if (age + delay > RETRY_FOR_MS)
		return false;
	request->tries++;
	return azjit_loop_timer(request->engine->loop, delay, retry_now, request, &request->retry) ==
	       AZJIT_OK;
}

// It surely was not done, and another try may end otherwise. A token that was refused has been forgotten, so
// the next one is another: once, for a right to a token that is gone stays gone.
static bool worth_again(const struct azjit_request *request, const struct azjit_answer *answer)
{
	return answer->http_status == 0 || answer->http_status == 429 || answer->http_status >= 500 ||
	       (answer->http_status == 401 && request->tries == 0);
}

// What a person is told if the deadline comes before something better is known.
static void keep_unsettled(struct azjit_request *request, const struct azjit_answer *answer)
{
	char text[1000];

	if (answer->http_status)
		(void)snprintf(text, sizeof(text), "Azure answered %d %s: %.900s", answer->http_status,
		               answer->code, answer->message);
	free(request->unsettled);
	request->unsettled = strdup(answer->http_status ? text : answer->message);
	request->unsettled_status = answer->http_status;
}

// Another try would have the same answer. A 400 may be for the moment only: a policy that is being written.
static bool in_vain(int http_status)
{
	return http_status >= 400 && http_status < 500 && http_status != 400 && http_status != 429;
}

static void request_refused(struct azjit_request *request, const struct azjit_answer *answer)
{
	char text[1000];
	enum azjit_result result = answer->result;

	record_answer(request, answer->http_status ? "refused" : "unsent", answer);
	request->again_ms = in_vain(answer->http_status) ? -1
	                    : answer->retry_after_ms > 0 ? answer->retry_after_ms
	                                                 : 0;
	if (answer->http_status == 400 && conflict_refused(request, false, answer->message))
		return;
	if (answer->http_status == 403)
		result = AZJIT_FORBIDDEN;
	else if (answer->http_status == 429)
		result = AZJIT_THROTTLED;
	else if (answer->http_status >= 400 && answer->http_status < 500 && answer->http_status != 401)
		result = AZJIT_REQUEST_REFUSED;
	if (answer->http_status)
		snprintf(text, sizeof(text), "Azure refused the request (%d %s): %.880s", answer->http_status,
		         answer->code, answer->message);
	else
		snprintf(text, sizeof(text), "the request could not be sent: %.900s", answer->message);
	if (result == AZJIT_REQUEST_REFUSED && refusal_explain(request, text))
		return;
	request_over(request, result, text);
}

// The answer may tell a port on an Azure Firewall already.
static void take_ports(const struct azjit_request *request, const struct azjit_jit_request *echoes,
                       size_t count)
{
	struct azjit_grant *grant;

	TAILQ_FOREACH(grant, &request->engine->grants, link)
	for (size_t i = 0; i < count && request_carries(request, grant); i++)
		if (count == 1 || request_names(&echoes[i], &grant->sources.items[0]))
			grant_mapped(grant, &echoes[i]);
}

static void initiate_answered(void *userdata, const struct azjit_answer *answer,
                              const struct azjit_jit_request *echoes, size_t echo_count)
{
	struct azjit_request *request = userdata;
	char why[200];

	request->call = NULL;
	azjit_copy(request->answer_correlation_id, sizeof(request->answer_correlation_id),
	           answer->correlation_id);
	if (answer->result == AZJIT_OK && request_fits(request, echoes, echo_count, why, sizeof(why))) {
		record_answer(request, "accepted", answer);
		request->users++;
		request_taken(request, NULL);
		take_ports(request, echoes, echo_count);
		request_unref(request);
		return;
	}
	if (answer->result == AZJIT_OK) {
		struct azjit_answer wrong = *answer;

		wrong.result = AZJIT_PROTOCOL;
		wrong.message = why;
		record_answer(request, "accepted", &wrong);
		engine_log(request->engine, LOG_WARNING, "request %s: %s", request->client_request_id, why);
		if (!conflict_refused(request, true, why))
			request_over(request, AZJIT_PROTOCOL, why);
		return;
	}
	keep_unsettled(request, answer);
	if (answer->maybe_done) {
		record_answer(request, "unknown", answer);
		request->state = REQUEST_UNSURE;
		request->sent_ms = azjit_time_monotonic_ms();
		each_grant(request, to_checking);
		return;
	}
	if (worth_again(request, answer) && retry_later(request, answer))
		return;
	request_refused(request, answer);
}

static void justification(const struct azjit_request *request, char *ret_text, size_t size)
{
	const struct azjit_grant *grant;
	struct azjit_buf buf = AZJIT_BUF(size - 1);
	bool first = true;

	azjit_buf_str(&buf, "azjit:");
	TAILQ_FOREACH(grant, &request->engine->grants, link)
	{
		if (!request_carries(request, grant))
			continue;
		azjit_buf_printf(&buf, "%s %s", first ? "" : ",", grant->user);
		if (grant->session[0])
			azjit_buf_printf(&buf, " session %.8s", grant->session);
		if (grant->note[0])
			azjit_buf_printf(&buf, " (%.120s)", grant->note);
		first = false;
	}
	snprintf(ret_text, size, "%s", buf.data ? buf.data : "azjit");
	azjit_buf_free(&buf);
}

static void request_send(struct azjit_request *request)
{
	char text[300];
	struct azjit_jit_initiate initiate = {
	        .policy_id = request->policy_id,
	        .vm_id = request->vm_id,
	        .port = request->port,
	        .sources = request->sources.items,
	        .source_count = request->sources.count,
	        .separate = request->separate,
	        .end = request->end,
	        .justification = text,
	        .client_request_id = request->client_request_id,
	        .correlation_id = request->correlation_id,
	};
	struct azjit_call_options options = {.deadline_ms = INITIATE_MS};

	justification(request, text, sizeof(text));
	request->call =
	        azjit_jit_initiate(request->engine->azure, &initiate, options, initiate_answered, request);
}

// A request that Azure took, and that still may open the port or keeps it open.
static bool has_older(const struct azjit_grant *grant)
{
	return grant->request && grant->request->state == REQUEST_TAKEN &&
	       (grant->state == AZJIT_GRANT_OPEN || grant->state == AZJIT_GRANT_WAITING);
}

enum azjit_result request_start(struct azjit_grant **grants, size_t count,
                                const struct azjit_sources *sources, bool separate, azjit_ticks end,
                                struct azjit_reason *reason)
{
	struct azjit_request *request;
	enum azjit_result result;

	if (engine_stopped(grants[0]->engine, reason))
		return AZJIT_STOPPED;
	request = request_new(grants[0], sources, end);
	if (!request)
		return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	request->separate = separate;
	request->users = 1; // until the grants hold it
	result = AZJIT_OK;
	for (size_t i = 0; i < count && result == AZJIT_OK; i++)
		result = record_intent(grants[i], request, i == 0, reason);
	if (result != AZJIT_OK) {
		request_unref(request);
		return result;
	}
	for (size_t i = 0; i < count; i++) {
		struct azjit_grant *grant = grants[i];

		bool beside = has_older(grant);
		struct azjit_request **place = beside ? &grant->pending : &grant->request;

		request_unref(*place);
		*place = request;
		request->users++;
		grant->attempts++;
		if (!beside) {
			grant->state = AZJIT_GRANT_REQUESTING;
			evidence_reset(grant);
			grant_progress(grant, "requesting", "asking Azure to open port %u of %s", grant->port,
			               azjit_id_name(grant->vm_id));
		}
	}
	request->sent_ms = azjit_time_monotonic_ms();
	request_send(request);
	request_unref(request);
	return AZJIT_OK;
}

void request_repeat(struct azjit_grant *grant)
{
	struct azjit_reason reason;
	enum azjit_result result;

	if (grant->request)
		grant->request->state = REQUEST_DEAD;
	if (grant->attempts >= 2 || TAILQ_EMPTY(&grant->waiters)) {
		grant_fail(grant, AZJIT_UNREACHABLE, "the request never arrived at Azure");
		return;
	}
	grant->until -= 1; // a new nonce, never a later end
	result = conflict_request(grant, &reason);
	if (result != AZJIT_OK)
		grant_fail(grant, result, "%s", reason.text);
}
