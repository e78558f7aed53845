// SPDX-License-Identifier: Apache-2.0
#include "timer.h"

#include <stdlib.h>

#include "util.h"

static bool before(const struct timer *a, const struct timer *b)
{
	return a->due < b->due || (a->due == b->due && a->seq < b->seq);
}

static void swap(struct timer *a, struct timer *b)
{
	struct timer t = *a;

	*a = *b;
	*b = t;
}

static void sift_down(struct timers *t, size_t i)
{
	for (;;) {
		size_t least = i, l = 2 * i + 1, r = l + 1;

		if (l < t->count && before(&t->heap[l], &t->heap[least]))
			least = l;
		if (r < t->count && before(&t->heap[r], &t->heap[least]))
			least = r;
		if (least == i)
			return;
		swap(&t->heap[i], &t->heap[least]);
		i = least;
	}
}

void timers_add(struct timers *t, int64_t due, timer_fn fn, void *arg)
{
	size_t i = t->count++;

	if (t->count > t->cap) {
		t->cap = t->count * 2;
		t->heap = xrealloc(t->heap, t->cap * sizeof(*t->heap));
	}
	t->heap[i] = (struct timer){.due = due, .seq = t->seq++, .fn = fn, .arg = arg};
	for (; i && before(&t->heap[i], &t->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&t->heap[i], &t->heap[(i - 1) / 2]);
}

int64_t timers_next(const struct timers *t)
{
	return t->count ? t->heap[0].due : INT64_MAX;
}

bool timers_run_one(struct timers *t, int64_t now, struct sim *sim)
{
	struct timer first;

	if (!t->count || t->heap[0].due > now)
		return false;
	first = t->heap[0];
	t->heap[0] = t->heap[--t->count];
	sift_down(t, 0);
	first.fn(sim, first.arg);
	return true;
}

void timers_drop(struct timers *t, const void *arg)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->count; i++)
		if (arg && t->heap[i].arg != arg)
			t->heap[kept++] = t->heap[i];
	t->count = kept;
	for (size_t i = kept / 2; i-- > 0;)
		sift_down(t, i);
}
