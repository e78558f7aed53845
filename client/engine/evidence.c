// SPDX-License-Identifier: Apache-2.0
// Evidence that a port is open, in rising order: the service says Initiated; the rule is there and wins
// in every group on the path; a handshake succeeds (docs/design.md §8). Three values: unknown is never
// allow. With our own address as source the handshake decides, for another's address the rule does.
#include "grants.h"

#include <stdarg.h>
#include <stdio.h>

void evidence_reset(struct azjit_grant *grant)
{
	struct evidence fresh = {.older_port = grant->ev.mapped_port};

	for (int i = 0; i < LEVEL_COUNT; i++) {
		fresh.levels[i].nsg_id = grant->ev.levels[i].nsg_id;
		fresh.levels[i].unknown = grant->ev.levels[i].unknown;
	}
	grant->ev = fresh;
}

enum azjit_verdict evidence_verdict(const struct azjit_grant *grant, const struct azjit_verdict_why **ret_why)
{
	static const struct azjit_verdict_why no_group = {.verdict = AZJIT_VERDICT_ALLOW,
	                                                  .text = "no security group is on the path"};
	static const struct azjit_verdict_why not_read = {.text = "the security group has not been read"};
	static const struct azjit_verdict_why no_subnet = {
	        .text = "whether the subnet has a security group could not be read"};
	static const struct azjit_verdict_why not_azure = {
	        .text = "it is no virtual machine of Azure (experimental), and only a connection tells"};
	const struct azjit_verdict_why *why = &no_group;

	if (grant->target && grant->target->experimental) {
		*ret_why = &not_azure;
		return AZJIT_VERDICT_UNKNOWN;
	}
	for (int i = 0; i < LEVEL_COUNT; i++) { // the subnet's group is asked first, as Azure does
		const struct level *level = &grant->ev.levels[i];

		if (level->unknown) {
			*ret_why = &no_subnet;
			return AZJIT_VERDICT_UNKNOWN;
		}
		if (!level->nsg_id)
			continue;
		if (!level->read) {
			*ret_why = &not_read;
			return AZJIT_VERDICT_UNKNOWN;
		}
		why = &level->why;
		if (why->verdict != AZJIT_VERDICT_ALLOW)
			break;
	}
	*ret_why = why;
	return why->verdict;
}

bool evidence_jit_allow(const struct azjit_grant *grant)
{
	for (int i = 0; i < LEVEL_COUNT; i++)
		if (grant->ev.levels[i].nsg_id && grant->ev.levels[i].jit_allow)
			return true;
	return false;
}

void grant_probe(struct azjit_grant *grant, bool on)
{
	struct azjit_engine *engine = grant->engine;

	if (on && grant->target && grant_dial_port(grant)) {
		const struct azjit_verdict_why *why;
		bool slow = evidence_verdict(grant, &why) == AZJIT_VERDICT_ALLOW &&
		            (grant->ev.levels[LEVEL_NIC].read || grant->ev.levels[LEVEL_SUBNET].read);

		grant->probing = true;
		engine->ops.probe_start(engine->userdata, grant->id, &grant->target->dial,
		                        grant_dial_port(grant), slow);
	} else if (!on && grant->probing) {
		grant->probing = false;
		engine->ops.probe_stop(engine->userdata, grant->id);
	}
}

static void grant_deadline(void *userdata)
{
	struct azjit_grant *grant = userdata;
	struct azjit_reason reason;
	enum azjit_result result = grant_diagnose(grant, &reason);

	grant_fail(grant, result, "%s", reason.text);
}

static void arm_deadline(struct azjit_grant *grant)
{
	uint64_t delay = (uint64_t)grant->engine->config->deadline_s * 1000;

	if (grant->deadline)
		(void)azjit_source_timer(grant->deadline, delay);
	else
		(void)azjit_loop_timer(grant->engine->loop, delay, grant_deadline, grant, &grant->deadline);
}

void grant_accepted(struct azjit_grant *grant)
{
	char scratch[160], until[AZJIT_TIME_CHARS];

	conflict_watch(grant);
	if (grant->state == AZJIT_GRANT_OPEN)
		return; // renewed: it stays open meanwhile
	grant->state = AZJIT_GRANT_WAITING;
	grant->accepted_ms = azjit_time_monotonic_ms();
	struct azjit_entry entry = grant_entry(grant, AZJIT_ENTRY_GRANT, "waiting", scratch);

	(void)grant_record(grant, &entry, NULL);
	azjit_time_format(grant->until, until);
	grant_progress(grant, "waiting", "Azure took the request (until %.19sZ): waiting for the rule",
	               until);
	arm_deadline(grant);
	grant_poll(grant, true);
	if (grant->wants_probe)
		grant_probe(grant, true);
	grant_tell(grant, true, AZJIT_OK, "the request was accepted");
}

// `elapsed` is room for a text that must live as long as the entry.
static void record_open(struct azjit_grant *grant, struct azjit_entry *entry, const char *how,
                        char elapsed[24])
{
	const struct azjit_verdict_why *why;

	snprintf(elapsed, 24, "%llu", (unsigned long long)(azjit_time_monotonic_ms() - grant->accepted_ms));
	azjit_entry_put(entry, "evidence", how);
	azjit_entry_put(entry, "guard", grant->guarded ? "on" : "off");
	if (grant->accepted_ms)
		azjit_entry_put(entry, "elapsed_ms", elapsed);
	if (evidence_verdict(grant, &why) == AZJIT_VERDICT_ALLOW && why->rule[0])
		azjit_entry_put(entry, "rule", why->rule);
}

void grant_open(struct azjit_grant *grant, const char *how)
{
	struct azjit_engine *engine = grant->engine;
	struct azjit_reason reason;
	char scratch[160];

	if (grant->state == AZJIT_GRANT_OPEN || !grant->target)
		return;
	grant->guarded = engine->ops.guarded(engine->userdata, &grant->target->dial, grant_dial_port(grant));
	snprintf(grant->evidence_text, sizeof(grant->evidence_text), "%s", how);
	struct azjit_entry entry = grant_entry(grant, AZJIT_ENTRY_GRANT, "open", scratch);
	char elapsed[24];

	record_open(grant, &entry, how, elapsed);
	if (grant_record(grant, &entry, &reason) != AZJIT_OK) {
		grant_fail(grant, AZJIT_LEDGER, "%s", reason.text);
		return;
	}
	grant->state = AZJIT_GRANT_OPEN;
	grant->restoring = grant->unproven = false;
	grant->ev.lost_reads = 0;
	grant->attempts = 0;
	grant->deadline = azjit_source_free(grant->deadline);
	grant->power = azjit_call_cancel(grant->power);
	grant_probe(grant, false); // the relay keeps the winning socket a while for the first flow
	grant_tell(grant, false, AZJIT_OK, how);
}

void grant_fail(struct azjit_grant *grant, enum azjit_result result, const char *fmt, ...)
{
	char scratch[160];
	va_list args;

	va_start(args, fmt);
	vsnprintf(grant->reason, sizeof(grant->reason), fmt, args);
	va_end(args);
	grant_probe(grant, false);
	grant_poll(grant, false);
	grant->deadline = azjit_source_free(grant->deadline);
	grant->power = azjit_call_cancel(grant->power);
	request_unref(STEAL(grant->pending));
	grant->state = AZJIT_GRANT_FAILED;
	grant->ended_ms = azjit_time_monotonic_ms();
	struct azjit_entry entry = grant_entry(grant, AZJIT_ENTRY_GRANT, "failed", scratch);

	azjit_entry_put(&entry, "result", azjit_result_name(result));
	azjit_entry_put(&entry, "reason", grant->reason);
	(void)grant_record(grant, &entry, NULL);
	grant_tell(grant, false, result, grant->reason);
}

// The rule was seen: said once to those who wait, and kept for the timeline.
static void tell_rule(struct azjit_grant *grant, const struct azjit_verdict_why *why)
{
	char scratch[160];

	if (grant->ev.rule_told || !why->rule[0])
		return;
	grant->ev.rule_told = true;
	if (grant->request && azjit_time_monotonic_ms() - grant->request->sent_ms > grant->request->rule_ms)
		grant->request->rule_ms = azjit_time_monotonic_ms() - grant->request->sent_ms;
	struct azjit_entry entry = grant_entry(grant, AZJIT_ENTRY_GRANT, "rule-seen", scratch);

	azjit_entry_put(&entry, "rule", why->rule);
	azjit_entry_put(&entry, "nsg", why->nsg);
	azjit_entry_put(&entry, "text", why->text);
	(void)grant_record(grant, &entry, NULL);
	grant_progress(grant, "rule-seen", "the security group lets us through: %s", why->text);
	if (grant->probing)
		grant_probe(grant, true); // now slowly, too: the rule is known to be there
}

static void how_by_rule(const struct azjit_verdict_why *why, char *ret_text, size_t size)
{
	if (why->jit)
		snprintf(ret_text, size, "rule '%s'", why->rule);
	else if (why->rule[0])
		snprintf(ret_text, size, "already open before the request, by rule '%s'", why->rule);
	else
		snprintf(ret_text, size, "%.250s", why->text);
}

void grant_decide(struct azjit_grant *grant)
{
	const struct azjit_verdict_why *why;
	enum azjit_verdict verdict = evidence_verdict(grant, &why);
	uint64_t now = azjit_time_monotonic_ms();
	char how[256];

	if (evidence_named(grant) &&
	    (grant->state == AZJIT_GRANT_WAITING || grant->state == AZJIT_GRANT_OPEN))
		tell_rule(grant, evidence_named_why(grant));
	if (grant->state != AZJIT_GRANT_WAITING)
		return;
	if (grant->ev.entry == AZJIT_STATE_FAILED && !grant->pending) {
		if (grant_ask_firewall(grant))
			return; // it may tell why
		grant_fail(grant, AZJIT_REQUEST_FAILED, "Azure took the request and failed it later: %s",
		           grant->ev.entry_text);
		return;
	}
	if (grant->ev.entry == AZJIT_STATE_REVOKED && !grant->pending) {
		conflict_lost(grant, grant->ev.entry_text);
		return;
	}
	if (evidence_named(grant) && !grant->ev.allowed_since_ms)
		grant->ev.allowed_since_ms = now;
	if (!grant->wants_probe && verdict == AZJIT_VERDICT_UNKNOWN)
		(void)firewall_settled(grant);
	if (verdict != AZJIT_VERDICT_ALLOW || !grant_dial_port(grant))
		return;
	if (!grant->wants_probe) {
		how_by_rule(why, how, sizeof(how));
		grant_open(grant, how);
	} else if (grant->ev.refused_since_ms && now - grant->ev.refused_since_ms >= REFUSED_MS) {
		struct azjit_reason reason;
		enum azjit_result result = grant_diagnose(grant, &reason);

		grant_fail(grant, result, "%s", reason.text);
	}
}

// An open grant whose entry was revoked, or whose rule is gone in two reads, is lost.
static void watch_open(struct azjit_grant *grant, bool gone, const char *how)
{
	if (grant->state != AZJIT_GRANT_OPEN || grant->pending || grant_near_end(grant))
		return;
	grant->ev.lost_reads = gone ? grant->ev.lost_reads + 1 : 0;
	if (grant->ev.lost_reads >= 2)
		conflict_lost(grant, how);
	else if (gone)
		grant_poll(grant, true); // read once more, now
}

static void managed_still(struct azjit_grant *grant, const struct azjit_jit_policy *policy)
{
	if (grant->state != AZJIT_GRANT_OPEN || azjit_streq(policy->provisioning_state, "Updating"))
		return;
	for (size_t i = 0; i < policy->vm_count; i++) {
		const struct azjit_jit_vm *vm = &policy->vms[i];

		if (!azjit_ieq(vm->id, grant->vm_id))
			continue;
		for (size_t j = 0; j < vm->port_count; j++)
			if (vm->ports[j].number == grant->port)
				return;
	}
	grant_close(grant, AZJIT_GRANT_UNMANAGED, "the machine or its port was taken out of the policy");
}

// By machine, port and end. Where a request asked for its sources separately, several entries have all
// three: ours is the one that names our source.
static const struct azjit_jit_request *find_entry(const struct azjit_grant *grant,
                                                  const struct azjit_request *request,
                                                  const struct azjit_jit_policy *policy)
{
	const struct azjit_jit_request *found = NULL;

	for (size_t i = 0; i < policy->request_count; i++) {
		const struct azjit_jit_request *entry = &policy->requests[i];

		if (entry->port != grant->port || entry->end != request->end ||
		    !azjit_ieq(entry->vm_id, grant->vm_id))
			continue;
		if (!found || request_names(entry, &grant->sources.items[0]))
			found = entry;
	}
	return found;
}

// A request whose answer was lost, found in the policy: false if it does not hold what was asked for, which
// is then seen to.
static bool found_whole(struct azjit_request *request, const struct azjit_jit_policy *policy)
{
	struct azjit_jit_request entries[AZJIT_SOURCES_MAX];
	size_t count = 0;
	char why[200];

	for (size_t i = 0; i < policy->request_count && count < AZJIT_COUNT(entries); i++)
		if (policy->requests[i].port == request->port && policy->requests[i].end == request->end &&
		    azjit_ieq(policy->requests[i].vm_id, request->vm_id))
			entries[count++] = policy->requests[i];
	if (request->sources.count < 2 || request_fits(request, entries, count, why, sizeof(why)))
		return true;
	return !conflict_refused(request, true, why);
}

// One that is on its way beside an older one, and whose answer was lost: the policy tells whether it arrived.
static void look_for_pending(struct azjit_grant *grant, const struct azjit_jit_policy *policy)
{
	struct azjit_request *pending = grant->pending;
	const struct azjit_jit_request *entry;

	if (pending && pending->state == REQUEST_DEAD) {
		conflict_unrenewed(grant, "the request never arrived at Azure");
		return;
	}
	if (!pending || pending->state != REQUEST_UNSURE ||
	    azjit_streq(policy->provisioning_state, "Updating"))
		return;
	entry = find_entry(grant, pending, policy);
	if (entry && azjit_request_state(entry->status, entry->status_reason) > AZJIT_STATE_INITIATED)
		conflict_unrenewed(grant, "Azure took the request and ended it");
	else if (entry && found_whole(pending, policy))
		request_taken(pending, "accepted");
	else if (!entry && ++grant->ev.policy_reads >= 3 &&
	         azjit_time_monotonic_ms() - pending->sent_ms >= CHECK_WINDOW_MS)
		conflict_unrenewed(grant, "the request never arrived at Azure");
}

static void no_entry(struct azjit_grant *grant, const struct azjit_jit_policy *policy)
{
	uint64_t age = azjit_time_monotonic_ms() - grant->request->sent_ms;

	if (azjit_streq(policy->provisioning_state, "Updating"))
		return; // requests[] may be empty although history exists (azure.md §12.8)
	grant->ev.policy_reads++;
	if (grant->state == AZJIT_GRANT_CHECKING && age >= CHECK_WINDOW_MS && grant->ev.policy_reads >= 3)
		request_repeat(grant);
}

void evidence_policy(struct azjit_grant *grant, const struct azjit_answer *answer,
                     const struct azjit_jit_policy *policy)
{
	const struct azjit_jit_request *entry;

	if (!policy) {
		snprintf(grant->ev.policy_error, sizeof(grant->ev.policy_error), "%.190s", answer->message);
		return;
	}
	grant->ev.policy_error[0] = '\0';
	if (!grant->request)
		return;
	look_for_pending(grant, policy);
	entry = find_entry(grant, grant->request, policy);
	if (!entry) {
		no_entry(grant, policy);
	} else {
		bool first = !grant->ev.entry_seen;

		grant->ev.entry_seen = true;
		grant->ev.entry = azjit_request_state(entry->status, entry->status_reason);
		snprintf(grant->ev.entry_reason, sizeof(grant->ev.entry_reason), "%.60s",
		         entry->status_reason);
		snprintf(grant->ev.entry_text, sizeof(grant->ev.entry_text), "%.60s%s%.60s%s", entry->status,
		         entry->status_reason[0] ? " (" : "", entry->status_reason,
		         entry->status_reason[0] ? ")" : "");
		grant_mapped(grant, entry);
		if (grant->state == AZJIT_GRANT_CHECKING && !found_whole(grant->request, policy))
			return; // it was asked for anew
		if (grant->state == AZJIT_GRANT_CHECKING)
			request_taken(grant->request, "accepted");
		else if (first && grant->state == AZJIT_GRANT_WAITING)
			grant_progress(grant, "waiting", "Azure says: %s", grant->ev.entry_text);
		if (grant->ev.entry == AZJIT_STATE_REVOKED) {
			grant->ev.lost_reads++; // said by the service itself: one read is enough
			watch_open(grant, true, grant->ev.entry_text);
		}
	}
	managed_still(grant, policy);
	grant_decide(grant);
}

// One source of a grant; through a firewall once as itself and once as what the firewall may make of it.
static void judge_source(const struct azjit_grant *grant, struct level *level, enum level_place place,
                         const struct azjit_nsg *nsg, const struct azjit_addr *source)
{
	const struct azjit_nsg *nic = place == LEVEL_NIC ? nsg : NULL,
	                       *subnet = place == LEVEL_SUBNET ? nsg : NULL;
	struct azjit_flow flow = {
	        .source = *source,
	        .destination = grant->target->private_addr,
	        .port = grant->port,
	        .protocol = AZJIT_PROTOCOL_TCP,
	        .destination_asg_ids = (const char *const *)grant->target->asg_ids.items,
	        .destination_asg_count = grant->target->asg_ids.count,
	};
	bool first = source == &grant->sources.items[0].addr;
	const struct azjit_rule *rule = NULL;
	struct azjit_verdict_why why;

	azjit_nsg_verdict(nic, subnet, &flow, &why);
	if (first || why.verdict != AZJIT_VERDICT_ALLOW)
		level->named = why;
	if (azjit_nsg_has_jit_allow(nsg, &flow, &rule)) {
		level->jit_allow = true;
		snprintf(level->jit_rule, sizeof(level->jit_rule), "%.95s", rule ? rule->name : "");
	}
	flow.translated = grant->target->through_firewall;
	if (flow.translated)
		azjit_nsg_verdict(nic, subnet, &flow, &why);
	if (first || why.verdict != AZJIT_VERDICT_ALLOW)
		level->why = why;
}

static void judge_level(const struct azjit_grant *grant, struct level *level, enum level_place place,
                        const struct azjit_nsg *nsg)
{
	level->jit_allow = false;
	for (size_t i = 0; i < grant->sources.count; i++)
		judge_source(grant, level, place, nsg, &grant->sources.items[i].addr);
	level->read = true;
	level->error[0] = '\0';
}

void evidence_nsg(struct azjit_grant *grant, const char *nsg_id, const struct azjit_answer *answer,
                  const struct azjit_nsg *nsg)
{
	const struct azjit_verdict_why *why;

	if (!grant->target)
		return;
	for (int i = 0; i < LEVEL_COUNT; i++) {
		struct level *level = &grant->ev.levels[i];

		if (!level->nsg_id || !azjit_ieq(level->nsg_id, nsg_id))
			continue;
		if (nsg)
			judge_level(grant, level, (enum level_place)i, nsg);
		else
			snprintf(level->error, sizeof(level->error), "%.190s", answer->message);
	}
	if (nsg && grant->state == AZJIT_GRANT_OPEN && grant->ev.rule_told)
		watch_open(grant, evidence_verdict(grant, &why) == AZJIT_VERDICT_DENY, "its rule is gone");
	grant_decide(grant);
}
