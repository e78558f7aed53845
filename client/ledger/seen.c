// SPDX-License-Identifier: Apache-2.0
// Which events are one request: those with the same correlation id, or, where one has none, with the
// same client request id; but never events of two callers or of two client request ids, since anybody
// may choose the correlation id of his own request (azure.md §4).
#include "seen.h"
#include "keymap.h"
#include <azjit/text.h>

static const char initiate[] = "/jitNetworkAccessPolicies/initiate/action";
// Writes the NSG on behalf of every request (azure.md §12.10): not a request of anybody.
static const char provider[] = "Windows Azure Security Resource Provider";

struct collector {
	struct azjit_seen_list *list;
	struct azjit_keymap ids, by_correlation, by_client; // to the first request of a chain
};

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && azjit_ieq(text + len - end_len, end);
}

static const char *text_of(const char *text)
{
	return text ? text : "";
}

static bool agree(const char *a, const char *b)
{
	return !*a || !*b || azjit_ieq(a, b);
}

static bool same_request(const struct azjit_seen *seen, const struct azjit_seen *event)
{
	return agree(seen->caller, event->caller) &&
	       agree(seen->client_request_id, event->client_request_id) &&
	       agree(seen->correlation_id, event->correlation_id);
}

static size_t find(const struct collector *collector, const struct azjit_seen *event)
{
	const struct azjit_seen *items = collector->list->items;
	size_t *at = azjit_keymap_get(&collector->by_correlation, event->correlation_id);

	for (size_t i = at ? *at : AZJIT_SEEN_NONE; i != AZJIT_SEEN_NONE; i = items[i].next_correlation)
		if (same_request(&items[i], event))
			return i;
	at = azjit_keymap_get(&collector->by_client, event->client_request_id);
	for (size_t i = at ? *at : AZJIT_SEEN_NONE; i != AZJIT_SEEN_NONE; i = items[i].next_client)
		if (same_request(&items[i], event))
			return i;
	return AZJIT_SEEN_NONE;
}

// Puts a request into the chain of a key; a request that already has the key is in it.
static void enlist(struct azjit_keymap *map, const char *key, size_t index, size_t *next)
{
	size_t *first = azjit_keymap_put(map, key, AZJIT_SEEN_NONE);

	if (!first)
		return;
	*next = *first;
	*first = index;
}

static bool status_is(const char *status, const char *a, const char *b)
{
	return azjit_ieq(status, a) || azjit_ieq(status, b);
}

static void describe(const struct azjit_activity_event *event, struct azjit_seen *ret)
{
	char vm[256];

	*ret = (struct azjit_seen){
	        .correlation_id = text_of(event->correlation_id),
	        .client_request_id = text_of(event->client_request_id),
	        .caller = text_of(event->caller),
	        .event_data_id = text_of(event->event_data_id),
	        .status = text_of(event->status),
	        .vm = "",
	        .time = event->event_time,
	        .status_time = event->event_time,
	        .initiate = ends_with(text_of(event->operation), initiate),
	        .ended = azjit_ieq(text_of(event->event_name), "EndRequest"),
	        .asked = AZJIT_SEEN_NONE,
	        .next_correlation = AZJIT_SEEN_NONE,
	        .next_client = AZJIT_SEEN_NONE,
	        .next_asked = AZJIT_SEEN_NONE,
	};
	ret->failed = status_is(ret->status, "Failed", "Failure");
	ret->succeeded = status_is(ret->status, "Succeeded", "Accepted") || azjit_ieq(ret->status, "Success");
	if (azjit_id_segment(text_of(event->resource_id), "virtualMachines", vm, sizeof(vm)))
		ret->vm = event->resource_id;
	else
		ret->on_policy = ret->initiate;
}

static const char *either(const char *a, const char *b)
{
	return *a ? a : b;
}

static void merge(struct collector *collector, size_t index, const struct azjit_seen *event)
{
	struct azjit_seen *seen = &collector->list->items[index];
	bool newer = event->ended != seen->ended ? event->ended : event->status_time > seen->status_time;

	if (!*seen->correlation_id && *event->correlation_id)
		enlist(&collector->by_correlation, event->correlation_id, index, &seen->next_correlation);
	if (!*seen->client_request_id && *event->client_request_id)
		enlist(&collector->by_client, event->client_request_id, index, &seen->next_client);
	seen->correlation_id = either(seen->correlation_id, event->correlation_id);
	seen->client_request_id = either(seen->client_request_id, event->client_request_id);
	seen->caller = either(seen->caller, event->caller);
	seen->event_data_id = either(seen->event_data_id, event->event_data_id);
	seen->vm = either(seen->vm, event->vm);
	if (*event->status && (newer || !*seen->status)) {
		seen->status = event->status;
		seen->status_time = event->status_time;
	}
	if (event->time && (!seen->time || event->time < seen->time))
		seen->time = event->time;
	seen->initiate |= event->initiate;
	seen->on_policy |= event->on_policy;
	seen->ended |= event->ended;
	seen->failed |= event->failed;
	seen->succeeded |= event->succeeded;
}

static void add(struct collector *collector, const struct azjit_activity_event *event)
{
	struct azjit_seen_list *list = collector->list;
	struct azjit_seen seen;
	size_t index;

	describe(event, &seen);
	if ((!seen.initiate && *text_of(event->operation)) || azjit_ieq(seen.caller, provider))
		return;
	index = find(collector, &seen);
	if (index != AZJIT_SEEN_NONE) {
		merge(collector, index, &seen);
		return;
	}
	index = list->count++;
	list->items[index] = seen;
	enlist(&collector->by_correlation, seen.correlation_id, index, &list->items[index].next_correlation);
	enlist(&collector->by_client, seen.client_request_id, index, &list->items[index].next_client);
}

bool azjit_seen_collect(const struct azjit_activity_event *events, size_t count, struct azjit_seen_list *ret)
{
	struct azjit_seen_list list = {.items = calloc(count ? count : 1, sizeof(*list.items))};
	struct collector collector = {.list = &list};
	bool ok = list.items && azjit_keymap_init(&collector.ids, count) &&
	          azjit_keymap_init(&collector.by_correlation, count) &&
	          azjit_keymap_init(&collector.by_client, count);

	for (size_t i = 0; ok && i < count; i++) {
		size_t *first = azjit_keymap_put(&collector.ids, events[i].event_data_id, i);

		if (!first || *first == i)
			add(&collector, &events[i]);
	}
	azjit_keymap_clear(&collector.ids);
	azjit_keymap_clear(&collector.by_correlation);
	azjit_keymap_clear(&collector.by_client);
	if (ok)
		*ret = list;
	else
		azjit_seen_clear(&list);
	return ok;
}

void azjit_seen_clear(struct azjit_seen_list *list)
{
	free(list->items);
	*list = (struct azjit_seen_list){0};
}
