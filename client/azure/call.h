// SPDX-License-Identifier: Apache-2.0
// One call of a noun: token, exchange, retries, pages, and at the end one callback. The nouns make a
// spec and read the JSON; everything about time, failure and identity is here.
#ifndef AZJIT_AZURE_CALL_H
#define AZJIT_AZURE_CALL_H

#include "bucket.h"
#include "cloud.h"
#include "endpoints.h"
#include "http.h"
#include "identity.h"
#include "json.h"
#include "latency.h"
#include "url.h"

#include <azjit/azure.h>

struct azjit_azure {
	struct azjit_loop *loop;
	struct http *http;
	struct identity *identity;
	struct azjit_azure_options options; // strings owned
	struct cloud_endpoints at, fixed;   // in force; those of the configuration, "" where not set
	struct endpoints *endpoints;        // asks for `at`; NULL for a cloud that is built in
	char *imds, *metadata, *endpoint;   // origins; metadata NULL likewise
	struct buckets buckets;
	struct bucket queries; // of Resource Graph, in no subscription's
	struct latency latencies[OPERATION_COUNT_];
	struct azjit_call *calls;
	unsigned background; // exchanges under way that nobody waits for
	struct azjit_azure_counts counts;
	azjit_ticks offset; // service's clock less ours
};

// Corrects the service's clock by the Date of an answer that took so long, whole seconds written at some
// moment of the exchange: only as far as it is certainly wrong. By how much, without a sign.
azjit_ticks azure_set_clock(struct azjit_azure *azure, azjit_ticks date, azjit_ticks took);

enum call_shape {
	CALL_OBJECT = 0, // GET, one object
	CALL_LIST,       // GET, value[] over all pages
	CALL_QUERY,      // POST that reads: one object
	CALL_INITIATE,   // POST, body "": none; this and the next two are writes: sent at most once
	CALL_PUT,
	CALL_DELETE, // no body
	CALL_READY,  // a token and nothing else
};

struct call_result {
	struct azjit_answer *answer;
	const json_t
	        *json; // the object; for lists an array of all elements; NULL unless answer->result is OK,
	               // and where a write was answered without a body
	struct arena *arena; // of what the callback borrows
	void (*fn)(void);    // the caller's, to be cast back
	void *userdata;
	const char *key;       // what the spec gave
	const char *operation; // the link to what goes on after the answer, "" if it named none
	bool writes;           // a write: what was done is not known where its answer cannot be read
};

// Reads the JSON, and runs the caller's callback: always, exactly once. Afterwards nothing of the call
// is touched but by its owner, since the callback may have freed the connection.
typedef void call_done_fn(const struct call_result *call);

struct call_spec {
	enum call_shape shape;
	enum operation operation;
	const char *id;     // resource or scope in the path; NULL: `path` is the whole
	const char *path;   // what follows it, with its query; ours
	const char *unique; // CALL_LIST: member by which repeated entries are told
	const char *body;   // CALL_QUERY, CALL_INITIATE, CALL_PUT: JSON
	const char *key;    // copied, for `done`; may be NULL
	const char *client_request_id, *correlation_id; // copied; NULL: random, none
	const char *refusal; // static; not NULL: nothing is asked, AZJIT_USAGE with this sentence
	struct azjit_call_options options;
	call_done_fn *done;
	void (*fn)(void);
	void *userdata;
};

// NULL only if memory ran out; then the callback never runs.
struct azjit_call *call_new(struct azjit_azure *azure, const struct call_spec *spec);

// For `done` functions: turns an answer that was understood by HTTP but not by us into AZJIT_PROTOCOL
// (or AZJIT_NOMEM), with a sentence. `what` is a clause: "a policy without an id".
void call_misread(struct azjit_answer *answer, struct arena *arena, enum azjit_result result,
                  const char *what);

#endif
