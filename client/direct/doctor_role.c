// SPDX-License-Identifier: Apache-2.0
// The roles are the files of conf/roles to the byte, so that what is printed and what is installed is one.
#include "ask.h"
#include "doctor.h"

#include <azjit/start.h>
#include <azjit/text.h>
#include <stdio.h>

#define EMBED(symbol, path) \
	__asm__(".pushsection .rodata\n" #symbol ":\n.incbin \"" path "\"\n.byte 0\n.popsection\n")

EMBED(azjit_role_requester, "conf/roles/requester.json");
EMBED(azjit_role_reconciler, "conf/roles/reconciler.json");
EMBED(azjit_role_administrator, "conf/roles/administrator.json");
extern const char azjit_role_requester[], azjit_role_reconciler[], azjit_role_administrator[];

static json_t *role_of(const char *name)
{
	const struct {
		const char *name, *text;
	} roles[] = {
	        {"requester", azjit_role_requester},
	        {"reconciler", azjit_role_reconciler},
	        {"administrator", azjit_role_administrator},
	};

	for (size_t i = 0; i < AZJIT_COUNT(roles); i++)
		if (azjit_streq(name, roles[i].name))
			return json_loads(roles[i].text, JSON_REJECT_DUPLICATES, NULL);
	return json_null();
}

static json_t *scopes_of(const json_t *subscriptions)
{
	json_auto_t *scopes = json_array();

	for (size_t i = 0; scopes && i < json_array_size(subscriptions); i++)
		if (json_array_append_new(
		            scopes, json_sprintf("/subscriptions/%s",
		                                 json_string_value(json_array_get(subscriptions, i)))) != 0)
			return NULL;
	return json_incref(scopes);
}

// The file leaves out what few hosts need.
static enum azjit_result add_start(struct direct *direct, const char *name, json_t *role)
{
	if (!azjit_streq(name, "requester"))
		return azjit_fail(&direct->reason, AZJIT_USAGE,
		                  "--start is about the role requester: who administers policies starts no "
		                  "machine");
	if (json_array_append_new(json_object_get(role, "Actions"), json_string(AZJIT_START_ACTION)) != 0)
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	return AZJIT_OK;
}

enum azjit_result doctor_role(struct direct *direct, const char *name, json_t **ret)
{
	json_auto_t *role = role_of(name);
	enum azjit_result result;

	if (json_is_null(role))
		return azjit_fail(&direct->reason, AZJIT_USAGE,
		                  "'%s' is no role: write requester, reconciler or administrator", name);
	result = direct->options.start ? add_start(direct, name, role) : AZJIT_OK;
	if (result == AZJIT_OK)
		result = ask_subscriptions(direct);
	if (result != AZJIT_OK)
		return result;
	if (json_object_set_new(role, "AssignableScopes", scopes_of(direct->subscriptions)) != 0)
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	*ret = json_incref(role);
	return AZJIT_OK;
}
