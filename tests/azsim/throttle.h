// SPDX-License-Identifier: Apache-2.0
#ifndef AZSIM_THROTTLE_H
#define AZSIM_THROTTLE_H

#include "request.h"

// Counts the request against the bucket of its subscription, caller and kind. False: that was empty, and
// 429 with Retry-After is the answer. Without `throttle` in the scenario nothing is counted.
bool throttle_take(struct request *req);

#endif
