// SPDX-License-Identifier: Apache-2.0
// Runs a loop through steps: each is asked again every few milliseconds until it says true, then the next
// one. A loop runs once only (sd_event_exit(3) is for good), hence steps rather than several runs.
#ifndef AZJIT_TESTS_LOOP_UNTIL_H
#define AZJIT_TESTS_LOOP_UNTIL_H

#include <azjit/loop.h>
#include <azjit/time.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef bool step_fn(void *userdata);

struct steps {
	struct azjit_loop *loop;
	struct azjit_source *timer;
	step_fn *const *fns; // NULL-terminated
	void *userdata;
	uint64_t deadline_ms;
	int at;
};

static inline void steps_look(void *userdata)
{
	struct steps *steps = userdata;

	while (steps->fns[steps->at] && steps->fns[steps->at](steps->userdata))
		steps->at++;
	if (!steps->fns[steps->at])
		azjit_loop_exit(steps->loop, 0);
	else if (azjit_time_monotonic_ms() >= steps->deadline_ms)
		azjit_loop_exit(steps->loop, 1);
	else
		(void)azjit_source_timer(steps->timer, 2);
}

// Fails the test if a step is not true within the time for all of them.
static inline void loop_steps(struct azjit_loop *loop, step_fn *const *fns, void *userdata,
                              uint64_t within_ms)
{
	struct steps steps = {.loop = loop, .fns = fns, .userdata = userdata};

	steps.deadline_ms = azjit_time_monotonic_ms() + within_ms;
	assert_int_equal(azjit_loop_timer(loop, 0, steps_look, &steps, &steps.timer), AZJIT_OK);
	if (azjit_loop_run(loop) != 0)
		fail_msg("step %d was not reached in time", steps.at);
	azjit_source_free(steps.timer);
}

#endif
