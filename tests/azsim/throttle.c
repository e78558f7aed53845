// SPDX-License-Identifier: Apache-2.0
/*
 * The token buckets of Resource Manager (azure.md §5.4): per subscription and principal, reads, writes and
 * deletes apart, with the service's numbers unless the scenario has its own.
 */
#define _GNU_SOURCE 1
#include "throttle.h"

#include <string.h>

#include "principal.h"
#include "route.h"

static const struct limit {
	const char *kind, *rate_member;
	long long full, rate;
} reads = {"reads", "reads_per_s", 250, 25}, writes = {"writes", "writes_per_s", 200, 10},
  deletes = {"deletes", "deletes_per_s", 200, 10};

static const struct limit *limit_of(const char *method)
{
	if (!strcmp(method, "GET") || !strcmp(method, "HEAD"))
		return &reads;
	return !strcmp(method, "DELETE") ? &deletes : &writes;
}

static json_t *bucket_of(struct request *req, const char *kind, long long full, ticks now)
{
	_cleanup_free_ char *key = xasprintf("%s %s %s", param(req, "sub"), req->caller->object_id, kind);
	json_t *bucket;

	for (char *p = key; *p; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 'a' - 'A') : *p;
	bucket = json_object_get(req->sim->buckets, key);
	if (!bucket) {
		bucket = jnew("{s:I s:I}", "level", (json_int_t)(full * TICKS_PER_S), "at", (json_int_t)now);
		jset(req->sim->buckets, key, bucket);
	}
	return bucket;
}

static void refuse(struct request *req, long long wait_s)
{
	reply_error(req, 429, "TooManyRequests",
	            "The request is being throttled as the limit has been reached for operation type.");
	reply_headerf(req, "Retry-After", "%lld", wait_s);
}

// The level is in calls times ticks per second: a rate per second is then a level per tick.
bool throttle_take(struct request *req)
{
	const json_t *set = json_object_get(req->sim->scenario, "throttle");
	const struct limit *limit = limit_of(req->method);
	long long full = jint(set, limit->kind, limit->full),
	          rate = jint(set, limit->rate_member, limit->rate) ?: 1, level;
	ticks now = clock_now(&req->sim->clock);
	json_t *bucket;

	if (!set || !req->caller || req->route->flags & ROUTE_OWN_QUOTA)
		return true;
	bucket = bucket_of(req, limit->kind, full, now);
	level = jint(bucket, "level", 0) + (now - jint(bucket, "at", 0)) * rate;
	if (level > full * TICKS_PER_S)
		level = full * TICKS_PER_S;
	req->counted = true;
	if (level >= TICKS_PER_S)
		level -= TICKS_PER_S;
	else
		refuse(req, (TICKS_PER_S - level + rate * TICKS_PER_S - 1) / (rate * TICKS_PER_S));
	req->remaining = (unsigned)(level / TICKS_PER_S);
	jset(bucket, "level", json_integer(level));
	jset(bucket, "at", json_integer(now));
	return req->reply.status != 429;
}
