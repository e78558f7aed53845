// SPDX-License-Identifier: Apache-2.0
// Against: a rule that means more than it says. Names are compared whole and exactly; targets only
// after inventory resolved them to a resource id, never as somebody wrote them.
#include <azjit/access.h>

#include <stdio.h>

static bool listed(const struct azjit_strings *strings, const char *text)
{
	for (size_t i = 0; i < strings->count; i++)
		if (azjit_streq(strings->items[i], text))
			return true;
	return false;
}

bool azjit_person_in_group(const struct azjit_person *person, const char *group)
{
	return listed(&person->groups, group);
}

static bool names_person(const struct azjit_access_rule *rule, const struct azjit_person *person)
{
	if (listed(&rule->users, person->user))
		return true;
	for (size_t i = 0; i < rule->groups.count; i++)
		if (azjit_person_in_group(person, rule->groups.items[i]))
			return true;
	return false;
}

static enum azjit_result nobody(struct azjit_reason *reason)
{
	return azjit_fail(reason, AZJIT_DENIED,
	                  "no access rule names you on this jump host; ask its administrator");
}

enum azjit_result azjit_access_login(const struct azjit_config *config, const struct azjit_person *person,
                                     const char *service, const struct azjit_access_rule **ret_rule,
                                     struct azjit_reason *reason)
{
	bool named = false;

	for (size_t i = 0; person->user[0] && i < config->rule_count; i++) {
		const struct azjit_access_rule *rule = &config->rules[i];

		if (!names_person(rule, person))
			continue;
		if (rule->services.count == 0 || (service && listed(&rule->services, service))) {
			if (ret_rule)
				*ret_rule = rule;
			return AZJIT_OK;
		}
		named = true;
	}
	if (named && service)
		return azjit_fail(reason, AZJIT_DENIED,
		                  "no access rule names you for the service %.32s on this jump host; "
		                  "ask its administrator",
		                  service);
	return nobody(reason);
}

static bool names_target(const struct azjit_access_rule *rule, const char *vm_id)
{
	char group[128] = "", at[512] = "";
	const char *name = azjit_id_name(vm_id);

	if (azjit_id_segment(vm_id, "resourceGroups", group, sizeof(group)))
		(void)snprintf(at, sizeof(at), "%s@%s", name, group);
	for (size_t i = 0; i < rule->targets.count; i++) {
		const char *pattern = rule->targets.items[i];

		// Each form of pattern meets its own form of name: "*" as a name says nothing of ids.
		if (pattern[0] == '/' ? azjit_glob(pattern, vm_id)
		                      : azjit_glob(pattern, strchr(pattern, '@') ? at : name))
			return true;
	}
	return false;
}

static bool names_port(const struct azjit_access_rule *rule, uint16_t port)
{
	for (size_t i = 0; i < rule->port_count; i++)
		if (rule->ports[i] == port)
			return true;
	return false;
}

// What one rule allows, for a refusal: "web*, db01", cut after a few.
static void join_targets(const struct azjit_access_rule *rule, char *ret_text, size_t size)
{
	size_t len = 0;

	*ret_text = '\0';
	for (size_t i = 0; i < rule->targets.count && i < 3 && len < size; i++)
		len += (size_t)snprintf(ret_text + len, size - len, "%s%.60s", i ? ", " : "",
		                        rule->targets.items[i]);
	if (rule->targets.count > 3 && len < size)
		(void)snprintf(ret_text + len, size - len, " and %zu more", rule->targets.count - 3);
}

static void join_ports(const struct azjit_access_rule *rule, char *ret_text, size_t size)
{
	size_t len = (size_t)snprintf(ret_text, size, rule->port_count == 1 ? "port" : "ports");

	for (size_t i = 0; i < rule->port_count && i < 8 && len < size; i++)
		len += (size_t)snprintf(ret_text + len, size - len, "%s%u", i ? ", " : " ", rule->ports[i]);
	if (rule->port_count > 8 && len < size)
		(void)snprintf(ret_text + len, size - len, " and %zu more", rule->port_count - 8);
}

struct refusal {
	const struct azjit_access_rule *for_target; // names person and VM, but not the port
	const struct azjit_access_rule *for_person;
	size_t others; // further rules that name the person
};

static enum azjit_result refuse(const struct refusal *r, const struct azjit_person *person, const char *vm,
                                uint16_t port, struct azjit_reason *reason)
{
	char allows[256];

	if (!r->for_person)
		return nobody(reason);
	if (r->for_target) {
		join_ports(r->for_target, allows, sizeof(allows));
		return azjit_fail(reason, AZJIT_DENIED,
		                  "no rule allows %s to open port %u of %s: rule '%s' allows %s only",
		                  person->user, port, vm, r->for_target->name, allows);
	}
	join_targets(r->for_person, allows, sizeof(allows));
	if (r->others)
		return azjit_fail(
		        reason, AZJIT_DENIED,
		        "no rule allows %s to open port %u of %s: rule '%s' allows %s only, and %zu more "
		        "rule%s nothing of that name",
		        person->user, port, vm, r->for_person->name, allows, r->others,
		        r->others == 1 ? " allows" : "s allow");
	return azjit_fail(reason, AZJIT_DENIED,
	                  "no rule allows %s to open port %u of %s: rule '%s' allows %s only", person->user,
	                  port, vm, r->for_person->name, allows);
}

enum azjit_result azjit_access_target(const struct azjit_config *config, const struct azjit_person *person,
                                      const char *vm_id, uint16_t port,
                                      const struct azjit_access_rule **ret_rule, struct azjit_reason *reason)
{
	struct refusal r = {NULL, NULL, 0};

	for (size_t i = 0; person->user[0] && i < config->rule_count; i++) {
		const struct azjit_access_rule *rule = &config->rules[i];

		if (!names_person(rule, person))
			continue;
		if (names_target(rule, vm_id)) {
			if (names_port(rule, port)) {
				if (ret_rule)
					*ret_rule = rule;
				return AZJIT_OK;
			}
			r.for_target = r.for_target ? r.for_target : rule;
		}
		r.others += r.for_person != NULL;
		r.for_person = r.for_person ? r.for_person : rule;
	}
	return refuse(&r, person, azjit_id_name(vm_id), port, reason);
}
