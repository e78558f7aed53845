// SPDX-License-Identifier: Apache-2.0
/*
 * What the agent of Azure Arc asks of a caller before it gives a token (azure.md §6.3): the content of a file
 * that only its group can read.
 */
#ifndef AZSIM_ARC_H
#define AZSIM_ARC_H

#include "request.h"

// True where the switch arc_keys is off, or the caller showed the key; else the request is answered.
bool arc_proved(struct request *req);

#endif
