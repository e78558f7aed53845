// SPDX-License-Identifier: Apache-2.0
// The verdicts. Against: somebody who uses our identity beside us, somebody who sends his requests under
// our ids, a ledger that was rolled back, and an answer of ours that Azure's log does not bear out. What
// must hold: MATCHED is said only of an event that carries one of our ids and names no other caller;
// MISSING only of a request that Azure accepted, whose event had time to appear inside the window;
// nothing is concluded from a field that an event does not have.
#include "judge.h"
#include "keymap.h"
#include "seen.h"
#include <azjit/text.h>

// The log is late: 3 to 20 minutes (azure.md §4).
#define LATENESS (20 * 60 * AZJIT_TICKS_PER_S)
// An event's time is Azure's, an intent's is ours, and the call lies between them: so near to an end of
// the window the event may be outside of it.
#define EDGE (2 * 60 * AZJIT_TICKS_PER_S)

struct judge {
	const struct azjit_judge_input *input;
	struct azjit_seen_list seen;
	size_t *first_seen; // by intent: chain of its requests in the log
	const char *own;    // who we are in the log, "" if nothing says
	bool learned;       // the log itself says
	azjit_judged_fn *fn;
	void *userdata;
};

static const struct {
	enum azjit_verdict_kind kind;
	const char *name;
} names[] = {
        {AZJIT_RECONCILE_UNKNOWN, "unknown"}, {AZJIT_RECONCILE_MATCHED, "matched"},
        {AZJIT_RECONCILE_PENDING, "pending"}, {AZJIT_RECONCILE_MISSING, "missing"},
        {AZJIT_RECONCILE_FOREIGN, "foreign"}, {AZJIT_RECONCILE_CONTRADICTED, "contradicted"},
        {AZJIT_RECONCILE_OTHER, "other"},
};

const char *azjit_reconcile_name(enum azjit_verdict_kind kind)
{
	for (size_t i = 0; i < AZJIT_COUNT(names); i++)
		if (names[i].kind == kind)
			return names[i].name;
	return "unknown";
}

// own: ids separated by commas or spaces (a principal has an object id and an app id).
static bool in_list(const char *own, const char *caller)
{
	while (*own) {
		size_t len = strcspn(own, ", ");

		if (len > 0 && len == strlen(caller)) {
			char item[256];

			if (len < sizeof(item)) {
				memcpy(item, own, len);
				item[len] = '\0';
				if (azjit_ieq(item, caller))
					return true;
			}
		}
		own += len;
		own += strspn(own, ", ");
	}
	return false;
}

static bool is_alien(const struct judge *judge, const struct azjit_seen *seen)
{
	return *judge->own && *seen->caller && !in_list(judge->own, seen->caller);
}

// --- an intent --------------------------------------------------------------------------------------

// An intent names its VM by id or by name, an event by id.
static bool same_vm(const char *ours, const char *theirs)
{
	if (!*ours || !*theirs)
		return true;
	return azjit_ieq(strchr(ours, '/') ? ours : azjit_id_name(ours),
	                 strchr(ours, '/') ? theirs : azjit_id_name(theirs));
}

struct findings {
	const struct azjit_seen *own;   // the request itself if there, else what else is known of it
	const struct azjit_seen *alien; // another caller's
	const struct azjit_seen *other_vm;
	const struct azjit_seen *second; // the same request once more
	bool failed, succeeded, unclear;
};

static void note(const struct judge *judge, const struct azjit_asked *asked, const struct azjit_seen *seen,
                 struct findings *findings)
{
	if (!seen->initiate) {
		findings->unclear = true;
		return;
	}
	if (is_alien(judge, seen)) {
		findings->alien = seen;
		return;
	}
	if (!same_vm(asked->vm, seen->vm))
		findings->other_vm = seen;
	if (findings->own && findings->own->on_policy && seen->on_policy)
		findings->second = seen;
	if (!findings->own || seen->on_policy)
		findings->own = seen;
	findings->failed |= seen->failed;
	findings->succeeded |= seen->succeeded;
}

static const char *by_what(const struct azjit_asked *asked, const struct azjit_seen *seen)
{
	bool client =
	        *seen->client_request_id && azjit_ieq(seen->client_request_id, asked->client_request_id);
	bool correlation =
	        *seen->correlation_id && (azjit_ieq(seen->correlation_id, asked->correlation_id) ||
	                                  azjit_ieq(seen->correlation_id, asked->answer_correlation_id));

	if (client && correlation)
		return "client request id and correlation id";
	return client ? "client request id" : "correlation id";
}

static enum azjit_verdict_kind contradiction(const struct judge *judge, const struct azjit_asked *asked,
                                             const struct findings *findings, struct azjit_reason *text)
{
	const struct azjit_seen *seen = findings->own ? findings->own : findings->alien;
	const char *says = NULL;

	if (!findings->own)
		(void)azjit_fail(text, AZJIT_OK,
		                 "Azure's log holds it as a request of %s, not of our identity",
		                 seen->caller);
	else if (findings->other_vm)
		(void)azjit_fail(text, AZJIT_OK, "we asked for %s, Azure's log says %s",
		                 azjit_id_name(asked->vm), azjit_id_name(findings->other_vm->vm));
	else if (findings->second)
		says = "Azure's log holds two requests under the ids of this one";
	else if (asked->answered == AZJIT_ANSWERED_UNSENT)
		says = "we recorded that it was never sent, and Azure's log holds it";
	else if (asked->answered == AZJIT_ANSWERED_ACCEPTED && findings->failed && !findings->succeeded)
		says = "we recorded that Azure accepted it, Azure's log says that it failed";
	else if (asked->answered == AZJIT_ANSWERED_REFUSED && findings->succeeded && !findings->failed)
		says = "we recorded that Azure refused it, Azure's log says that it succeeded";
	else
		return AZJIT_RECONCILE_MATCHED;
	if (says)
		(void)azjit_fail(text, AZJIT_OK, "%s", says);
	return AZJIT_RECONCILE_CONTRADICTED;
}

static void say_matched(const struct judge *judge, const struct azjit_asked *asked,
                        const struct azjit_seen *seen, struct azjit_reason *text)
{
	const char *compared = "";

	if (!*seen->caller)
		compared = "; the event names no caller";
	else if (judge->learned)
		compared = "; the log's caller was taken for our identity, since none is configured by id";
	else if (!*judge->own)
		compared = "; our own identity is not known, so the caller was not compared";
	(void)azjit_fail(text, AZJIT_OK, "Azure's log holds it%s%s, by its %s%s", *seen->status ? " as " : "",
	                 seen->status, by_what(asked, seen), compared);
}

static enum azjit_verdict_kind absence(const struct judge *judge, const struct azjit_asked *asked,
                                       bool unclear, struct azjit_reason *text)
{
	const struct azjit_judge_input *input = judge->input;
	enum azjit_verdict_kind verdict = AZJIT_RECONCILE_UNKNOWN;
	const char *says;

	if (unclear) {
		says = "an event carries its ids, but names no operation";
	} else if (input->now - asked->when < LATENESS) {
		verdict = AZJIT_RECONCILE_PENDING;
		says = "no event yet: Azure's log is up to 20 minutes late";
	} else if (asked->when - input->from < EDGE || input->to - asked->when < EDGE) {
		says = "no event, but it may lie outside the time that was searched: search a longer one";
	} else if (asked->answered == AZJIT_ANSWERED_ACCEPTED) {
		verdict = AZJIT_RECONCILE_MISSING;
		says = "Azure accepted it, and its log holds no event of it";
	} else if (asked->answered == AZJIT_ANSWERED_REFUSED) {
		says = "Azure refused it; its log holds no event, and need not";
	} else {
		says = "no answer was recorded and Azure's log holds no event: it was probably never sent";
	}
	(void)azjit_fail(text, AZJIT_OK, "%s", says);
	return verdict;
}

static void tell(const struct judge *judge, const struct azjit_asked *asked, const struct azjit_seen *seen,
                 enum azjit_verdict_kind verdict, const struct azjit_reason *text)
{
	struct azjit_judged judged = {
	        .row = {.verdict = verdict,
	                .intent_seq = asked ? asked->seq : 0,
	                .grant = asked ? asked->grant : "",
	                .correlation_id = seen && *seen->correlation_id ? seen->correlation_id
	                                  : asked                       ? asked->correlation_id
	                                                                : "",
	                .client_request_id = asked  ? asked->client_request_id
	                                     : seen ? seen->client_request_id
	                                            : "",
	                .vm = asked ? asked->vm : seen->vm,
	                .caller = seen ? seen->caller : "",
	                .status = seen ? seen->status : "",
	                .when = asked ? asked->when : seen->time,
	                .text = text->text},
	        .asked = asked,
	        .event_data_id = seen ? seen->event_data_id : "",
	        .event_time = seen ? seen->time : 0,
	        .witnessed = asked && seen && verdict == AZJIT_RECONCILE_MATCHED &&
	                     *seen->client_request_id &&
	                     azjit_ieq(seen->client_request_id, asked->client_request_id),
	};

	judge->fn(judge->userdata, &judged);
}

static void judge_asked(const struct judge *judge, size_t index)
{
	const struct azjit_asked *asked = &judge->input->asked[index];
	struct findings findings = {0};
	struct azjit_reason text = {0};
	enum azjit_verdict_kind verdict;

	for (size_t i = judge->first_seen[index]; i != AZJIT_SEEN_NONE; i = judge->seen.items[i].next_asked)
		note(judge, asked, &judge->seen.items[i], &findings);
	if (!findings.own && !findings.alien) {
		if (asked->answered == AZJIT_ANSWERED_UNSENT && !findings.unclear)
			return;
		verdict = absence(judge, asked, findings.unclear, &text);
		tell(judge, asked, NULL, verdict, &text);
		return;
	}
	verdict = contradiction(judge, asked, &findings, &text);
	if (verdict == AZJIT_RECONCILE_MATCHED)
		say_matched(judge, asked, findings.own, &text);
	tell(judge, asked, findings.own ? findings.own : findings.alien, verdict, &text);
}

// --- a request that no intent explains --------------------------------------------------------------

static bool is_anchor(const char *uuid)
{
	return azjit_uuid_valid(uuid) && uuid[14] == '8';
}

static enum azjit_verdict_kind unexplained(const struct judge *judge, const struct azjit_seen *seen,
                                           struct azjit_reason *text)
{
	static const char rolled_back[] =
	        " Its client request id has the form of an anchor of azjit, and this ledger does not have "
	        "the "
	        "entry: this is what a ledger looks like that was cut off, rolled back or replaced by an old "
	        "copy, unless another jump host made the request.";
	const char *anchor = is_anchor(seen->client_request_id) ? rolled_back : "";

	if (!seen->initiate) {
		(void)azjit_fail(text, AZJIT_OK, "The event names no operation.%s", anchor);
		return AZJIT_RECONCILE_UNKNOWN;
	}
	if (!*seen->caller || !*judge->own) {
		(void)azjit_fail(text, AZJIT_OK, "%s, so nothing says whose request this is.%s",
		                 *seen->caller ? "Our own identity is not known"
		                               : "The event names no caller",
		                 anchor);
		return AZJIT_RECONCILE_UNKNOWN;
	}
	if (is_alien(judge, seen)) {
		(void)azjit_fail(text, AZJIT_OK, "Made by another identity, not through this jump host.");
		return AZJIT_RECONCILE_OTHER;
	}
	(void)azjit_fail(text, AZJIT_OK,
	                 "Our identity asked, and no intent of this ledger explains it: somebody uses the "
	                 "identity beside azjit, or the ledger lost the intent.%s",
	                 anchor);
	return AZJIT_RECONCILE_FOREIGN;
}

// What Azure does to the VM on behalf of a request of ours carries our correlation id and may carry
// another caller.
static bool on_our_behalf(const struct judge *judge, const struct azjit_seen *seen)
{
	return seen->asked != AZJIT_SEEN_NONE && !seen->on_policy && *seen->vm &&
	       same_vm(judge->input->asked[seen->asked].vm, seen->vm);
}

static bool has_own(const struct judge *judge, size_t asked)
{
	for (size_t i = judge->first_seen[asked]; i != AZJIT_SEEN_NONE; i = judge->seen.items[i].next_asked)
		if (judge->seen.items[i].initiate && !is_alien(judge, &judge->seen.items[i]))
			return true;
	return false;
}

static bool in_window(const struct judge *judge, const struct azjit_asked *asked)
{
	return asked->when >= judge->input->from && asked->when <= judge->input->to;
}

// The intent's own row tells of it.
static bool told_with(const struct judge *judge, const struct azjit_seen *seen)
{
	return in_window(judge, &judge->input->asked[seen->asked]) && !has_own(judge, seen->asked);
}

static void judge_seen(const struct judge *judge, const struct azjit_seen *seen)
{
	struct azjit_reason text = {0};
	enum azjit_verdict_kind verdict;

	if (seen->asked != AZJIT_SEEN_NONE &&
	    (!is_alien(judge, seen) || on_our_behalf(judge, seen) || told_with(judge, seen)))
		return;
	verdict = unexplained(judge, seen, &text);
	tell(judge, NULL, seen, verdict, &text);
}

// --- joining ----------------------------------------------------------------------------------------

struct joiner {
	struct azjit_keymap by_client, by_correlation;
};

static bool fill(struct joiner *joiner, const struct azjit_judge_input *input)
{
	if (!azjit_keymap_init(&joiner->by_client, input->asked_count) ||
	    !azjit_keymap_init(&joiner->by_correlation, 2 * input->asked_count))
		return false;
	for (size_t i = 0; i < input->asked_count; i++) {
		(void)azjit_keymap_put(&joiner->by_client, input->asked[i].client_request_id, i);
		(void)azjit_keymap_put(&joiner->by_correlation, input->asked[i].correlation_id, i);
		(void)azjit_keymap_put(&joiner->by_correlation, input->asked[i].answer_correlation_id, i);
	}
	return true;
}

// The client request id goes first: it is bound to the chain, and nobody can have chosen it before us.
static bool join(struct judge *judge)
{
	struct joiner joiner = {0};
	bool ok = fill(&joiner, judge->input);

	for (size_t i = 0; i < judge->input->asked_count; i++)
		judge->first_seen[i] = AZJIT_SEEN_NONE;
	for (size_t i = 0; ok && i < judge->seen.count; i++) {
		struct azjit_seen *seen = &judge->seen.items[i];
		size_t *asked = azjit_keymap_get(&joiner.by_client, seen->client_request_id);

		if (!asked)
			asked = azjit_keymap_get(&joiner.by_correlation, seen->correlation_id);
		if (!asked)
			continue;
		seen->asked = *asked;
		seen->next_asked = judge->first_seen[*asked];
		judge->first_seen[*asked] = i;
	}
	azjit_keymap_clear(&joiner.by_client);
	azjit_keymap_clear(&joiner.by_correlation);
	return ok;
}

// The caller of the earliest event that carries an intent's client request id: before it was sent nobody
// else can have known the id. NULL if there is none.
static const char *sender(const struct judge *judge, size_t asked)
{
	const char *client = judge->input->asked[asked].client_request_id;
	const struct azjit_seen *earliest = NULL;

	for (size_t i = judge->first_seen[asked]; i != AZJIT_SEEN_NONE; i = judge->seen.items[i].next_asked) {
		const struct azjit_seen *seen = &judge->seen.items[i];

		if (seen->initiate && *seen->caller && azjit_ieq(seen->client_request_id, client) &&
		    (!earliest || seen->time < earliest->time))
			earliest = seen;
	}
	return earliest ? earliest->caller : NULL;
}

// A managed identity's ids are not in the configuration: then our own requests in the log tell, if they
// all tell the same.
static void learn_own(struct judge *judge)
{
	judge->own = judge->input->own_caller;
	for (size_t i = 0; !*judge->input->own_caller && i < judge->input->asked_count; i++) {
		const char *caller = sender(judge, i);

		if (caller && judge->learned && !azjit_ieq(caller, judge->own)) {
			judge->own = "";
			judge->learned = false;
			return;
		}
		if (caller) {
			judge->own = caller;
			judge->learned = true;
		}
	}
	if (!*judge->own)
		judge->own = judge->input->former_caller;
}

enum azjit_result azjit_judge(const struct azjit_judge_input *input, azjit_judged_fn *fn, void *userdata)
{
	_cleanup_free_ size_t *first_seen = calloc(input->asked_count + 1, sizeof(*first_seen));
	_cleanup_(azjit_seen_clear) struct azjit_seen_list seen = {0};
	struct judge judge = {.input = input, .first_seen = first_seen, .fn = fn, .userdata = userdata};

	if (!first_seen || !azjit_seen_collect(input->events, input->event_count, &seen))
		return AZJIT_NOMEM;
	judge.seen = seen;
	if (!join(&judge))
		return AZJIT_NOMEM;
	learn_own(&judge);
	for (size_t i = 0; i < input->asked_count; i++)
		if (in_window(&judge, &input->asked[i]))
			judge_asked(&judge, i);
	for (size_t i = 0; i < seen.count; i++)
		judge_seen(&judge, &seen.items[i]);
	return AZJIT_OK;
}
