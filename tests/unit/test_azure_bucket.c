// SPDX-License-Identifier: Apache-2.0
// How often we ask, with a clock that is played.
#include "../../client/azure/bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define START UINT64_C(1000000)

static const struct bucket_limit limit = {100, 10};

// How many can be taken at this moment.
static unsigned drain(struct bucket *bucket, uint64_t now_ms, bool background)
{
	unsigned count = 0;

	while (bucket_take(bucket, now_ms, background) == 0)
		count++;
	return count;
}

static void a_full_bucket_is_its_size_and_no_more(void **state)
{
	struct bucket bucket = bucket_new(limit, START);

	assert_int_equal(drain(&bucket, START, false), 100);
	assert_int_equal(drain(&bucket, START, false), 0);
	assert_int_equal(drain(&bucket, START + 3600000, false), 100);
	bucket = bucket_new(limit, START);
	assert_int_equal(drain(&bucket, START + 3600000, false), 100);
}

static void it_fills_at_its_rate(void **state)
{
	struct bucket bucket = bucket_new(limit, START);

	assert_int_equal(drain(&bucket, START, false), 100);
	assert_int_equal(bucket_take(&bucket, START, false), 100);
	assert_int_equal(bucket_take(&bucket, START + 1, false), 99);
	assert_int_equal(bucket_take(&bucket, START + 99, false), 1);
	assert_int_equal(bucket_take(&bucket, START + 100, false), 0);
	assert_int_equal(bucket_take(&bucket, START + 100, false), 100);
	assert_int_equal(drain(&bucket, START + 1100, false), 10);
	for (uint64_t ms = 0; ms < 1000; ms++) // parts of a call are not lost between looks
		(void)bucket_take(&bucket, START + 1100 + ms, true);
	assert_int_equal(drain(&bucket, START + 2100, false), 10);
}

static void who_waits_as_told_is_served(void **state)
{
	static const struct bucket_limit odd = {7, 3};
	struct bucket bucket = bucket_new(odd, START);
	uint64_t now = START;

	assert_int_equal(drain(&bucket, now, false), 7);
	for (int i = 0; i < 100; i++) {
		uint64_t wait = bucket_take(&bucket, now, false);

		assert_in_range(wait, 1, 334);
		now += wait;
		assert_int_equal(bucket_take(&bucket, now, false), 0);
	}
	assert_in_range(now - START, 33333, 33434);
}

static void the_background_leaves_half(void **state)
{
	struct bucket bucket = bucket_new(limit, START);

	assert_int_equal(drain(&bucket, START, true), 50);
	assert_int_equal(bucket_take(&bucket, START, true), 100);
	assert_int_equal(bucket_take(&bucket, START + 100, true), 0);
	assert_int_equal(drain(&bucket, START + 100, false), 50);
	// Those who wait come first: the background has to see half of it again.
	assert_int_equal(bucket_take(&bucket, START + 100, true), 5100);
	assert_int_equal(bucket_take(&bucket, START + 200, false), 0);
	assert_int_equal(bucket_take(&bucket, START + 200, true), 5100);
	assert_int_equal(bucket_take(&bucket, START + 5300, true), 0);
}

static void a_login_amid_a_burst_does_not_wait(void **state)
{
	struct bucket bucket = bucket_new(limit, START);
	unsigned done = 0;

	for (uint64_t ms = 0; ms < 60000; ms++) {
		done += drain(&bucket, START + ms, true);
		if (ms % 500 == 0)
			assert_int_equal(bucket_take(&bucket, START + ms, false), 0);
	}
	assert_in_range(done, 50 + 600 - 120 - 1, 50 + 600 - 120 + 1);
}

static void a_hold_is_for_everybody_and_ends_slowly(void **state)
{
	struct bucket bucket = bucket_new(limit, START);

	bucket_hold(&bucket, START, 3000);
	assert_int_equal(bucket_take(&bucket, START, false), 3100);
	assert_int_equal(bucket_take(&bucket, START + 2999, false), 101);
	assert_int_equal(bucket_take(&bucket, START + 3000, false), 100);
	assert_int_equal(bucket_take(&bucket, START + 3100, false), 0);
	assert_int_equal(bucket_take(&bucket, START + 3100, false), 100);
	bucket_hold(&bucket, START + 4000, 5000);
	bucket_hold(&bucket, START + 4000, 1000); // a second answer, of a call that was under way
	assert_int_equal(bucket_take(&bucket, START + 4000, false), 5100);
	bucket_lower(&bucket, START + 4000, 90);
	assert_int_equal(bucket_take(&bucket, START + 4000, false), 5100);
	bucket_hold(&bucket, START + 9000, 0);
	assert_int_equal(bucket_take(&bucket, START + 9000, false), 100);
	bucket_hold(&bucket, START + 9000, UINT64_MAX);
	assert_int_equal(bucket_take(&bucket, START + 9000, false), 3600100);
}

static void the_service_lowers_and_never_raises(void **state)
{
	struct bucket bucket = bucket_new(limit, START);

	bucket_lower(&bucket, START, 11985);
	bucket_lower(&bucket, START, 100);
	assert_int_equal(drain(&bucket, START, false), 100);
	bucket_lower(&bucket, START + 5000, 60);
	bucket_lower(&bucket, START + 5000, 20);
	bucket_lower(&bucket, START + 5000, 40);
	assert_int_equal(drain(&bucket, START + 5000, false), 20);
	bucket_lower(&bucket, START + 5000, 0);
	assert_int_equal(bucket_take(&bucket, START + 5000, false), 100);
}

static void ours_stay_below_the_services(void **state)
{
	assert_in_range(bucket_limits[BUCKET_READS].size, 1, 249);
	assert_in_range(bucket_limits[BUCKET_READS].rate_per_s, 1, 24);
	for (enum bucket_kind kind = BUCKET_WRITES; kind <= BUCKET_DELETES; kind++) {
		assert_in_range(bucket_limits[kind].size, 1, 199);
		assert_in_range(bucket_limits[kind].rate_per_s, 1, 9);
	}
}

#define SUBSCRIPTION "22222222-2222-4222-8222-22222222abc2"

static void each_subscription_has_its_own(void **state)
{
	struct buckets buckets = {0};
	struct bucket *reads = buckets_find(&buckets, SUBSCRIPTION, BUCKET_READS, START);

	assert_int_equal(drain(reads, START, false), bucket_limits[BUCKET_READS].size);
	assert_ptr_equal(buckets_find(&buckets, SUBSCRIPTION, BUCKET_READS, START), reads);
	assert_ptr_equal(buckets_find(&buckets, "22222222-2222-4222-8222-22222222ABC2", BUCKET_READS, START),
	                 reads);
	for (enum bucket_kind kind = BUCKET_WRITES; kind <= BUCKET_DELETES; kind++)
		assert_int_equal(drain(buckets_find(&buckets, SUBSCRIPTION, kind, START), START, false),
		                 bucket_limits[kind].size);
	assert_int_equal(drain(buckets_find(&buckets, "", BUCKET_READS, START), START, false),
	                 bucket_limits[BUCKET_READS].size);
	bucket_hold(reads, START, 1000);
	assert_int_equal(bucket_take(buckets_find(&buckets, "33333333-3333-4333-8333-333333333333",
	                                          BUCKET_READS, START),
	                             START, false),
	                 0);
	assert_ptr_equal(buckets_find(&buckets, SUBSCRIPTION, BUCKET_READS, START), reads);
	buckets_free(&buckets);
}

static void many_subscriptions_share(void **state)
{
	struct buckets buckets = {0};
	char name[64];

	for (int i = 0; i < 6000; i++) {
		(void)snprintf(name, sizeof(name), "subscription-%d", i);
		assert_non_null(buckets_find(&buckets, name, BUCKET_READS, START));
	}
	assert_int_equal(buckets.count, 5000);
	buckets_free(&buckets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_full_bucket_is_its_size_and_no_more),
	        cmocka_unit_test(it_fills_at_its_rate),
	        cmocka_unit_test(who_waits_as_told_is_served),
	        cmocka_unit_test(the_background_leaves_half),
	        cmocka_unit_test(a_login_amid_a_burst_does_not_wait),
	        cmocka_unit_test(a_hold_is_for_everybody_and_ends_slowly),
	        cmocka_unit_test(the_service_lowers_and_never_raises),
	        cmocka_unit_test(ours_stay_below_the_services),
	        cmocka_unit_test(each_subscription_has_its_own),
	        cmocka_unit_test(many_subscriptions_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
