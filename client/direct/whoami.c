// SPDX-License-Identifier: Apache-2.0
// The claims of a token show whom it names; its signature is for Azure (client/azure/claims.c).
#include "../cmd/administer.h"
#include "ask.h"

#include <azjit/time.h>
#include <stdio.h>

static bool print_row(const char *title, const char *value)
{
	return !*value || printf("%-12s  %s\n", title, value) > 0;
}

static bool print(const json_t *identity)
{
	static const char *const rows[] = {"source",      "tenant",   "user",   "object",
	                                   "application", "resource", "expires"};
	bool ok = true;

	for (size_t i = 0; ok && i < AZJIT_COUNT(rows); i++)
		ok = print_row(rows[i], json_text(identity, rows[i]));
	return ok;
}

static enum azjit_result run(struct direct *direct)
{
	struct azjit_claims claims = {.tenant = ""};
	char expires[AZJIT_TIME_CHARS] = "";
	enum azjit_result result = ask_token(direct);
	json_t *identity;

	if (result != AZJIT_OK)
		return result;
	if (azjit_azure_claims(direct->azure, &claims) != AZJIT_OK)
		return azjit_fail(&direct->reason, AZJIT_PROTOCOL,
		                  "the identity (%s) has a token, but it does not say of whom",
		                  direct->source);
	if (claims.expires)
		azjit_time_format(claims.expires, expires);
	identity = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "source", direct->source, "tenant",
	                     claims.tenant, "user", claims.user, "object", claims.object, "application",
	                     claims.application, "resource", claims.resource, "expires", expires);
	if (json_object_set_new(direct->answer, "identity", identity) != 0 ||
	    (!direct->options.json && !print(identity)))
		return azjit_fail(&direct->reason, AZJIT_SYSTEM, "the answer could not be written");
	return AZJIT_OK;
}

const struct direct_command direct_whoami = {.cmd = &azjit_cmd_whoami, .run = run};
