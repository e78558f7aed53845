// SPDX-License-Identifier: Apache-2.0
#include "principal.h"

#include <string.h>

#include "jwt.h"
#include "store.h"
#include "util.h"

static char *text_or_guid(const struct sim *sim, const json_t *entry, const char *key)
{
	const char *given = jstr(entry, key, NULL);
	_cleanup_free_ char *what = xasprintf("principal %s %s", jstr(entry, "name", ""), key);

	return given ? xstrdup(given) : guid_for(sim, what);
}

// The role definition that an entry names, as `az role definition create` takes it; NULL if there is none.
static json_t *definition_of(const json_t *role)
{
	const char *path = jstr(role, "definition", NULL);
	json_t *definition = path ? json_load_file(path, JSON_REJECT_DUPLICATES, NULL) : NULL;

	if (json_is_array(json_object_get(definition, "Actions")))
		return definition;
	json_decref(definition);
	return NULL;
}

static void take_definition(json_t *role)
{
	json_t *definition = definition_of(role), *without = json_object_get(definition, "NotActions");

	if (!definition)
		return;
	jset(role, "actions", json_incref(json_object_get(definition, "Actions")));
	if (without)
		jset(role, "not_actions", json_incref(without));
	json_decref(definition);
}

static json_t *roles_of(const struct sim *sim, const json_t *list)
{
	_cleanup_free_ char *whole = xasprintf("/subscriptions/%s", sim->subscription);
	json_t *roles = json_array();
	size_t i;
	json_t *role;

	json_array_foreach(list, i, role)
	{
		json_t *copy = json_deep_copy(role);

		take_definition(copy);
		if (!json_object_get(copy, "scope"))
			jsets(copy, "scope", whole);
		jpush(roles, copy);
	}
	return roles;
}

static char *roles_wrong(const json_t *list)
{
	size_t i;
	json_t *role;

	if (list && !json_is_array(list))
		return xstrdup("roles is an array of {scope, actions, not_actions} or {scope, definition}");
	json_array_foreach(list, i, role)
	{
		json_t *definition = definition_of(role);
		bool known = definition || json_is_array(json_object_get(role, "actions"));

		json_decref(definition);
		if (jstr(role, "definition", NULL) && !definition)
			return xasprintf("definition '%s' is no file with a role definition",
			                 jstr(role, "definition", NULL));
		if (!known)
			return xstrdup("a role needs an array of actions, or a definition");
	}
	return NULL;
}

char *principal_add(struct sim *sim, const json_t *entry)
{
	const char *kind = jstr(entry, "kind", "service_principal");
	char *wrong = roles_wrong(json_object_get(entry, "roles"));
	struct trust trust;
	struct principal *p;

	if (wrong)
		return wrong;
	if (strcmp(kind, "service_principal") && strcmp(kind, "managed_identity") && strcmp(kind, "user"))
		return xasprintf("principal kind '%s' is not service_principal, managed_identity or user",
		                 kind);
	wrong = trust_read(entry, &trust);
	if (wrong)
		return wrong;
	p = xcalloc(1, sizeof(*p));
	p->kind = !strcmp(kind, "user") ? PRINCIPAL_USER
	          : kind[0] == 'm'      ? PRINCIPAL_MANAGED
	                                : PRINCIPAL_SERVICE;
	p->name = xstrdup(jstr(entry, "name", ""));
	p->app_id = text_or_guid(sim, entry, "app_id");
	p->object_id = text_or_guid(sim, entry, "object_id");
	p->secret = jstr(entry, "secret", NULL) ? xstrdup(jstr(entry, "secret", NULL)) : NULL;
	p->upn = xasprintf("%s@%s", p->name, sim->tenant_name);
	if (jstr(entry, "upn", NULL)) {
		free(p->upn);
		p->upn = xstrdup(jstr(entry, "upn", NULL));
	}
	p->resource_id = xasprintf("/subscriptions/%s/resourceGroups/%s/providers/Microsoft.ManagedIdentity/"
	                           "userAssignedIdentities/%s",
	                           sim->subscription, sim->rg, p->name);
	if (jstr(entry, "resource_id", NULL)) {
		free(p->resource_id);
		p->resource_id = xstrdup(jstr(entry, "resource_id", NULL));
	}
	p->roles = roles_of(sim, json_object_get(entry, "roles"));
	p->trust = trust;
	p->next = sim->principals;
	sim->principals = p;
	return NULL;
}

char *principal_change(struct sim *sim, struct principal *p, const json_t *changes)
{
	const json_t *roles = json_object_get(changes, "roles");
	const char *secret = jstr(changes, "secret", NULL);
	char *wrong = roles_wrong(roles);

	if (wrong)
		return wrong;
	if (!roles && !secret)
		return xstrdup("only roles and secret can be changed");
	if (roles) {
		json_decref(p->roles);
		p->roles = roles_of(sim, roles);
	}
	if (secret) {
		free(p->secret);
		p->secret = xstrdup(secret);
	}
	return NULL;
}

void principals_clear(struct sim *sim)
{
	while (sim->principals) {
		struct principal *p = sim->principals;

		sim->principals = p->next;
		free(p->name);
		free(p->app_id);
		free(p->object_id);
		free(p->secret);
		free(p->upn);
		free(p->resource_id);
		free(p->cached_token);
		free(p->cached_resource);
		json_decref(p->roles);
		trust_clear(&p->trust);
		free(p);
	}
}

struct principal *principal_named(const struct sim *sim, const char *name)
{
	for (struct principal *p = sim->principals; p; p = p->next)
		if (str_ieq(p->name, name))
			return p;
	return NULL;
}

struct principal *principal_by_app(const struct sim *sim, const char *app_id)
{
	for (struct principal *p = sim->principals; p; p = p->next)
		if (str_ieq(p->app_id, app_id))
			return p;
	return NULL;
}

struct principal *principal_by_object(const struct sim *sim, const char *object_id)
{
	for (struct principal *p = sim->principals; p; p = p->next)
		if (str_ieq(p->object_id, object_id))
			return p;
	return NULL;
}

static bool listed(const json_t *patterns, const char *action)
{
	size_t i;
	json_t *v;

	json_array_foreach(patterns, i,
	                   v) if (json_is_string(v) && str_glob(json_string_value(v), action)) return true;
	return false;
}

static bool above(const char *scope, const char *id)
{
	size_t n = strlen(scope);

	while (n && scope[n - 1] == '/')
		n--;
	return !n || (str_istarts(id, scope) && (id[n] == '/' || !id[n]));
}

bool principal_may(const struct principal *p, const char *action, const char *scope)
{
	size_t i;
	json_t *role;

	json_array_foreach(p->roles, i,
	                   role) if (above(jstr(role, "scope", "/"), scope) &&
	                             listed(json_object_get(role, "actions"), action) &&
	                             !listed(json_object_get(role, "not_actions"), action)) return true;
	return false;
}

const char *principal_label(const struct principal *p)
{
	return p->kind == PRINCIPAL_USER ? p->upn : p->object_id;
}
