// SPDX-License-Identifier: Apache-2.0
#include <azjit/request_check.h>

#include <stdio.h>

#define SHORTEST_S 2 // less than this and rounding leaves nothing

// A policy writes "*", an address or a prefix; what we cannot read covers nothing.
static bool policy_covers(const struct azjit_strings *allowed, const struct azjit_prefix *source)
{
	for (size_t i = 0; i < allowed->count; i++) {
		struct azjit_prefix prefix;

		if (azjit_streq(allowed->items[i], "*"))
			return true;
		if (azjit_prefix_parse(allowed->items[i], &prefix) == AZJIT_OK &&
		    azjit_prefix_covers(&prefix, source))
			return true;
	}
	return false;
}

static enum azjit_result check_source(const struct azjit_target *target, const struct azjit_prefix *source,
                                      struct azjit_reason *reason)
{
	const struct azjit_strings *allowed = &target->policy.prefixes;
	char text[AZJIT_PREFIX_CHARS];

	azjit_prefix_format(source, text);
	if (source->addr.family != AZJIT_IPV4)
		return azjit_fail(reason, AZJIT_USAGE, "just-in-time access knows IPv4 sources only, not %s",
		                  text);
	if (source->bits == 0)
		return azjit_fail(reason, AZJIT_DENIED, "the whole Internet is never requested as a source");
	if (policy_covers(allowed, source))
		return AZJIT_OK;
	return azjit_fail(
	        reason, AZJIT_REQUEST_REFUSED,
	        "policy '%s' does not allow the source %s for port %u of %s (it allows %s%s); add %s to the "
	        "port's allowed sources there",
	        target->policy.name, text, target->port, target->vm_name,
	        allowed->count ? allowed->items[0] : "none", allowed->count > 1 ? " and more" : "", text);
}

static enum azjit_result check_names(const struct azjit_target *target, struct azjit_reason *reason)
{
	size_t len = strlen(target->policy.name) + strlen(target->vm_name);

	if (len <= AZJIT_REQUEST_NAMES_MAX)
		return AZJIT_OK;
	return azjit_fail(
	        reason, AZJIT_REQUEST_REFUSED,
	        "the names of policy '%s' and VM '%s' have %zu characters together, and Azure takes %d: "
	        "put the VM into a policy with a name that is %zu shorter",
	        target->policy.name, target->vm_name, len, AZJIT_REQUEST_NAMES_MAX,
	        len - AZJIT_REQUEST_NAMES_MAX);
}

static enum azjit_result check_target(const struct azjit_target *target, struct azjit_reason *reason)
{
	if (target->stopped_by_tag)
		return azjit_fail(reason, AZJIT_STOPPED,
		                  "%s carries the tag azjit=deny; remove the tag to allow access",
		                  target->vm_name);
	if (target->policy.protocol == AZJIT_PROTOCOL_UDP)
		return azjit_fail(reason, AZJIT_NOT_MANAGED, "policy '%s' has port %u of %s for UDP only",
		                  target->policy.name, target->port, target->vm_name);
	return check_names(target, reason);
}

static enum azjit_result check_rule(const struct azjit_access_rule *rule, int64_t wanted_s,
                                    struct azjit_reason *reason)
{
	char wanted[32], longest[32];

	if (wanted_s && wanted_s < SHORTEST_S)
		return azjit_fail(reason, AZJIT_USAGE, "access is requested for %d seconds or more",
		                  SHORTEST_S);
	if (wanted_s <= rule->max_duration_s)
		return AZJIT_OK;
	azjit_duration_format(wanted_s, wanted, sizeof(wanted));
	azjit_duration_format(rule->max_duration_s, longest, sizeof(longest));
	return azjit_fail(reason, AZJIT_DENIED, "rule '%s' allows %s at most, not %s; ask --for %s",
	                  rule->name, longest, wanted, longest);
}

static enum azjit_result check_duration(const struct azjit_config *config,
                                        const struct azjit_access_rule *rule,
                                        const struct azjit_target *target, int64_t wanted_s, int64_t *ret_s,
                                        struct azjit_reason *reason)
{
	int64_t limit = target->policy.max_duration_s - config->duration_margin_s;
	int64_t asked = wanted_s ? wanted_s : rule->duration_s;
	char wanted[32], longest[32];

	if (limit < SHORTEST_S)
		return azjit_fail(reason, AZJIT_REQUEST_REFUSED,
		                  "policy '%s' allows %llds for port %u of %s, and grant.margin in "
		                  "azjit.conf is %llds: "
		                  "make the margin smaller",
		                  target->policy.name, (long long)target->policy.max_duration_s, target->port,
		                  target->vm_name, (long long)config->duration_margin_s);
	if (wanted_s > limit) {
		azjit_duration_format(wanted_s, wanted, sizeof(wanted));
		azjit_duration_format(limit, longest, sizeof(longest));
		return azjit_fail(reason, AZJIT_REQUEST_REFUSED,
		                  "policy '%s' allows %s at most for port %u of %s, not %s; ask --for %s",
		                  target->policy.name, longest, target->port, target->vm_name, wanted,
		                  longest);
	}
	*ret_s = asked < limit ? asked : limit;
	return AZJIT_OK;
}

// By the policy that the target has in place.
static enum azjit_result check_policy(const struct azjit_config *config, const struct azjit_access_rule *rule,
                                      const struct azjit_target *target, const struct azjit_sources *sources,
                                      int64_t wanted_s, int64_t *ret_s, struct azjit_reason *reason)
{
	enum azjit_result result = check_target(target, reason);

	for (size_t i = 0; result == AZJIT_OK && i < sources->count; i++)
		result = check_source(target, &sources->items[i], reason);
	if (result == AZJIT_OK)
		result = check_rule(rule, wanted_s, reason);
	if (result == AZJIT_OK)
		result = check_duration(config, rule, target, wanted_s, ret_s, reason);
	return result;
}

static void swap_policy(struct azjit_target *target, size_t other)
{
	struct azjit_target_policy policy = target->policy;

	target->policy = target->others[other];
	target->others[other] = policy;
}

enum azjit_result azjit_request_check(const struct azjit_config *config, const struct azjit_access_rule *rule,
                                      struct azjit_target *target, const struct azjit_sources *sources,
                                      int64_t wanted_s, azjit_ticks now, struct azjit_request_terms *ret,
                                      struct azjit_reason *reason)
{
	enum azjit_result result;
	int64_t granted = 0;
	azjit_ticks end;

	if (sources->count == 0)
		return azjit_fail(reason, AZJIT_USAGE, "no source was given");
	result = check_policy(config, rule, target, sources, wanted_s, &granted, reason);
	for (size_t i = 0; result == AZJIT_REQUEST_REFUSED && i < target->other_count; i++) {
		swap_policy(target, i);
		if (check_policy(config, rule, target, sources, wanted_s, &granted, NULL) == AZJIT_OK)
			result = AZJIT_OK;
		else
			swap_policy(target, i);
	}
	if (result != AZJIT_OK)
		return result;
	end = now + granted * AZJIT_TICKS_PER_S - (AZJIT_TICKS_PER_S - 1);
	ret->end = end - end % AZJIT_TICKS_PER_S;
	ret->duration_s = granted;
	ret->clamped = granted < (wanted_s ? wanted_s : rule->duration_s);
	return AZJIT_OK;
}
