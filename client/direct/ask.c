// SPDX-License-Identifier: Apache-2.0
#include "ask.h"

#include <azjit/activity.h>
#include <azjit/jit.h>
#include <azjit/text.h>
#include <azjit/vm.h>
#include <stdio.h>

#define TURN_MS 1000 // how long the loop may find nothing to do; the calls have their own deadlines
#define LOG_S   60   // how much of the Activity Log shows that it can be read

static const struct azjit_call_options read_options = {.retries = 4};

bool ask_take_status(struct ask *ask, const struct azjit_answer *answer)
{
	bool forbidden = answer->result == AZJIT_FORBIDDEN;

	ask->done = true;
	ask->result = answer->result;
	ask->http_status = answer->http_status;
	ask->unsure = answer->maybe_done;
	if (answer->result != AZJIT_OK)
		(void)azjit_fail(&ask->direct->reason, answer->result, "%s of %s cannot be %s%s%s: %s",
		                 ask->what, ask->scope, ask->done_to,
		                 forbidden ? "; the identity needs " : "", forbidden ? ask->right : "",
		                 answer->message);
	return answer->result == AZJIT_OK;
}

static void no_memory(struct ask *ask)
{
	ask->result = azjit_fail(&ask->direct->reason, AZJIT_NOMEM, "out of memory");
}

enum azjit_result ask_await(struct ask *ask, struct azjit_call *call)
{
	if (!call) {
		no_memory(ask);
		return ask->result;
	}
	while (!ask->done)
		if (azjit_loop_turn(ask->direct->loop, TURN_MS) != AZJIT_OK)
			return azjit_fail(&ask->direct->reason, AZJIT_SYSTEM, "the event loop failed: %m");
	return ask->result;
}

void ask_add_row(struct ask *ask, json_t *row)
{
	if (json_array_append_new(ask->into, row) != 0)
		no_memory(ask);
}

// --- subscriptions ------------------------------------------------------------------------------------

static void got_subscriptions(void *userdata, const struct azjit_answer *answer,
                              const struct azjit_subscription *list, size_t count)
{
	struct ask *ask = userdata;

	if (!ask_take_status(ask, answer))
		return;
	for (size_t i = 0; i < count; i++)
		if (!azjit_ieq(list[i].state, "Deleted") && azjit_uuid_valid(list[i].id))
			ask_add_row(ask, json_string(list[i].id));
}

enum azjit_result ask_subscriptions(struct direct *direct)
{
	struct ask ask = {.direct = direct,
	                  .what = "the subscriptions",
	                  .scope = "this identity",
	                  .done_to = "read",
	                  .right = "Microsoft.Resources/subscriptions/read",
	                  .into = direct->subscriptions};
	enum azjit_result result = AZJIT_OK;

	if (json_array_size(direct->subscriptions) > 0)
		return AZJIT_OK;
	result = ask_await(&ask,
	                   azjit_subscriptions_list(direct->azure, read_options, got_subscriptions, &ask));
	if (result == AZJIT_OK && json_array_size(direct->subscriptions) == 0)
		return azjit_fail(&direct->reason, AZJIT_FORBIDDEN,
		                  "the identity sees no subscription; give it a role in one");
	return result;
}

enum azjit_result ask_all(struct direct *direct, const char *group, const struct ask *like,
                          ask_start_fn *start, json_t **ret)
{
	enum azjit_result result = ask_subscriptions(direct);
	json_auto_t *all = json_array();
	char scope[256];

	for (size_t i = 0; result == AZJIT_OK && i < json_array_size(direct->subscriptions); i++) {
		struct ask ask = *like;

		(void)snprintf(scope, sizeof(scope), "/subscriptions/%s%s%s",
		               json_string_value(json_array_get(direct->subscriptions, i)),
		               group ? "/resourceGroups/" : "", group ? group : "");
		ask.direct = direct;
		ask.scope = scope;
		ask.into = all;
		result = all ? ask_await(&ask, start(&ask, scope)) : AZJIT_NOMEM;
		// A group of that name need not be in every subscription.
		if (group && result == AZJIT_NOT_FOUND)
			result = AZJIT_OK;
	}
	if (result == AZJIT_OK)
		*ret = json_incref(all);
	return result;
}

// --- VMs ----------------------------------------------------------------------------------------------

json_t *ask_texts(const char *const *list, size_t count)
{
	json_auto_t *array = json_array();

	for (size_t i = 0; array && i < count; i++)
		if (json_array_append_new(array, json_string(list[i])) != 0)
			return NULL;
	return array ? json_incref(array) : NULL;
}

static json_t *tags_of(const struct azjit_vm *vm)
{
	json_auto_t *tags = json_object();

	for (size_t i = 0; tags && i < vm->tag_count; i++)
		if (json_object_set_new(tags, vm->tags[i].name, json_string(vm->tags[i].value)) != 0)
			return NULL;
	return tags ? json_incref(tags) : NULL;
}

static void got_vms(void *userdata, const struct azjit_answer *answer, const struct azjit_vm *vms,
                    size_t count)
{
	struct ask *ask = userdata;
	char group[128], subscription[64];

	if (!ask_take_status(ask, answer))
		return;
	for (size_t i = 0; i < count; i++) {
		json_t *nics = ask_texts(vms[i].nic_ids, vms[i].nic_count);

		if (!azjit_id_segment(vms[i].id, "resourceGroups", group, sizeof(group)))
			group[0] = '\0';
		if (!azjit_id_segment(vms[i].id, "subscriptions", subscription, sizeof(subscription)))
			subscription[0] = '\0';
		ask_add_row(ask, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "id", vms[i].id,
		                           "name", vms[i].name, "group", group, "subscription", subscription,
		                           "location", vms[i].location, "os", vms[i].os, "metadata_protocol",
		                           vms[i].metadata_protocol, "nics", nics, "tags", tags_of(&vms[i])));
	}
}

static struct azjit_call *start_vms(struct ask *ask, const char *scope)
{
	return azjit_vm_list(ask->direct->azure, scope, read_options, got_vms, ask);
}

enum azjit_result ask_vms(struct direct *direct, const char *group, json_t **ret)
{
	struct ask like = {.what = "the virtual machines",
	                   .done_to = "read",
	                   .right = "Microsoft.Compute/virtualMachines/read"};

	return ask_all(direct, group, &like, start_vms, ret);
}

// --- policies -----------------------------------------------------------------------------------------

#define POLICIES_READ   "Microsoft.Security/locations/jitNetworkAccessPolicies/read"
#define POLICIES_WRITE  "Microsoft.Security/locations/jitNetworkAccessPolicies/write"
#define POLICIES_DELETE "Microsoft.Security/locations/jitNetworkAccessPolicies/delete"

static void got_policies(void *userdata, const struct azjit_answer *answer, const char *json)
{
	struct ask *ask = userdata;
	json_auto_t *list = NULL;

	if (!ask_take_status(ask, answer))
		return;
	list = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
	if (!list)
		no_memory(ask);
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!json_by_id(ask->into, json_text(json_array_get(list, i), "id")))
			ask_add_row(ask, json_incref(json_array_get(list, i)));
}

static struct azjit_call *start_policies(struct ask *ask, const char *scope)
{
	return azjit_jit_list_text(ask->direct->azure, scope, read_options, got_policies, ask);
}

enum azjit_result ask_policies(struct direct *direct, const char *group, json_t **ret)
{
	struct ask like = {.what = "the just-in-time policies", .done_to = "read", .right = POLICIES_READ};

	return ask_all(direct, group, &like, start_policies, ret);
}

enum azjit_result ask_group_policies(struct direct *direct, const char *scope, json_t *policies)
{
	struct ask ask = {.direct = direct,
	                  .what = "the just-in-time policies",
	                  .scope = scope,
	                  .done_to = "read",
	                  .right = POLICIES_READ,
	                  .into = policies};

	return ask_await(&ask, start_policies(&ask, scope));
}

static void got_policy(void *userdata, const struct azjit_answer *answer, const char *json)
{
	struct ask *ask = userdata;

	if (ask_take_status(ask, answer) && json &&
	    !(ask->one = json_loads(json, JSON_REJECT_DUPLICATES, NULL)))
		no_memory(ask);
}

enum azjit_result ask_policy(struct direct *direct, const char *id, json_t **ret)
{
	struct ask ask = {.direct = direct,
	                  .what = "the policy",
	                  .scope = id,
	                  .done_to = "read",
	                  .right = POLICIES_READ};
	enum azjit_result result =
	        ask_await(&ask, azjit_jit_get_text(direct->azure, id, read_options, got_policy, &ask));

	if (result == AZJIT_NOT_FOUND && ask.http_status == 404)
		result = AZJIT_OK;
	if (result == AZJIT_OK)
		*ret = STEAL(ask.one);
	json_decref(ask.one);
	return result;
}

enum azjit_result ask_write(struct direct *direct, const char *id, const json_t *body, bool *ret_unsure)
{
	const struct azjit_call_options once = {.retries = 0};
	struct ask ask = {.direct = direct,
	                  .what = "the policy",
	                  .scope = id,
	                  .done_to = "written",
	                  .right = POLICIES_WRITE};
	_cleanup_free_ char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	enum azjit_result result;

	if (!body) {
		ask.done_to = "deleted";
		ask.right = POLICIES_DELETE;
	}
	if (body && !text)
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	result = ask_await(&ask, body ? azjit_jit_put(direct->azure, id, text, once, got_policy, &ask)
	                              : azjit_jit_delete(direct->azure, id, once, got_policy, &ask));
	json_decref(ask.one);
	*ret_unsure = ask.unsure;
	return result;
}

static void got_power(void *userdata, const struct azjit_answer *answer, const char *state)
{
	(void)ask_take_status(userdata, answer);
}

enum azjit_result ask_power(struct direct *direct, const char *vm_id)
{
	struct ask ask = {.direct = direct,
	                  .what = "the state",
	                  .scope = vm_id,
	                  .done_to = "read",
	                  .right = "Microsoft.Compute/virtualMachines/instanceView/read"};

	return ask_await(&ask, azjit_vm_power(direct->azure, vm_id, read_options, got_power, &ask));
}

static void got_log(void *userdata, const struct azjit_answer *answer,
                    const struct azjit_activity_event *events, size_t count)
{
	(void)ask_take_status(userdata, answer);
}

enum azjit_result ask_log(struct direct *direct, const char *subscription)
{
	const azjit_ticks now = azjit_azure_now(direct->azure);
	struct ask ask = {.direct = direct,
	                  .what = "the Activity Log",
	                  .scope = subscription,
	                  .done_to = "read",
	                  .right = "Microsoft.Insights/eventtypes/values/read"};

	return ask_await(&ask,
	                 azjit_activity_list(direct->azure, subscription, now - LOG_S * AZJIT_TICKS_PER_S,
	                                     now, NULL, read_options, got_log, &ask));
}

static void got_token(void *userdata, enum azjit_result result, const char *reason)
{
	struct ask *ask = userdata;

	ask->done = true;
	ask->result = result;
	if (result != AZJIT_OK)
		(void)azjit_fail(&ask->direct->reason, result, "%s", reason);
}

enum azjit_result ask_token(struct direct *direct)
{
	struct ask ask = {.direct = direct};

	return ask_await(&ask, azjit_azure_ready(direct->azure, got_token, &ask));
}
