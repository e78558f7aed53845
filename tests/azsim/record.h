// SPDX-License-Identifier: Apache-2.0
/*
 * --record: each exchange as one JSON line, in the form the contract checker takes, flushed before the
 * answer is sent. Tokens and secrets never reach the file.
 */
#ifndef AZSIM_RECORD_H
#define AZSIM_RECORD_H

#include "request.h"

void record_open(struct sim *sim);
// Writes the line of a rendered, not yet compressed reply, and counts the exchange.
void record_exchange(struct request *req);

#endif
