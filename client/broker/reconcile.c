// SPDX-License-Identifier: Apache-2.0
#include "reconcile.h"

#include "events.h"

#include <azjit/log.h>

#define EVERY_MS   (10 * 60 * 1000)
#define AROUND_S   300 // events are read from a little before the first intent on
#define CALL_MS    60000
#define CALL_TRIES 3

struct reconcile {
	struct broker *broker;
	struct azjit_source *timer;
	struct reconcile_run *runs, *own; // own: the one that the timer started
	uint64_t settled_seq;             // every intent up to here has its final verdict
};

struct reconcile_run {
	struct reconcile_run *next;
	struct reconcile *reconcile;
	azjit_reconcile_fn *row;
	reconcile_done_fn *done;
	void *userdata;
	azjit_ticks from, to;
	uint64_t head;        // the ledger's when it began
	uint64_t pending_seq; // the first intent whose verdict may still change, 0: none
	char **subscriptions;
	size_t count, at;
	struct events events;
	struct azjit_call *call;
	struct azjit_source *start;
};

static void run_free(struct reconcile_run *run)
{
	struct reconcile_run **at = &run->reconcile->runs;

	while (*at && *at != run)
		at = &(*at)->next;
	if (*at)
		*at = run->next;
	if (run->reconcile->own == run)
		run->reconcile->own = NULL;
	azjit_call_cancel(run->call);
	azjit_source_free(run->start);
	for (size_t i = 0; i < run->count; i++)
		free(run->subscriptions[i]);
	free(run->subscriptions);
	events_free(&run->events);
	free(run);
}

static void finish(struct reconcile_run *run, enum azjit_result result, const char *reason)
{
	reconcile_done_fn *done = run->done;
	void *userdata = run->userdata;

	run_free(run);
	done(userdata, result, reason);
}

static void on_row(void *userdata, const struct azjit_reconcile_row *row)
{
	struct reconcile_run *run = userdata;
	bool open = row->verdict == AZJIT_RECONCILE_PENDING || row->verdict == AZJIT_RECONCILE_UNKNOWN;

	if (open && row->intent_seq && (!run->pending_seq || row->intent_seq < run->pending_seq))
		run->pending_seq = row->intent_seq;
	if (run->row)
		run->row(run->userdata, row);
}

static void judge(struct reconcile_run *run)
{
	struct broker *broker = run->reconcile->broker;
	struct azjit_reason reason = {""};
	// A client id is not told to be what events name a caller by (azure.md §4): compared with their object id
	// it would make strangers of ourselves. Without an object id the log itself is to say.
	const char *own = broker->config->object_id ? broker->config->object_id : "";
	enum azjit_result result =
	        azjit_ledger_reconcile(broker->ledger, run->from, run->to, azjit_azure_now(broker->azure),
	                               own, run->events.items, run->events.count, on_row, run, &reason);
	if (result == AZJIT_OK && run == run->reconcile->own)
		run->reconcile->settled_seq = run->pending_seq ? run->pending_seq - 1 : run->head;
	finish(run, result, reason.text);
}

static void read_next(struct reconcile_run *run);

static void on_events(void *userdata, const struct azjit_answer *answer,
                      const struct azjit_activity_event *events, size_t count)
{
	struct reconcile_run *run = userdata;

	run->call = NULL;
	if (answer->result != AZJIT_OK)
		finish(run, answer->result, answer->message);
	else if (!events_add(&run->events, events, count))
		finish(run, AZJIT_NOMEM, "no memory for the Activity Log");
	else
		read_next(run);
}

static void read_next(struct reconcile_run *run)
{
	struct azjit_call_options options = {
	        .deadline_ms = CALL_MS, .retries = CALL_TRIES, .background = true};

	if (run->at == run->count) {
		judge(run);
		return;
	}
	run->call = azjit_activity_list(run->reconcile->broker->azure, run->subscriptions[run->at++],
	                                run->from, run->to, NULL, options, on_events, run);
	if (!run->call)
		finish(run, AZJIT_NOMEM, "no memory to read the Activity Log");
}

static bool add_subscription(struct reconcile_run *run, const char *id)
{
	char **ids = reallocarray(run->subscriptions, run->count + 1, sizeof(char *));

	if (!ids)
		return false;
	run->subscriptions = ids;
	ids[run->count] = strdup(id);
	return ids[run->count++] != NULL;
}

static void on_subscriptions(void *userdata, const struct azjit_answer *answer,
                             const struct azjit_subscription *subscriptions, size_t count)
{
	struct reconcile_run *run = userdata;
	bool whole = true;

	run->call = NULL;
	for (size_t i = 0; i < count; i++)
		whole = whole && add_subscription(run, subscriptions[i].id);
	if (answer->result != AZJIT_OK)
		finish(run, answer->result, answer->message);
	else if (!whole)
		finish(run, AZJIT_NOMEM, "no memory for the subscriptions");
	else
		read_next(run);
}

static void on_start(void *userdata)
{
	struct reconcile_run *run = userdata;
	const struct azjit_strings *listed = &run->reconcile->broker->config->subscriptions;
	struct azjit_call_options options = {
	        .deadline_ms = CALL_MS, .retries = CALL_TRIES, .background = true};
	bool whole = true;

	for (size_t i = 0; i < listed->count; i++)
		whole = whole && add_subscription(run, listed->items[i]);
	if (!whole) {
		finish(run, AZJIT_NOMEM, "no memory for the subscriptions");
	} else if (listed->count > 0) {
		read_next(run);
	} else {
		run->call = azjit_subscriptions_list(run->reconcile->broker->azure, options, on_subscriptions,
		                                     run);
		if (!run->call)
			finish(run, AZJIT_NOMEM, "no memory to list the subscriptions");
	}
}

struct reconcile_run *reconcile_start(struct reconcile *reconcile, int64_t since_s, azjit_reconcile_fn *row,
                                      reconcile_done_fn *done, void *userdata)
{
	struct reconcile_run *run = calloc(1, sizeof(*run));
	azjit_ticks service = azjit_azure_now(reconcile->broker->azure), own = azjit_time_now();
	uint8_t digest[32];

	if (!run)
		return NULL;
	run->reconcile = reconcile;
	run->row = row;
	run->done = done;
	run->userdata = userdata;
	// Entries carry our clock, events the service's: the window holds both.
	run->from = (own < service ? own : service) - since_s * AZJIT_TICKS_PER_S;
	run->to = own > service ? own : service;
	azjit_ledger_head(reconcile->broker->ledger, &run->head, digest);
	if (azjit_loop_timer(reconcile->broker->loop, 0, on_start, run, &run->start) != AZJIT_OK) {
		free(run);
		return NULL;
	}
	run->next = reconcile->runs;
	reconcile->runs = run;
	return run;
}

struct reconcile_run *reconcile_cancel(struct reconcile_run *run)
{
	if (run)
		run_free(run);
	return NULL;
}

// --- by itself ----------------------------------------------------------------------------------------

static bool first_intent(void *userdata, const struct azjit_entry_read *read)
{
	azjit_ticks *when = userdata;

	if (read->entry->kind != AZJIT_ENTRY_INTENT)
		return true;
	*when = read->when;
	return false;
}

static void on_done(void *userdata, enum azjit_result result, const char *reason)
{
	struct reconcile *reconcile = userdata;

	(void)reconcile;
	if (result != AZJIT_OK)
		azjit_log(LOG_WARNING, "requests cannot be matched with the Activity Log: %s", reason);
}

static void on_row_of_own(void *userdata, const struct azjit_reconcile_row *row)
{
	(void)userdata;
	if (row->verdict == AZJIT_RECONCILE_CONTRADICTED || row->verdict == AZJIT_RECONCILE_FOREIGN ||
	    row->verdict == AZJIT_RECONCILE_MISSING)
		azjit_log(LOG_WARNING, "Activity Log: %s: %s", azjit_reconcile_name(row->verdict), row->text);
}

static void on_timer(void *userdata)
{
	struct reconcile *reconcile = userdata;
	azjit_ticks when = 0;

	(void)azjit_source_timer(reconcile->timer, EVERY_MS);
	if (reconcile->own || azjit_ledger_read(reconcile->broker->ledger, reconcile->settled_seq + 1, NULL,
	                                        NULL, first_intent, &when, NULL) != AZJIT_OK)
		return;
	if (when)
		reconcile->own =
		        reconcile_start(reconcile, (azjit_time_now() - when) / AZJIT_TICKS_PER_S + AROUND_S,
		                        on_row_of_own, on_done, reconcile);
}

enum azjit_result reconcile_new(struct broker *broker, struct reconcile **ret)
{
	struct reconcile *reconcile = calloc(1, sizeof(*reconcile));
	enum azjit_result result;

	if (!reconcile)
		return AZJIT_NOMEM;
	reconcile->broker = broker;
	result = azjit_loop_timer(broker->loop, EVERY_MS, on_timer, reconcile, &reconcile->timer);
	if (result != AZJIT_OK) {
		free(reconcile);
		return result;
	}
	*ret = reconcile;
	return AZJIT_OK;
}

void reconcile_free(struct reconcile *reconcile)
{
	struct reconcile_run *next;

	if (!reconcile)
		return;
	for (struct reconcile_run *run = reconcile->runs; run; run = next) {
		next = run->next;
		run_free(run);
	}
	azjit_source_free(reconcile->timer);
	free(reconcile);
}
