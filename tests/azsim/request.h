// SPDX-License-Identifier: Apache-2.0
/*
 * One HTTP request on its way through azsim, from the first byte to the end of its answer.
 */
#ifndef AZSIM_REQUEST_H
#define AZSIM_REQUEST_H

#include "reply.h"
#include "sim.h"
#include "util.h"

#define MAX_PARAMS     8
#define MAX_BODY_BYTES (8u << 20)

struct MHD_Connection;
struct route;

struct param {
	const char *name; // in the route's pattern, without braces
	size_t name_len;
	char *value;
};

struct request {
	struct sim *sim;
	struct MHD_Connection *conn;
	enum service service;  // of the listener, then as Host and path tell
	char *method, *target; // target: path and query as they came
	char *path;            // decoded, no doubled slashes
	json_t *query;         // decoded, in order
	struct buf body;
	json_t *json; // the body when it is JSON
	char peer[64];

	const struct route *route; // NULL: none fits
	struct param params[MAX_PARAMS];
	size_t param_count;
	struct principal *caller;
	char *correlation, *request_id;
	bool counted; // against a bucket, which has so many calls left
	unsigned remaining;

	json_t *fault;   // the action that hit this request, owned; NULL mostly
	bool fault_kind; // recorded as fault
	uint64_t seq;
	ticks received;
	int64_t received_ms;
	int stage;
	int64_t hold_until_ms; // monotonic; 0: not held
	bool settle;           // held until enforcement has settled
	struct reply reply;
};

struct request *request_new(struct sim *sim, enum service service, const char *target);
void request_free(struct request *req);
// Splits target and body; false when the target is not well formed.
bool request_parse(struct request *req);

// A request header or query parameter; names without regard to case. NULL when absent.
const char *request_header(const struct request *req, const char *name);
const char *query_get(const struct request *req, const char *name);
// A part of the path by its name in the route's pattern; "" when the pattern has none.
const char *param(const struct request *req, const char *name);
// scheme://host as the caller wrote it.
char *request_base(const struct request *req);

char *percent_decode(const char *s, size_t len, bool plus);
char *percent_encode(const char *s);

#endif
