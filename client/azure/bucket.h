// SPDX-License-Identifier: Apache-2.0
// How often we ask: a token bucket for each subscription, reads, writes and deletes apart, as Resource
// Manager keeps them (azure.md §5.4) but smaller, so that others under our identity have room and a login does not
// meet a 429 that our own inventory earned. Pure: the clock is passed in, in milliseconds, and may stand
// still but not go back.
#ifndef AZJIT_AZURE_BUCKET_H
#define AZJIT_AZURE_BUCKET_H

#include <azjit/macro.h>

struct bucket_limit {
	uint32_t size, rate_per_s;
};
enum bucket_kind { BUCKET_READS = 0, BUCKET_WRITES, BUCKET_DELETES, BUCKET_KINDS_ };
// Four fifths of the service's.
extern const struct bucket_limit bucket_limits[BUCKET_KINDS_];
// Resource Graph counts for itself: 15 queries in 5 s (azure.md §12.7).
extern const struct bucket_limit bucket_queries;

struct bucket {
	struct bucket_limit limit;
	uint64_t level; // in thousandths of a call
	uint64_t at_ms; // when the level was so; ahead of the clock while the service wants to be left alone
};

// Full.
struct bucket bucket_new(struct bucket_limit limit, uint64_t now_ms);
// 0: one call may be made, and is counted. Else in how many milliseconds to ask again, by when others may
// have been faster. What is done in the background leaves half of the bucket to people who wait.
uint64_t bucket_take(struct bucket *bucket, uint64_t now_ms, bool background);
// The service says how many calls remain: ours are no more than that.
void bucket_lower(struct bucket *bucket, uint64_t now_ms, uint64_t remaining);
// The service answered 429: empty, and nothing for so long (at most an hour, which is the longest of the
// service's own periods). An earlier hold that ends later stays.
void bucket_hold(struct bucket *bucket, uint64_t now_ms, uint64_t hold_ms);

// Of all subscriptions that were asked so far.
struct buckets {
	struct buckets_entry *first;
	size_t count;
};
// "" is what belongs to no subscription. NULL if memory ran out; else good until buckets_free. Beyond
// some thousand subscriptions the further ones share a bucket.
struct bucket *buckets_find(struct buckets *buckets, const char *subscription, enum bucket_kind kind,
                            uint64_t now_ms);
void buckets_free(struct buckets *buckets);

#endif
