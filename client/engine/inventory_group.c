// SPDX-License-Identifier: Apache-2.0
// A subscription's list of policies can miss some that the group's list has (azure.md §1.1): before
// somebody is told that a port is under no policy, the group of the VM is asked itself.
#include "inventory_private.h"

#include <stdio.h>

static bool scope_of(const struct azjit_inventory *inventory, uint32_t vm, char *ret_scope, size_t size)
{
	const struct inv_snapshot *s = inventory->snapshot;
	const char *id = inv_text(&s->text, INV(struct inv_vm, &s->vms, vm)->id.dir);
	char subscription[64], group[128];

	return azjit_id_segment(id, "subscriptions", subscription, sizeof(subscription)) &&
	       azjit_id_segment(id, "resourceGroups", group, sizeof(group)) &&
	       (size_t)snprintf(ret_scope, size, "/subscriptions/%s/resourceGroups/%s", subscription, group) <
	               size;
}

static struct inv_group *group_of(const struct azjit_inventory *inventory, uint32_t vm)
{
	struct inv_group *group;
	char scope[256];

	if (!scope_of(inventory, vm, scope, sizeof(scope)))
		return NULL;
	LIST_FOREACH(group, &inventory->groups, link)
	if (azjit_ieq(group->scope, scope))
		return group;
	return NULL;
}

static void found_more(struct inv_group *group)
{
	struct azjit_inventory *inventory = group->inventory;

	inventory->generation++;
	// A refresh under way began without this group and would forget it again.
	if (!group->fruitful && inventory->refresh)
		inv_refresh_add_group(inventory->refresh, group->scope);
	group->fruitful = true;
	inv_changed(inventory);
}

static void got_policies(void *userdata, const struct azjit_answer *answer,
                         const struct azjit_jit_policy *policies, size_t count)
{
	struct inv_group *group = userdata;
	struct inv_builder builder = {.snapshot = group->inventory->snapshot,
	                              .config = group->inventory->config};
	size_t added = 0;

	group->call = NULL;
	group->error.text[0] = '\0';
	if (answer->result == AZJIT_OK) {
		inv_feed_policies(&builder, policies, count);
		(void)inv_add_policies(&builder, &added);
	} else {
		(void)azjit_fail(&group->error, answer->result, "the policies of %s cannot be read: %s",
		                 group->scope, answer->message);
	}
	inv_builder_clear(&builder);
	if (added)
		found_more(group);
	else
		inv_lookups_wake(group->inventory);
}

static struct inv_group *group_new(struct azjit_inventory *inventory, uint32_t vm)
{
	struct inv_group *group = calloc(1, sizeof(*group));
	char scope[256];

	if (group && scope_of(inventory, vm, scope, sizeof(scope)))
		group->scope = strdup(scope);
	if (!group || !group->scope) {
		free(group);
		return NULL;
	}
	group->inventory = inventory;
	LIST_INSERT_HEAD(&inventory->groups, group, link);
	return group;
}

bool inv_group_pending(const struct azjit_inventory *inventory, uint32_t vm)
{
	const struct inv_group *group = group_of(inventory, vm);

	return group && group->call;
}

const struct azjit_reason *inv_group_error(const struct azjit_inventory *inventory, uint32_t vm)
{
	const struct inv_group *group = group_of(inventory, vm);

	return group && group->error.text[0] ? &group->error : NULL;
}

bool inv_group_ask(struct azjit_inventory *inventory, uint32_t vm)
{
	struct azjit_call_options options = {.deadline_ms = INV_READ_MS, .retries = INV_READ_RETRIES};
	struct inv_group *group = group_of(inventory, vm);
	uint64_t now = azjit_time_monotonic_ms();

	if (group && (group->call || now - group->asked_ms < INV_MISS_PAUSE_MS))
		return false;
	if (!group)
		group = group_new(inventory, vm);
	if (!group)
		return false;
	group->asked_ms = now;
	group->call = azjit_jit_list(inventory->azure, group->scope, options, got_policies, group);
	return group->call != NULL;
}

void inv_groups_free(struct azjit_inventory *inventory)
{
	struct inv_group *group;

	while ((group = LIST_FIRST(&inventory->groups))) {
		LIST_REMOVE(group, link);
		azjit_call_cancel(group->call);
		free(group->scope);
		free(group);
	}
}
