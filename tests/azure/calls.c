// SPDX-License-Identifier: Apache-2.0
// One function prints what the callback of one noun was given, one table starts the calls.
#include "driver.h"

#include <azjit/text.h>
#include <stdio.h>

static const size_t indexes[MAX_CALLS];

// The index of a call travels as a pointer into a table, so that nothing needs to be freed.
static void *tag(size_t index)
{
	return (void *)(uintptr_t)&indexes[index];
}

static void ended(void *userdata)
{
	call_ended((size_t)((const size_t *)userdata - indexes));
}

static void print_list(const char *name, const char *const *items, size_t count)
{
	(void)printf(" %s=", name);
	for (size_t i = 0; i < count; i++)
		(void)printf("%s%s", i ? "," : "", lower(items[i]));
}

static void on_ready(void *userdata, enum azjit_result result, const char *reason)
{
	(void)printf("result=%s\nmessage=%s\n", azjit_result_name(result), reason);
	ended(userdata);
}

static void on_subscriptions(void *userdata, const struct azjit_answer *answer,
                             const struct azjit_subscription *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)printf("subscription id=%s name=%s state=%s\n", lower(list[i].id), list[i].name,
		             list[i].state);
	print_answer(answer, count);
	ended(userdata);
}

static void print_request(const struct azjit_jit_request *request)
{
	char end[AZJIT_TIME_CHARS];

	azjit_time_format(request->end, end);
	(void)printf("request vm=%s port=%u end=%s started=%s status=%s/%s requestor=%s justification=%s "
	             "mapped=%u",
	             lower(request->vm_id), request->port, end, request->start ? "yes" : "no",
	             lower(request->status), lower(request->status_reason), request->requestor,
	             request->justification, request->mapped_port);
	print_list("sources", request->prefixes, request->prefix_count);
	(void)printf("\n");
}

static void on_policies(void *userdata, const struct azjit_answer *answer,
                        const struct azjit_jit_policy *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct azjit_jit_policy *policy = &list[i];

		(void)printf("policy id=%s name=%s location=%s state=%s\n", lower(policy->id),
		             lower(policy->name), lower(policy->location), lower(policy->provisioning_state));
		for (size_t j = 0; j < policy->vm_count; j++) {
			const struct azjit_jit_vm *vm = &policy->vms[j];

			(void)printf("vm id=%s public=%s\n", lower(vm->id), vm->public_address);
			for (size_t k = 0; k < vm->port_count; k++) {
				(void)printf("port %u protocol=%d max=%lld", vm->ports[k].number,
				             (int)vm->ports[k].protocol,
				             (long long)vm->ports[k].max_duration_s);
				print_list("from", vm->ports[k].prefixes, vm->ports[k].prefix_count);
				(void)printf("\n");
			}
		}
		for (size_t j = 0; j < policy->request_count; j++)
			print_request(&policy->requests[j]);
	}
	print_answer(answer, count);
	ended(userdata);
}

static void on_initiate(void *userdata, const struct azjit_answer *answer,
                        const struct azjit_jit_request *echoes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		print_request(&echoes[i]);
	print_answer(answer, count);
	ended(userdata);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct azjit_tag *)a)->name, ((const struct azjit_tag *)b)->name);
}

// In order: the members of an object have none.
static void print_tags(const struct azjit_vm *vm)
{
	struct azjit_tag tags[8];
	size_t count = vm->tag_count < AZJIT_COUNT(tags) ? vm->tag_count : AZJIT_COUNT(tags);

	for (size_t i = 0; i < count; i++)
		tags[i] = vm->tags[i];
	qsort(tags, count, sizeof(*tags), by_name);
	for (size_t i = 0; i < count; i++)
		(void)printf("%s%s=%s", i ? "," : " tags=", tags[i].name, tags[i].value);
}

static void on_vms(void *userdata, const struct azjit_answer *answer, const struct azjit_vm *vms,
                   size_t count)
{
	for (size_t i = 0; i < count; i++) {
		(void)printf("vm id=%s name=%s location=%s os=%s tag=%s", lower(vms[i].id),
		             lower(vms[i].name), lower(vms[i].location), vms[i].os, vms[i].deny_tag);
		print_tags(&vms[i]);
		print_list("nics", vms[i].nic_ids, vms[i].nic_count);
		(void)printf("\n");
	}
	print_answer(answer, count);
	ended(userdata);
}

static void on_power(void *userdata, const struct azjit_answer *answer, const char *state)
{
	(void)printf("power=%s\n", state);
	print_answer(answer, 0);
	ended(userdata);
}

static void on_nics(void *userdata, const struct azjit_answer *answer, const struct azjit_nic *nics,
                    size_t count)
{
	for (size_t i = 0; i < count; i++) {
		(void)printf("nic id=%s vm=%s nsg=%s primary=%d\n", lower(nics[i].id), lower(nics[i].vm_id),
		             lower(nics[i].nsg_id), nics[i].primary);
		for (size_t j = 0; j < nics[i].ipconfig_count; j++) {
			const struct azjit_ipconfig *config = &nics[i].ipconfigs[j];

			(void)printf("ipconfig %s public=%s subnet=%s primary=%d asgs=%zu\n",
			             addr_text(config->private_addr), lower(config->public_ip_id),
			             lower(config->subnet_id), config->primary, config->asg_count);
		}
	}
	print_answer(answer, count);
	ended(userdata);
}

static void on_subnets(void *userdata, const struct azjit_answer *answer, const struct azjit_subnet *subnets,
                       size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)printf("subnet id=%s nsg=%s\n", lower(subnets[i].id), lower(subnets[i].nsg_id));
	print_answer(answer, count);
	ended(userdata);
}

static void on_public_ips(void *userdata, const struct azjit_answer *answer,
                          const struct azjit_public_ip *ips, size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)printf("public id=%s address=%s dns=%s\n", lower(ips[i].id), addr_text(ips[i].addr),
		             ips[i].dns_name);
	print_answer(answer, count);
	ended(userdata);
}

static void print_side(const char *name, const struct azjit_rule_side *side)
{
	print_list(name, side->texts, side->text_count);
	for (size_t i = 0; i < side->port_count; i++)
		(void)printf(":%u-%u", side->ports[i].from, side->ports[i].to);
	print_list("asgs", side->asg_ids, side->asg_count);
}

static void on_nsg(void *userdata, const struct azjit_answer *answer, const struct azjit_nsg *nsg)
{
	if (nsg)
		(void)printf("nsg id=%s succeeded=%d\n", lower(nsg->id), nsg->succeeded);
	for (size_t i = 0; nsg && i < nsg->rule_count; i++) {
		const struct azjit_rule *rule = &nsg->rules[i];

		(void)printf("rule %d %s '%s' %s protocol=%d other=%d succeeded=%d unreadable=%d",
		             rule->priority, rule->allow ? "allow" : "deny", lower(rule->name),
		             rule->description, (int)rule->protocol, rule->other_protocol, rule->succeeded,
		             rule->unreadable);
		print_side("source", &rule->source);
		print_side("destination", &rule->destination);
		(void)printf("\n");
	}
	print_answer(answer, nsg ? nsg->rule_count : 0);
	ended(userdata);
}

static void on_events(void *userdata, const struct azjit_answer *answer,
                      const struct azjit_activity_event *events, size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)printf("event %s %s %s %s/%s caller=%s ours=%s resource=%s address=%s times=%s\n",
		             lower(events[i].operation), lower(events[i].event_name),
		             lower(events[i].correlation_id), lower(events[i].status),
		             lower(events[i].sub_status), events[i].caller,
		             lower(events[i].client_request_id), lower(events[i].resource_id),
		             events[i].client_address,
		             events[i].event_time && events[i].submission_time ? "yes" : "no");
	print_answer(answer, count);
	ended(userdata);
}

static void print_assignment(const struct azjit_policy_assignment *one)
{
	(void)printf("assignment id=%s name=%s display=%s scope=%s definition=%s mode=%s overridden=%d",
	             lower(one->id), lower(one->name), one->display_name, lower(one->scope),
	             lower(one->definition_id), one->enforcement_mode, one->overridden);
	print_list("not", one->not_scopes, one->not_scope_count);
	(void)printf("\n");
	for (size_t i = 0; i < one->parameter_count; i++)
		(void)printf("parameter %s=%s text=%d\n", one->parameters[i].name, one->parameters[i].value,
		             one->parameters[i].text);
}

static void on_assignments(void *userdata, const struct azjit_answer *answer,
                           const struct azjit_policy_assignment *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		print_assignment(&list[i]);
	print_answer(answer, count);
	ended(userdata);
}

// What was just read is written back, with the parameter changed that the arguments name.
static void on_assignment_to_change(void *userdata, const struct azjit_answer *answer,
                                    const struct azjit_policy_assignment *list, size_t count)
{
	struct azjit_call_options options = {
	        .deadline_ms = (unsigned)driver.deadline_ms,
	        .retries = (unsigned)driver.retries,
	};
	struct azjit_call *change;

	if (count != 1) {
		on_assignments(userdata, answer, list, count);
		return;
	}
	change = azjit_policy_assignment_set(driver.azure, list, driver.arguments[2], driver.arguments[3],
	                                     options, on_assignments, userdata);
	if (change) {
		driver.calls[(const size_t *)userdata - indexes] = change;
		return;
	}
	(void)printf("result=not-started\n"); // only when memory ran out; then its callback never runs
	ended(userdata);
}

static void on_assessments(void *userdata, const struct azjit_answer *answer,
                           const struct azjit_assessment *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)printf("assessment of=%s code=%s cause=%s description=%s\n", lower(list[i].resource_id),
		             list[i].code, list[i].cause, list[i].description);
	print_answer(answer, count);
	ended(userdata);
}

static void on_pricing(void *userdata, const struct azjit_answer *answer, const struct azjit_pricing *pricing)
{
	if (pricing)
		(void)printf("plan tier=%s plan=%s\n", pricing->tier, pricing->sub_plan);
	print_answer(answer, pricing != NULL);
	ended(userdata);
}

// --- starting -----------------------------------------------------------------------------------------

// POLICY VM PORT SOURCE[,SOURCE]…
static struct azjit_call *start_initiate(struct azjit_call_options options, size_t index)
{
	struct azjit_prefix sources[8];
	struct azjit_jit_initiate request = {.policy_id = driver.arguments[1],
	                                     .vm_id = driver.arguments[2],
	                                     .sources = sources,
	                                     .justification = driver.justification,
	                                     .client_request_id = driver.client_request_id,
	                                     .correlation_id = driver.correlation_id};
	const char *rest = driver.arguments[4];

	(void)azjit_parse_port(driver.arguments[3], &request.port);
	while (*rest && request.source_count < AZJIT_COUNT(sources)) {
		char text[AZJIT_PREFIX_CHARS] = "";
		size_t len = strcspn(rest, ",");

		memcpy(text, rest, len < sizeof(text) ? len : 0);
		if (azjit_prefix_parse(text, &sources[request.source_count++]) != AZJIT_OK)
			exit(64);
		rest += len + (rest[len] == ',');
	}
	request.end = azjit_azure_now(driver.azure) +
	              (azjit_ticks)(driver.end_s ? driver.end_s : 1800) * AZJIT_TICKS_PER_S;
	return azjit_jit_initiate(driver.azure, &request, options, on_initiate, tag(index));
}

static struct azjit_call *start_activity(struct azjit_call_options options, size_t index)
{
	azjit_ticks now = azjit_azure_now(driver.azure);

	return azjit_activity_list(driver.azure, driver.arguments[1], now - 3600 * AZJIT_TICKS_PER_S,
	                           now + 60 * AZJIT_TICKS_PER_S, driver.arguments[2], options, on_events,
	                           tag(index));
}

struct azjit_call *start_call(const char *name, size_t index)
{
	const struct azjit_call_options options = {.deadline_ms = (unsigned)driver.deadline_ms,
	                                           .retries = (unsigned)driver.retries,
	                                           .background = driver.background && index < driver.times};
	const char *id = driver.arguments[1];
	struct azjit_azure *azure = driver.azure;

	if (azjit_streq(name, "ready"))
		return azjit_azure_ready(azure, on_ready, tag(index));
	if (azjit_streq(name, "subscriptions"))
		return azjit_subscriptions_list(azure, options, on_subscriptions, tag(index));
	if (azjit_streq(name, "jit-list"))
		return azjit_jit_list(azure, id, options, on_policies, tag(index));
	if (azjit_streq(name, "jit-get"))
		return azjit_jit_get(azure, id, options, on_policies, tag(index));
	if (azjit_streq(name, "initiate"))
		return start_initiate(options, index);
	if (azjit_streq(name, "vms"))
		return azjit_vm_list(azure, id, options, on_vms, tag(index));
	if (azjit_streq(name, "power"))
		return azjit_vm_power(azure, id, options, on_power, tag(index));
	if (azjit_streq(name, "nics"))
		return azjit_nic_list(azure, id, options, on_nics, tag(index));
	if (azjit_streq(name, "subnets"))
		return azjit_subnet_list(azure, id, options, on_subnets, tag(index));
	if (azjit_streq(name, "public-ips"))
		return azjit_public_ip_list(azure, id, options, on_public_ips, tag(index));
	if (azjit_streq(name, "nsg"))
		return azjit_nsg_get(azure, id, options, on_nsg, tag(index));
	if (azjit_streq(name, "activity"))
		return start_activity(options, index);
	if (azjit_streq(name, "assignments"))
		return azjit_policy_assignment_list(azure, id, options, on_assignments, tag(index));
	if (azjit_streq(name, "assignment"))
		return azjit_policy_assignment_get(azure, id, options, on_assignments, tag(index));
	if (azjit_streq(name, "assign"))
		return azjit_policy_assignment_get(azure, id, options, on_assignment_to_change, tag(index));
	if (azjit_streq(name, "assessments"))
		return azjit_assessment_list(azure, id, options, on_assessments, tag(index));
	if (azjit_streq(name, "assessment"))
		return azjit_assessment_get(azure, id, options, on_assessments, tag(index));
	if (azjit_streq(name, "pricing"))
		return azjit_pricing_get(azure, id, options, on_pricing, tag(index));
	(void)fprintf(stderr, "driver: %s is no call\n", name);
	exit(64);
}
