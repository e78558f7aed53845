// SPDX-License-Identifier: Apache-2.0
// Threat model: as gate.h, which judges every target. What must hold besides: a login is never held longer
// than its rule's wait (at most 10 s), and what is asked for at login is what rules list, nothing that the
// client says.
#include "knock.h"

#include "gate.h"

#include <azjit/log.h>

#define LATER_MS 250 // a login's own work is done by then; Azure takes seconds

struct knock_item {
	struct knock *knock;
	struct azjit_waiter *waiter;
	bool waited;
	char vm[256];
	uint16_t port;
};

struct knock {
	struct knock *next;
	struct broker *broker;
	struct azjit_session session; // whose it is, as it was at its opening
	struct conn *conn;            // NULL: nobody waits any more
	knock_fn *fn;
	void *userdata;
	struct azjit_source *timer;
	struct knock_item **items;
	size_t count, pending, waited; // waited: of the pending ones, those that hold up the login
	int64_t wait_s;
	bool waits; // its rules' wait is not 0
};

static void knock_free(struct knock *knock)
{
	struct knock **at = &knock->broker->knocks;

	while (*at && *at != knock)
		at = &(*at)->next;
	if (*at)
		*at = knock->next;
	for (size_t i = 0; i < knock->count; i++) {
		azjit_waiter_cancel(knock->items[i]->waiter);
		free(knock->items[i]);
	}
	azjit_source_free(knock->timer);
	free(knock->items);
	free(knock);
}

static void tell(struct knock *knock, const char *note)
{
	knock_fn *fn = STEAL(knock->fn);

	knock->conn = NULL;
	if (fn)
		fn(knock->userdata, note);
}

static void on_time(void *userdata)
{
	tell(userdata, "the ports asked for at login are not all open yet: azjit status shows them");
}

static void on_need(void *userdata, enum azjit_result result, const char *reason,
                    const struct azjit_grant_view *view)
{
	struct knock_item *item = userdata;
	struct knock *knock = item->knock;

	(void)view;
	item->waiter = NULL;
	knock->pending--;
	if (item->waited)
		knock->waited--;
	if (result != AZJIT_OK)
		azjit_log(LOG_WARNING, "at login: %s port %u is not open: %s", item->vm, item->port, reason);
	if (knock->waited == 0)
		tell(knock, NULL);
	if (knock->pending == 0)
		knock_free(knock);
}

static void on_progress(void *userdata, const char *stage, const char *text)
{
	struct knock_item *item = userdata;

	if (item->knock->conn && item->waited)
		conn_progress(item->knock->conn, stage, text);
}

static struct knock_item *item_new(struct knock *knock, const struct azjit_target *target)
{
	struct knock_item **items = reallocarray(knock->items, knock->count + 1, sizeof(struct knock_item *));
	struct knock_item *item = items ? calloc(1, sizeof(*item)) : NULL;

	if (items)
		knock->items = items;
	if (!item)
		return NULL;
	item->knock = knock;
	item->port = target->port;
	(void)azjit_copy(item->vm, sizeof(item->vm), target->vm_name);
	knock->items[knock->count++] = item;
	return item;
}

static void ask(struct knock *knock, struct broker *broker, const struct caller *caller,
                struct azjit_target *target, const struct azjit_access_rule *rule,
                const struct azjit_sources *sources)
{
	struct knock_item *item = item_new(knock, target);
	struct azjit_need need = {.target = target,
	                          .sources = *sources,
	                          .rule = rule,
	                          .no_wait = rule->wait_s == 0,
	                          .deadline_ms = (unsigned)broker->config->deadline_s * 1000};

	if (!item) {
		azjit_target_free(target);
		return;
	}
	(void)azjit_copy(need.user, sizeof(need.user), caller->person.user);
	(void)azjit_copy(need.session, sizeof(need.session), caller->session);
	item->waited = rule->wait_s > 0;
	item->waiter = azjit_engine_need(broker->engine, &need, on_progress, on_need, item);
	if (!item->waiter)
		return;
	knock->pending++;
	knock->waited += item->waited;
	if (rule->wait_s > knock->wait_s)
		knock->wait_s = rule->wait_s;
}

static bool asked(const struct knock *knock, const struct azjit_target *target)
{
	for (size_t i = 0; i < knock->count; i++)
		if (knock->items[i]->port == target->port && azjit_ieq(knock->items[i]->vm, target->vm_name))
			return true;
	return false;
}

static bool serves(const struct azjit_access_rule *rule, const char *service)
{
	for (size_t i = 0; i < rule->services.count; i++)
		if (azjit_streq(rule->services.items[i], service))
			return true;
	return rule->services.count == 0;
}

static void consider(struct knock *knock, struct broker *broker, const struct caller *caller,
                     const char *service, const struct azjit_managed *pair)
{
	_cleanup_(azjit_target_freep) struct azjit_target *target = NULL;
	const struct azjit_access_rule *rule = NULL;
	char text[AZJIT_ADDR_CHARS];
	struct azjit_sources sources;
	struct azjit_reason reason;

	azjit_addr_format(&pair->addr, text);
	if (azjit_inventory_find(broker->inventory, text, pair->port, &target, NULL) != AZJIT_OK ||
	    azjit_access_target(broker->config, &caller->person, target->vm_id, pair->port, &rule, NULL) !=
	            AZJIT_OK ||
	    rule->at != AZJIT_AT_LOGIN || (rule->wait_s > 0) != knock->waits || !serves(rule, service) ||
	    asked(knock, target))
		return;
	if (gate_target(broker, caller, target->vm_name, target, NULL, &rule, &sources, &reason) == AZJIT_OK)
		ask(knock, broker, caller, STEAL(target), rule, &sources);
	else
		azjit_log(LOG_WARNING, "at login of %s: %s", caller->person.user, reason.text);
}

static bool any_at_login(const struct azjit_config *config, bool waits)
{
	for (size_t i = 0; i < config->rule_count; i++)
		if (config->rules[i].at == AZJIT_AT_LOGIN && (config->rules[i].wait_s > 0) == waits)
			return true;
	return false;
}

static void consider_all(struct knock *knock, const struct azjit_person *person)
{
	_cleanup_free_ struct azjit_managed *pairs = NULL;
	struct caller caller = {.person = *person, .client = knock->session.client}; // borrowed: not cleared
	size_t count = 0;

	(void)azjit_copy(caller.session, sizeof(caller.session), knock->session.id);
	if (azjit_inventory_managed(knock->broker->inventory, &pairs, &count) != AZJIT_OK)
		return;
	for (size_t i = 0; i < count; i++)
		consider(knock, knock->broker, &caller, knock->session.service, &pairs[i]);
}

static struct knock *knock_new(struct broker *broker, const struct azjit_session *session, bool waits)
{
	struct knock *knock = any_at_login(broker->config, waits) ? calloc(1, sizeof(*knock)) : NULL;

	if (!knock)
		return NULL;
	knock->broker = broker;
	knock->session = *session;
	knock->waits = waits;
	knock->next = broker->knocks;
	broker->knocks = knock;
	return knock;
}

// True if something was asked for: then it frees itself when the last request is done.
static bool start(struct knock *knock, const struct azjit_person *person)
{
	consider_all(knock, person);
	if (knock->pending > 0)
		return true;
	knock_free(knock);
	return false;
}

struct knock *knock_wait(struct conn *conn, const struct azjit_person *person,
                         const struct azjit_session *session, knock_fn *fn, void *userdata)
{
	struct broker *broker = conn_broker(conn);
	struct knock *knock = knock_new(broker, session, true);

	if (!knock || !start(knock, person) ||
	    azjit_loop_timer(broker->loop, (uint64_t)knock->wait_s * 1000, on_time, knock, &knock->timer) !=
	            AZJIT_OK)
		return NULL;
	knock->conn = conn;
	knock->fn = fn;
	knock->userdata = userdata;
	return knock;
}

// Also when the login is over by now: one that does nothing else is a knock, too.
static void on_later(void *userdata)
{
	struct knock *knock = userdata;
	struct azjit_person person = {.uid = 0};
	struct azjit_reason reason = {""};

	knock->timer = azjit_source_free(knock->timer);
	if (azjit_person_by_name(knock->session.user, &person, &reason) == AZJIT_OK) {
		(void)start(knock, &person);
	} else {
		azjit_log(LOG_WARNING, "at login of %s: %s", knock->session.user, reason.text);
		knock_free(knock);
	}
	azjit_person_clear(&person);
}

void knock_go_on(struct broker *broker, const struct azjit_session *session)
{
	struct knock *knock = knock_new(broker, session, false);

	if (knock && azjit_loop_timer(broker->loop, LATER_MS, on_later, knock, &knock->timer) != AZJIT_OK)
		on_later(knock);
}

struct knock *knock_leave(struct knock *knock)
{
	if (knock) {
		knock->conn = NULL;
		knock->fn = NULL;
	}
	return NULL;
}

void knocks_free(struct broker *broker)
{
	struct knock *next;

	for (struct knock *knock = broker->knocks; knock; knock = next) {
		next = knock->next;
		knock_free(knock);
	}
}
