// SPDX-License-Identifier: Apache-2.0
// One refresh: the subscriptions, then five lists of each (or the policies of each and Resource Graph's rows of
// all), a few at a time, into a snapshot beside the one in use. The first failure ends it and leaves the old
// one whole.
#include "inventory_refresh.h"

#include <stdio.h>

static const struct {
	const char *noun, *right;
} lists[LIST_GRAPH] = {
        [LIST_POLICIES] = {"just-in-time policies",
                           "Microsoft.Security/locations/jitNetworkAccessPolicies/read"},
        [LIST_VMS] = {"virtual machines", "Microsoft.Compute/virtualMachines/read"},
        [LIST_NICS] = {"network interfaces", "Microsoft.Network/networkInterfaces/read"},
        [LIST_SUBNETS] = {"virtual networks", "Microsoft.Network/virtualNetworks/read"},
        [LIST_PUBLIC_IPS] = {"public addresses", "Microsoft.Network/publicIPAddresses/read"},
};

struct azjit_call_options refresh_options(const struct azjit_inventory *inventory)
{
	return (struct azjit_call_options){.deadline_ms = INV_READ_MS,
	                                   .retries = INV_READ_RETRIES,
	                                   .background = LIST_EMPTY(&inventory->lookups),
	                                   .piecewise = true};
}

static void free_job(struct job *job)
{
	azjit_call_cancel(job->call);
	free(job->scope);
	free(job->next);
	free(job);
}

static void free_jobs(struct job_queue *queue)
{
	struct job *job;

	while ((job = TAILQ_FIRST(queue))) {
		TAILQ_REMOVE(queue, job, link);
		free_job(job);
	}
}

void inv_refresh_free(struct inv_refresh *refresh)
{
	if (!refresh)
		return;
	azjit_call_cancel(refresh->subscriptions);
	free_jobs(&refresh->running);
	free_jobs(&refresh->waiting);
	azjit_source_free(refresh->start);
	azjit_source_free(refresh->build);
	inv_builder_clear(&refresh->builder);
	inv_snapshot_free(refresh->snapshot);
	for (size_t i = 0; i < refresh->id_count; i++)
		free((char *)(uintptr_t)refresh->ids[i]);
	free(refresh->ids);
	free(refresh);
}

// --- ends ---

void refresh_failed(struct inv_refresh *refresh, enum azjit_result result, const char *reason)
{
	struct azjit_inventory *inventory = refresh->inventory;
	struct azjit_reason kept;
	bool graph = refresh->graph;

	(void)azjit_fail(&kept, result, "%s", reason);
	inv_refresh_free(refresh);
	inv_refresh_done(inventory, result, kept.text, graph, NULL);
}

static void build(void *userdata)
{
	struct inv_refresh *refresh = userdata;
	struct azjit_inventory *inventory = refresh->inventory;
	struct inv_snapshot *snapshot;
	bool graph = refresh->graph;

	if (inv_build_some(&refresh->builder)) {
		(void)azjit_source_timer(refresh->build, 0);
		return;
	}
	if (refresh->builder.failed) {
		refresh_failed(refresh, AZJIT_NOMEM, "memory ran out while the inventory was made");
		return;
	}
	if (refresh->running_count > 0)
		return; // a group that was found meanwhile: its end comes here again
	if (graph && !graph_suffices(inventory, refresh->snapshot->gaps)) {
		refresh_by_lists(refresh);
		return;
	}
	snapshot = STEAL(refresh->snapshot);
	inv_refresh_free(refresh);
	inv_refresh_done(inventory, AZJIT_OK, "", graph, snapshot);
}

// Later, and a part at a time.
static void end_well(struct inv_refresh *refresh)
{
	if (refresh->build)
		(void)azjit_source_timer(refresh->build, 0);
	else if (azjit_loop_timer(refresh->inventory->loop, 0, build, refresh, &refresh->build) != AZJIT_OK)
		refresh_failed(refresh, AZJIT_NOMEM, "memory ran out while the inventory was made");
	else
		azjit_source_idle(refresh->build, true);
}

// --- jobs ---

static void job_ended(struct job *job, const struct azjit_answer *answer);

static void got_policies(void *userdata, const struct azjit_answer *answer,
                         const struct azjit_jit_policy *policies, size_t count)
{
	struct job *job = userdata;

	if (answer->result == AZJIT_OK)
		inv_feed_policies(&job->refresh->builder, policies, count);
	job_ended(job, answer);
}

static void got_vms(void *userdata, const struct azjit_answer *answer, const struct azjit_vm *vms,
                    size_t count)
{
	struct job *job = userdata;

	if (answer->result == AZJIT_OK)
		inv_feed_vms(&job->refresh->builder, vms, count);
	job_ended(job, answer);
}

static void got_nics(void *userdata, const struct azjit_answer *answer, const struct azjit_nic *nics,
                     size_t count)
{
	struct job *job = userdata;

	if (answer->result == AZJIT_OK)
		inv_feed_nics(&job->refresh->builder, nics, count);
	job_ended(job, answer);
}

static void got_subnets(void *userdata, const struct azjit_answer *answer, const struct azjit_subnet *subnets,
                        size_t count)
{
	struct job *job = userdata;

	if (answer->result == AZJIT_OK)
		inv_feed_subnets(&job->refresh->builder, subnets, count);
	job_ended(job, answer);
}

static void got_public_ips(void *userdata, const struct azjit_answer *answer,
                           const struct azjit_public_ip *ips, size_t count)
{
	struct job *job = userdata;

	if (answer->result == AZJIT_OK)
		inv_feed_public_ips(&job->refresh->builder, ips, count);
	job_ended(job, answer);
}

static struct azjit_call *call_list(struct job *job)
{
	struct azjit_azure *azure = job->refresh->inventory->azure;
	struct azjit_call_options options = refresh_options(job->refresh->inventory);

	switch (job->kind) {
	case LIST_POLICIES:
		return azjit_jit_list(azure, job->scope, options, got_policies, job);
	case LIST_VMS:
		return azjit_vm_list(azure, job->scope, options, got_vms, job);
	case LIST_NICS:
		return azjit_nic_list(azure, job->scope, options, got_nics, job);
	case LIST_SUBNETS:
		return azjit_subnet_list(azure, job->scope, options, got_subnets, job);
	case LIST_PUBLIC_IPS:
		return azjit_public_ip_list(azure, job->scope, options, got_public_ips, job);
	case LIST_GRAPH:
		return graph_call(job);
	case LIST_KINDS_:
		break;
	}
	return NULL;
}

// False: the refresh has ended.
static bool start_jobs(struct inv_refresh *refresh)
{
	struct job *job;

	while (refresh->running_count < INV_PARALLEL && (job = TAILQ_FIRST(&refresh->waiting))) {
		TAILQ_REMOVE(&refresh->waiting, job, link);
		TAILQ_INSERT_TAIL(&refresh->running, job, link);
		refresh->running_count++;
		job->call = call_list(job);
		if (!job->call) {
			refresh_failed(refresh, AZJIT_NOMEM, "memory ran out while the inventory was read");
			return false;
		}
	}
	return true;
}

static void job_failed(struct job *job, const struct azjit_answer *answer)
{
	struct azjit_reason reason;
	bool forbidden = answer->result == AZJIT_FORBIDDEN;

	(void)azjit_fail(&reason, answer->result, "the %s of %s cannot be read%s%s: %s",
	                 lists[job->kind].noun, job->scope, forbidden ? "; the identity needs " : "",
	                 forbidden ? lists[job->kind].right : "", answer->message);
	refresh_failed(job->refresh, answer->result, reason.text);
}

void refresh_job_done(struct job *job)
{
	struct inv_refresh *refresh = job->refresh;

	TAILQ_REMOVE(&refresh->running, job, link);
	refresh->running_count--;
	free_job(job);
	if (refresh->builder.failed)
		refresh_failed(refresh, AZJIT_NOMEM, "memory ran out while the inventory was read");
	else if (start_jobs(refresh) && refresh->running_count == 0)
		end_well(refresh);
}

// A group that once told more than its subscription may be deleted.
static bool is_gone(const struct job *job, const struct azjit_answer *answer)
{
	return answer->result == AZJIT_NOT_FOUND && job->kind == LIST_POLICIES &&
	       strstr(job->scope, "/resourceGroups/");
}

static void job_ended(struct job *job, const struct azjit_answer *answer)
{
	bool more = answer->result == AZJIT_OK && answer->more;

	if (more && !job->refresh->builder.failed)
		return;
	if (!more)
		job->call = NULL;
	if (answer->result == AZJIT_OK || is_gone(job, answer))
		refresh_job_done(job);
	else
		job_failed(job, answer);
}

struct job *refresh_add(struct inv_refresh *refresh, enum list_kind kind)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->refresh = refresh;
	job->kind = kind;
	TAILQ_INSERT_TAIL(&refresh->waiting, job, link);
	return job;
}

static bool add_list(struct inv_refresh *refresh, enum list_kind kind, const char *scope)
{
	struct job *job = refresh_add(refresh, kind);

	if (job)
		job->scope = strdup(scope);
	return job && job->scope;
}

static bool add_subscription(struct inv_refresh *refresh, const char *id)
{
	const char **grown;

	if (!azjit_uuid_valid(id))
		return true;
	grown = reallocarray(refresh->ids, refresh->id_count + 1, sizeof(*grown));
	if (!grown)
		return false;
	refresh->ids = grown;
	grown[refresh->id_count] = strdup(id);
	return grown[refresh->id_count] && ++refresh->id_count;
}

void inv_refresh_add_group(struct inv_refresh *refresh, const char *scope)
{
	if (!add_list(refresh, LIST_POLICIES, scope))
		refresh->builder.failed = true;
	else if (refresh->build)
		(void)start_jobs(refresh);
}

// --- beginnings ---

static bool add_jobs(struct inv_refresh *refresh)
{
	int kinds = refresh->graph ? LIST_POLICIES + 1 : LIST_GRAPH;
	struct inv_group *group;
	char scope[64];

	if (refresh->graph && !graph_add_jobs(refresh))
		return false;
	for (size_t i = 0; i < refresh->id_count; i++)
		for (int kind = 0; kind < kinds; kind++) {
			(void)snprintf(scope, sizeof(scope), "/subscriptions/%s", refresh->ids[i]);
			if (!add_list(refresh, (enum list_kind)kind, scope))
				return false;
		}
	LIST_FOREACH(group, &refresh->inventory->groups, link)
	if (group->fruitful && !add_list(refresh, LIST_POLICIES, group->scope))
		return false;
	return true;
}

static void run(struct inv_refresh *refresh, bool ok)
{
	if (!ok || !add_jobs(refresh))
		refresh_failed(refresh, AZJIT_NOMEM, "memory ran out while the inventory was read");
	else if (TAILQ_EMPTY(&refresh->waiting))
		refresh_failed(refresh, AZJIT_FORBIDDEN,
		               "the identity sees no subscription; give it a role in one");
	else
		(void)start_jobs(refresh);
}

void refresh_by_lists(struct inv_refresh *refresh)
{
	free_jobs(&refresh->running);
	free_jobs(&refresh->waiting);
	refresh->running_count = 0;
	azjit_source_free(STEAL(refresh->build));
	inv_builder_clear(&refresh->builder);
	inv_snapshot_free(refresh->snapshot);
	refresh->graph = false;
	refresh->snapshot = inv_snapshot_new();
	refresh->builder =
	        (struct inv_builder){.snapshot = refresh->snapshot, .config = refresh->inventory->config};
	run(refresh, refresh->snapshot != NULL);
}

void inv_refresh_directly(struct inv_refresh *refresh)
{
	bool begun = !TAILQ_EMPTY(&refresh->running) || refresh->build;

	if (!begun)
		refresh->graph = false;
	else if (refresh->graph)
		refresh_by_lists(refresh);
}

static void got_subscriptions(void *userdata, const struct azjit_answer *answer,
                              const struct azjit_subscription *subscriptions, size_t count)
{
	struct inv_refresh *refresh = userdata;
	struct azjit_reason reason;
	bool ok = true;

	refresh->subscriptions = NULL;
	if (answer->result != AZJIT_OK) {
		(void)azjit_fail(&reason, answer->result, "the subscriptions cannot be read: %s",
		                 answer->message);
		refresh_failed(refresh, answer->result, reason.text);
		return;
	}
	for (size_t i = 0; ok && i < count; i++)
		if (!azjit_ieq(subscriptions[i].state, "Deleted"))
			ok = add_subscription(refresh, subscriptions[i].id);
	run(refresh, ok);
}

static void begin(void *userdata)
{
	struct inv_refresh *refresh = userdata;
	const struct azjit_strings *configured = &refresh->inventory->config->subscriptions;
	struct azjit_call_options options = refresh_options(refresh->inventory);
	bool ok = true;

	if (configured->count == 0) {
		options.piecewise = false; // what is read of them begins when all are known
		refresh->subscriptions = azjit_subscriptions_list(refresh->inventory->azure, options,
		                                                  got_subscriptions, refresh);
		if (!refresh->subscriptions)
			run(refresh, false);
		return;
	}
	for (size_t i = 0; ok && i < configured->count; i++)
		ok = add_subscription(refresh, configured->items[i]);
	run(refresh, ok);
}

void inv_refresh_start(struct azjit_inventory *inventory, bool direct)
{
	struct inv_refresh *refresh = calloc(1, sizeof(*refresh));

	if (!refresh) {
		inv_refresh_done(inventory, AZJIT_NOMEM, "out of memory", false, NULL);
		return;
	}
	refresh->inventory = inventory;
	refresh->graph = !direct && graph_wanted(inventory);
	TAILQ_INIT(&refresh->waiting);
	TAILQ_INIT(&refresh->running);
	refresh->snapshot = refresh->builder.snapshot = inv_snapshot_new();
	refresh->builder.config = inventory->config;
	if (!refresh->snapshot ||
	    azjit_loop_timer(inventory->loop, 0, begin, refresh, &refresh->start) != AZJIT_OK) {
		inv_refresh_free(refresh);
		inv_refresh_done(inventory, AZJIT_NOMEM, "out of memory", false, NULL);
		return;
	}
	inventory->refresh = refresh;
}
