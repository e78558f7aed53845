// SPDX-License-Identifier: Apache-2.0
#include <azjit/network.h>

#include "parse.h"

#include <azjit/text.h>

#define API "?api-version=2024-01-01"

// --- one side of a rule -------------------------------------------------------------------------------

static bool parse_range(const char *text, struct azjit_port_range *ret)
{
	char from[8] = "", to[8] = "";
	size_t dash = strcspn(text, "-");
	uint64_t low, high;

	if (azjit_streq(text, "*")) {
		*ret = (struct azjit_port_range){0, UINT16_MAX};
		return true;
	}
	if (dash >= sizeof(from))
		return false;
	memcpy(from, text, dash);
	if (!azjit_copy(to, sizeof(to), text[dash] ? text + dash + 1 : from) ||
	    azjit_parse_u64(from, 0, UINT16_MAX, &low) != AZJIT_OK ||
	    azjit_parse_u64(to, low, UINT16_MAX, &high) != AZJIT_OK)
		return false;
	*ret = (struct azjit_port_range){(uint16_t)low, (uint16_t)high};
	return true;
}

static bool parse_ranges(struct arena *arena, const json_t *singular, const json_t *plural,
                         struct azjit_rule_side *side, bool *unreadable)
{
	struct azjit_port_range *ranges;
	const char *const *texts;
	size_t count;

	if (!js_strings(arena, singular, plural, &texts, &count, unreadable))
		return false;
	ranges = arena_array(arena, count, sizeof(*ranges));
	if (!ranges)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (parse_range(texts[i], &ranges[side->port_count]))
			side->port_count++;
		else
			*unreadable = true;
	}
	side->ports = ranges;
	if (count == 0)
		*unreadable = true;
	return true;
}

struct side_names {
	const char *prefix, *prefixes, *port, *ports, *asgs;
};
static const struct side_names source_names = {"sourceAddressPrefix", "sourceAddressPrefixes",
                                               "sourcePortRange", "sourcePortRanges",
                                               "sourceApplicationSecurityGroups"};
static const struct side_names destination_names = {"destinationAddressPrefix", "destinationAddressPrefixes",
                                                    "destinationPortRange", "destinationPortRanges",
                                                    "destinationApplicationSecurityGroups"};

static bool parse_side(struct arena *arena, const json_t *rule, const struct side_names *names,
                       struct azjit_rule_side *side, bool *unreadable)
{
	const json_t *asgs = js_member(rule, names->asgs);

	if (!js_strings(arena, js_member(rule, names->prefix), js_member(rule, names->prefixes), &side->texts,
	                &side->text_count, unreadable) ||
	    !js_ids(arena, asgs, &side->asg_ids, &side->asg_count) ||
	    !parse_ranges(arena, js_member(rule, names->port), js_member(rule, names->ports), side,
	                  unreadable))
		return false;
	// A reference that we could not read is an address that we do not know.
	if (side->asg_count != js_count(asgs) || side->text_count + side->asg_count == 0)
		*unreadable = true;
	return true;
}

// --- a rule -------------------------------------------------------------------------------------------

static bool succeeded(const json_t *properties)
{
	const char *state = js_text(properties, "provisioningState");

	return !*state || azjit_ieq(state, "Succeeded");
}

static void parse_rule_protocol(const char *text, struct azjit_rule *rule)
{
	static const char *const others[] = {"Icmp", "Esp", "Ah", "Icmpv6"};

	rule->protocol = parse_protocol(text);
	if (rule->protocol != AZJIT_PROTOCOL_ANY || azjit_streq(text, "*") || azjit_ieq(text, "all"))
		return;
	for (size_t i = 0; i < AZJIT_COUNT(others); i++)
		rule->other_protocol = rule->other_protocol || azjit_ieq(text, others[i]);
	// A protocol of which we never heard may be one that carries TCP.
	rule->unreadable = rule->unreadable || !rule->other_protocol;
}

static void parse_decision(const json_t *properties, struct azjit_rule *rule)
{
	const char *access = js_text(properties, "access"), *direction = js_text(properties, "direction");
	int64_t priority = 0;

	rule->allow = azjit_ieq(access, "Allow");
	rule->inbound = !azjit_ieq(direction, "Outbound");
	if (!rule->allow && !azjit_ieq(access, "Deny"))
		rule->unreadable = true;
	if (rule->inbound && !azjit_ieq(direction, "Inbound"))
		rule->unreadable = true;
	// Without a place in the order it may be the first.
	if (!js_integer(js_member(properties, "priority"), 1, UINT16_MAX, &priority))
		rule->unreadable = true;
	rule->priority = (int)priority;
}

static bool parse_rule(struct arena *arena, const json_t *item, struct azjit_rule *rule)
{
	const json_t *properties = js_member(item, "properties");

	rule->name = js_text(item, "name");
	rule->description = js_text(properties, "description");
	rule->succeeded = succeeded(properties);
	parse_decision(properties, rule);
	parse_rule_protocol(js_text(properties, "protocol"), rule);
	return parse_side(arena, properties, &source_names, &rule->source, &rule->unreadable) &&
	       parse_side(arena, properties, &destination_names, &rule->destination, &rule->unreadable);
}

// --- a group ------------------------------------------------------------------------------------------

static int by_priority(const void *a, const void *b)
{
	const struct azjit_rule *one = a, *other = b;

	return (one->priority > other->priority) - (one->priority < other->priority);
}

static const char *parse_rules(struct arena *arena, const json_t *items, struct azjit_rule *list,
                               size_t *count)
{
	for (size_t i = 0; i < js_count(items); i++) {
		struct azjit_rule rule = {0};

		if (!parse_rule(arena, json_array_get(items, i), &rule))
			return PARSE_NOMEM;
		if (rule.inbound)
			list[(*count)++] = rule;
	}
	return NULL;
}

const char *parse_nsg(struct arena *arena, const json_t *nsg, const struct azjit_nsg **ret)
{
	const json_t *properties = js_member(nsg, "properties");
	const json_t *custom = js_member(properties, "securityRules");
	const json_t *defaults = js_member(properties, "defaultSecurityRules");
	struct azjit_nsg *group = arena_array(arena, 1, sizeof(*group));
	struct azjit_rule *rules = arena_array(arena, js_count(custom) + js_count(defaults), sizeof(*rules));
	const char *what;

	if (!group || !rules)
		return PARSE_NOMEM;
	group->id = js_text(nsg, "id");
	if (!*group->id)
		return "a security group without an id";
	group->succeeded = succeeded(properties);
	group->rules = rules;
	what = parse_rules(arena, custom, rules, &group->rule_count);
	if (!what)
		what = parse_rules(arena, defaults, rules, &group->rule_count);
	if (group->rule_count)
		qsort(rules, group->rule_count, sizeof(*rules), by_priority);
	*ret = group;
	return what;
}

static void get_done(const struct call_result *call)
{
	azjit_nsg_fn *fn = (azjit_nsg_fn *)call->fn;
	const struct azjit_nsg *nsg = NULL;
	bool ok = call->json && parse_ok(call, parse_nsg(call->arena, call->json, &nsg));

	fn(call->userdata, call->answer, ok ? nsg : NULL);
}

struct azjit_call *azjit_nsg_get(struct azjit_azure *azure, const char *nsg_id,
                                 struct azjit_call_options options, azjit_nsg_fn *fn, void *userdata)
{
	return call_new(azure, &(struct call_spec){.shape = CALL_OBJECT,
	                                           .operation = OPERATION_NSG,
	                                           .id = nsg_id,
	                                           .path = API,
	                                           .options = options,
	                                           .done = get_done,
	                                           .fn = (void (*)(void))fn,
	                                           .userdata = userdata});
}
