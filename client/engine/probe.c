// SPDX-License-Identifier: Apache-2.0
// What the relay tells of its probes: the one that was answered, why others were not, that it is gone or back.
#include "grants.h"

void azjit_engine_probe_open(struct azjit_engine *engine, const char *probe_id)
{
	struct azjit_grant *grant = grant_find(engine, probe_id);

	if (grant && grant->state == AZJIT_GRANT_WAITING)
		grant_open(grant, "handshake");
}

void azjit_engine_probe_note(struct azjit_engine *engine, const char *probe_id, const char *errno_name)
{
	struct azjit_grant *grant = grant_find(engine, probe_id);

	if (!grant || grant->state != AZJIT_GRANT_WAITING)
		return;
	azjit_copy(grant->ev.probe_errno, sizeof(grant->ev.probe_errno), errno_name);
	if (!azjit_streq(errno_name, "ECONNREFUSED"))
		grant->ev.refused_since_ms = 0;
	else if (!grant->ev.refused_since_ms)
		grant->ev.refused_since_ms = azjit_time_monotonic_ms();
	grant_decide(grant);
}

void azjit_engine_probes_lost(struct azjit_engine *engine)
{
	struct azjit_grant *grant;

	TAILQ_FOREACH(grant, &engine->grants, link)
	grant->probing = false;
}

void azjit_engine_probes_again(struct azjit_engine *engine)
{
	struct azjit_grant *grant;

	TAILQ_FOREACH(grant, &engine->grants, link)
	if (grant->state == AZJIT_GRANT_WAITING && grant->wants_probe)
		grant_probe(grant, true);
}
