// SPDX-License-Identifier: Apache-2.0
/*
 * Things that fall due. Two queues exist: one on the simulator clock (rules, statuses, expiry) and one
 * on the monotonic clock (held answers, slow bodies), since a manual clock must not stop an answer.
 * Timers of equal time run in the order in which they were added.
 */
#ifndef AZSIM_TIMER_H
#define AZSIM_TIMER_H

#include <stddef.h>
#include <stdint.h>

#include "clock.h"

struct sim;
typedef void (*timer_fn)(struct sim *sim, void *arg);

struct timer {
	int64_t due;
	uint64_t seq;
	timer_fn fn;
	void *arg; // owned by whoever set the timer
};

struct timers {
	struct timer *heap;
	size_t count, cap;
	uint64_t seq;
};

void timers_add(struct timers *t, int64_t due, timer_fn fn, void *arg);
// INT64_MAX when nothing waits.
int64_t timers_next(const struct timers *t);
// Runs the first timer if it is due at `now`.
bool timers_run_one(struct timers *t, int64_t now, struct sim *sim);
// Forgets all timers with this argument (all, when arg is NULL) without running them.
void timers_drop(struct timers *t, const void *arg);

#endif
