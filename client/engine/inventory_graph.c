// SPDX-License-Identifier: Apache-2.0
// Taking stock from Resource Graph: four queries over all subscriptions in place of four lists of each.
//
// It lags, and it leaves out in silence what the identity may not read; a machine that is missing would
// take its ports out of the guard's set. So the policies, which are always read directly, are the
// measure: what they name must be there with all that hangs on it, as far as it was when the lists were read
// last; else the lists are read again (a policy may name a machine that is gone for good, azure.md §1.6, and a
// subnet may lie in a subscription that is not read).
#include "inventory_refresh.h"

#include <stdio.h>

#define PAGES_MAX 1000 // of one query

// What is refused today is refused in a minute, too.
#define REFUSED_PAUSE_MS 3600000

bool graph_wanted(const struct azjit_inventory *inventory)
{
	switch (inventory->config->inventory_source) {
	case AZJIT_INVENTORY_LISTS:
		return false;
	case AZJIT_INVENTORY_GRAPH:
		return true;
	case AZJIT_INVENTORY_AUTO:
		break;
	}
	return azjit_time_monotonic_ms() >= inventory->graph_again_ms;
}

bool graph_suffices(struct azjit_inventory *inventory, uint32_t gaps)
{
	// Without a machine under a policy that lacks something there is nothing to compare.
	if (gaps == 0 || (inventory->gaps_known && inventory->gaps == gaps))
		return true;
	(void)azjit_fail(&inventory->graph_error, AZJIT_NOT_FOUND,
	                 "Resource Graph does not know all that the policies name");
	return false;
}

// --- failures -----------------------------------------------------------------------------------------

// The service said no, and did not only fail to answer.
static bool refused(const struct azjit_answer *answer)
{
	return answer->result == AZJIT_PROTOCOL ||
	       (answer->http_status >= 400 && answer->http_status < 500 && answer->http_status != 401 &&
	        answer->http_status != 408 && answer->http_status != 429);
}

static void write_failure(const struct azjit_answer *answer, char *ret_text, size_t size)
{
	if (answer->http_status == 404)
		(void)snprintf(ret_text, size, "this cloud has no Resource Graph");
	else
		(void)snprintf(ret_text, size, "Resource Graph cannot be asked%s%s%s: %.400s",
		               *answer->code ? " (" : "", answer->code, *answer->code ? ")" : "",
		               answer->message);
}

static void failed(struct job *job, const struct azjit_answer *answer)
{
	struct inv_refresh *refresh = job->refresh;
	struct azjit_inventory *inventory = refresh->inventory;
	struct azjit_reason reason;
	char text[600];

	write_failure(answer, text, sizeof(text));
	(void)azjit_fail(&reason, answer->result, "%s", text);
	// Where nothing answers at all the lists do not either.
	if (inventory->config->inventory_source != AZJIT_INVENTORY_AUTO ||
	    (!answer->http_status &&
	     answer->result != AZJIT_THROTTLED) || // held back by us: the lists are not
	    answer->result == AZJIT_IDENTITY ||
	    answer->result == AZJIT_NOMEM) {
		refresh_failed(refresh, answer->result, reason.text);
		return;
	}
	if (refused(answer))
		inventory->graph_again_ms = azjit_time_monotonic_ms() + REFUSED_PAUSE_MS;
	inventory->graph_error = reason;
	refresh_by_lists(refresh);
}

// --- pages --------------------------------------------------------------------------------------------

static void feed(struct inv_builder *builder, enum azjit_graph_kind kind, const struct azjit_graph_page *page)
{
	switch (kind) {
	case AZJIT_GRAPH_VMS:
		inv_feed_vms(builder, page->vms, page->count);
		break;
	case AZJIT_GRAPH_NICS:
		inv_feed_nics(builder, page->nics, page->count);
		break;
	case AZJIT_GRAPH_SUBNETS:
		inv_feed_subnets(builder, page->subnets, page->count);
		break;
	case AZJIT_GRAPH_PUBLIC_IPS:
		inv_feed_public_ips(builder, page->public_ips, page->count);
		break;
	case AZJIT_GRAPH_KINDS_:
		break;
	}
}

static void got_page(void *userdata, const struct azjit_answer *answer, const struct azjit_graph_page *page)
{
	static const struct azjit_answer endless = {.result = AZJIT_PROTOCOL,
	                                            .http_status = 200,
	                                            .code = "",
	                                            .message = "its pages do not end",
	                                            .correlation_id = ""};
	struct job *job = userdata;

	job->call = NULL;
	if (!page) {
		failed(job, answer);
		return;
	}
	feed(&job->refresh->builder, job->rows, page);
	if (!*page->next) {
		refresh_job_done(job);
		return;
	}
	if (++job->pages == PAGES_MAX || azjit_streq(job->next, page->next)) {
		failed(job, &endless);
		return;
	}
	free(job->next);
	job->next = strdup(page->next);
	job->call = job->next ? graph_call(job) : NULL;
	if (!job->call)
		refresh_failed(job->refresh, AZJIT_NOMEM, "memory ran out while the inventory was read");
}

struct azjit_call *graph_call(struct job *job)
{
	struct azjit_inventory *inventory = job->refresh->inventory;

	return azjit_graph_query(inventory->azure, job->rows, job->refresh->ids + job->first, job->count,
	                         job->next, refresh_options(inventory), got_page, job);
}

bool graph_add_jobs(struct inv_refresh *refresh)
{
	for (size_t first = 0; first < refresh->id_count; first += AZJIT_GRAPH_SUBSCRIPTIONS)
		for (int rows = 0; rows < AZJIT_GRAPH_KINDS_; rows++) {
			struct job *job = refresh_add(refresh, LIST_GRAPH);
			size_t left = refresh->id_count - first;

			if (!job || !(job->next = strdup("")))
				return false;
			job->rows = (enum azjit_graph_kind)rows;
			job->first = first;
			job->count = left < AZJIT_GRAPH_SUBSCRIPTIONS ? left : AZJIT_GRAPH_SUBSCRIPTIONS;
		}
	return true;
}
