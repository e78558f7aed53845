// SPDX-License-Identifier: Apache-2.0
/*
 * /_azsim/: the test's own door (README.md, "Control").
 */
#ifndef AZSIM_CONTROL_H
#define AZSIM_CONTROL_H

#include "request.h"

void control_serve(struct request *req);

// One part of the state, or all of it when part is "". NULL: there is no such part. New.
json_t *control_state_new(struct sim *sim, const char *part);

#endif
