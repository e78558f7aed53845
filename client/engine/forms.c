// SPDX-License-Identifier: Apache-2.0
// What becomes of a request for several sources that Azure did not take, or not for all of them: the same with
// an entry of the port for each; then one of them alone. What that teaches is learned when the next form is
// taken, never from a refusal, which may have any cause.
#include "grants.h"

#include <stdio.h>

static struct azjit_request *newest(const struct azjit_grant *grant)
{
	return grant->pending ? grant->pending : grant->request;
}

static bool among(struct azjit_grant *const *grants, size_t count, const struct azjit_grant *grant)
{
	for (size_t i = 0; i < count; i++)
		if (grants[i] == grant)
			return true;
	return false;
}

// Those for whom the request was, as far as they still want it, and who else has the port by now.
static size_t askers(const struct azjit_request *request, struct azjit_grant *ret[AZJIT_SOURCES_MAX])
{
	struct azjit_grant *grant;
	size_t count = 0;

	TAILQ_FOREACH(grant, &request->engine->grants, link)
	{
		if (!request_carries(request, grant) || !grant_live(grant) || among(ret, count, grant))
			continue;
		if (count == 0)
			count = conflict_port(grant, ret);
		else if (count < AZJIT_SOURCES_MAX)
			ret[count++] = grant;
	}
	return count;
}

static void let_go(struct azjit_grant *grant, const struct azjit_request *request)
{
	if (grant->pending == request)
		request_unref(STEAL(grant->pending));
}

static bool again_separately(struct azjit_request *request)
{
	struct azjit_grant *all[AZJIT_SOURCES_MAX];
	struct azjit_reason reason;
	size_t count = askers(request, all);

	if (!count)
		return false;
	request->users++;
	for (size_t i = 0; i < count; i++)
		let_go(all[i], request);
	all[0]->until -= 1; // a new nonce, never a later end
	if (conflict_together(all, count, true, &reason) == AZJIT_OK) {
		newest(all[0])->dropped = request->dropped;
	} else {
		for (size_t i = 0; i < count; i++)
			if (all[i]->request == request)
				grant_fail(all[i], AZJIT_REQUEST_FAILED, "%s", reason.text);
	}
	request_unref(request);
	return true;
}

static bool had_it(const struct azjit_request *request, const struct azjit_grant *grant)
{
	return grant->pending == request || grant->restoring;
}

// Whose access comes first where only one can have the port: who had it longest, or with on_conflict =
// "replace" the newcomer. NULL if the request is for one grant.
static struct azjit_grant *winner_of(const struct azjit_request *request)
{
	struct azjit_grant *grant, *newcomer = NULL, *holder = NULL;
	size_t carried = 0;

	TAILQ_FOREACH(grant, &request->engine->grants, link)
	{
		if (!request_carries(request, grant) || !grant_live(grant))
			continue;
		carried++;
		if (!had_it(request, grant) ||
		    (request->engine->config->conflict_replace && !grant->restoring && !newcomer))
			newcomer = grant;
		else if (!holder || grant->accepted_ms < holder->accepted_ms)
			holder = grant;
	}
	if (carried < 2)
		return NULL;
	return newcomer && (!holder || request->engine->config->conflict_replace) ? newcomer : holder;
}

static void ask_alone(struct azjit_grant *grant, const struct azjit_request *request)
{
	struct azjit_reason reason;

	grant->restoring = had_it(request, grant);
	let_go(grant, request);
	grant->state = AZJIT_GRANT_REQUESTING;
	grant->until -= 1; // a new nonce, never a later end
	if (conflict_together(&grant, 1, false, &reason) == AZJIT_OK)
		newest(grant)->alone = true;
	else
		grant_fail(grant, AZJIT_REQUEST_FAILED, "%s", reason.text);
}

// Who has the port keeps it until the winner's request for himself alone is taken (conflict_taken), unless it
// is lost already.
static void loses(struct azjit_grant *grant, const struct azjit_request *request,
                  const struct azjit_grant *winner, const char *why)
{
	struct azjit_reason reason;
	bool had = had_it(request, grant);

	if (grant->pending == request && !request->dropped) {
		conflict_unrenewed(grant, why);
		return;
	}
	let_go(grant, request);
	if (had && request->engine->config->conflict_replace) {
		grant_close(grant, AZJIT_GRANT_CLOSED, "replaced by a newer request from another address");
		return;
	}
	(void)conflict_one_only(winner, &reason);
	grant_fail(grant, AZJIT_BUSY, "%s", reason.text);
}

static bool give_to_one(struct azjit_request *request, const char *why)
{
	struct azjit_grant *winner = winner_of(request), *grant, *next;
	bool keeps;

	if (!winner)
		return false;
	keeps = winner->pending == request && !request->dropped;
	request->users++;
	for (grant = TAILQ_FIRST(&request->engine->grants); grant; grant = next) {
		next = TAILQ_NEXT(grant, link);
		if (grant != winner && request_carries(request, grant) && grant_live(grant))
			loses(grant, request, winner, why);
	}
	if (keeps) {
		winner->request->refused = true;
		conflict_unrenewed(winner, why);
	} else {
		ask_alone(winner, request);
	}
	request_unref(request);
	return true;
}

bool conflict_refused(struct azjit_request *request, bool dropped, const char *why)
{
	if (request->sources.count < 2)
		return false;
	request->state = REQUEST_DEAD;
	request->dropped |= dropped;
	return request->separate ? give_to_one(request, why) : again_separately(request);
}

// One has the port alone now: those who had it beside him lose it as soon as his rule comes.
static void leave_to(struct azjit_grant *winner)
{
	struct azjit_grant *all[AZJIT_SOURCES_MAX];
	size_t count = conflict_port(winner, all);
	struct azjit_reason reason;

	for (size_t i = 1; i < count; i++) {
		if (winner->engine->config->conflict_replace && all[i]->state == AZJIT_GRANT_OPEN) {
			grant_close(all[i], AZJIT_GRANT_CLOSED,
			            "replaced by a newer request from another address");
			continue;
		}
		(void)conflict_one_only(winner, &reason);
		grant_fail(all[i], AZJIT_BUSY, "%s", reason.text);
	}
}

void conflict_taken(struct azjit_request *request)
{
	struct azjit_grant *grant;

	TAILQ_FOREACH(grant, &request->engine->grants, link)
	if (request_carries(request, grant))
		break;
	if (grant && request->separate)
		habit_learn(grant, false, FORM_SEPARATE,
		            "several sources in one entry were not taken, an entry for each was");
	if (grant && request->alone) {
		habit_learn(grant, false, FORM_NONE,
		            "a request for several sources was taken in no form, one for one source was");
		leave_to(grant);
	}
}
