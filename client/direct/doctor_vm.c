// SPDX-License-Identifier: Apache-2.0
// One VM: is it under just-in-time access, does that keep its ports shut, and may this host ask for them?
#include "ask.h"
#include "ask_kept.h"
#include "doctor.h"
#include "policy.h"
#include "survey.h"
#include "vm_state.h"

#include <azjit/buf.h>
#include <azjit/exposure.h>
#include <azjit/source.h>
#include <azjit/text.h>

struct way {
	struct keep keep; // of the following
	struct azjit_exposure_path *paths;
	const struct azjit_nsg **nsgs;
	size_t path_count, nsg_count;
	const char *subnet; // of the first path
};

static void way_clear(struct way *way)
{
	keep_clear(&way->keep);
}

// --- the way through the security groups ------------------------------------------------------------------

// NULL with *ret_unread: it could not be read.
static const struct azjit_nsg *nsg_of(struct doctor *doctor, struct way *way, const char *id,
                                      bool *ret_unread)
{
	for (size_t i = 0; i < way->nsg_count; i++)
		if (azjit_ieq(way->nsgs[i]->id, id))
			return way->nsgs[i];
	if (!*id)
		return NULL;
	if (ask_nsg(doctor->direct, id, &way->keep, &way->nsgs[way->nsg_count]) == AZJIT_OK)
		return way->nsgs[way->nsg_count++];
	*ret_unread = true;
	doctor_unseen(doctor, "%s", doctor->direct->reason.text);
	return NULL;
}

static const char *const *texts_of(struct keep *keep, const json_t *array)
{
	const char **texts = keep_array(keep, json_array_size(array), sizeof(*texts));

	for (size_t i = 0; texts && i < json_array_size(array); i++)
		texts[i] = json_string_value(json_array_get(array, i));
	return texts;
}

static void add_path(struct doctor *doctor, struct way *way, const json_t *nic, const json_t *config)
{
	struct azjit_exposure_path *path = &way->paths[way->path_count];
	const json_t *subnet = json_by_id(doctor->subnets, json_text(config, "subnet")),
	             *asgs = json_object_get(config, "asgs");

	if (azjit_addr_parse(json_text(config, "address"), &path->address) != AZJIT_OK)
		return;
	path->asg_ids = texts_of(&way->keep, asgs);
	path->asg_count = path->asg_ids ? json_array_size(asgs) : 0;
	way->path_count++;
	if (!way->subnet)
		way->subnet = json_text(config, "subnet");
	path->nic_nsg = nsg_of(doctor, way, json_text(nic, "nsg"), &path->nic_unread);
	path->subnet_unread = !subnet;
	path->subnet_nsg = nsg_of(doctor, way, json_text(subnet, "nsg"), &path->subnet_unread);
}

static const json_t *configs_of(const json_t *nic, const char *vm_id)
{
	return azjit_ieq(json_text(nic, "vm_id"), vm_id) ? json_object_get(nic, "ipconfigs") : NULL;
}

static void find_way(struct doctor *doctor, const char *vm_id, struct way *way)
{
	const json_t *nics = doctor->nics;
	size_t room = 0;

	for (size_t i = 0; i < json_array_size(nics); i++)
		room += json_array_size(configs_of(json_array_get(nics, i), vm_id));
	way->paths = keep_array(&way->keep, room, sizeof(*way->paths));
	way->nsgs = keep_array(&way->keep, 2 * room, sizeof(*way->nsgs));
	for (size_t i = 0; way->nsgs && i < json_array_size(nics); i++) {
		const json_t *nic = json_array_get(nics, i), *configs = configs_of(nic, vm_id);

		for (size_t k = 0; k < json_array_size(configs); k++)
			add_path(doctor, way, nic, json_array_get(configs, k));
	}
	doctor->failed |= way->keep.failed;
}

static int port_of(const json_t *row)
{
	return (int)json_integer_value(json_object_get(row, "port"));
}

// --- what a port is open to -------------------------------------------------------------------------------

static const char open_why[] = "Just-in-time access keeps a port shut only where its deny decides; this port "
                               "is open without anybody "
                               "having asked.";

static char *rule_mend(const struct azjit_exposure *e, const struct way *way)
{
	char group[128], subscription[64];

	if (!*e->why.rule)
		return doctor_text("az network vnet subnet update --ids %s --network-security-group NAME",
		                   doctor_word(way->subnet).text);
	if (!azjit_id_segment(e->nsg_id, "resourceGroups", group, sizeof(group)) ||
	    !azjit_id_segment(e->nsg_id, "subscriptions", subscription, sizeof(subscription)))
		return doctor_text("az network nsg show --ids %s", doctor_word(e->nsg_id).text);
	return doctor_text("az network nsg rule delete --subscription %s --resource-group %s --nsg-name %s "
	                   "--name %s",
	                   doctor_word(subscription).text, doctor_word(group).text,
	                   doctor_word(e->why.nsg).text, doctor_word(e->why.rule).text);
}

static void find_open(struct doctor *doctor, const char *vm, int port, const struct azjit_exposure *e,
                      const struct way *way)
{
	bool all = e->exposed == AZJIT_EXPOSED_ALL;
	enum azjit_severity severity = all ? AZJIT_SEVERITY_HIGH : AZJIT_SEVERITY_MEDIUM;
	const char *admitted = all ? "any source" : e->source;

	if (e->deny_priority)
		doctor_find(doctor, severity, "deny-void", open_why,
		            doctor_text("port %d of %s: JIT's deny at %d is void: '%s' at %d of the %s '%s' "
		                        "admits %s",
		                        port, vm, e->deny_priority, e->why.rule, e->why.priority,
		                        e->why.level, e->why.nsg, admitted),
		            rule_mend(e, way));
	else if (*e->why.rule)
		doctor_find(doctor, severity, "deny-missing", open_why,
		            doctor_text("port %d of %s: JIT's deny is not in the %s '%s', and '%s' at %d "
		                        "admits %s",
		                        port, vm, e->why.level, e->why.nsg, e->why.rule, e->why.priority,
		                        admitted),
		            rule_mend(e, way));
	else
		doctor_find(doctor, severity, "no-group", open_why,
		            doctor_text("port %d of %s: no security group keeps anybody out", port, vm),
		            rule_mend(e, way));
}

static enum azjit_protocol protocol_of(const char *text)
{
	if (azjit_streq(text, "tcp"))
		return AZJIT_PROTOCOL_TCP;
	return azjit_streq(text, "udp") ? AZJIT_PROTOCOL_UDP : AZJIT_PROTOCOL_ANY;
}

static void look_at_port(struct doctor *doctor, const char *vm_id, const json_t *row, const struct way *way)
{
	int number = port_of(row);
	const struct azjit_exposure_port port = {
	        .number = (uint16_t)number,
	        .protocol = protocol_of(json_text(row, "protocol")),
	        .granted = policies_granted(doctor->policies, vm_id, number,
	                                    azjit_azure_now(doctor->direct->azure)),
	};
	struct doctor_word vm = doctor_name(vm_id);
	struct azjit_exposure exposure;

	azjit_exposure(way->paths, way->path_count, &port, &exposure);
	switch (exposure.exposed) {
	case AZJIT_EXPOSED_UNKNOWN:
		doctor_unseen(doctor, "whether port %d of %s is open to the internet: %s", number, vm.text,
		              exposure.text);
		return;
	case AZJIT_EXPOSED_SHUT:
		return;
	case AZJIT_EXPOSED_SOME:
	case AZJIT_EXPOSED_ALL:
		find_open(doctor, vm.text, number, &exposure, way);
		return;
	}
}

// --- whom this host asks for ------------------------------------------------------------------------------

static bool covered(const json_t *row, const struct azjit_prefix *source)
{
	const json_t *sources = json_object_get(row, "sources");
	struct azjit_prefix allowed;

	for (size_t i = 0; i < json_array_size(sources); i++) {
		const char *text = json_string_value(json_array_get(sources, i));

		if (azjit_streq(text, "*") ||
		    (azjit_prefix_parse(text, &allowed) == AZJIT_OK && azjit_prefix_covers(&allowed, source)))
			return true;
	}
	return false;
}

static void look_at_sources(struct doctor *doctor, const char *vm, const char *policy, const json_t *row,
                            const struct azjit_sources *sources)
{
	char text[AZJIT_PREFIX_CHARS];

	for (size_t i = 0; i < sources->count; i++) {
		azjit_prefix_format(&sources->items[i], text);
		if (covered(row, &sources->items[i]))
			continue;
		doctor_find(doctor, AZJIT_SEVERITY_HIGH, "source-refused",
		            "The machine sees this host as that address, so every request for the port would "
		            "be refused.",
		            doctor_text("policy %s does not let port %d of %s be asked for %s", policy,
		                        port_of(row), vm, text),
		            doctor_text("azjit policy show %s", doctor_word(vm).text));
	}
}

// A rule that opens the port (0: any) of the machine for this host itself.
static const struct azjit_access_rule *rule_for(const struct azjit_config *config, const char *vm_id,
                                                int port)
{
	for (size_t i = 0; config && i < config->rule_count; i++) {
		const struct azjit_access_rule *rule = &config->rules[i];
		bool fits = port == 0, names = false;

		for (size_t k = 0; k < rule->port_count; k++)
			fits |= rule->ports[k] == port;
		for (size_t k = 0; k < rule->targets.count; k++)
			names |= azjit_glob(rule->targets.items[k], azjit_id_name(vm_id)) ||
			         azjit_glob(rule->targets.items[k], doctor_name(vm_id).text) ||
			         azjit_glob(rule->targets.items[k], vm_id);
		if (fits && names && rule->source == AZJIT_SOURCE_SELF)
			return rule;
	}
	return NULL;
}

// The addresses that a machine sees of this host; false if they are not known, or nobody asks for them.
static bool find_sources(struct doctor *doctor, const char *vm, const json_t *state,
                         struct azjit_sources *ret)
{
	const struct azjit_config *config = doctor->direct->config;
	const struct azjit_access_rule *rule = rule_for(config, json_text(state, "id"), 0);
	const char *firewall = json_text(state, "firewall"),
	           *address = *firewall ? firewall : json_text(state, "address");
	struct azjit_reason reason;
	struct azjit_addr destination;

	*ret = (struct azjit_sources){.count = 0};
	if (config && !rule)
		return false;
	if (!config || azjit_addr_parse(address, &destination) != AZJIT_OK) {
		doctor_unseen(doctor, "the addresses of this host that %s sees: %s", vm,
		              config ? "it has none of its own to connect to"
		                     : "no configuration was given (--config)");
		return false;
	}
	if (azjit_source_resolve(config, rule, NULL, NULL, &destination, ret, &reason) != AZJIT_OK) {
		doctor_find(
		        doctor, AZJIT_SEVERITY_HIGH, "source-unknown",
		        "A port is opened for the address that the machine sees; a wrong one opens it for "
		        "somebody else.",
		        doctor_text("%s cannot be asked for this host itself: %s", vm, reason.text),
		        doctor_text("az network nat gateway list --query '[].publicIpAddresses[].id'"));
		return false;
	}
	if (ret->count > 1)
		doctor_find(
		        doctor, AZJIT_SEVERITY_LOW, "source-several",
		        "A gateway with several public addresses picks any of them, so each request opens "
		        "the port for all, and for whoever else leaves by them; where Azure takes one source "
		        "a request, one connection of so many gets through.",
		        doctor_text("this host reaches %s from any of %zu addresses", vm, ret->count),
		        doctor_text("az network nat gateway list --query '[].publicIpAddresses[].id'"));
	return true;
}

// --- the whole --------------------------------------------------------------------------------------------

// They are not read: docs/design.md §12.
static void tell_of_admin_rules(struct doctor *doctor, const json_t *vm)
{
	_cleanup_buf_ struct azjit_buf ids = AZJIT_BUF((size_t)65536);
	const json_t *nics = json_object_get(vm, "nics");

	for (size_t i = 0; i < json_array_size(nics); i++)
		azjit_buf_printf(&ids, " %s", doctor_word(json_string_value(json_array_get(nics, i))).text);
	if (ids.len)
		doctor_unseen(
		        doctor,
		        "admin rules of a Virtual Network Manager, which come before the security groups "
		        "of %s: `az network nic list-effective-nsg --ids%s` names the manager, if it has one",
		        json_text(vm, "name"), ids.data);
}

static void look_at_membership(struct doctor *doctor, const json_t *vm, const json_t *state)
{
	struct azjit_sources sources;
	const char *id = json_text(vm, "id");
	struct doctor_word name = doctor_name(id);
	_cleanup_(way_clear) struct way way = {.paths = NULL};
	bool sourced = find_sources(doctor, name.text, state, &sources);

	doctor_target(doctor, vm, sourced ? &sources : NULL);
	find_way(doctor, id, &way);
	doctor_firewall(doctor, id, way.paths, way.path_count);
	tell_of_admin_rules(doctor, vm);
	for (size_t i = 0; i < json_array_size(doctor->policies); i++) {
		const json_t *policy = json_array_get(doctor->policies, i);
		json_auto_t *ports = policy_ports(policy_entry(policy, id));

		for (size_t k = 0; k < json_array_size(ports); k++) {
			look_at_port(doctor, id, json_array_get(ports, k), &way);
			if (sourced &&
			    rule_for(doctor->direct->config, id, port_of(json_array_get(ports, k))))
				look_at_sources(doctor, name.text, doctor_name(json_text(policy, "id")).text,
				                json_array_get(ports, k), &sources);
		}
	}
}

static void look_at_vm(struct doctor *doctor, const json_t *vm)
{
	const struct vm_surroundings around = {
	        .policies = doctor->policies,
	        .nics = doctor->nics,
	        .subnets = doctor->subnets,
	        .public_ips = doctor->public_ips,
	        .prefer_public = doctor->direct->config && doctor->direct->config->prefer_public,
	        .past_firewall = doctor->direct->config && !doctor->direct->config->through_firewall,
	        .now = azjit_azure_now(doctor->direct->azure),
	};
	struct doctor_word name = doctor_name(json_text(vm, "id"));
	json_auto_t *state = vm_state(vm, &around);

	if (!state || json_object_set(doctor->direct->answer, "vm", state) != 0) {
		doctor->failed = true;
		return;
	}
	if (azjit_streq(json_text(state, "state"), "Configured"))
		look_at_membership(doctor, vm, state);
	else if (azjit_streq(json_text(state, "state"), "Unsupported"))
		doctor_find(doctor, AZJIT_SEVERITY_HIGH, "vm-unsupported",
		            "Just-in-time access writes its rules into a security group.",
		            doctor_text("%s cannot be put under just-in-time access: %s", name.text,
		                        json_text(state, "why")),
		            doctor_text("az network nsg create --name NAME --resource-group %s --location %s",
		                        doctor_word(json_text(vm, "group")).text,
		                        doctor_word(json_text(vm, "location")).text));
	else
		doctor_find(doctor, AZJIT_SEVERITY_HIGH, "vm-not-configured",
		            "Its ports are open or shut for good, and azjit opens none of them.",
		            doctor_text("%s is under no just-in-time policy", name.text),
		            doctor_text("azjit policy enable %s --source 10.0.0.0/8",
		                        doctor_word(name.text).text));
}

enum azjit_result doctor_vm(struct doctor *doctor)
{
	struct survey survey = {.vms = doctor->vms, .policies = doctor->policies};
	json_auto_t *picked = NULL;
	enum azjit_result result;

	if (!doctor->vms || !doctor->policies || !doctor->nics || !doctor->subnets || !doctor->public_ips) {
		doctor_unseen(doctor, "%s: what leads to it could not be read",
		              doctor->direct->options.words[0]);
		return AZJIT_OK;
	}
	result = survey_pick(doctor->direct, &survey, false, &picked);
	if (result == AZJIT_OK && json_array_size(picked) != 1)
		return azjit_fail(&doctor->direct->reason, AZJIT_AMBIGUOUS, "name one machine, not %zu",
		                  json_array_size(picked));
	if (result == AZJIT_OK)
		look_at_vm(doctor, json_array_get(picked, 0));
	return result;
}
