// SPDX-License-Identifier: Apache-2.0
// A grant behind an Azure Firewall (azure.md §3): the port on the firewall that Azure gives with the request,
// what the security groups can and cannot say of a connection that comes through it, and, where no port
// comes, whether the firewall is one that just-in-time access does not serve.
//
// The port is Azure's word and is dialled only at the address that inventory vouched for (inventory_target.c).
// The groups see the address that was asked for or the firewall's own; which, nobody tells (azure.md §12.1). So
// their verdict is allow only where both are let in, and a handshake stays the proof.
#include "grants.h"

#include <azjit/firewall.h>
#include <azjit/vm.h>
#include <stdio.h>

#define ASK_MS 2000 // no port so long after the request was taken: look at the firewall

bool grant_behind_firewall(const struct azjit_grant *grant)
{
	return grant->target && grant->target->through_firewall;
}

uint16_t grant_dial_port(const struct azjit_grant *grant)
{
	return grant_behind_firewall(grant) ? grant->ev.mapped_port : grant->port;
}

// --- its port ----------------------------------------------------------------------------------------------

static void dial_text(const struct azjit_grant *grant, uint16_t port, char *ret_text, size_t size)
{
	char address[AZJIT_ADDR_CHARS];

	azjit_addr_format(&grant->target->dial, address);
	snprintf(ret_text, size, "%s:%u", address, port);
}

static void record_port(struct azjit_grant *grant)
{
	char scratch[160], dial[64], port[8], text[400];
	struct azjit_entry entry = grant_entry(grant, AZJIT_ENTRY_GRANT, "mapped", scratch);

	dial_text(grant, grant->ev.mapped_port, dial, sizeof(dial));
	snprintf(port, sizeof(port), "%u", grant->ev.mapped_port);
	snprintf(text, sizeof(text), "the Azure Firewall's %s leads to port %u of %.200s", dial, grant->port,
	         azjit_id_name(grant->vm_id));
	azjit_entry_put(&entry, "dial", dial);
	azjit_entry_put(&entry, "mapped_port", port);
	(void)grant_record(grant, &entry, NULL);
	grant_progress(grant, "waiting", "%s", text);
}

// Guarded before anything is sent there: it will be open to everybody who leaves by our address.
void grant_mapped(struct azjit_grant *grant, const struct azjit_jit_request *entry)
{
	struct azjit_engine *engine = grant->engine;

	if (!grant_behind_firewall(grant) || !entry->mapped_port ||
	    entry->mapped_port == grant->ev.mapped_port)
		return;
	if (grant->state == AZJIT_GRANT_OPEN &&
	    azjit_request_state(entry->status, entry->status_reason) != AZJIT_STATE_INITIATED)
		return; // the older request's port still is the one that is open
	if (grant->probing)
		grant_probe(grant, false); // of a port that an older request had
	if (grant->ev.mapped_port)
		grant->ev.older_port = grant->ev.mapped_port;
	grant->ev.mapped_port = entry->mapped_port;
	record_port(grant);
	if (engine->ops.guard)
		engine->ops.guard(engine->userdata);
	if (grant->state == AZJIT_GRANT_WAITING && grant->wants_probe)
		grant_probe(grant, true);
}

// --- what the groups say -----------------------------------------------------------------------------------

bool evidence_named(const struct azjit_grant *grant)
{
	for (int i = 0; i < LEVEL_COUNT; i++) {
		const struct level *level = &grant->ev.levels[i];

		if (level->unknown ||
		    (level->nsg_id && (!level->read || level->named.verdict != AZJIT_VERDICT_ALLOW)))
			return false;
	}
	return true;
}

const struct azjit_verdict_why *evidence_named_why(const struct azjit_grant *grant)
{
	static const struct azjit_verdict_why no_group = {.verdict = AZJIT_VERDICT_ALLOW,
	                                                  .text = "no security group is on the path"};
	const struct azjit_verdict_why *why = &no_group;

	for (int i = 0; i < LEVEL_COUNT; i++)
		if (grant->ev.levels[i].nsg_id)
			why = &grant->ev.levels[i].named;
	return why;
}

// Who does not connect gets no proof. What there is to know is known once Azure has done its part: its
// word, the rule and the port. Who connects later waits for a handshake all the same (need.c).
bool firewall_settled(struct azjit_grant *grant)
{
	char how[256], dial[64];

	if (!grant_behind_firewall(grant) || !grant->ev.mapped_port || !evidence_named(grant) ||
	    grant->ev.entry != AZJIT_STATE_INITIATED)
		return false;
	dial_text(grant, grant->ev.mapped_port, dial, sizeof(dial));
	snprintf(
	        how, sizeof(how),
	        "not proven: rule '%.80s' and %.30s on the Azure Firewall are there; only a connection tells "
	        "whether the one lets in what the other sends",
	        evidence_named_why(grant)->rule, dial);
	grant_open(grant, how);
	grant->unproven = grant->state == AZJIT_GRANT_OPEN;
	return true;
}

// --- which firewall ----------------------------------------------------------------------------------------

static void answered(struct azjit_grant *grant, enum firewall_kind kind)
{
	struct azjit_reason reason;
	enum azjit_result result;

	grant->ev.firewall = kind;
	if (grant->state != AZJIT_GRANT_WAITING)
		return;
	if (kind == FIREWALL_MANAGED) {
		result = grant_diagnose(grant, &reason);
		grant_fail(grant, result, "%s", reason.text);
	} else {
		grant_decide(grant);
	}
}

static bool has_address(const struct azjit_public_ip *ips, size_t count, const char *id,
                        const struct azjit_addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (azjit_ieq(ips[i].id, id) && azjit_addr_equal(&ips[i].addr, addr))
			return true;
	return false;
}

static void got_ips(void *userdata, const struct azjit_answer *answer, const struct azjit_public_ip *ips,
                    size_t count)
{
	struct azjit_grant *grant = userdata;
	enum firewall_kind kind = FIREWALL_UNREAD;
	char *rest = grant->managed, *id;

	grant->firewall = NULL;
	if (answer->result == AZJIT_OK)
		kind = FIREWALL_NOT_FOUND;
	while (answer->result == AZJIT_OK && rest && (id = strsep(&rest, "\n")))
		if (has_address(ips, count, id, &grant->target->dial))
			kind = FIREWALL_MANAGED;
	free(STEAL(grant->managed));
	answered(grant, kind);
}

// The public addresses of the firewalls that a policy manages, one a line.
static char *managed_ips(const struct azjit_firewall *firewalls, size_t count)
{
	struct azjit_buf buf = AZJIT_BUF(1024 * 1024);

	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; *firewalls[i].policy_id && k < firewalls[i].public_ip_count; k++)
			azjit_buf_printf(&buf, "%s\n", firewalls[i].public_ip_ids[k]);
	return azjit_buf_steal(&buf);
}

static void got_firewalls(void *userdata, const struct azjit_answer *answer,
                          const struct azjit_firewall *firewalls, size_t count)
{
	struct azjit_grant *grant = userdata;
	struct azjit_call_options options = {.deadline_ms = READ_DEADLINE_MS};
	char scope[96];

	grant->firewall = NULL;
	if (answer->result != AZJIT_OK) {
		snprintf(grant->ev.firewall_error, sizeof(grant->ev.firewall_error), "%.190s",
		         answer->result == AZJIT_FORBIDDEN
		                 ? "the identity needs Microsoft.Network/azureFirewalls/read"
		                 : answer->message);
		answered(grant, FIREWALL_UNREAD);
		return;
	}
	grant->managed = managed_ips(firewalls, count);
	if (!grant->managed || !*grant->managed) {
		free(STEAL(grant->managed));
		answered(grant, FIREWALL_NOT_FOUND);
		return;
	}
	snprintf(scope, sizeof(scope), "/subscriptions/%s", grant->target->subscription);
	grant->firewall = azjit_public_ip_list(grant->engine->azure, scope, options, got_ips, grant);
}

// True: the answer is awaited.
bool grant_ask_firewall(struct azjit_grant *grant)
{
	struct azjit_call_options options = {.deadline_ms = READ_DEADLINE_MS};
	bool failed = grant->ev.entry == AZJIT_STATE_FAILED;
	char scope[96];

	if (grant->firewall)
		return true;
	if (!grant_behind_firewall(grant) || grant->ev.mapped_port || grant->ev.firewall_asked ||
	    grant->state != AZJIT_GRANT_WAITING ||
	    (!failed && azjit_time_monotonic_ms() - grant->accepted_ms < ASK_MS))
		return false;
	grant->ev.firewall_asked = true;
	snprintf(scope, sizeof(scope), "/subscriptions/%s", grant->target->subscription);
	grant->firewall = azjit_firewall_list(grant->engine->azure, scope, options, got_firewalls, grant);
	return grant->firewall != NULL;
}

// --- why not -----------------------------------------------------------------------------------------------

static enum azjit_result no_port(const struct azjit_grant *grant, const char *address,
                                 struct azjit_reason *reason)
{
	const char *unread = grant->ev.firewall == FIREWALL_UNREAD ? grant->ev.firewall_error : "";

	return azjit_fail(
	        reason, AZJIT_RULE_MISSING,
	        "Azure never said which port of the Azure Firewall %s leads to port %u of %s (it says %s "
	        "of the request)%s%s",
	        address, grant->port, azjit_id_name(grant->vm_id),
	        grant->ev.entry_seen ? grant->ev.entry_text : "nothing",
	        *unread ? "; whether a firewall policy manages that firewall, which just-in-time "
	                  "access does not serve, could not be seen: "
	                : "",
	        unread);
}

enum azjit_result firewall_diagnose(const struct azjit_grant *grant, struct azjit_reason *reason)
{
	const struct azjit_verdict_why *why;
	const char *name = azjit_id_name(grant->vm_id);
	char address[AZJIT_ADDR_CHARS];

	if (!grant_behind_firewall(grant))
		return AZJIT_OK;
	azjit_addr_format(&grant->target->dial, address);
	if (grant->ev.firewall == FIREWALL_MANAGED)
		return azjit_fail(reason, AZJIT_UNSUPPORTED,
		                  "%s is behind the Azure Firewall %s, whose rules are in a firewall policy: "
		                  "just-in-time "
		                  "access knows classic rules only; where this host reaches %s without the "
		                  "firewall, set "
		                  "source.through_firewall = false in azjit.conf",
		                  name, address, name);
	if (!grant->ev.mapped_port)
		return no_port(grant, address, reason);
	if (evidence_named(grant) && evidence_verdict(grant, &why) == AZJIT_VERDICT_UNKNOWN)
		return azjit_fail(reason, AZJIT_DEADLINE,
		                  "%s:%u, the Azure Firewall's port for port %u of %s, does not answer, "
		                  "though %s: if the "
		                  "firewall sends from its own address, that rule does not meet it; `azjit "
		                  "doctor %s` tells "
		                  "what to do",
		                  address, grant->ev.mapped_port, grant->port, name,
		                  evidence_named_why(grant)->text, name);
	return AZJIT_OK;
}
