// SPDX-License-Identifier: Apache-2.0
#include "events.h"

#include <stddef.h>

// Where the strings stand in an event.
static const size_t strings[] = {
        offsetof(struct azjit_activity_event, event_data_id),
        offsetof(struct azjit_activity_event, correlation_id),
        offsetof(struct azjit_activity_event, client_request_id),
        offsetof(struct azjit_activity_event, operation),
        offsetof(struct azjit_activity_event, event_name),
        offsetof(struct azjit_activity_event, status),
        offsetof(struct azjit_activity_event, sub_status),
        offsetof(struct azjit_activity_event, caller),
        offsetof(struct azjit_activity_event, resource_id),
        offsetof(struct azjit_activity_event, client_address),
};

static char **string_at(struct azjit_activity_event *event, size_t index)
{
	return (char **)((char *)event + strings[index]);
}

static bool copy(const struct azjit_activity_event *from, struct azjit_activity_event *to)
{
	bool whole = true;

	*to = *from;
	for (size_t i = 0; i < AZJIT_COUNT(strings); i++) {
		char **at = string_at(to, i);

		*at = strdup(*at ? *at : "");
		whole = whole && *at;
	}
	return whole;
}

bool events_add(struct events *events, const struct azjit_activity_event *items, size_t count)
{
	size_t need = events->count + count;

	if (need > events->alloc) {
		size_t alloc = need > events->alloc * 2 ? need : events->alloc * 2;
		struct azjit_activity_event *grown = reallocarray(events->items, alloc, sizeof(*grown));

		if (!grown)
			return false;
		events->items = grown;
		events->alloc = alloc;
	}
	for (size_t i = 0; i < count; i++)
		if (!copy(&items[i], &events->items[events->count++]))
			return false;
	return true;
}

void events_free(struct events *events)
{
	for (size_t e = 0; e < events->count; e++)
		for (size_t i = 0; i < AZJIT_COUNT(strings); i++)
			free(*string_at(&events->items[e], i));
	free(events->items);
	*events = (struct events){.count = 0};
}
