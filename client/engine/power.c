// SPDX-License-Identifier: Apache-2.0
// Does the machine run? Once the rules let us through and it does not answer, waiting longer mends nothing:
// Azure is asked once, and what it says is told at once. A state that cannot be read says nothing.
#include "grants.h"

#include <azjit/vm.h>
#include <stdio.h>

#define ALLOWED_MS 1000  // a handshake takes milliseconds
#define LATEST_MS  10000 // where the rules cannot be read

bool power_is_down(const char *power)
{
	static const char *const down[] = {"stopped", "stopping", "deallocated", "deallocating"};

	for (size_t i = 0; i < AZJIT_COUNT(down); i++)
		if (azjit_streq(power, down[i]))
			return true;
	return false;
}

bool grant_has_no_gate(const struct azjit_grant *grant)
{
	for (int i = 0; i < LEVEL_COUNT; i++)
		if (grant->ev.levels[i].nsg_id || grant->ev.levels[i].unknown)
			return false;
	return grant->target && !grant->target->firewall;
}

static void got_power(void *userdata, const struct azjit_answer *answer, const char *power)
{
	struct azjit_grant *grant = userdata;
	struct azjit_reason reason;
	enum azjit_result result;

	grant->power = NULL;
	if (answer->result == AZJIT_OK)
		(void)azjit_copy(grant->ev.power, sizeof(grant->ev.power), power);
	if (grant->state != AZJIT_GRANT_WAITING ||
	    (!power_is_down(grant->ev.power) &&
	     !(grant_has_no_gate(grant) && azjit_streq(grant->ev.power, "running"))))
		return;
	result = grant_diagnose(grant, &reason);
	grant_fail(grant, result, "%s", reason.text);
}

void grant_ask_power(struct azjit_grant *grant)
{
	struct azjit_call_options options = {.deadline_ms = READ_DEADLINE_MS};
	uint64_t now = azjit_time_monotonic_ms();
	bool allowed = grant->ev.allowed_since_ms && now - grant->ev.allowed_since_ms >= ALLOWED_MS;

	if (grant->target && grant->target->experimental)
		return;
	// Who refuses a connection runs. An answer may still be awaited from before a request that was repeated.
	if (!grant->probing || grant->power || grant->ev.power_asked || grant->ev.refused_since_ms ||
	    (!allowed && now - grant->accepted_ms < LATEST_MS))
		return;
	grant->ev.power_asked = true;
	grant->power = azjit_vm_power(grant->engine->azure, grant->vm_id, options, got_power, grant);
}
