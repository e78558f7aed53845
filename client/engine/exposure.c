// SPDX-License-Identifier: Apache-2.0
// "The internet" is asked for by a few addresses of it, far apart, since the evaluator judges one source at
// a time; then each public prefix that an allow rule names is asked for by the address it is written with.
// A rule that shuts out just that one address and lets its neighbours in would be missed; nobody writes such
// rules by accident.
#include <azjit/exposure.h>

#include <azjit/text.h>
#include <stdio.h>

static const char *const internet[] = {"8.8.8.8", "51.15.0.1", "203.0.113.7"};

struct asked {
	const struct azjit_exposure_path *path;
	struct azjit_flow flow;
	struct azjit_exposure *worst;
};

static const struct azjit_nsg *group_of(const struct asked *asked, const struct azjit_verdict_why *why)
{
	const struct azjit_nsg *nic = asked->path->nic_nsg, *subnet = asked->path->subnet_nsg;

	if (!*why->level)
		return NULL;
	return nic && azjit_streq(why->level, "NIC's NSG") ? nic : subnet;
}

static enum azjit_exposed exposed_by(const struct asked *asked, const struct azjit_verdict_why *why,
                                     const char *prefix)
{
	switch (why->verdict) {
	case AZJIT_VERDICT_DENY:
		return AZJIT_EXPOSED_SHUT;
	case AZJIT_VERDICT_ALLOW:
		if (asked->path->nic_unread || asked->path->subnet_unread)
			return AZJIT_EXPOSED_UNKNOWN;
		return *prefix ? AZJIT_EXPOSED_SOME : AZJIT_EXPOSED_ALL;
	case AZJIT_VERDICT_UNKNOWN:
		break;
	}
	return AZJIT_EXPOSED_UNKNOWN;
}

static void say_open(const struct asked *asked, struct azjit_exposure *e)
{
	const char *whom = e->exposed == AZJIT_EXPOSED_ALL ? "the internet" : e->source;
	const char *left = e->why.jit ? ", left by a request that is no more in force" : "";
	const struct azjit_nsg *group = group_of(asked, &e->why);
	const struct azjit_rule *deny;

	if (azjit_nsg_has_jit_deny(group, &asked->flow, &deny))
		e->deny_priority = deny->priority;
	if (!group)
		(void)snprintf(e->text, sizeof(e->text), "%s: nothing keeps %s out", e->why.text, whom);
	else if (e->deny_priority)
		(void)snprintf(e->text, sizeof(e->text), "%s%s lets %s in before JIT's deny %d", e->why.text,
		               left, whom, e->deny_priority);
	else
		(void)snprintf(e->text, sizeof(e->text), "%s%s lets %s in, and no deny of JIT is there",
		               e->why.text, left, whom);
}

static const char *unread_level(const struct azjit_exposure_path *path)
{
	return path->nic_unread ? "the NIC" : "the subnet";
}

static void say(const struct asked *asked, struct azjit_exposure *e)
{
	bool unread = e->why.verdict == AZJIT_VERDICT_ALLOW;

	switch (e->exposed) {
	case AZJIT_EXPOSED_SHUT:
		(void)azjit_copy(e->text, sizeof(e->text), e->why.text);
		return;
	case AZJIT_EXPOSED_UNKNOWN:
		(void)snprintf(e->text, sizeof(e->text), "%s%s",
		               unread ? unread_level(asked->path) : e->why.text,
		               unread ? "'s NSG could not be read" : "");
		return;
	case AZJIT_EXPOSED_SOME:
	case AZJIT_EXPOSED_ALL:
		say_open(asked, e);
		return;
	}
}

// What is known to be open outweighs what is not known, and that what is shut.
static int badness(enum azjit_exposed exposed)
{
	static const int order[] = {[AZJIT_EXPOSED_SHUT] = 0,
	                            [AZJIT_EXPOSED_UNKNOWN] = 1,
	                            [AZJIT_EXPOSED_SOME] = 2,
	                            [AZJIT_EXPOSED_ALL] = 3};

	return order[exposed];
}

// prefix "": the source stands for the whole internet.
static void ask(struct asked *asked, struct azjit_addr source, const char *prefix)
{
	struct azjit_exposure found = {.nsg_id = ""};
	const struct azjit_nsg *group;

	asked->flow.source = source;
	(void)azjit_nsg_verdict(asked->path->nic_nsg, asked->path->subnet_nsg, &asked->flow, &found.why);
	found.exposed = exposed_by(asked, &found.why, prefix);
	if (*asked->worst->text && badness(found.exposed) <= badness(asked->worst->exposed))
		return;
	group = group_of(asked, &found.why);
	if (group)
		found.nsg_id = group->id;
	azjit_printable(prefix, found.source, sizeof(found.source));
	say(asked, &found);
	*asked->worst = found;
}

static void ask_internet(struct asked *asked)
{
	struct azjit_addr source;

	for (size_t i = 0; i < AZJIT_COUNT(internet); i++)
		if (azjit_addr_parse(internet[i], &source) == AZJIT_OK)
			ask(asked, source, "");
}

static void ask_prefixes(struct asked *asked, const struct azjit_nsg *nsg)
{
	for (size_t i = 0; nsg && i < nsg->rule_count; i++) {
		const struct azjit_rule *rule = &nsg->rules[i];
		struct azjit_prefix prefix;

		for (size_t j = 0; rule->inbound && rule->allow && j < rule->source.text_count; j++)
			if (azjit_prefix_parse(rule->source.texts[j], &prefix) == AZJIT_OK &&
			    prefix.addr.family == AZJIT_IPV4 && !azjit_addr_never_internet(&prefix.addr))
				ask(asked, prefix.addr, rule->source.texts[j]);
	}
}

static void ask_path(const struct azjit_exposure_path *path, const struct azjit_exposure_port *port,
                     enum azjit_protocol protocol, struct azjit_exposure *worst)
{
	struct asked asked = {.path = path,
	                      .worst = worst,
	                      .flow = {.destination = path->address,
	                               .port = port->number,
	                               .protocol = protocol,
	                               .destination_asg_ids = path->asg_ids,
	                               .destination_asg_count = path->asg_count,
	                               .from_internet = true,
	                               .without_grants = port->granted}};

	ask_internet(&asked);
	ask_prefixes(&asked, path->subnet_nsg);
	ask_prefixes(&asked, path->nic_nsg);
}

void azjit_exposure(const struct azjit_exposure_path *paths, size_t path_count,
                    const struct azjit_exposure_port *port, struct azjit_exposure *ret)
{
	bool any = port->protocol == AZJIT_PROTOCOL_ANY;
	struct azjit_exposure worst = {.nsg_id = ""};

	for (size_t i = 0; i < path_count; i++) {
		ask_path(&paths[i], port, any ? AZJIT_PROTOCOL_TCP : port->protocol, &worst);
		if (any)
			ask_path(&paths[i], port, AZJIT_PROTOCOL_UDP, &worst);
	}
	if (path_count == 0)
		(void)azjit_copy(worst.text, sizeof(worst.text), "no network interface of it could be read");
	*ret = worst;
}
