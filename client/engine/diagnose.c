// SPDX-License-Identifier: Apache-2.0
// Why a port is not open yet: the cause, named for a person, from the evidence at hand. Never a guess:
// what could not be read is said to be unread.
#include "grants.h"

#include <stdio.h>

static const char *read_error(const struct azjit_grant *grant)
{
	for (int i = 0; i < LEVEL_COUNT; i++)
		if (grant->ev.levels[i].nsg_id && grant->ev.levels[i].error[0])
			return grant->ev.levels[i].error;
	return grant->ev.policy_error;
}

static enum azjit_result let_through(const struct azjit_grant *grant, const struct azjit_verdict_why *why,
                                     struct azjit_reason *reason)
{
	const char *name = azjit_id_name(grant->vm_id);

	if (azjit_streq(grant->ev.probe_errno, "ECONNREFUSED"))
		return azjit_fail(reason, AZJIT_PORT_CLOSED,
		                  "nothing listens on port %u of %s: it refuses the connection, though %s",
		                  grant->port, name, why->text);
	if (grant_has_no_gate(grant))
		return azjit_fail(
		        reason, AZJIT_UNSUPPORTED,
		        "%s has no security group, neither at its interface nor at its subnet, and no "
		        "Azure Firewall in front: just-in-time access does nothing for it; attach a "
		        "security group",
		        name);
	if (azjit_streq(grant->ev.power, "running"))
		return azjit_fail(
		        reason, AZJIT_PORT_CLOSED,
		        "%s runs and does not answer on port %u, though %s: does its own firewall, or "
		        "an admin rule of a Virtual Network Manager, keep it shut?",
		        name, grant->port, why->text);
	return azjit_fail(reason, AZJIT_PORT_CLOSED,
	                  "%s does not answer on port %u, though %s: is it running, and does its own "
	                  "firewall, or an admin rule of a Virtual Network Manager, keep it shut?",
	                  name, grant->port, why->text);
}

static enum azjit_result denied(const struct azjit_grant *grant, const struct azjit_verdict_why *why,
                                struct azjit_reason *reason)
{
	const char *name = azjit_id_name(grant->vm_id);

	for (int i = 0; i < LEVEL_COUNT; i++) {
		const struct level *level = &grant->ev.levels[i];

		if (level->nsg_id && level->jit_allow)
			return azjit_fail(
			        reason, AZJIT_RULE_SHADOWED,
			        "port %u of %s stays shut: the JIT rule '%s' came, but %s decides before it",
			        grant->port, name, level->jit_rule, why->text);
	}
	return azjit_fail(reason, AZJIT_RULE_MISSING,
	                  "the rule that opens port %u of %s never came (Azure says %s): %s still decides",
	                  grant->port, name,
	                  grant->ev.entry_seen ? grant->ev.entry_text : "nothing of the request", why->text);
}

static enum azjit_result unknown(const struct azjit_grant *grant, const struct azjit_verdict_why *why,
                                 struct azjit_reason *reason)
{
	const char *error = read_error(grant);
	const char *name = azjit_id_name(grant->vm_id);

	if (error[0])
		return azjit_fail(reason, AZJIT_UNREACHABLE,
		                  "port %u of %s did not open in time, and Azure could not be asked why: %s",
		                  grant->port, name, error);
	return azjit_fail(reason, AZJIT_DEADLINE,
	                  "port %u of %s did not open in time; its rules do not tell why: %s", grant->port,
	                  name, why->text);
}

static bool may_start(const struct azjit_grant *grant)
{
	const struct azjit_config *config = grant->engine->config;

	for (size_t i = 0; i < config->rule_count; i++)
		if (azjit_streq(config->rules[i].name, grant->rule))
			return config->rules[i].start;
	return false;
}

static enum azjit_result waiting(const struct azjit_grant *grant, struct azjit_reason *reason)
{
	const struct azjit_verdict_why *why;
	enum azjit_result result;

	if (power_is_down(grant->ev.power))
		return azjit_fail(reason, AZJIT_NOT_RUNNING, "%s does not run (Azure says %s): %s",
		                  azjit_id_name(grant->vm_id), grant->ev.power,
		                  may_start(grant) ? "azjit connect --start starts it first, and so do "
		                                     "azjit ssh and azjit request with --start"
		                                   : "start it, then connect again");
	result = firewall_diagnose(grant, reason);
	if (result != AZJIT_OK)
		return result;
	switch (evidence_verdict(grant, &why)) {
	case AZJIT_VERDICT_ALLOW:
		return let_through(grant, why, reason);
	case AZJIT_VERDICT_DENY:
		return denied(grant, why, reason);
	case AZJIT_VERDICT_UNKNOWN:
		break;
	}
	return unknown(grant, why, reason);
}

// Its request is on its way, or is sent again and again.
static enum azjit_result requesting(const struct azjit_grant *grant, struct azjit_reason *reason)
{
	const struct azjit_request *request = grant->request;
	const char *name = azjit_id_name(grant->vm_id);

	if (!request || !request->unsettled)
		return azjit_fail(reason, AZJIT_UNREACHABLE,
		                  "Azure has not answered the request for port %u of %s in time", grant->port,
		                  name);
	return azjit_fail(reason, request->unsettled_status == 429 ? AZJIT_THROTTLED : AZJIT_UNREACHABLE,
	                  "Azure did not take the request for port %u of %s in time: %s", grant->port, name,
	                  request->unsettled);
}

// It may have arrived: the policy is to tell.
static enum azjit_result checking(const struct azjit_grant *grant, struct azjit_reason *reason)
{
	const char *said = grant->request && grant->request->unsettled ? grant->request->unsettled : "";
	const char *error = grant->ev.policy_error;

	return azjit_fail(reason, AZJIT_UNREACHABLE,
	                  "whether the request for port %u of %s reached Azure is not known yet%s%s%s%s",
	                  grant->port, azjit_id_name(grant->vm_id), *said ? ": " : "", said,
	                  *error ? "; " : "", error);
}

enum azjit_result grant_diagnose(const struct azjit_grant *grant, struct azjit_reason *reason)
{
	const char *name = azjit_id_name(grant->vm_id);

	switch (grant->state) {
	case AZJIT_GRANT_WAITING:
		return waiting(grant, reason);
	case AZJIT_GRANT_REQUESTING:
		return requesting(grant, reason);
	case AZJIT_GRANT_CHECKING:
		return checking(grant, reason);
	case AZJIT_GRANT_FAILED:
	case AZJIT_GRANT_OPEN:
	case AZJIT_GRANT_EXPIRING:
	case AZJIT_GRANT_CLOSED:
	case AZJIT_GRANT_OVERDUE:
	case AZJIT_GRANT_UNMANAGED:
		break;
	}
	return azjit_fail(reason, AZJIT_DEADLINE, "the grant for port %u of %s is %s", grant->port, name,
	                  azjit_grant_state_name(grant->state));
}
