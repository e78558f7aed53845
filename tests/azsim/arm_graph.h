// SPDX-License-Identifier: Apache-2.0
/*
 * Resource Graph's lag: while the switch graph_lag is on, its rows are those of the moment when it was set.
 */
#ifndef AZSIM_ARM_GRAPH_H
#define AZSIM_ARM_GRAPH_H

#include "sim.h"

void graph_remember(struct sim *sim);
void graph_forget(struct sim *sim);

#endif
