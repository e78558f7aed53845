// SPDX-License-Identifier: Apache-2.0
// After a restart, also after a kill: grants come back from the ledger. An intent without an answer may
// have arrived (checking); a request that Azure took is waited for again (waiting), and becomes open by
// evidence, never by memory.
#include "grants.h"

#include <stdio.h>

struct recovery {
	struct azjit_engine *engine;
	azjit_ticks now;
	bool nomem;
};

static const char *field(const struct azjit_entry *entry, const char *key)
{
	const char *value = azjit_entry_get(entry, key);

	return value ? value : "";
}

static bool read_sources(const char *text, struct azjit_sources *ret)
{
	char *copy = strdup(text), *rest = copy, *one;
	bool good = copy != NULL;

	ret->count = 0;
	while (good && (one = strsep(&rest, ",")))
		good = ret->count < AZJIT_SOURCES_MAX &&
		       azjit_prefix_parse(one, &ret->items[ret->count++]) == AZJIT_OK;
	free(copy);
	return good && ret->count > 0;
}

static struct azjit_request *request_again(struct azjit_engine *engine, const struct azjit_entry *entry)
{
	struct azjit_request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->engine = engine;
	request->state = REQUEST_UNSURE;
	request->vm_id = strdup(field(entry, "vm"));
	request->policy_id = strdup(field(entry, "policy"));
	request->sent_ms = azjit_time_monotonic_ms();
	azjit_copy(request->client_request_id, AZJIT_UUID_CHARS, field(entry, "client_request_id"));
	azjit_copy(request->correlation_id, AZJIT_UUID_CHARS, field(entry, "correlation_id"));
	(void)azjit_parse_port(field(entry, "port"), &request->port);
	if (!request->vm_id || !request->policy_id ||
	    !read_sources(field(entry, "sources"), &request->sources) ||
	    azjit_time_parse(field(entry, "nonce_end"), &request->end) != AZJIT_OK) {
		free(request->vm_id);
		free(request->policy_id);
		free(request);
		return NULL;
	}
	TAILQ_INSERT_HEAD(&engine->requests, request, link);
	return request;
}

// Beside a request that Azure took, a later one is on its way; else it is the grant's.
static void carried_by(struct azjit_grant *grant, struct azjit_request *request)
{
	bool beside = grant->request && grant->request->state == REQUEST_TAKEN;
	struct azjit_request **place = beside ? &grant->pending : &grant->request;

	if (request)
		request->users++;
	request_unref(*place);
	*place = request;
	if (!beside)
		grant->state = AZJIT_GRANT_CHECKING;
}

static void intent_again(struct recovery *recovery, const struct azjit_entry *entry)
{
	struct azjit_grant *grant = grant_find(recovery->engine, entry->grant);
	uint64_t max_s = 0;

	if (!grant) {
		grant = grant_new(recovery->engine);
		if (!grant) {
			recovery->nomem = true;
			return;
		}
		azjit_copy(grant->id, sizeof(grant->id), entry->grant);
		grant->vm_id = strdup(field(entry, "vm"));
		grant->policy_id = strdup(field(entry, "policy"));
		azjit_copy(grant->user, sizeof(grant->user), field(entry, "user"));
		azjit_copy(grant->rule, sizeof(grant->rule), field(entry, "rule"));
		azjit_copy(grant->session, sizeof(grant->session), entry->session ? entry->session : "");
		grant->recovered = true;
		(void)azjit_parse_port(field(entry, "port"), &grant->port);
	}
	if (!grant->vm_id || !grant->policy_id || !read_sources(field(entry, "source"), &grant->sources) ||
	    azjit_time_parse(field(entry, "until"), &grant->until) != AZJIT_OK) {
		grant_free(grant);
		return;
	}
	(void)azjit_parse_u64(field(entry, "rule_max_s"), 0, INT32_MAX, &max_s);
	grant->rule_max_s = (int64_t)max_s;
	carried_by(grant, request_again(recovery->engine, entry));
}

// Another grant's intent carried this one, too.
static void renewed_again(struct azjit_grant *grant, const struct azjit_entry *entry)
{
	struct azjit_request *request;

	TAILQ_FOREACH(request, &grant->engine->requests, link)
	if (azjit_streq(request->client_request_id, field(entry, "client_request_id")))
		break;
	if (request)
		carried_by(grant, request);
}

static void taken_again(struct azjit_grant *grant, const struct azjit_request *request)
{
	if (grant->pending == request) {
		request_unref(grant->request);
		grant->request = STEAL(grant->pending);
	}
	grant->state = AZJIT_GRANT_WAITING;
}

static void refused_again(struct azjit_grant *grant, const struct azjit_request *request)
{
	if (grant->pending == request)
		request_unref(STEAL(grant->pending));
	else
		grant->state = AZJIT_GRANT_FAILED;
}

// An answer is recorded once, and is for all that the request carried.
static void answer_again(struct azjit_engine *engine, const struct azjit_entry *entry)
{
	struct azjit_request *request;
	struct azjit_grant *grant;

	TAILQ_FOREACH(request, &engine->requests, link)
	if (azjit_streq(field(entry, "client_request_id"), request->client_request_id))
		break;
	if (!request || azjit_streq(entry->event, "unknown"))
		return;
	request->users++;
	azjit_copy(request->answer_correlation_id, sizeof(request->answer_correlation_id),
	           field(entry, "answer_correlation_id"));
	if (azjit_streq(entry->event, "accepted"))
		request->state = REQUEST_TAKEN;
	TAILQ_FOREACH(grant, &engine->grants, link)
	if (request_carries(request, grant)) {
		if (request->state == REQUEST_TAKEN)
			taken_again(grant, request);
		else
			refused_again(grant, request);
	}
	request_unref(request);
}

static void state_again(struct azjit_grant *grant, const struct azjit_entry *entry)
{
	static const struct {
		const char *event;
		enum azjit_grant_state state;
	} ends[] = {
	        {"closed", AZJIT_GRANT_CLOSED},       {"failed", AZJIT_GRANT_FAILED},
	        {"unmanaged", AZJIT_GRANT_UNMANAGED}, {"expiring", AZJIT_GRANT_EXPIRING},
	        {"overdue", AZJIT_GRANT_OVERDUE},
	};

	if (azjit_streq(entry->event, "mapped")) {
		grant->ev.older_port = grant->ev.mapped_port;
		(void)azjit_parse_port(field(entry, "mapped_port"), &grant->ev.mapped_port);
	}
	for (size_t i = 0; i < AZJIT_COUNT(ends); i++)
		if (azjit_streq(entry->event, ends[i].event))
			grant->state = ends[i].state;
}

static void habit_again(struct azjit_engine *engine, const struct azjit_entry *entry)
{
	struct habit *habit = habit_of(engine, field(entry, "vm"));

	if (!habit)
		return;
	habit->ports_supersede = azjit_streq(field(entry, "supersede"), "1");
	for (int form = FORM_PLURAL; form < FORM_COUNT; form++)
		if (azjit_streq(field(entry, "form"), habit_form_names[form]))
			habit->form = (enum habit_form)form;
}

static bool entry_again(void *userdata, const struct azjit_entry_read *read)
{
	struct recovery *recovery = userdata;
	const struct azjit_entry *entry = read->entry;
	struct azjit_grant *grant;

	if (entry->kind == AZJIT_ENTRY_ERROR && azjit_streq(entry->event, "habit"))
		habit_again(recovery->engine, entry);
	if (entry->kind == AZJIT_ENTRY_POWER && !machine_again(recovery->engine, read))
		recovery->nomem = true;
	if (!entry->grant || !entry->grant[0])
		return !recovery->nomem;
	if (entry->kind == AZJIT_ENTRY_INTENT) {
		intent_again(recovery, entry);
		return !recovery->nomem;
	}
	if (entry->kind == AZJIT_ENTRY_REQUEST)
		answer_again(recovery->engine, entry);
	grant = grant_find(recovery->engine, entry->grant);
	if (grant && azjit_streq(entry->event, "renewed"))
		renewed_again(grant, entry);
	else if (grant && entry->kind == AZJIT_ENTRY_GRANT)
		state_again(grant, entry);
	return true;
}

bool grant_found(struct azjit_grant *grant, struct azjit_target *target)
{
	grant->lookup = azjit_lookup_cancel(grant->lookup);
	grant_poll(grant, false); // it followed the policy alone
	if (!grant_take_target(grant, target))
		return false;
	if (grant->ev.mapped_port && grant->engine->ops.guard)
		grant->engine->ops.guard(grant->engine->userdata);
	if (grant->state == AZJIT_GRANT_WAITING)
		grant_accepted(grant);
	else
		grant_poll(grant, true);
	return true;
}

// Inventory knows the VM (again), or cannot tell.
static void target_found(void *userdata, enum azjit_result result, const char *reason,
                         struct azjit_target *target)
{
	struct azjit_grant *grant = userdata;

	grant->lookup = NULL;
	if (result != AZJIT_OK) {
		engine_log(grant->engine, LOG_WARNING, "grant %s of before the restart: %s", grant->id,
		           reason);
		grant_poll(grant, true); // the policy alone can still tell
		return;
	}
	if (!grant_found(grant, target))
		grant_fail(grant, AZJIT_NOMEM, "out of memory");
}

enum azjit_result engine_recover(struct azjit_engine *engine, struct azjit_reason *reason)
{
	struct recovery recovery = {.engine = engine, .now = azjit_azure_now(engine->azure)};
	struct azjit_grant *grant, *next;
	enum azjit_result result =
	        azjit_ledger_read(engine->ledger, 1, NULL, NULL, entry_again, &recovery, reason);

	if (result != AZJIT_OK)
		return result;
	if (recovery.nomem)
		return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	for (grant = TAILQ_FIRST(&engine->grants); grant; grant = next) {
		bool over;

		next = TAILQ_NEXT(grant, link);
		over = !grant_live(grant) && grant->state != AZJIT_GRANT_EXPIRING &&
		       grant->state != AZJIT_GRANT_OVERDUE;
		if (over || !grant->request) {
			grant_free(grant);
			continue;
		}
		grant->expired_ms = azjit_time_monotonic_ms();
		grant->lookup = azjit_inventory_lookup(engine->inventory, grant->vm_id, grant->port,
		                                       READ_DEADLINE_MS * 6, target_found, grant);
	}
	return AZJIT_OK;
}
