// SPDX-License-Identifier: Apache-2.0
// Threat model. Who attacks: a user who wants a port that no rule gives her, the machine's own services
// or its credential (IMDS) through the relay, or another's name in the record. What must hold: the
// person is SO_PEERCRED's; what is judged is what inventory resolved, never the name she wrote; every
// refusal is an entry before it is told; nothing is asked of Azure for a person whom no rule allows.
#include "gate.h"

#include "record.h"

#include <ifaddrs.h>
#include <stdio.h>
#include <strings.h>

enum azjit_result caller_of(struct conn *conn, const struct azjit_wire_msg *msg, struct caller *ret,
                            struct azjit_reason *reason)
{
	struct broker *broker = conn_broker(conn);
	const struct ucred *peer = conn_peer(conn);
	const struct azjit_session *session;

	*ret = (struct caller){.ambiguous = false};
	if (azjit_person_by_uid(peer->uid, &ret->person, reason) != AZJIT_OK) {
		(void)record_denial(
		        broker, &(struct denial){.uid = peer->uid, .has_uid = true, .reason = reason->text});
		return AZJIT_DENIED;
	}
	session = azjit_session_of(broker->sessions, peer->pid, peer->uid, azjit_wire_get(msg, "session"),
	                           &ret->ambiguous);
	if (session) {
		(void)azjit_copy(ret->session, sizeof(ret->session), session->id);
		ret->client = session->client;
	}
	return AZJIT_OK;
}

void caller_clear(struct caller *caller)
{
	azjit_person_clear(&caller->person);
}

static enum azjit_result refuse(struct broker *broker, const struct caller *caller, const char *host,
                                uint16_t port, const char *vm, enum azjit_result result,
                                const struct azjit_reason *reason)
{
	(void)record_denial(broker, &(struct denial){.user = caller->person.user,
	                                             .uid = caller->person.uid,
	                                             .has_uid = true,
	                                             .session = caller->session,
	                                             .host = host,
	                                             .vm = vm,
	                                             .port = port,
	                                             .reason = reason->text});
	return result;
}

static bool is_own(const struct azjit_addr *addr)
{
	struct ifaddrs *list, *item;
	struct azjit_addr one;
	bool own = false;
	uint16_t port;

	if (getifaddrs(&list) < 0)
		return true; // unknown: refuse
	for (item = list; item && !own; item = item->ifa_next)
		own = item->ifa_addr && azjit_addr_from_sockaddr(item->ifa_addr, &one, &port) &&
		      azjit_addr_equal(&one, addr);
	freeifaddrs(list);
	return own;
}

enum azjit_result gate_host(struct broker *broker, const struct caller *caller, const char *host,
                            uint16_t port, struct azjit_reason *reason)
{
	struct azjit_addr addr;
	const char *why = NULL;

	if (azjit_addr_parse(host, &addr) != AZJIT_OK)
		return AZJIT_OK;
	if (azjit_addr_forbidden(&addr, &why))
		(void)azjit_fail(reason, AZJIT_DENIED, "%s is never connected to (%s)", host, why);
	else if (is_own(&addr))
		(void)azjit_fail(reason, AZJIT_DENIED,
		                 "%s is never connected to (an address of this jump host)", host);
	else
		return AZJIT_OK;
	return refuse(broker, caller, host, port, NULL, AZJIT_DENIED, reason);
}

// A policy's word for the firewall's address may be anything, also ours.
static enum azjit_result elsewhere(const struct azjit_target *target, struct azjit_reason *reason)
{
	char text[AZJIT_ADDR_CHARS];

	if (!target->through_firewall || !is_own(&target->dial))
		return AZJIT_OK;
	azjit_addr_format(&target->dial, text);
	return azjit_fail(
	        reason, AZJIT_DENIED,
	        "a policy gives the Azure Firewall in front of %s the address %s, which is this jump "
	        "host's own",
	        target->vm_name, text);
}

static enum azjit_result stopped(const struct broker *broker, const struct azjit_target *target,
                                 struct azjit_reason *reason)
{
	if (broker_killed(broker, reason))
		return AZJIT_STOPPED;
	if (target->stopped_by_tag)
		return azjit_fail(reason, AZJIT_STOPPED,
		                  "%s carries the tag azjit=deny: nothing is opened until the tag is removed",
		                  target->vm_name);
	return AZJIT_OK;
}

enum azjit_result gate_target(struct broker *broker, const struct caller *caller, const char *host,
                              const struct azjit_target *target, const char *source,
                              const struct azjit_access_rule **ret_rule, struct azjit_sources *ret_sources,
                              struct azjit_reason *reason)
{
	const struct azjit_access_rule *rule = NULL;
	struct azjit_sources sources;
	enum azjit_result result = azjit_access_target(broker->config, &caller->person, target->vm_id,
	                                               target->port, &rule, reason);

	if (result == AZJIT_OK && !rule)
		result = azjit_fail(reason, AZJIT_DENIED, "no rule allows it");
	if (result == AZJIT_OK)
		result = stopped(broker, target, reason);
	if (result == AZJIT_OK)
		result = elsewhere(target, reason);
	if (result == AZJIT_OK)
		result = azjit_source_resolve(broker->config, rule, source, &caller->client, &target->dial,
		                              &sources, reason);
	if (result != AZJIT_OK)
		return refuse(broker, caller, host, target->port, target->vm_id, result, reason);
	*ret_rule = rule;
	*ret_sources = sources;
	return AZJIT_OK;
}

enum azjit_result gate_start_wanted(const struct azjit_wire_msg *msg, bool *ret, struct azjit_reason *reason)
{
	const char *start = azjit_wire_get(msg, "start");

	if (start && !azjit_streq(start, "0") && !azjit_streq(start, "1"))
		return azjit_fail(reason, AZJIT_USAGE, "start is 0 or 1");
	*ret = start && azjit_streq(start, "1");
	return AZJIT_OK;
}

enum azjit_result gate_start(struct broker *broker, const struct caller *caller, const char *host,
                             const struct azjit_target *target, const struct azjit_access_rule *rule,
                             struct azjit_reason *reason)
{
	if (rule->start)
		return AZJIT_OK;
	(void)azjit_fail(reason, AZJIT_DENIED,
	                 "rule '%s' does not let you start %s: only one that says start = true in azjit.conf "
	                 "does; without --start it is opened if it runs",
	                 rule->name, target->vm_name);
	return refuse(broker, caller, host, target->port, target->vm_id, AZJIT_DENIED, reason);
}

bool gate_knows(const struct conn *conn, const struct caller *caller, const char *vm_id)
{
	const struct azjit_config *config = conn_broker(conn)->config;
	const struct azjit_access_rule *found;

	for (size_t r = 0; r < config->rule_count; r++)
		for (size_t p = 0; p < config->rules[r].port_count; p++)
			if (azjit_access_target(config, &caller->person, vm_id, config->rules[r].ports[p],
			                        &found, NULL) == AZJIT_OK)
				return true;
	return conn_peer(conn)->uid == 0;
}

enum azjit_result gate_hidden(struct broker *broker, const struct caller *caller, const char *host,
                              uint16_t port, size_t count, struct azjit_reason *reason)
{
	(void)azjit_fail(reason, AZJIT_DENIED, "no rule lets you open %zu VM%s of this tag", count,
	                 count == 1 ? "" : "s");
	return refuse(broker, caller, host, port, NULL, AZJIT_DENIED, reason);
}

// --- what she may hear of a look-up -------------------------------------------------------------------

struct listing {
	struct broker *broker;
	const struct caller *caller;
	uint16_t port;
	char text[400];
	size_t len, count;
};

static void list_candidate(void *userdata, const char *vm_id, const char *written)
{
	struct listing *list = userdata;
	const struct azjit_access_rule *rule;
	int wrote;

	if (azjit_access_target(list->broker->config, &list->caller->person, vm_id, list->port, &rule,
	                        NULL) != AZJIT_OK)
		return;
	wrote = snprintf(list->text + list->len, sizeof(list->text) - list->len, "%s%s",
	                 list->count ? ", " : "", written);
	// What does not fit whole is left out.
	if (wrote < 0 || (size_t)wrote >= sizeof(list->text) - list->len)
		list->text[list->len] = '\0';
	else
		list->len += (size_t)wrote;
	list->count++;
}

static enum azjit_result ambiguous(const struct conn *conn, const struct caller *caller, const char *host,
                                   uint16_t port, struct azjit_reason *reason)
{
	struct broker *broker = conn_broker(conn);
	struct listing list = {.broker = broker, .caller = caller, .port = port};

	if (caller)
		(void)azjit_inventory_candidates(broker->inventory, host, list_candidate, &list);
	if (list.len)
		return azjit_fail(reason, AZJIT_AMBIGUOUS,
		                  "%s names several VMs; write the one you mean, of yours: %s", host,
		                  list.text);
	return azjit_fail(reason, AZJIT_AMBIGUOUS,
	                  "%s names several VMs: write NAME@RESOURCE-GROUP or the VM's resource id", host);
}

static void known(void *userdata, const char *vm_id, const char *written)
{
	(void)vm_id;
	(void)written;
	*(bool *)userdata = true;
}

// The sentence for root names what is to be written where; others shall not read resource ids in it.
static enum azjit_result misconfigured(const struct conn *conn, const char *host, struct azjit_reason *reason)
{
	bool machine = false;

	(void)azjit_inventory_candidates(conn_broker(conn)->inventory, host, known, &machine);
	if (machine)
		return azjit_fail(reason, AZJIT_CONFIG,
		                  "%s is no virtual machine of Azure (experimental), and this jump host's "
		                  "azjit.conf does not tell its address; ask its administrator",
		                  host);
	return azjit_fail(reason, AZJIT_CONFIG,
	                  "%s is an alias in this jump host's azjit.conf of no virtual machine that "
	                  "azjit knows; ask its administrator",
	                  host);
}

enum azjit_result gate_lookup_failed(const struct conn *conn, const struct caller *caller,
                                     enum azjit_result result, const char *host, uint16_t port,
                                     const char *text, struct azjit_reason *reason)
{
	bool root = conn_peer(conn)->uid == 0;

	// No host is called so: nobody shall try to reach one.
	if ((result == AZJIT_NOT_FOUND || result == AZJIT_NOT_MANAGED) &&
	    strncasecmp(host, AZJIT_TAG_PREFIX, strlen(AZJIT_TAG_PREFIX)) == 0)
		return azjit_fail(reason, AZJIT_NOT_FOUND,
		                  "no VM whose port %u is under a JIT policy bears the tag %s", port,
		                  host + strlen(AZJIT_TAG_PREFIX));
	if (result == AZJIT_NOT_FOUND || result == AZJIT_NOT_MANAGED)
		return azjit_fail(reason, AZJIT_NOT_MANAGED, "%s port %u is under no JIT policy", host, port);
	if (result == AZJIT_AMBIGUOUS && !root)
		return ambiguous(conn, caller, host, port, reason);
	if (result == AZJIT_CONFIG && !root)
		return misconfigured(conn, host, reason);
	return azjit_fail(reason, result, "%s", text && text[0] ? text : "the VM cannot be looked up");
}
