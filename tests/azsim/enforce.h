// SPDX-License-Identifier: Apache-2.0
/*
 * Lets a real packet filter follow: runs the --enforce program with an NSG's new state, one run at a
 * time per NSG, in the order of the changes. azsim does not wait for it.
 */
#ifndef AZSIM_ENFORCE_H
#define AZSIM_ENFORCE_H

#include "sim.h"

// Queues a run for the change (an element of sim->changes, which learns when it ran); takes `input`.
void enforce_queue(struct sim *sim, json_t *change, json_t *input_stolen);
// Starts what waits; the loop calls it when due timers have run, so that a fork delays none of them.
void enforce_start(struct sim *sim);
// Collects finished runs and starts what waited for them.
void enforce_reap(struct sim *sim);
bool enforce_idle(const struct sim *sim);
// Waits for the running ones, forgets the rest.
void enforce_stop(struct sim *sim);

#endif
