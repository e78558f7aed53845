// SPDX-License-Identifier: Apache-2.0
// What call.c (steps) and call_answer.c (what came back) share of a call.
#ifndef AZJIT_AZURE_CALL_PRIVATE_H
#define AZJIT_AZURE_CALL_PRIVATE_H

#include "call.h"
#include "error.h"
#include "list.h"

struct azjit_call {
	struct azjit_azure *azure;
	struct azjit_call *next, **link;
	struct call_spec spec; // its strings are NULL but for the static ones
	char *url;             // absolute, or what follows the origin, which may not be known yet
	char *body, *key, *client_request_id, *correlation_id;
	uint64_t deadline_ms;
	unsigned deadline_each_ms;
	unsigned retries_left, attempt, pages, token_serial;
	unsigned refused_serial; // of a token that got 401; 0: none did yet
	bool finishing, held;
	bool canceled;         // by the callback that a piece was told to
	struct bucket *bucket; // what it is counted against
	struct azjit_source *timer;
	struct http_exchange *exchange;
	struct identity_wait wait;
	json_t *items;    // of the pages so far, or the object
	json_t *visited;  // links already followed
	struct list page; // that is told piece by piece; without text: none
	json_t *seen;     // ids that were told
	struct arena arena;
	struct azjit_answer answer;
	struct error_text error;
	char correlation[64];
	const char *operation; // in the arena, or NULL
};

// It changes something in Azure: sent on a fresh connection, and never again once it may have been done.
static inline bool call_writes(const struct azjit_call *call)
{
	return call->spec.shape == CALL_INITIATE || call->spec.shape == CALL_PUT ||
	       call->spec.shape == CALL_DELETE;
}

// As Resource Manager counts it.
static inline enum bucket_kind call_kind(const struct azjit_call *call)
{
	return call->spec.shape == CALL_DELETE ? BUCKET_DELETES
	       : call_writes(call)             ? BUCKET_WRITES
	                                       : BUCKET_READS;
}

// Gives the answer to the caller and ends the call.
void call_finish(struct azjit_call *call);
// The same with a sentence of our own.
void call_fail(struct azjit_call *call, enum azjit_result result, const char *message);
// Gives the caller a piece of the list. False: the call is no more.
bool call_tell(struct azjit_call *call, const json_t *piece);
// The next step, so many milliseconds from now.
void call_arm(struct azjit_call *call, uint64_t delay_ms);
// The exchange is over: it was answered or canceled.
void call_exchanged(struct azjit_call *call);
// What is left of the deadline.
uint64_t call_left_ms(const struct azjit_call *call);

// Goes to where a list says it continues. False: the call has ended.
bool call_follow(struct azjit_call *call, const char *link, size_t entries);
// A page came, to be told piece by piece.
void call_page(struct azjit_call *call, const struct http_answer *http);
// The next piece of the page.
void call_piece(struct azjit_call *call);
// A body that was understood by HTTP but not by us: `what` was answered.
void call_misread_body(struct azjit_call *call, const char *what);

// The end of an exchange (http_fn).
void call_answered(void *userdata, const struct http_answer *http);

#endif
