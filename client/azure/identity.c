// SPDX-License-Identifier: Apache-2.0
// Threat model. Attackers: a server that is not Entra ID or the metadata service (kept away by http_policy.c
// and by asking IMDS directly only); a reader of our memory or of what we print after the fact. Must
// hold: the token is in one place, is wiped when replaced or given up (when refused, once the next one is
// there to be compared with it), and is never part of a reason. A selector or tenant from the configuration
// cannot change the host that is asked.
#include "identity.h"

#include "call.h"
#include "error.h"
#include "retry.h"

#include <azjit/text.h>
#include <stdio.h>

#define TOKEN_TIMEOUT_MS   10000
#define GRACE_MS           500   // after which an exchange that has not ended is given up
#define MAX_SPARE_MS       30000 // a token this near its end is not good any more
#define HOLD_MS            2000  // after a final failure nobody asks again for this long
#define RENEWAL_RETRY_MS   60000 // after a renewal failed while the token is still good
#define MAX_RETRY_AFTER_MS 60000
#define BROUGHT_MAX_BYTES  ((size_t)65536)
#define CLOCK_WRONG        (60 * AZJIT_TICKS_PER_S) // off by this much: what was refused may be good now

const struct token_patience token_patience_remote = {4, 4, 1000, 8000};
const struct token_patience token_patience_local = {4, 3, 1000, 8000};
// 1, 2, 4, 8 and four times 16 s apart at least: longer than the 70 s that a 410 may last.
const struct token_patience token_patience_imds = {9, 3, 1000, 16000};

struct identity {
	struct identity_options setting;
	const struct azjit_azure_options *options;
	const struct token_source *source;
	struct http_exchange *exchange;
	struct azjit_source *timer; // renewal, or the next attempt of a running fetch
	struct identity_wait *waiters;
	char *token, *refused; // refused: by a server, and no other was received since
	unsigned serial;       // from 1
	uint64_t spare_ms;
	uint64_t received_ms;   // monotonic clock
	uint64_t expires_ms;    // monotonic clock
	azjit_ticks expires_at; // service's clock: it may jump where ours does not
	bool fetching;
	bool met; // the request on its way carries the proof that was asked for
	unsigned attempt, lost;
	uint64_t hold_until_ms;
	enum azjit_result trouble_result;
	struct azjit_reason trouble;
};

// --- waiting ------------------------------------------------------------------------------------------

void identity_unwait(struct identity_wait *wait)
{
	if (!wait->link)
		return;
	*wait->link = wait->next;
	if (wait->next)
		wait->next->link = wait->link;
	wait->link = NULL;
}

static void wake_all(struct identity *identity, enum azjit_result result, const char *reason)
{
	while (identity->waiters) {
		struct identity_wait *wait = identity->waiters;

		identity_unwait(wait);
		wait->wake(wait->userdata, result, reason);
	}
}

const char *identity_trouble(const struct identity *identity)
{
	return identity->trouble.text;
}

// --- the token ----------------------------------------------------------------------------------------

static void wipe_token(char **token)
{
	if (*token)
		explicit_bzero(*token, strlen(*token));
	free(STEAL(*token));
}

static bool token_good(const struct identity *identity)
{
	uint64_t spare_ms = identity->spare_ms;
	azjit_ticks now = azjit_azure_now(identity->setting.azure);

	return identity->token && azjit_time_monotonic_ms() + spare_ms < identity->expires_ms &&
	       now + (azjit_ticks)spare_ms * AZJIT_TICKS_PER_MS < identity->expires_at;
}

const char *identity_token(const struct identity *identity, unsigned *ret_serial)
{
	if (!token_good(identity))
		return NULL;
	if (ret_serial)
		*ret_serial = identity->serial;
	return identity->token;
}

int64_t identity_age_s(const struct identity *identity)
{
	if (!identity->token)
		return -1;
	return (int64_t)((azjit_time_monotonic_ms() - identity->received_ms) / 1000);
}

void identity_reject(struct identity *identity, unsigned serial)
{
	if (serial != identity->serial || !identity->token)
		return;
	wipe_token(&identity->refused);
	identity->refused = STEAL(identity->token);
}

// --- fetching -----------------------------------------------------------------------------------------

static void on_timer(void *userdata);
static void on_answer(void *userdata, const struct http_answer *answer);
static void fetch_try(struct identity *identity);
static void fetch_send(struct identity *identity, const char *challenge);

static void arm(struct identity *identity, uint64_t delay_ms)
{
	if (identity->timer)
		(void)azjit_source_timer(identity->timer, delay_ms);
	else
		(void)azjit_loop_timer(identity->setting.loop, delay_ms, on_timer, identity,
		                       &identity->timer);
}

static void fetch_begin(struct identity *identity)
{
	identity->fetching = true;
	identity->attempt = identity->lost = 0;
	identity->trouble.text[0] = '\0';
	fetch_try(identity);
}

// The fetch is over without a token; the old one may be good for a while yet.
static void fetch_fail(struct identity *identity)
{
	identity->fetching = false;
	identity->hold_until_ms = azjit_time_monotonic_ms() + HOLD_MS;
	if (token_good(identity))
		arm(identity, RENEWAL_RETRY_MS);
	wake_all(identity, identity->trouble_result, identity->trouble.text);
}

static void fetch_again(struct identity *identity, const char *retry_after)
{
	const struct token_patience *patience = identity->source->patience;
	uint64_t delay =
	        retry_backoff_ms(identity->attempt, patience->first_delay_ms, patience->max_delay_ms);
	int64_t asked = retry_after_ms(retry_after, azjit_time_now());

	if (++identity->attempt >= patience->attempts || identity->lost >= patience->lost_attempts) {
		fetch_fail(identity);
		return;
	}
	if (asked > MAX_RETRY_AFTER_MS)
		asked = MAX_RETRY_AFTER_MS;
	arm(identity, asked > 0 && (uint64_t)asked > delay ? (uint64_t)asked : delay);
}

static enum azjit_result no_token(struct identity *identity)
{
	return azjit_fail(&identity->trouble, AZJIT_IDENTITY, "%s answered with no readable token",
	                  identity->source->who);
}

static enum azjit_result accept_token(struct identity *identity, const char *body, size_t len)
{
	azjit_ticks now = azjit_azure_now(identity->setting.azure);
	const char *why = NULL, *token;
	json_auto_t *root = js_read(body, len, &why);
	enum azjit_result result = AZJIT_OK;
	struct token_life life;
	char *copy;

	token = token_read(root, now, &life);
	if (token && identity->source->keep)
		result = identity->source->keep(identity->options, root, &identity->trouble);
	copy = token && result == AZJIT_OK ? strdup(token) : NULL;
	if (token)
		explicit_bzero((char *)(uintptr_t)token, strlen(token));
	if (!copy)
		return result == AZJIT_OK ? no_token(identity) : result;
	wipe_token(&identity->token);
	identity->token = copy;
	if (!identity->refused || !azjit_streq(identity->refused, copy))
		identity->serial++;
	wipe_token(&identity->refused);
	identity->received_ms = azjit_time_monotonic_ms();
	identity->expires_ms = identity->received_ms + (uint64_t)life.lifetime_s * 1000;
	identity->expires_at = now + life.lifetime_s * AZJIT_TICKS_PER_S;
	identity->spare_ms = life.lifetime_s >= 120 ? MAX_SPARE_MS : (uint64_t)life.lifetime_s * 1000 / 4;
	identity->fetching = false;
	identity->hold_until_ms = 0;
	identity->trouble.text[0] = '\0';
	arm(identity, token_renewal_ms(&life));
	return AZJIT_OK;
}

static void take_answer(struct identity *identity, const char *body, size_t len)
{
	if (accept_token(identity, body, len) == AZJIT_OK)
		wake_all(identity, AZJIT_OK, "");
	else
		fetch_fail(identity);
}

// An assertion that was made by a clock that is wrong is refused, and the refusal tells the time.
static bool corrects_clock(struct identity *identity, const struct http_answer *answer)
{
	azjit_ticks date;

	return identity->source->tells_time && answer->status &&
	       azjit_time_parse_http(answer->date, &date) == AZJIT_OK &&
	       azure_set_clock(identity->setting.azure, date,
	                       (azjit_ticks)answer->took_ms * AZJIT_TICKS_PER_MS) > CLOCK_WRONG;
}

static void refused(struct identity *identity, const struct http_answer *answer, bool corrected)
{
	const char *who = identity->source->who, *mend = "";
	struct error_text error;

	error_read(who, answer->status, answer->body, answer->body_len, &error);
	if (identity->source->mend)
		mend = identity->source->mend(error.code);
	if (*error.code)
		(void)azjit_fail(&identity->trouble, AZJIT_IDENTITY, "%s%s gave no token (%d %s): %s", mend,
		                 who, answer->status, error.code, error.message);
	else
		(void)azjit_fail(&identity->trouble, AZJIT_IDENTITY, "no token: %s", error.message);
	if (corrected || identity->source->transient(answer->status))
		fetch_again(identity, answer->retry_after);
	else
		fetch_fail(identity);
}

static void answered(struct identity *identity, const struct http_answer *answer, bool corrected)
{
	const char *who = identity->source->who;
	bool proof_due = identity->source->meet && !identity->met;

	if (proof_due && answer->status == 401 && *answer->www_authenticate) {
		fetch_send(identity, answer->www_authenticate);
	} else if (answer->status != 200) {
		refused(identity, answer, corrected);
	} else if (proof_due) {
		(void)azjit_fail(
		        &identity->trouble, AZJIT_IDENTITY,
		        "something else than %s answers at its address: it gave a token and asked for "
		        "no key",
		        who);
		fetch_fail(identity);
	} else {
		take_answer(identity, answer->body, answer->body_len);
	}
}

static void release(struct identity *identity)
{
	if (identity->source->release)
		identity->source->release(identity->options);
}

static void take_exchange(struct identity *identity, const struct http_answer *answer)
{
	bool corrected = corrects_clock(identity, answer);

	identity->exchange = NULL;
	identity->trouble_result = AZJIT_IDENTITY;
	if (answer->fault == HTTP_FAULT_NONE) {
		answered(identity, answer, corrected);
		return;
	}
	(void)azjit_fail(&identity->trouble, AZJIT_IDENTITY, "no token from %s: %s", identity->source->who,
	                 answer->detail);
	identity->lost++;
	if (answer->fault == HTTP_FAULT_TRUST || answer->fault == HTTP_FAULT_LOCAL)
		fetch_fail(identity);
	else
		fetch_again(identity, "");
}

static void on_answer(void *userdata, const struct http_answer *answer)
{
	take_exchange(userdata, answer);
	release(userdata);
}

static void wipe_free(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void token_request_wipe(struct token_request *request)
{
	wipe_free(request->body);
	wipe_free(request->secret_header);
	free(request->url);
}

static bool send_request(struct identity *identity, const struct token_request *request)
{
	const char *headers[TOKEN_HEADERS + 2] = {NULL};
	size_t count = 0;

	for (; request->headers[count] && count < TOKEN_HEADERS; count++)
		headers[count] = request->headers[count];
	headers[count] = request->secret_header;
	identity->exchange = http_start(identity->setting.http,
	                                &(struct http_request){.kind = request->kind,
	                                                       .url = request->url,
	                                                       .body = request->body,
	                                                       .headers = headers,
	                                                       .timeout_ms = TOKEN_TIMEOUT_MS},
	                                on_answer, identity);
	return identity->exchange;
}

// challenge: "" for the first request of an attempt.
static void fetch_send(struct identity *identity, const char *challenge)
{
	_cleanup_(token_request_wipe) struct token_request request = {0};
	enum azjit_result result;

	identity->met = *challenge;
	result = identity->source->request(&identity->setting, identity->options, &request,
	                                   &identity->trouble);
	if (result == AZJIT_OK && identity->met)
		result = identity->source->meet(challenge, &request, &identity->trouble);
	if (result == AZJIT_OK && !send_request(identity, &request))
		result = azjit_fail(&identity->trouble, AZJIT_NOMEM, "out of memory");
	identity->trouble_result = result == AZJIT_NOMEM ? AZJIT_NOMEM : AZJIT_IDENTITY;
	if (result == AZJIT_OK) {
		arm(identity, TOKEN_TIMEOUT_MS + GRACE_MS);
	} else {
		release(identity);
		fetch_fail(identity);
	}
}

static void fetch_brought(struct identity *identity)
{
	_cleanup_(azjit_buf_wipe) struct azjit_buf answer = AZJIT_BUF(BROUGHT_MAX_BYTES);
	enum azjit_result result =
	        identity->source->bring(&identity->setting, identity->options, &answer, &identity->trouble);

	identity->trouble_result = result == AZJIT_NOMEM ? AZJIT_NOMEM : AZJIT_IDENTITY;
	if (result == AZJIT_OK)
		take_answer(identity, answer.data ? answer.data : "", answer.len);
	else
		fetch_fail(identity);
}

static void fetch_try(struct identity *identity)
{
	if (identity->source->bring)
		fetch_brought(identity);
	else
		fetch_send(identity, "");
}

static void on_timer(void *userdata)
{
	struct identity *identity = userdata;

	if (identity->exchange) {
		identity->exchange = http_cancel(identity->exchange);
		release(identity);
		(void)azjit_fail(&identity->trouble, AZJIT_IDENTITY, "%s did not answer in time",
		                 identity->source->who);
		identity->lost++;
		fetch_again(identity, "");
	} else if (identity->fetching) {
		fetch_try(identity);
	} else {
		fetch_begin(identity);
	}
}

void identity_wait(struct identity *identity, struct identity_wait *wait)
{
	wait->link = NULL;
	if (token_good(identity)) {
		wait->wake(wait->userdata, AZJIT_OK, "");
		return;
	}
	if (!identity->fetching && azjit_time_monotonic_ms() < identity->hold_until_ms) {
		wait->wake(wait->userdata, identity->trouble_result, identity->trouble.text);
		return;
	}
	wait->next = identity->waiters;
	wait->link = &identity->waiters;
	if (wait->next)
		wait->next->link = &wait->next;
	identity->waiters = wait;
	if (!identity->fetching)
		fetch_begin(identity);
}

// --- the whole ----------------------------------------------------------------------------------------

static const struct token_source *source_of(enum azjit_identity_kind kind)
{
	switch (kind) {
	case AZJIT_IDENTITY_NONE:
		return NULL;
	case AZJIT_IDENTITY_MANAGED:
		return &token_source_imds;
	case AZJIT_IDENTITY_CLIENT_SECRET:
		return &token_source_secret;
	case AZJIT_IDENTITY_CLIENT_CERTIFICATE:
		return &token_source_certificate;
	case AZJIT_IDENTITY_WORKLOAD:
		return &token_source_workload;
	case AZJIT_IDENTITY_ARC:
		return &token_source_arc;
	case AZJIT_IDENTITY_APP_SERVICE:
		return &token_source_app_service;
	case AZJIT_IDENTITY_BROUGHT:
		return &token_source_brought;
	case AZJIT_IDENTITY_LOGIN:
		return &token_source_login;
	}
	return NULL;
}

enum azjit_result identity_new(const struct identity_options *setting,
                               const struct azjit_azure_options *options, struct azjit_reason *reason,
                               struct identity **ret)
{
	const struct token_source *source = source_of(options->identity);
	struct identity *identity;
	enum azjit_result result;

	if (!source)
		return azjit_fail(reason, AZJIT_CONFIG, "no identity is configured");
	result = source->check(setting, options, reason);
	if (result != AZJIT_OK)
		return result;
	identity = calloc(1, sizeof(*identity));
	if (!identity)
		return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	identity->setting = *setting;
	identity->options = options;
	identity->source = source;
	*ret = identity;
	return AZJIT_OK;
}

void identity_free(struct identity *identity)
{
	if (!identity)
		return;
	while (identity->waiters)
		identity_unwait(identity->waiters);
	http_cancel(identity->exchange);
	release(identity);
	azjit_source_free(identity->timer);
	wipe_token(&identity->token);
	wipe_token(&identity->refused);
	free(identity);
}
