// SPDX-License-Identifier: Apache-2.0
#include "bucket.h"

#include <azjit/text.h>

#define CALL        1000 // one, in the bucket's unit: a rate per second is then a level per millisecond
#define MAX_HOLD_MS 3600000
#define MAX_ENTRIES 5000

const struct bucket_limit bucket_limits[BUCKET_KINDS_] = {
        [BUCKET_READS] = {200, 20},
        [BUCKET_WRITES] = {160, 8},
        [BUCKET_DELETES] = {160, 8},
};
const struct bucket_limit bucket_queries = {12, 3};

static void flow(struct bucket *bucket, uint64_t now_ms)
{
	uint64_t full = (uint64_t)bucket->limit.size * CALL;

	if (now_ms <= bucket->at_ms)
		return;
	bucket->level += (now_ms - bucket->at_ms) * bucket->limit.rate_per_s;
	if (bucket->level > full)
		bucket->level = full;
	bucket->at_ms = now_ms;
}

struct bucket bucket_new(struct bucket_limit limit, uint64_t now_ms)
{
	return (struct bucket){.limit = limit, .level = (uint64_t)limit.size * CALL, .at_ms = now_ms};
}

uint64_t bucket_take(struct bucket *bucket, uint64_t now_ms, bool background)
{
	uint64_t rate = bucket->limit.rate_per_s;
	uint64_t needed = CALL + (background ? (uint64_t)bucket->limit.size * CALL / 2 : 0);
	uint64_t held_ms;

	flow(bucket, now_ms);
	held_ms = bucket->at_ms - now_ms;
	if (held_ms == 0 && bucket->level >= needed) {
		bucket->level -= CALL;
		return 0;
	}
	return held_ms + (bucket->level < needed ? (needed - bucket->level + rate - 1) / rate : 0);
}

void bucket_lower(struct bucket *bucket, uint64_t now_ms, uint64_t remaining)
{
	flow(bucket, now_ms);
	if (remaining < bucket->level / CALL)
		bucket->level = remaining * CALL;
}

void bucket_hold(struct bucket *bucket, uint64_t now_ms, uint64_t hold_ms)
{
	uint64_t until_ms = now_ms + (hold_ms < MAX_HOLD_MS ? hold_ms : MAX_HOLD_MS);

	flow(bucket, now_ms);
	bucket->level = 0;
	if (until_ms > bucket->at_ms)
		bucket->at_ms = until_ms;
}

// --- of all subscriptions -----------------------------------------------------------------------------

struct buckets_entry {
	struct buckets_entry *next;
	char subscription[64];
	struct bucket of[BUCKET_KINDS_];
};

static struct buckets_entry *entry_add(struct buckets *buckets, const char *subscription, uint64_t now_ms)
{
	struct buckets_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	(void)azjit_copy(entry->subscription, sizeof(entry->subscription), subscription);
	for (size_t kind = 0; kind < BUCKET_KINDS_; kind++)
		entry->of[kind] = bucket_new(bucket_limits[kind], now_ms);
	entry->next = buckets->first;
	buckets->first = entry;
	buckets->count++;
	return entry;
}

struct bucket *buckets_find(struct buckets *buckets, const char *subscription, enum bucket_kind kind,
                            uint64_t now_ms)
{
	struct buckets_entry *entry = buckets->first;

	while (entry && !azjit_ieq(entry->subscription, subscription))
		entry = entry->next;
	if (!entry && buckets->count < MAX_ENTRIES)
		entry = entry_add(buckets, subscription, now_ms);
	else if (!entry)
		entry = buckets->first;
	return entry ? &entry->of[kind] : NULL;
}

void buckets_free(struct buckets *buckets)
{
	while (buckets->first) {
		struct buckets_entry *next = buckets->first->next;

		free(buckets->first);
		buckets->first = next;
	}
}
