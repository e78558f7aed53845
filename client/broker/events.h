// SPDX-License-Identifier: Apache-2.0
// Activity Log events, kept beyond the callback that lent them.
#ifndef AZJIT_BROKER_EVENTS_H
#define AZJIT_BROKER_EVENTS_H

#include <azjit/activity.h>

struct events {
	struct azjit_activity_event *items;
	size_t count, alloc;
};

// Copies them all; false if memory ran out.
bool events_add(struct events *events, const struct azjit_activity_event *items, size_t count);
void events_free(struct events *events);

#endif
