// SPDX-License-Identifier: Apache-2.0
// One refresh as its files share it: its jobs and the lists (inventory_refresh.c), Resource Graph in place
// of four of these (inventory_graph.c).
#ifndef AZJIT_ENGINE_INVENTORY_REFRESH_H
#define AZJIT_ENGINE_INVENTORY_REFRESH_H

#include "inventory_private.h"

#include <azjit/graph.h>

enum list_kind {
	LIST_POLICIES = 0,
	LIST_VMS,
	LIST_NICS,
	LIST_SUBNETS,
	LIST_PUBLIC_IPS,
	LIST_GRAPH,
	LIST_KINDS_
};

struct job {
	TAILQ_ENTRY(job) link;
	struct inv_refresh *refresh;
	enum list_kind kind;
	char *scope; // NULL: LIST_GRAPH
	struct azjit_call *call;
	// LIST_GRAPH:
	enum azjit_graph_kind rows;
	size_t first, count; // of refresh->ids
	char *next;          // the page that is asked for
	unsigned pages;
};

struct inv_refresh {
	struct azjit_inventory *inventory;
	struct inv_builder builder;
	struct inv_snapshot *snapshot;
	bool graph;       // else the lists
	const char **ids; // of the subscriptions; each owned
	size_t id_count;
	struct azjit_call *subscriptions;
	struct azjit_source *build; // joins what was read
	struct azjit_source *start; // begins, so that nothing ends before inv_refresh_start returned
	TAILQ_HEAD(job_queue, job) waiting, running;
	size_t running_count;
};

// Somebody who looks a machine up waits for a refresh that is under way.
struct azjit_call_options refresh_options(const struct azjit_inventory *inventory);
// A job at the end of the queue; its text is the caller's to fill. NULL if memory ran out.
struct job *refresh_add(struct inv_refresh *refresh, enum list_kind kind);
// The job is done: the next one starts, or the refresh ends.
void refresh_job_done(struct job *job);
void refresh_failed(struct inv_refresh *refresh, enum azjit_result result, const char *reason);
// Forgets what came so far, and reads the lists.
void refresh_by_lists(struct inv_refresh *refresh);

// inventory_graph.c
bool graph_add_jobs(struct inv_refresh *refresh);
struct azjit_call *graph_call(struct job *job);
// Is Resource Graph to be asked now?
bool graph_wanted(const struct azjit_inventory *inventory);
// All its rows are there and joined. False: the lists must tell, as a machine under a policy has gaps that
// they did not have when they were read last.
bool graph_suffices(struct azjit_inventory *inventory, uint32_t gaps);

#endif
