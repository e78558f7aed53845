// SPDX-License-Identifier: Apache-2.0
#include "store.h"

#include <string.h>
#include <strings.h>

#include "generate.h"
#include "util.h"

static char *segment_after(const char *id, const char *label)
{
	const char *p = id;

	for (; *p; p++)
		if (*p == '/' && str_istarts(p + 1, label) && p[1 + strlen(label)] == '/') {
			p += strlen(label) + 2;
			return xstrndup(p, strcspn(p, "/"));
		}
	return xstrdup("");
}

static void resource_free(struct resource *r)
{
	free(r->id);
	free(r->type);
	free(r->name);
	free(r->subscription);
	free(r->rg);
	free(r->power);
	free(r->start_failure);
	json_decref(r->body);
	json_decref(r->entered);
	json_decref(r->history);
	json_decref(r->denies);
	json_decref(r->instance_view);
	free(r);
}

static struct resource *look_up(const struct sim *sim, const char *id)
{
	struct resource *r = sim->slot_count ? sim->slots[hash64(id) & (sim->slot_count - 1)] : NULL;

	while (r && !str_ieq(r->id, id))
		r = r->chained;
	return r;
}

struct resource *store_find(const struct sim *sim, const char *id)
{
	struct resource *r = look_up(sim, id);

	if (!r && tenant_make(sim->generated, id))
		r = look_up(sim, id);
	return r;
}

static void chain(struct sim *sim, struct resource *r)
{
	struct resource **slot = &sim->slots[hash64(r->id) & (sim->slot_count - 1)];

	r->chained = *slot;
	*slot = r;
}

static void add_to_index(struct sim *sim, struct resource *added)
{
	if (sim->resource_count++ < sim->slot_count) {
		chain(sim, added);
		return;
	}
	sim->slot_count = sim->slot_count ? 2 * sim->slot_count : 64;
	free(sim->slots);
	sim->slots = xcalloc(sim->slot_count, sizeof(struct resource *));
	for (struct resource *r = sim->resources; r; r = r->next)
		chain(sim, r);
}

static void drop_from_index(struct sim *sim, const struct resource *r)
{
	struct resource **at = &sim->slots[hash64(r->id) & (sim->slot_count - 1)];

	while (*at != r)
		at = &(*at)->chained;
	*at = r->chained;
	sim->resource_count--;
}

struct resource *store_named(const struct sim *sim, const char *type, const char *name)
{
	for (struct resource *r = sim->resources; r; r = r->next)
		if (str_ieq(r->type, type) && str_ieq(r->name, name))
			return r;
	return NULL;
}

struct resource *store_put(struct sim *sim, const char *type, const char *id, json_t *body_stolen)
{
	struct resource *r = store_find(sim, id);

	if (!r) {
		const char *slash = strrchr(id, '/');

		r = xcalloc(1, sizeof(*r));
		r->id = xstrdup(id);
		r->type = xstrdup(type);
		r->name = xstrdup(slash ? slash + 1 : id);
		r->subscription = segment_after(id, "subscriptions");
		r->rg = segment_after(id, "resourceGroups");
		r->entered = json_object();
		r->denies = json_array();
		*sim->resources_tail = r;
		sim->resources_tail = &r->next;
		add_to_index(sim, r);
	}
	json_decref(r->body);
	r->body = body_stolen;
	return r;
}

bool store_remove(struct sim *sim, const char *id)
{
	for (struct resource **p = &sim->resources; *p; p = &(*p)->next) {
		struct resource *r = *p;

		if (!str_ieq(r->id, id))
			continue;
		*p = r->next;
		if (sim->resources_tail == &r->next)
			sim->resources_tail = p;
		timers_drop(&sim->timers, r);
		drop_from_index(sim, r);
		resource_free(r);
		return true;
	}
	return false;
}

void store_clear(struct sim *sim)
{
	while (sim->resources) {
		struct resource *r = sim->resources;

		sim->resources = r->next;
		resource_free(r);
	}
	sim->resources_tail = &sim->resources;
	free(sim->slots);
	sim->slots = NULL;
	sim->slot_count = sim->resource_count = 0;
}

struct resource *store_next(const struct sim *sim, const struct resource *prev, const char *type,
                            const char *subscription, const char *rg)
{
	for (struct resource *r = prev ? prev->next : sim->resources; r; r = r->next)
		if (str_ieq(r->type, type) && str_ieq(r->subscription, subscription) &&
		    (!rg || str_ieq(r->rg, rg)))
			return r;
	return NULL;
}

char *rg_id(const char *subscription, const char *rg)
{
	return xasprintf("/subscriptions/%s/resourceGroups/%s", subscription, rg);
}

void store_ensure_rg(struct sim *sim, const char *subscription, const char *rg, const char *location)
{
	_cleanup_free_ char *id = rg_id(subscription, rg);

	if (!store_find(sim, id))
		store_put(sim, TYPE_RG, id,
		          jnew("{s:s s:s s:s s:s s:{s:s}}", "id", id, "name", rg, "type", TYPE_RG, "location",
		               location, "properties", "provisioningState", "Succeeded"));
}

static void set_everywhere(json_t *v, const char *key, const char *value)
{
	const char *k;
	json_t *member;
	size_t i;

	if (json_is_string(json_object_get(v, key)))
		jsets(v, key, value);
	json_object_foreach(v, k, member) set_everywhere(member, key, value);
	json_array_foreach(v, i, member) set_everywhere(member, key, value);
}

void resource_touch(struct sim *sim, struct resource *r)
{
	_cleanup_free_ char *guid = guid_next(sim);
	_cleanup_free_ char *etag = xasprintf("W/\"%s\"", guid);

	set_everywhere(r->body, "etag", etag);
}

static void settle(struct sim *sim, void *arg)
{
	struct resource *r = arg;

	if (!r->settled || r->settled > clock_now(&sim->clock))
		return;
	r->settled = 0;
	set_everywhere(r->body, "provisioningState", "Succeeded");
	if (str_ieq(r->type, TYPE_PIP) || str_ieq(r->type, TYPE_NSG))
		resource_touch(sim, r);
}

void resource_updating(struct sim *sim, struct resource *r, ticks delay)
{
	if (!delay) {
		set_everywhere(r->body, "provisioningState", "Succeeded");
		return;
	}
	set_everywhere(r->body, "provisioningState", "Updating");
	r->settled = clock_now(&sim->clock) + delay;
	timers_add(&sim->timers, r->settled, settle, r);
}
