// SPDX-License-Identifier: Apache-2.0
// The verdict on one flow. Nothing is guessed: a condition is met, not met, or perhaps met, and a rule
// that is perhaps met decides only if what it would decide and what is decided without it are the same.
#include <azjit/network.h>

#include <azjit/text.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include <strings.h>

enum match { MATCH_NO = 0, MATCH_MAYBE, MATCH_YES };

struct doubt {
	const char *about; // "its source", "its protocol or ports" …
	const char *text;  // what was written there, "" if that says nothing
};

// --- addresses ----------------------------------------------------------------------------------------

static bool within(const char *prefix, const struct azjit_addr *addr)
{
	struct azjit_prefix parsed;

	return azjit_prefix_parse(prefix, &parsed) == AZJIT_OK && azjit_prefix_contains(&parsed, addr);
}

static bool within_any(const char *const *prefixes, size_t count, const struct azjit_addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (within(prefixes[i], addr))
			return true;
	return false;
}

bool azjit_addr_never_internet(const struct azjit_addr *addr)
{
	static const char *const prefixes[] = {"10.0.0.0/8",     "172.16.0.0/12", "192.168.0.0/16",
	                                       "169.254.0.0/16", "127.0.0.0/8",   "fc00::/7",
	                                       "fe80::/10",      "::1/128"};

	return within_any(prefixes, AZJIT_COUNT(prefixes), addr);
}

// In nobody's virtual network, whatever is peered with it or routed to it.
static bool never_network(const struct azjit_addr *addr)
{
	static const char *const prefixes[] = {"127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "0.0.0.0/32",
	                                       "::1/128",     "ff00::/8",       "::/128"};

	return within_any(prefixes, AZJIT_COUNT(prefixes), addr);
}

// Tags on the source's side. VirtualNetwork holds peers, on-premises ranges and possibly default routes,
// so hardly any address is provably outside; Internet is what is public and not in VirtualNetwork.
static enum match match_source_tag(const char *tag, const struct azjit_addr *addr, bool from_internet)
{
	if (from_internet && azjit_ieq(tag, "Internet"))
		return MATCH_YES;
	if (from_internet && azjit_ieq(tag, "VirtualNetwork"))
		return MATCH_NO;
	if (azjit_ieq(tag, "AzureLoadBalancer") && addr->family == AZJIT_IPV4)
		return within("168.63.129.16", addr) ? MATCH_YES : MATCH_NO;
	if (azjit_ieq(tag, "Internet"))
		return azjit_addr_never_internet(addr) ? MATCH_NO : MATCH_MAYBE;
	if (azjit_ieq(tag, "VirtualNetwork"))
		return never_network(addr) ? MATCH_NO : MATCH_MAYBE;
	return MATCH_MAYBE;
}

// On the destination's side stands a network interface of a virtual network.
static enum match match_destination_tag(const char *tag, const struct azjit_addr *addr)
{
	if (azjit_ieq(tag, "VirtualNetwork"))
		return MATCH_YES;
	if (azjit_ieq(tag, "AzureLoadBalancer"))
		return MATCH_NO;
	if (azjit_ieq(tag, "Internet"))
		return azjit_addr_never_internet(addr) ? MATCH_NO : MATCH_MAYBE;
	return MATCH_MAYBE;
}

static enum match match_text(const char *text, const struct azjit_flow *flow, bool source)
{
	const struct azjit_addr *addr = source ? &flow->source : &flow->destination;
	struct azjit_prefix prefix;

	if (azjit_streq(text, "*"))
		return MATCH_YES;
	if (addr->family == AZJIT_FAMILY_NONE ||
	    (source && flow->translated && !azjit_streq(text, "0.0.0.0/0")))
		return MATCH_MAYBE;
	if (azjit_prefix_parse(text, &prefix) == AZJIT_OK)
		return azjit_prefix_contains(&prefix, addr) ? MATCH_YES : MATCH_NO;
	if (!isalpha((unsigned char)*text))
		return MATCH_MAYBE;
	return source ? match_source_tag(text, addr, flow->from_internet) : match_destination_tag(text, addr);
}

static enum match match_texts(const struct azjit_rule_side *side, const struct azjit_flow *flow, bool source,
                              const char **ret_text)
{
	enum match best = MATCH_NO;

	for (size_t i = 0; i < side->text_count; i++) {
		enum match match = match_text(side->texts[i], flow, source);

		if (match > best)
			*ret_text = side->texts[i];
		best = match > best ? match : best;
	}
	return best;
}

static enum match match_source(const struct azjit_rule *rule, const struct azjit_flow *flow,
                               const char **ret_text)
{
	enum match match = match_texts(&rule->source, flow, true, ret_text);

	// Which addresses a group has is not read; that it has the source's cannot be excluded.
	if (match == MATCH_NO && rule->source.asg_count && !flow->from_internet) {
		*ret_text = azjit_id_name(rule->source.asg_ids[0]);
		return MATCH_MAYBE;
	}
	return match;
}

static enum match match_destination(const struct azjit_rule *rule, const struct azjit_flow *flow,
                                    const char **ret_text)
{
	for (size_t i = 0; i < rule->destination.asg_count; i++)
		for (size_t j = 0; j < flow->destination_asg_count; j++)
			if (azjit_ieq(rule->destination.asg_ids[i], flow->destination_asg_ids[j]))
				return MATCH_YES;
	return match_texts(&rule->destination, flow, false, ret_text);
}

// --- protocol and ports -------------------------------------------------------------------------------

static enum match match_protocol(const struct azjit_rule *rule, enum azjit_protocol protocol)
{
	if (rule->other_protocol)
		return protocol == AZJIT_PROTOCOL_ANY ? MATCH_MAYBE : MATCH_NO;
	if (rule->protocol == AZJIT_PROTOCOL_ANY || rule->protocol == protocol)
		return MATCH_YES;
	return protocol == AZJIT_PROTOCOL_ANY ? MATCH_MAYBE : MATCH_NO;
}

static enum match match_port(const struct azjit_rule_side *side, uint16_t port)
{
	for (size_t i = 0; i < side->port_count; i++)
		if (port >= side->ports[i].from && port <= side->ports[i].to)
			return MATCH_YES;
	return MATCH_NO;
}

// The source's port is chosen by a kernel or a translator: met for sure only if any would do.
static enum match match_source_port(const struct azjit_rule_side *side)
{
	for (size_t i = 0; i < side->port_count; i++)
		if (side->ports[i].from <= 1 && side->ports[i].to == UINT16_MAX)
			return MATCH_YES;
	return MATCH_MAYBE;
}

// --- a rule -------------------------------------------------------------------------------------------

static enum match match_rule(const struct azjit_rule *rule, const struct azjit_flow *flow,
                             struct doubt *doubt)
{
	const char *texts[4] = {"", "", "", ""};
	const enum match parts[4] = {
	        match_source(rule, flow, &texts[0]),
	        match_destination(rule, flow, &texts[1]),
	        match_source_port(&rule->source),
	        match_protocol(rule, flow->protocol),
	};
	static const char *const names[4] = {"source", "destination", "source port", "protocol"};
	enum match match = match_port(&rule->destination, flow->port);

	if (rule->unreadable) {
		*doubt = (struct doubt){"form", ""};
		return MATCH_MAYBE;
	}
	for (size_t i = 0; i < AZJIT_COUNT(parts); i++) {
		if (parts[i] < match && parts[i] == MATCH_MAYBE)
			*doubt = (struct doubt){names[i], texts[i]};
		match = parts[i] < match ? parts[i] : match;
	}
	return match;
}

// azure.md §2.2: prefix, "_" (deny) or "-" (allow), a signed number, the same separator, 32 hex digits.
static bool jit_name(const char *name)
{
	static const char *const prefixes[] = {"SecurityCenter-JITRule", "MicrosoftDefenderForCloud-JITRule"};
	size_t digits;
	char separator;

	for (size_t i = 0; i < AZJIT_COUNT(prefixes); i++) {
		const char *rest = name + strlen(prefixes[i]);

		if (strncasecmp(name, prefixes[i], strlen(prefixes[i])) != 0)
			continue;
		separator = *rest++;
		if (separator != '_' && separator != '-')
			return false;
		if (*rest == '-')
			rest++;
		digits = strspn(rest, "0123456789");
		rest += digits;
		return digits > 0 && *rest == separator && strlen(rest + 1) == 32 &&
		       strspn(rest + 1, "0123456789abcdefABCDEF") == 32;
	}
	return false;
}

// --- a group ------------------------------------------------------------------------------------------

static void tell(struct azjit_verdict_why *why, enum azjit_verdict verdict, const struct azjit_rule *rule)
{
	why->verdict = verdict;
	azjit_printable(rule->name, why->rule, sizeof(why->rule));
	why->priority = rule->priority;
	why->jit = jit_name(rule->name);
}

// Names may be longer than the field: the sentence is then cut at a character, never inside one.
static void say(struct azjit_verdict_why *why, const char *fmt, ...) _printf_(2, 3);
static void say(struct azjit_verdict_why *why, const char *fmt, ...)
{
	char sentence[512];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(sentence, sizeof(sentence), fmt, args);
	va_end(args);
	azjit_printable(sentence, why->text, sizeof(why->text));
}

static void tell_decision(struct azjit_verdict_why *why, enum azjit_verdict verdict,
                          const struct azjit_rule *rule)
{
	tell(why, verdict, rule);
	say(why, "%s %d '%s' in the %s '%s'", rule->allow ? "allow" : "deny", rule->priority, why->rule,
	    why->level, why->nsg);
}

static void tell_doubt(struct azjit_verdict_why *why, const struct azjit_rule *rule,
                       const struct doubt *doubt)
{
	char text[80];

	tell(why, AZJIT_VERDICT_UNKNOWN, rule);
	azjit_printable(doubt->text, text, sizeof(text));
	say(why, "%s %d '%s' in the %s '%s' may decide: its %s%s%s%s cannot be judged from here",
	    rule->allow ? "allow" : "deny", rule->priority, why->rule, why->level, why->nsg, doubt->about,
	    *text ? " '" : "", text, *text ? "'" : "");
}

static void tell_pending(struct azjit_verdict_why *why, const struct azjit_rule *rule)
{
	tell(why, AZJIT_VERDICT_UNKNOWN, rule);
	say(why, "allow %d '%s' in the %s '%s' is not in force yet", rule->priority, why->rule, why->level,
	    why->nsg);
}

static void judge_group(const struct azjit_nsg *nsg, const char *level, const struct azjit_flow *flow,
                        struct azjit_verdict_why *why)
{
	const struct azjit_rule *doubtful = NULL;
	struct doubt doubt = {"form", ""}, first_doubt = doubt;
	bool may_allow = false, may_deny = false;

	*why = (struct azjit_verdict_why){.level = level};
	azjit_printable(azjit_id_name(nsg->id), why->nsg, sizeof(why->nsg));
	for (size_t i = 0; i < nsg->rule_count; i++) {
		const struct azjit_rule *rule = &nsg->rules[i];
		bool counts = rule->inbound && !(flow->without_grants && rule->allow && jit_name(rule->name));
		enum match match = counts ? match_rule(rule, flow, &doubt) : MATCH_NO;

		if (match == MATCH_MAYBE) {
			first_doubt = doubtful ? first_doubt : doubt;
			doubtful = doubtful ? doubtful : rule;
			may_allow = may_allow || rule->allow || rule->unreadable;
			may_deny = may_deny || !rule->allow || rule->unreadable;
		} else if (match == MATCH_YES) {
			if (rule->allow ? may_deny : may_allow)
				tell_doubt(why, doubtful, &first_doubt);
			else if (rule->allow && !(rule->succeeded && nsg->succeeded))
				tell_pending(why, rule);
			else
				tell_decision(why, rule->allow ? AZJIT_VERDICT_ALLOW : AZJIT_VERDICT_DENY,
				              rule);
			return;
		}
	}
	if (doubtful)
		tell_doubt(why, doubtful, &first_doubt);
	else
		say(why, "no rule that was told in the %s '%s' decides", level, why->nsg);
}

// --- the path -----------------------------------------------------------------------------------------

enum azjit_verdict azjit_nsg_verdict(const struct azjit_nsg *nic_nsg, const struct azjit_nsg *subnet_nsg,
                                     const struct azjit_flow *flow, struct azjit_verdict_why *ret_why)
{
	struct azjit_verdict_why subnet = {.verdict = AZJIT_VERDICT_ALLOW, .level = ""}, nic = subnet;

	if (subnet_nsg)
		judge_group(subnet_nsg, "subnet's NSG", flow, &subnet);
	if (nic_nsg)
		judge_group(nic_nsg, "NIC's NSG", flow, &nic);
	if (!subnet_nsg && !nic_nsg)
		(void)azjit_copy(nic.text, sizeof(nic.text), "no NSG is on the path");
	// A denial anywhere decides, then a doubt anywhere, then the last level asked.
	if (subnet.verdict == AZJIT_VERDICT_DENY || nic.verdict == AZJIT_VERDICT_DENY)
		*ret_why = subnet.verdict == AZJIT_VERDICT_DENY ? subnet : nic;
	else if (subnet.verdict == AZJIT_VERDICT_UNKNOWN)
		*ret_why = subnet;
	else if (nic.verdict == AZJIT_VERDICT_UNKNOWN || nic_nsg || !subnet_nsg)
		*ret_why = nic;
	else
		*ret_why = subnet;
	return ret_why->verdict;
}

static bool has_jit(const struct azjit_nsg *nsg, const struct azjit_flow *flow, bool allow,
                    const struct azjit_rule **ret_rule)
{
	struct doubt doubt;

	for (size_t i = 0; nsg && i < nsg->rule_count; i++) {
		const struct azjit_rule *rule = &nsg->rules[i];

		if (rule->inbound && rule->allow == allow && jit_name(rule->name) &&
		    match_rule(rule, flow, &doubt) == MATCH_YES) {
			*ret_rule = rule;
			return true;
		}
	}
	return false;
}

bool azjit_nsg_has_jit_allow(const struct azjit_nsg *nsg, const struct azjit_flow *flow,
                             const struct azjit_rule **ret_rule)
{
	return has_jit(nsg, flow, true, ret_rule);
}

bool azjit_nsg_has_jit_deny(const struct azjit_nsg *nsg, const struct azjit_flow *flow,
                            const struct azjit_rule **ret_rule)
{
	return has_jit(nsg, flow, false, ret_rule);
}
