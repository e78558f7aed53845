// SPDX-License-Identifier: Apache-2.0
#include "inventory_private.h"

static void refresh_due(void *userdata)
{
	azjit_inventory_refresh(userdata);
}

// Watchers may free the inventory: `gone` tells.
static void tell_watchers(void *userdata)
{
	struct azjit_inventory *inventory = userdata;
	enum azjit_result result = inventory->result;
	struct azjit_reason reason = inventory->error;
	struct inv_watch *watch, *next;
	bool gone = false;

	inventory->gone = &gone;
	for (watch = SLIST_FIRST(&inventory->watches); watch; watch = next) {
		next = SLIST_NEXT(watch, link);
		watch->fn(watch->userdata, result, reason.text);
		if (gone)
			return;
	}
	inventory->gone = NULL;
}

enum azjit_result azjit_inventory_new(struct azjit_loop *loop, struct azjit_azure *azure,
                                      const struct azjit_config *config, struct azjit_inventory **ret)
{
	struct azjit_inventory *inventory = calloc(1, sizeof(*inventory));
	enum azjit_result result;

	if (!inventory)
		return AZJIT_NOMEM;
	inventory->loop = loop;
	inventory->azure = azure;
	inventory->config = config;
	inventory->result = AZJIT_OK;
	inventory->retry_ms = INV_RETRY_MS;
	SLIST_INIT(&inventory->watches);
	LIST_INIT(&inventory->lookups);
	LIST_INIT(&inventory->groups);
	result = azjit_loop_timer(loop, 0, refresh_due, inventory, &inventory->timer);
	if (result != AZJIT_OK)
		azjit_inventory_free(inventory);
	else
		*ret = inventory;
	return result;
}

void azjit_inventory_free(struct azjit_inventory *inventory)
{
	struct inv_watch *watch;

	if (!inventory)
		return;
	if (inventory->gone)
		*inventory->gone = true;
	inv_refresh_free(inventory->refresh);
	inv_groups_free(inventory);
	inv_lookups_free(inventory);
	while ((watch = SLIST_FIRST(&inventory->watches))) {
		SLIST_REMOVE_HEAD(&inventory->watches, link);
		free(watch);
	}
	azjit_source_free(inventory->timer);
	azjit_source_free(inventory->tell);
	inv_snapshot_free(inventory->snapshot);
	free(inventory);
}

void azjit_inventory_watch(struct azjit_inventory *inventory, azjit_inventory_fn *fn, void *userdata)
{
	struct inv_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return;
	*watch = (struct inv_watch){.fn = fn, .userdata = userdata};
	SLIST_INSERT_HEAD(&inventory->watches, watch, link);
}

void azjit_inventory_refresh(struct azjit_inventory *inventory)
{
	if (!inventory->refresh)
		inv_refresh_start(inventory, false);
}

uint64_t azjit_inventory_generation(const struct azjit_inventory *inventory)
{
	return inventory->generation;
}

const char *azjit_inventory_error(const struct azjit_inventory *inventory)
{
	return inventory->error.text;
}

void inv_changed(struct azjit_inventory *inventory)
{
	if (inventory->tell)
		(void)azjit_source_timer(inventory->tell, 0);
	else
		(void)azjit_loop_timer(inventory->loop, 0, tell_watchers, inventory, &inventory->tell);
	inv_lookups_wake(inventory);
}

// After a failure sooner than usual, but not without pause.
static uint64_t next_delay_ms(struct azjit_inventory *inventory)
{
	uint64_t interval_ms = (uint64_t)inventory->config->inventory_refresh_s * 1000;
	uint64_t delay_ms = inventory->retry_ms < interval_ms ? inventory->retry_ms : interval_ms;

	if (inventory->result == AZJIT_OK) {
		inventory->retry_ms = INV_RETRY_MS;
		return interval_ms;
	}
	inventory->retry_ms = delay_ms * 2;
	return delay_ms;
}

void inv_refresh_done(struct azjit_inventory *inventory, enum azjit_result result, const char *reason,
                      bool graph, struct inv_snapshot *snapshot)
{
	inventory->refresh = NULL;
	inventory->reads++;
	inventory->graph = graph;
	if (!graph)
		inventory->read_ms = azjit_time_monotonic_ms();
	else if (result == AZJIT_OK)
		inventory->graph_error.text[0] = '\0';
	inventory->result = result;
	inventory->error.text[0] = '\0';
	if (result == AZJIT_OK) {
		inv_snapshot_free(inventory->snapshot);
		inventory->snapshot = snapshot;
		inventory->from_graph = graph;
		if (!graph)
			inventory->gaps = snapshot->gaps;
		inventory->gaps_known |= !graph;
		inventory->generation++;
		inventory->refreshed = azjit_time_now();
	} else {
		(void)azjit_fail(&inventory->error, result, "%s", reason);
	}
	(void)azjit_source_timer(inventory->timer, next_delay_ms(inventory));
	inv_changed(inventory);
}
