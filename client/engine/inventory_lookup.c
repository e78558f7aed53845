// SPDX-License-Identifier: Apache-2.0
// Looking up with patience: what is not found waits for the refresh under way or starts one that all
// who wait share; a port under no policy is asked of its group first.
#include "inventory_private.h"

#include <stdio.h>

struct azjit_lookup {
	LIST_ENTRY(azjit_lookup) link;
	struct azjit_inventory *inventory;
	bool reading;   // waits, or waited, for a refresh
	uint64_t reads; // how many had ended then
	bool asked;     // the VM's group
	char *what;
	uint16_t port;
	unsigned deadline_ms;
	struct azjit_source *wake, *deadline;
	azjit_inventory_found_fn *fn;
	void *userdata;
};

struct azjit_lookup *azjit_lookup_cancel(struct azjit_lookup *lookup)
{
	if (!lookup)
		return NULL;
	LIST_REMOVE(lookup, link);
	azjit_source_free(lookup->wake);
	azjit_source_free(lookup->deadline);
	free(lookup->what);
	free(lookup);
	return NULL;
}

// The last that is done for a lookup: the callback may free everything.
static void end(struct azjit_lookup *lookup, enum azjit_result result, const char *reason,
                struct azjit_target *target)
{
	azjit_inventory_found_fn *fn = lookup->fn;
	void *userdata = lookup->userdata;

	azjit_lookup_cancel(lookup);
	fn(userdata, result, reason, target);
}

// The answer after all that could be asked was asked. "Not there" would be a guess where Azure could not
// be asked.
static void end_missing(struct azjit_lookup *lookup, enum azjit_result result, uint32_t vm,
                        const struct azjit_reason *found)
{
	const struct azjit_inventory *inventory = lookup->inventory;
	const struct azjit_reason *group = vm == INV_NONE ? NULL : inv_group_error(inventory, vm);
	struct azjit_reason whole;
	char clean[80];

	azjit_printable(lookup->what, clean, sizeof(clean));
	if ((result == AZJIT_NOT_FOUND || result == AZJIT_CONFIG) && inventory->result != AZJIT_OK)
		result = azjit_fail(&whole, inventory->result, "%s is not known, and %.400s", clean,
		                    inventory->error.text);
	else if (result == AZJIT_NOT_MANAGED && group)
		result = azjit_fail(&whole, AZJIT_UNREACHABLE,
		                    "whether %s:%u is under a policy is not known: %.400s", clean,
		                    lookup->port, group->text);
	else
		whole = *found;
	end(lookup, result, whole.text, NULL);
}

static bool read_lately(const struct azjit_inventory *inventory)
{
	return inventory->read_ms && azjit_time_monotonic_ms() - inventory->read_ms < INV_MISS_PAUSE_MS;
}

// True: the lookup waits on, for the answer of the VM's group.
static bool wait_for_group(struct azjit_lookup *lookup, uint32_t vm)
{
	if (inv_group_pending(lookup->inventory, vm))
		return true;
	if (lookup->asked)
		return false;
	lookup->asked = true;
	return inv_group_ask(lookup->inventory, vm);
}

// True: the lookup waits on, for a refresh by the lists.
static bool wait_for_refresh(struct azjit_lookup *lookup)
{
	struct azjit_inventory *inventory = lookup->inventory;

	if (lookup->reading && inventory->refresh && inventory->reads == lookup->reads)
		return true;
	// Resource Graph lags: what it does not know is not missing yet.
	if (lookup->reading && !inventory->graph)
		return false;
	if (!inventory->refresh && read_lately(inventory))
		return false;
	lookup->reading = true;
	lookup->reads = inventory->reads;
	if (!inventory->refresh)
		inv_refresh_start(inventory, true);
	else if (inventory->snapshot && !read_lately(inventory))
		inv_refresh_directly(inventory->refresh);
	return inventory->refresh != NULL;
}

static void look(void *userdata)
{
	struct azjit_lookup *lookup = userdata;
	struct azjit_reason reason = {""};
	struct azjit_target *target = NULL;
	uint32_t vm = INV_NONE;
	enum azjit_result result =
	        inv_find(lookup->inventory, lookup->what, lookup->port, &target, &vm, &reason);

	bool waits = false;

	if (result == AZJIT_NOT_MANAGED)
		waits = wait_for_group(lookup, vm);
	else if (result == AZJIT_NOT_FOUND || result == AZJIT_CONFIG)
		waits = wait_for_refresh(lookup);
	if (result == AZJIT_OK)
		end(lookup, result, "", target);
	else if (!waits)
		end_missing(lookup, result, vm, &reason);
}

static void late(void *userdata)
{
	struct azjit_lookup *lookup = userdata;
	struct azjit_reason reason;
	char duration[32], clean[80];

	azjit_printable(lookup->what, clean, sizeof(clean));
	azjit_duration_format(lookup->deadline_ms < 1000 ? 1 : lookup->deadline_ms / 1000, duration,
	                      sizeof(duration));
	(void)azjit_fail(&reason, AZJIT_DEADLINE, "Azure did not tell within %s whether there is a %.64s",
	                 duration, lookup->what);
	end(lookup, AZJIT_DEADLINE, reason.text, NULL);
}

struct azjit_lookup *azjit_inventory_lookup(struct azjit_inventory *inventory, const char *what,
                                            uint16_t port, unsigned deadline_ms, azjit_inventory_found_fn *fn,
                                            void *userdata)
{
	struct azjit_lookup *lookup = calloc(1, sizeof(*lookup));

	if (!lookup)
		return NULL;
	*lookup = (struct azjit_lookup){
	        .inventory = inventory,
	        .what = strdup(what),
	        .port = port,
	        .deadline_ms = deadline_ms,
	        .fn = fn,
	        .userdata = userdata,
	};
	LIST_INSERT_HEAD(&inventory->lookups, lookup, link);
	if (!lookup->what || azjit_loop_timer(inventory->loop, 0, look, lookup, &lookup->wake) != AZJIT_OK ||
	    azjit_loop_timer(inventory->loop, deadline_ms, late, lookup, &lookup->deadline) != AZJIT_OK)
		return azjit_lookup_cancel(lookup);
	return lookup;
}

void inv_lookups_wake(struct azjit_inventory *inventory)
{
	struct azjit_lookup *lookup;

	LIST_FOREACH(lookup, &inventory->lookups, link)
	(void)azjit_source_timer(lookup->wake, 0);
}

void inv_lookups_free(struct azjit_inventory *inventory)
{
	while (!LIST_EMPTY(&inventory->lookups))
		azjit_lookup_cancel(LIST_FIRST(&inventory->lookups));
}
