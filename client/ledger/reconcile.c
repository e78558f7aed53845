// SPDX-License-Identifier: Apache-2.0
// Reconciliation against the store: the intents and answers are read, judged (judge.c), and each verdict
// that is new is appended. A MATCHED entry whose event carried our client request id is a witness: it
// holds anchor_seq, anchor_uuid and event_time, which verification checks (verify.c).
#include "judge.h"
#include "keymap.h"
#include "store.h"
#include <azjit/text.h>
#include <stdio.h>

// An event may be explained by an intent that stands before the window.
#define LOOK_BACK (24 * 3600 * AZJIT_TICKS_PER_S)

#define SUBJECT_CHARS 320
#define OUTSIDE_CHARS 1024 // of a text that came from Azure, in an entry

struct told { // a verdict that stands in the ledger
	const char *subject;
	enum azjit_verdict_kind verdict;
};

struct reconciler {
	struct azjit_ledger *ledger;
	azjit_ticks now;
	char **strings; // owns what the others borrow
	size_t string_count, string_alloc;
	struct azjit_asked *asked;
	size_t asked_count, asked_alloc;
	struct told *told;
	size_t told_count, told_alloc;
	struct azjit_keymap newest; // by subject: index of the newest verdict
	const char *former_caller;  // of the newest witness
	bool no_memory;
	azjit_reconcile_fn *fn;
	void *userdata;
	enum azjit_result result; // of the appends
	struct azjit_reason *reason;
};

static void reconciler_clear(struct reconciler *reconciler)
{
	for (size_t i = 0; i < reconciler->string_count; i++)
		free(reconciler->strings[i]);
	free(reconciler->strings);
	free(reconciler->asked);
	free(reconciler->told);
	azjit_keymap_clear(&reconciler->newest);
}

static void *grow(void *items, size_t count, size_t *alloc, size_t size)
{
	size_t more = *alloc ? *alloc * 2 : 64;
	void *bigger = items;

	if (count < *alloc)
		return items;
	bigger = reallocarray(items, more, size);
	if (bigger)
		*alloc = more;
	return bigger;
}

// A copy that lives as long as the reconciler; "" of NULL, and if memory ran out.
static const char *keep(struct reconciler *reconciler, const char *text)
{
	char **strings = grow(reconciler->strings, reconciler->string_count, &reconciler->string_alloc,
	                      sizeof(*strings));
	char *copy = strings ? strdup(text ? text : "") : NULL;

	if (strings)
		reconciler->strings = strings;
	if (!copy) {
		reconciler->no_memory = true;
		return "";
	}
	reconciler->strings[reconciler->string_count++] = copy;
	return copy;
}

// --- what we recorded -------------------------------------------------------------------------------

static void add_intent(struct reconciler *reconciler, const struct azjit_stored *stored)
{
	const struct azjit_entry *entry = &stored->entry;
	struct azjit_asked *items =
	        grow(reconciler->asked, reconciler->asked_count, &reconciler->asked_alloc, sizeof(*items));

	if (!items) {
		reconciler->no_memory = true;
		return;
	}
	reconciler->asked = items;
	items[reconciler->asked_count++] = (struct azjit_asked){
	        .seq = stored->seq,
	        .when = stored->when,
	        .grant = keep(reconciler, entry->grant),
	        .session = keep(reconciler, entry->session),
	        .vm = keep(reconciler, azjit_entry_get(entry, "vm")),
	        .client_request_id = keep(reconciler, azjit_entry_get(entry, "client_request_id")),
	        .correlation_id = keep(reconciler, azjit_entry_get(entry, "correlation_id")),
	        .answer_correlation_id = "",
	        .anchor_seq = keep(reconciler, azjit_entry_get(entry, "anchor_seq")),
	};
}

static enum azjit_answered answered_of(const char *event)
{
	if (azjit_streq(event, "accepted"))
		return AZJIT_ANSWERED_ACCEPTED;
	if (azjit_streq(event, "refused"))
		return AZJIT_ANSWERED_REFUSED;
	return azjit_streq(event, "unsent") ? AZJIT_ANSWERED_UNSENT : AZJIT_ANSWERED_NOT;
}

// An answer belongs to the newest intent with its client request id; one without to its grant's.
static void add_answer(struct reconciler *reconciler, const struct azjit_stored *stored)
{
	const char *client = azjit_entry_get(&stored->entry, "client_request_id");
	const char *correlation = azjit_entry_get(&stored->entry, "answer_correlation_id");
	const char *grant = stored->entry.grant;

	for (size_t i = reconciler->asked_count; i > 0; i--) {
		struct azjit_asked *asked = &reconciler->asked[i - 1];

		if (client ? !azjit_ieq(asked->client_request_id, client)
		           : !*grant || !azjit_streq(asked->grant, grant))
			continue;
		asked->answered = answered_of(stored->entry.event);
		if (correlation)
			asked->answer_correlation_id = keep(reconciler, correlation);
		return;
	}
}

static enum azjit_verdict_kind verdict_of(const char *event)
{
	static const enum azjit_verdict_kind kinds[] = {AZJIT_RECONCILE_MATCHED, AZJIT_RECONCILE_MISSING,
	                                                AZJIT_RECONCILE_CONTRADICTED,
	                                                AZJIT_RECONCILE_FOREIGN};

	for (size_t i = 0; i < AZJIT_COUNT(kinds); i++)
		if (azjit_streq(event, azjit_reconcile_name(kinds[i])))
			return kinds[i];
	return AZJIT_RECONCILE_UNKNOWN;
}

static void add_told(struct reconciler *reconciler, const struct azjit_stored *stored)
{
	const char *subject = azjit_entry_get(&stored->entry, "subject");
	const char *caller = azjit_entry_get(&stored->entry, "caller");
	struct told *items =
	        grow(reconciler->told, reconciler->told_count, &reconciler->told_alloc, sizeof(*items));

	if (!items) {
		reconciler->no_memory = true;
		return;
	}
	reconciler->told = items;
	if (caller && azjit_entry_get(&stored->entry, "anchor_uuid"))
		reconciler->former_caller = keep(reconciler, caller);
	items[reconciler->told_count++] =
	        (struct told){keep(reconciler, subject), verdict_of(stored->entry.event)};
}

static bool collect(void *userdata, const struct azjit_stored *stored)
{
	struct reconciler *reconciler = userdata;

	// A damaged entry proves nothing; verification reports it.
	if (stored->damaged)
		return true;
	if (stored->entry.kind == AZJIT_ENTRY_INTENT)
		add_intent(reconciler, stored);
	else if (stored->entry.kind == AZJIT_ENTRY_REQUEST)
		add_answer(reconciler, stored);
	else if (stored->entry.kind == AZJIT_ENTRY_RECONCILE)
		add_told(reconciler, stored);
	return !reconciler->no_memory;
}

static bool index_told(struct reconciler *reconciler)
{
	if (!azjit_keymap_init(&reconciler->newest, reconciler->told_count))
		return false;
	for (size_t i = 0; i < reconciler->told_count; i++) {
		size_t *place = azjit_keymap_put(&reconciler->newest, reconciler->told[i].subject, i);

		if (place)
			*place = i;
	}
	return true;
}

// --- what is new ------------------------------------------------------------------------------------

static void subject_of(const struct azjit_judged *judged, char ret_subject[SUBJECT_CHARS])
{
	const struct azjit_reconcile_row *row = &judged->row;

	if (judged->asked)
		(void)snprintf(ret_subject, SUBJECT_CHARS, "intent:%llu",
		               (unsigned long long)row->intent_seq);
	else if (*row->correlation_id)
		(void)snprintf(ret_subject, SUBJECT_CHARS, "correlation:%s", row->correlation_id);
	else if (*row->client_request_id)
		(void)snprintf(ret_subject, SUBJECT_CHARS, "client:%s", row->client_request_id);
	else
		(void)snprintf(ret_subject, SUBJECT_CHARS, "event:%s", judged->event_data_id);
}

static bool is_new(const struct reconciler *reconciler, const char *subject, enum azjit_verdict_kind verdict)
{
	const size_t *place = azjit_keymap_get(&reconciler->newest, subject);

	// As read back, what is not written (PENDING, UNKNOWN, OTHER) is UNKNOWN.
	if (verdict_of(azjit_reconcile_name(verdict)) == AZJIT_RECONCILE_UNKNOWN)
		return false;
	return !place || reconciler->told[*place].verdict != verdict;
}

struct outside { // texts from Azure, made printable
	char correlation_id[OUTSIDE_CHARS], client_request_id[OUTSIDE_CHARS], vm[OUTSIDE_CHARS];
	char caller[OUTSIDE_CHARS], status[OUTSIDE_CHARS], event_data_id[OUTSIDE_CHARS];
	char subject[SUBJECT_CHARS];
};

static const char *printable(const char *text, char *room)
{
	azjit_printable(text, room, OUTSIDE_CHARS);
	return *room ? room : NULL;
}

static enum azjit_result record(struct reconciler *reconciler, const struct azjit_judged *judged,
                                const char *subject)
{
	const struct azjit_reconcile_row *row = &judged->row;
	struct azjit_entry entry = {
	        .kind = AZJIT_ENTRY_RECONCILE,
	        .event = azjit_reconcile_name(row->verdict),
	        .session = judged->asked ? judged->asked->session : NULL,
	        .grant = row->grant,
	};
	char seq[24], time[AZJIT_TIME_CHARS] = "";
	struct outside outside;

	(void)snprintf(seq, sizeof(seq), "%llu", (unsigned long long)row->intent_seq);
	if (judged->event_time)
		azjit_time_format(judged->event_time, time);
	azjit_printable(subject, outside.subject, sizeof(outside.subject));
	(void)azjit_entry_put(&entry, "subject", outside.subject);
	(void)azjit_entry_put(&entry, "intent_seq", judged->asked ? seq : NULL);
	(void)azjit_entry_put(&entry, "anchor_seq", judged->witnessed ? judged->asked->anchor_seq : NULL);
	(void)azjit_entry_put(&entry, "anchor_uuid", judged->witnessed ? row->client_request_id : NULL);
	(void)azjit_entry_put(&entry, "event_time", *time ? time : NULL);
	(void)azjit_entry_put(&entry, "event_data_id",
	                      printable(judged->event_data_id, outside.event_data_id));
	(void)azjit_entry_put(&entry, "client_request_id",
	                      printable(row->client_request_id, outside.client_request_id));
	(void)azjit_entry_put(&entry, "correlation_id",
	                      printable(row->correlation_id, outside.correlation_id));
	(void)azjit_entry_put(&entry, "vm", printable(row->vm, outside.vm));
	(void)azjit_entry_put(&entry, "caller", printable(row->caller, outside.caller));
	(void)azjit_entry_put(&entry, "status", printable(row->status, outside.status));
	(void)azjit_entry_put(&entry, "reason", row->text);
	return azjit_ledger_append(reconciler->ledger, reconciler->now, &entry, reconciler->reason);
}

// The rows are told even if they cannot be recorded: they are what Azure and the ledger say.
static void hear(void *userdata, const struct azjit_judged *judged)
{
	struct reconciler *reconciler = userdata;
	char subject[SUBJECT_CHARS];

	subject_of(judged, subject);
	if (reconciler->result == AZJIT_OK && is_new(reconciler, subject, judged->row.verdict))
		reconciler->result = record(reconciler, judged, subject);
	reconciler->fn(reconciler->userdata, &judged->row);
}

static enum azjit_result load(struct reconciler *reconciler, azjit_ticks from, struct azjit_reason *reason)
{
	enum azjit_result result = azjit_store_walk_asked(
	        reconciler->ledger, from > LOOK_BACK ? from - LOOK_BACK : 0, collect, reconciler, reason);

	if (result == AZJIT_OK && (reconciler->no_memory || !index_told(reconciler)))
		return azjit_fail(reason, AZJIT_NOMEM, "memory ran out");
	return result;
}

enum azjit_result azjit_ledger_reconcile(struct azjit_ledger *ledger, azjit_ticks from, azjit_ticks to,
                                         azjit_ticks now, const char *own_caller,
                                         const struct azjit_activity_event *events, size_t event_count,
                                         azjit_reconcile_fn *fn, void *userdata, struct azjit_reason *reason)
{
	_cleanup_(reconciler_clear) struct reconciler reconciler = {
	        .ledger = ledger, .now = now, .fn = fn, .userdata = userdata, .reason = reason};
	struct azjit_judge_input input = {.from = from,
	                                  .to = to,
	                                  .now = now,
	                                  .own_caller = own_caller ? own_caller : "",
	                                  .events = events,
	                                  .event_count = event_count};
	enum azjit_result result = load(&reconciler, from, reason);

	if (result != AZJIT_OK)
		return result;
	input.former_caller = reconciler.former_caller ? reconciler.former_caller : "";
	input.asked = reconciler.asked;
	input.asked_count = reconciler.asked_count;
	result = azjit_ledger_begin(ledger, reason);
	reconciler.result = result;
	if (azjit_judge(&input, hear, &reconciler) != AZJIT_OK)
		reconciler.result = azjit_fail(reason, AZJIT_NOMEM, "memory ran out");
	if (result != AZJIT_OK)
		return result;
	if (reconciler.result != AZJIT_OK) {
		azjit_ledger_rollback(ledger);
		return reconciler.result;
	}
	return azjit_ledger_commit(ledger, reason);
}
