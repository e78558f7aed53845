// SPDX-License-Identifier: Apache-2.0
#include "endpoints.h"

#include "error.h"
#include "retry.h"

#include <stdio.h>

#define TIMEOUT_MS   10000
#define GRACE_MS     500  // after which an exchange that has not ended is given up
#define HOLD_MS      2000 // after a failure nobody asks again for this long
#define FIRST_MS     1000 // between attempts of our own, doubled each time up to
#define MAX_DELAY_MS 60000

// One answer for each of the shapes (azure.md §6.7), the newest first: a cloud that knows a version not
// is asked for the next.
static const char *const versions[] = {"2022-09-01", "2019-05-01", "1.0"};

struct endpoints {
	struct endpoints_options options;
	struct http_exchange *exchange;
	struct azjit_source *timer; // the next attempt, or the end of this one
	struct identity_wait *waiters;
	size_t version;
	unsigned attempt;
	uint64_t hold_until_ms;
	enum azjit_result result;
	struct azjit_reason trouble;
};

const char *endpoints_trouble(const struct endpoints *endpoints)
{
	return endpoints ? endpoints->trouble.text : "";
}

// --- ends ---------------------------------------------------------------------------------------------

static void wake_all(struct endpoints *endpoints)
{
	while (endpoints->waiters) {
		struct identity_wait *wait = endpoints->waiters;

		identity_unwait(wait);
		wait->wake(wait->userdata, endpoints->result, endpoints->trouble.text);
	}
}

// `trouble` is filled.
static void failed(struct endpoints *endpoints, enum azjit_result result)
{
	endpoints->result = result;
	endpoints->hold_until_ms = azjit_time_monotonic_ms() + HOLD_MS;
	(void)azjit_source_timer(endpoints->timer,
	                         retry_backoff_ms(endpoints->attempt++, FIRST_MS, MAX_DELAY_MS));
	wake_all(endpoints);
}

static void unanswered(struct endpoints *endpoints, const char *why)
{
	(void)azjit_fail(&endpoints->trouble, AZJIT_UNREACHABLE,
	                 "the endpoints of cloud '%s' are not known, as %s gives no answer: %s",
	                 endpoints->options.cloud, endpoints->options.metadata_origin, why);
	failed(endpoints, AZJIT_UNREACHABLE);
}

static bool known(const struct endpoints *endpoints)
{
	return *endpoints->options.into->audience;
}

// --- asking -------------------------------------------------------------------------------------------

static void ask(struct endpoints *endpoints);

static void refused(struct endpoints *endpoints, const struct http_answer *answer)
{
	struct error_text error;

	if (answer->status >= 400 && answer->status < 500 && answer->status != 408 && answer->status != 429 &&
	    endpoints->version + 1 < AZJIT_COUNT(versions)) {
		endpoints->version++;
		ask(endpoints);
		return;
	}
	error_read("it", answer->status, answer->body, answer->body_len, &error);
	(void)azjit_fail(&endpoints->trouble, AZJIT_UNREACHABLE,
	                 "the endpoints of cloud '%s' are not known, as %s refuses to tell them (%d): %s",
	                 endpoints->options.cloud, endpoints->options.metadata_origin, answer->status,
	                 error.message);
	failed(endpoints, AZJIT_UNREACHABLE);
}

static void accept_answer(struct endpoints *endpoints, const struct http_answer *answer)
{
	const struct endpoints_options *options = &endpoints->options;
	struct cloud_endpoints found;
	enum azjit_result result = cloud_read(answer->body, answer->body_len, options->cloud,
	                                      options->metadata_origin, &found, &endpoints->trouble);

	if (result != AZJIT_OK) {
		failed(endpoints, result);
		return;
	}
	if (*options->fixed->resource_manager)
		memcpy(found.resource_manager, options->fixed->resource_manager,
		       sizeof(found.resource_manager));
	if (*options->fixed->login)
		memcpy(found.login, options->fixed->login, sizeof(found.login));
	*options->into = found;
	endpoints->trouble.text[0] = '\0';
	endpoints->result = AZJIT_OK;
	endpoints->timer = azjit_source_free(endpoints->timer);
	wake_all(endpoints);
}

static void on_answer(void *userdata, const struct http_answer *answer)
{
	struct endpoints *endpoints = userdata;

	endpoints->exchange = NULL;
	if (answer->fault != HTTP_FAULT_NONE)
		unanswered(endpoints, answer->detail);
	else if (answer->status != 200)
		refused(endpoints, answer);
	else
		accept_answer(endpoints, answer);
}

static void ask(struct endpoints *endpoints)
{
	static const char *const headers[] = {"Accept: application/json", NULL};
	char url[CLOUD_ORIGIN_CHARS + 64];

	(void)snprintf(url, sizeof(url), "%s/metadata/endpoints?api-version=%s",
	               endpoints->options.metadata_origin, versions[endpoints->version]);
	endpoints->exchange = http_start(
	        endpoints->options.http,
	        &(struct http_request){
	                .kind = HTTP_TLS, .url = url, .headers = headers, .timeout_ms = TIMEOUT_MS},
	        on_answer, endpoints);
	if (endpoints->exchange)
		(void)azjit_source_timer(endpoints->timer, TIMEOUT_MS + GRACE_MS);
	else
		failed(endpoints, azjit_fail(&endpoints->trouble, AZJIT_NOMEM, "out of memory"));
}

static void on_timer(void *userdata)
{
	struct endpoints *endpoints = userdata;

	if (endpoints->exchange) {
		endpoints->exchange = http_cancel(endpoints->exchange);
		unanswered(endpoints, "it took too long");
		return;
	}
	endpoints->version = 0;
	ask(endpoints);
}

void endpoints_wait(struct endpoints *endpoints, struct identity_wait *wait)
{
	wait->link = NULL;
	if (known(endpoints)) {
		wait->wake(wait->userdata, AZJIT_OK, "");
		return;
	}
	if (!endpoints->exchange && azjit_time_monotonic_ms() < endpoints->hold_until_ms) {
		wait->wake(wait->userdata, endpoints->result, endpoints->trouble.text);
		return;
	}
	wait->next = endpoints->waiters;
	wait->link = &endpoints->waiters;
	if (wait->next)
		wait->next->link = &wait->next;
	endpoints->waiters = wait;
	if (!endpoints->exchange)
		(void)azjit_source_timer(endpoints->timer, 0);
}

// --- the whole ----------------------------------------------------------------------------------------

struct endpoints *endpoints_new(const struct endpoints_options *options)
{
	struct endpoints *endpoints = calloc(1, sizeof(*endpoints));

	if (!endpoints)
		return NULL;
	endpoints->options = *options;
	if (azjit_loop_timer(options->loop, 0, on_timer, endpoints, &endpoints->timer) != AZJIT_OK) {
		endpoints_free(endpoints);
		return NULL;
	}
	return endpoints;
}

void endpoints_free(struct endpoints *endpoints)
{
	if (!endpoints)
		return;
	while (endpoints->waiters)
		identity_unwait(endpoints->waiters);
	http_cancel(endpoints->exchange);
	azjit_source_free(endpoints->timer);
	free(endpoints);
}
