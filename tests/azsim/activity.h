// SPDX-License-Identifier: Apache-2.0
/*
 * The Activity Log (azure.md §4): two events for each write, delete and action, late to appear.
 */
#ifndef AZSIM_ACTIVITY_H
#define AZSIM_ACTIVITY_H

#include "request.h"

struct resource;

// The two events of a finished call: BeginRequest when it came, EndRequest now.
void activity_of_request(struct request *req);
// The event of an NSG write by Defender's own identity (switch activity_nsg_events).
void activity_of_nsg_write(struct sim *sim, const struct resource *nsg, const char *correlation,
                           const char *rule);

#endif
