// SPDX-License-Identifier: Apache-2.0
// The inventory as its files share it: refreshing (inventory_refresh.c), looking up with patience
// (inventory_lookup.c), asking one group's policies (inventory_group.c).
#ifndef AZJIT_ENGINE_INVENTORY_PRIVATE_H
#define AZJIT_ENGINE_INVENTORY_PRIVATE_H

#include "inventory_store.h"

#include <sys/queue.h>

// A miss reads Azure again, but whoever asks for what is not there cannot make us read without pause.
#define INV_MISS_PAUSE_MS 10000
#define INV_RETRY_MS      15000 // after a refresh that failed; doubled up to the configured interval
#define INV_READ_MS       60000 // deadline of one list
#define INV_READ_RETRIES  4
#define INV_PARALLEL      16 // lists under way at once

struct inv_refresh;
struct inv_group;

struct inv_watch {
	SLIST_ENTRY(inv_watch) link;
	azjit_inventory_fn *fn;
	void *userdata;
};

struct azjit_inventory {
	struct azjit_loop *loop;
	struct azjit_azure *azure;
	const struct azjit_config *config;

	struct inv_snapshot *snapshot; // NULL before the first
	uint64_t generation;
	azjit_ticks refreshed;
	uint64_t reads;   // refreshes that ended, well or not
	uint64_t read_ms; // when the newest refresh by the lists ended, well or not; 0: never
	bool graph;       // the newest refresh asked Resource Graph
	bool from_graph;  // the snapshot is its
	bool gaps_known;
	uint32_t gaps;                   // of the newest snapshot by the lists (inventory_store.h)
	uint64_t graph_again_ms;         // until then Resource Graph is not asked
	struct azjit_reason graph_error; // why not
	enum azjit_result result;
	struct azjit_reason error;
	uint64_t retry_ms;

	struct inv_refresh *refresh; // NULL: none under way
	struct azjit_source *timer;  // starts the next
	struct azjit_source *tell;   // runs the watchers
	SLIST_HEAD(inv_watches, inv_watch) watches;
	LIST_HEAD(inv_lookups, azjit_lookup) lookups;
	LIST_HEAD(inv_group_list, inv_group) groups;
	bool *gone; // set when the inventory is freed by one of its own callbacks
};

struct inv_match {
	uint32_t vm;
	uint32_t address; // the record that was named by address, INV_NONE otherwise
	bool by_public;
};
// The target of a match; the first of the policies (at least one) is the one to ask.
enum azjit_result inv_target(const struct azjit_inventory *inventory, const struct inv_match *match,
                             const struct inv_port *const *policies, size_t policy_count,
                             struct azjit_target **ret, struct azjit_reason *reason);

// azjit_inventory_find, and the VM's number where there is one.
enum azjit_result inv_find(const struct azjit_inventory *inventory, const char *what, uint16_t port,
                           struct azjit_target **ret, uint32_t *ret_vm, struct azjit_reason *reason);

// Starts a refresh; none may be under way. It ends in inv_refresh_done, never before this returned. direct: by
// the lists, whatever is configured.
void inv_refresh_start(struct azjit_inventory *inventory, bool direct);
// Goes on by the lists, if it asked Resource Graph: somebody waits for what that may not know yet.
void inv_refresh_directly(struct inv_refresh *refresh);
void inv_refresh_free(struct inv_refresh *refresh);
// Lists a group's policies in the refresh under way, too.
void inv_refresh_add_group(struct inv_refresh *refresh, const char *scope);
// AZJIT_OK: the snapshot is the new one (taken over); else the old one stays. graph: where it comes from.
void inv_refresh_done(struct azjit_inventory *inventory, enum azjit_result result, const char *reason,
                      bool graph, struct inv_snapshot *snapshot);

// Tells watchers and wakes lookups, from the loop.
void inv_changed(struct azjit_inventory *inventory);
void inv_lookups_wake(struct azjit_inventory *inventory);
void inv_lookups_free(struct azjit_inventory *inventory);

// Groups whose own policy list was asked because the subscription's may leave out some (azure.md §1.1).
// Those that showed something new are listed at every refresh.
struct inv_group {
	LIST_ENTRY(inv_group) link;
	struct azjit_inventory *inventory;
	char *scope; // "/subscriptions/ID/resourceGroups/NAME"
	struct azjit_call *call;
	uint64_t asked_ms;
	bool fruitful;
	struct azjit_reason error; // why the newest answer was none, "" otherwise
};
// Asks for the policies of a VM's group; lookups are woken when the answer is there. False if it was
// asked within INV_MISS_PAUSE_MS, or cannot be.
bool inv_group_ask(struct azjit_inventory *inventory, uint32_t vm);
// Is the answer for this VM's group under way?
bool inv_group_pending(const struct azjit_inventory *inventory, uint32_t vm);
// Why the group's newest answer was none; NULL if it was one.
const struct azjit_reason *inv_group_error(const struct azjit_inventory *inventory, uint32_t vm);
void inv_groups_free(struct azjit_inventory *inventory);

#endif
