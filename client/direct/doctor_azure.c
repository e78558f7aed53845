// SPDX-License-Identifier: Apache-2.0
// Which action a call needs is known here (azure.md §8, §12.9), and never parsed out of what Azure says.
#include "ask.h"
#include "ask_kept.h"
#include "doctor.h"
#include "firewall.h"
#include "index.h"
#include "policy.h"
#include "survey.h"

#include <azjit/text.h>

#define SKEW_MAX_S 30

// --- the identity -----------------------------------------------------------------------------------------

static char *token_mend(const struct direct *direct)
{
	const struct azjit_config *config = azjit_streq(direct->source, "config") ? direct->config : NULL;

	if (!config)
		return doctor_text(azjit_streq(direct->source, "login") ? "azjit login" : "az login");
	if (config->identity == AZJIT_IDENTITY_CLIENT_SECRET)
		return doctor_text("az ad app credential list --id %s", doctor_word(config->client_id).text);
	return doctor_text("az vm identity assign --name \"$(hostname)\" --resource-group GROUP");
}

static bool has_token(struct doctor *doctor)
{
	struct direct *direct = doctor->direct;

	if (ask_token(direct) == AZJIT_OK)
		return true;
	doctor_find(doctor, AZJIT_SEVERITY_HIGH, "token",
	            "Azure answers nobody without a token, so no port can be opened.",
	            doctor_text("no token could be had: %s", direct->reason.text), token_mend(direct));
	doctor_unseen(doctor, "rights, plan and policies: there is no token");
	return false;
}

static void tell_identity(struct doctor *doctor, struct azjit_claims *ret)
{
	*ret = (struct azjit_claims){.tenant = ""};
	if (azjit_azure_claims(doctor->direct->azure, ret) != AZJIT_OK)
		doctor_unseen(doctor, "who the identity is: its token cannot be read");
	if (json_object_set_new(doctor->direct->answer, "identity",
	                        json_pack("{s:s, s:s, s:s, s:s, s:s}", "tenant", ret->tenant, "application",
	                                  ret->application, "object", ret->object, "user", ret->user,
	                                  "resource", ret->resource)) != 0)
		doctor->failed = true;
}

static void look_at_clock(struct doctor *doctor)
{
	azjit_ticks ahead = azjit_time_now() - azjit_azure_now(doctor->direct->azure);
	long long s = (long long)(ahead / AZJIT_TICKS_PER_S);

	if (json_object_set_new(doctor->direct->answer, "clock_ms",
	                        json_integer(ahead / (AZJIT_TICKS_PER_S / 1000))) != 0)
		doctor->failed = true;
	if (s < SKEW_MAX_S && s > -SKEW_MAX_S)
		return;
	doctor_find(
	        doctor, AZJIT_SEVERITY_MEDIUM, "clock",
	        "Access ends by Azure's clock; what the ledger and the logs here tell cannot be laid beside "
	        "the Activity Log, and certificates and tokens may be refused.",
	        doctor_text("this host's clock is %lld s %s Azure's", s < 0 ? -s : s,
	                    s < 0 ? "behind" : "ahead of"),
	        doctor_text("timedatectl set-ntp true"));
}

// --- rights -------------------------------------------------------------------------------------------

static char *role_mend(const char *subscription, const struct azjit_claims *claims)
{
	return doctor_text(
	        "azjit doctor --role requester --subscription %s >requester.json; az role definition "
	        "create --role-definition requester.json; az role assignment create "
	        "--assignee-object-id %s --assignee-principal-type %s --role 'azjit requester' "
	        "--scope /subscriptions/%s",
	        subscription, *claims->object ? doctor_word(claims->object).text : "OBJECT-ID",
	        *claims->user ? "User" : "ServicePrincipal", subscription);
}

static char *answer_mend(const struct direct *direct, enum azjit_result result)
{
	const char *url = direct->config ? direct->config->resource_manager_url : NULL;

	if (result == AZJIT_UNREACHABLE)
		return doctor_text("curl -sv -o /dev/null %s",
		                   doctor_word(url ? url : "https://management.azure.com").text);
	return doctor_text("az account list --output table");
}

// direct->reason has the sentence.
static void find_odd_answer(struct doctor *doctor, enum azjit_result result)
{
	doctor_find(doctor, AZJIT_SEVERITY_HIGH, "answer", "What Azure does not tell cannot be used.",
	            doctor_text("%s", doctor->direct->reason.text), answer_mend(doctor->direct, result));
}

static void find_failure(struct doctor *doctor, enum azjit_result result, const char *what, const char *right,
                         const char *subscription, const struct azjit_claims *claims)
{
	if (result != AZJIT_FORBIDDEN) {
		find_odd_answer(doctor, result);
		return;
	}
	doctor_find(doctor, AZJIT_SEVERITY_HIGH, "right",
	            "azjit finds machines, the way to them and the rule that opens a port by these reads; "
	            "without one it refuses, or does not know what decides.",
	            doctor_text("the identity may not read the %s of subscription %s: it lacks %s", what,
	                        subscription, right),
	            role_mend(subscription, claims));
}

// The rules of one group that was seen.
static enum azjit_result ask_some_nsg(struct doctor *doctor, const json_t *nics, const json_t *subnets)
{
	const json_t *const seen[] = {nics, subnets};
	_cleanup_(keep_clear) struct keep keep = {.blocks = NULL};
	const struct azjit_nsg *nsg;

	for (size_t k = 0; k < AZJIT_COUNT(seen); k++)
		for (size_t i = 0; i < json_array_size(seen[k]); i++) {
			const char *id = json_text(json_array_get(seen[k], i), "nsg");

			if (*id)
				return ask_nsg(doctor->direct, id, &keep, &nsg);
		}
	doctor_unseen(doctor, "Microsoft.Network/networkSecurityGroups/read: no security group is seen");
	return AZJIT_OK;
}

// The state of one machine that was seen.
static enum azjit_result ask_some_power(struct doctor *doctor, const json_t *vms)
{
	if (json_array_size(vms) > 0)
		return ask_power(doctor->direct, json_text(json_array_get(vms, 0), "id"));
	doctor_unseen(doctor, "Microsoft.Compute/virtualMachines/instanceView/read: no machine is seen");
	return AZJIT_OK;
}

enum { POLICIES, VMS, NICS, SUBNETS, PUBLIC_IPS, LISTS, GROUPS = LISTS, STATES, READS };
static const struct {
	const char *what, *right;
} reads[READS] = {
        [POLICIES] = {"just-in-time policies", "Microsoft.Security/locations/jitNetworkAccessPolicies/read"},
        [VMS] = {"virtual machines", "Microsoft.Compute/virtualMachines/read"},
        [NICS] = {"network interfaces", "Microsoft.Network/networkInterfaces/read"},
        [SUBNETS] = {"virtual networks", "Microsoft.Network/virtualNetworks/read"},
        [PUBLIC_IPS] = {"public addresses", "Microsoft.Network/publicIPAddresses/read"},
        [GROUPS] = {"security groups", "Microsoft.Network/networkSecurityGroups/read"},
        [STATES] = {"state of machines", "Microsoft.Compute/virtualMachines/instanceView/read"},
};

static enum azjit_result read_one(struct direct *direct, int read, json_t **ret)
{
	switch (read) {
	case POLICIES:
		return ask_policies(direct, NULL, ret);
	case VMS:
		return ask_vms(direct, NULL, ret);
	case NICS:
		return ask_nics(direct, ret);
	case SUBNETS:
		return ask_subnets(direct, ret);
	default:
		return ask_public_ips(direct, ret);
	}
}

// Adds what was read to what is known of all subscriptions, which is given up where one is not known.
static void add_rows(struct doctor *doctor, json_t **all, json_t *rows)
{
	if (!rows) {
		json_decref(*all);
		*all = NULL;
	} else if (*all && json_array_extend(*all, rows) != 0) {
		doctor->failed = true;
	}
}

// What is read one by one, of what the lists showed.
static enum azjit_result look_closer(struct doctor *doctor, json_t *const rows[LISTS],
                                     const char *subscription, const struct azjit_claims *claims)
{
	enum azjit_result result = AZJIT_OK;

	for (int i = GROUPS; i < READS && result != AZJIT_UNREACHABLE; i++) {
		result = i == GROUPS ? ask_some_nsg(doctor, rows[NICS], rows[SUBNETS])
		                     : ask_some_power(doctor, rows[VMS]);
		if (result != AZJIT_OK && result != AZJIT_UNREACHABLE)
			find_failure(doctor, result, reads[i].what, reads[i].right, subscription, claims);
	}
	return result;
}

// False if Azure does not answer at all: nothing more is asked then.
static bool look_at_rights(struct doctor *doctor, const char *subscription, const struct azjit_claims *claims)
{
	json_t **const all[LISTS] = {&doctor->policies, &doctor->vms, &doctor->nics, &doctor->subnets,
	                             &doctor->public_ips};
	json_t *rows[LISTS] = {NULL};
	enum azjit_result result = AZJIT_OK;

	for (int i = 0; i < LISTS; i++) {
		if (result != AZJIT_UNREACHABLE) {
			result = read_one(doctor->direct, i, &rows[i]);
			if (result != AZJIT_OK)
				find_failure(doctor, result, reads[i].what, reads[i].right, subscription,
				             claims);
		}
		add_rows(doctor, all[i], rows[i]);
	}
	if (result != AZJIT_UNREACHABLE)
		result = look_closer(doctor, rows, subscription, claims);
	else
		doctor_unseen(doctor, "the rest of subscription %s: Azure does not answer", subscription);
	for (int i = 0; i < LISTS; i++)
		json_decref(rows[i]);
	return result != AZJIT_UNREACHABLE;
}

// --- the plan -----------------------------------------------------------------------------------------

static void look_at_plan(struct doctor *doctor, const char *subscription)
{
	static const char why[] =
	        "Just-in-time access is part of Defender for Servers Plan 2; without it Azure "
	        "refuses policies and requests.";
	_cleanup_(keep_clear) struct keep keep = {.blocks = NULL};
	const struct azjit_pricing *plan;

	if (ask_pricing(doctor->direct, subscription, &keep, &plan) != AZJIT_OK) {
		doctor_unseen(doctor, "%s", doctor->direct->reason.text);
		return;
	}
	if (plan->plan == AZJIT_PLAN_2)
		return;
	if (azjit_ieq(plan->tier, "Standard") && !*plan->sub_plan) {
		doctor_unseen(doctor,
		              "the Defender plan of subscription %s: Azure does not tell if it is Plan 2",
		              subscription);
		return;
	}
	doctor_find(
	        doctor, AZJIT_SEVERITY_HIGH, "plan", why,
	        doctor_text("the Defender plan for servers of subscription %s is %s%s%s, not Plan 2",
	                    subscription, plan->tier, *plan->sub_plan ? " " : "", plan->sub_plan),
	        doctor_text("az security pricing create --name VirtualMachines --tier Standard --subplan P2 "
	                    "--subscription %s",
	                    subscription));
}

// The broker requests without it; `azjit audit reconcile` needs it, of this identity or of another (azure.md §12.9).
static void look_at_log(struct doctor *doctor, const char *subscription)
{
	if (ask_log(doctor->direct, subscription) != AZJIT_OK)
		doctor_unseen(doctor, "%s", doctor->direct->reason.text);
}

// The broker asks for them where a policy names one.
static void look_at_firewalls(struct doctor *doctor)
{
	json_auto_t *rows = NULL;

	if (ask_firewalls(doctor->direct, &rows) != AZJIT_OK)
		doctor_unseen(doctor, "%s", doctor->direct->reason.text);
	add_rows(doctor, &doctor->firewalls, rows);
}

// --- policies -------------------------------------------------------------------------------------------

static bool from_anywhere(const json_t *port)
{
	const json_t *sources = json_object_get(port, "sources");

	for (size_t i = 0; i < json_array_size(sources); i++) {
		const char *source = json_string_value(json_array_get(sources, i));

		if (azjit_streq(source, "*") || azjit_streq(source, "0.0.0.0/0"))
			return true;
	}
	return false;
}

// vms: by id; NULL if they are not known.
static void look_at_entry(struct doctor *doctor, const char *policy, const json_t *entry, const json_t *vms)
{
	struct doctor_word vm = doctor_name(json_text(entry, "id"));
	json_auto_t *ports = policy_ports(entry);

	if (vms && !index_first(vms, json_text(entry, "id")))
		doctor_find(doctor, AZJIT_SEVERITY_LOW, "vm-gone",
		            "Azure refuses every write of the policy until the machine is out of it.",
		            doctor_text("policy %s holds %s, which exists no more", policy, vm.text),
		            doctor_text("azjit policy disable %s", doctor_word(vm.text).text));
	for (size_t i = 0; i < json_array_size(ports); i++)
		if (from_anywhere(json_array_get(ports, i)))
			doctor_find(doctor, AZJIT_SEVERITY_MEDIUM, "any-source",
			            "Whoever may request access may open the port for any address of the "
			            "internet.",
			            doctor_text("policy %s lets port %d of %s be asked for any source",
			                        policy,
			                        (int)json_integer_value(
			                                json_object_get(json_array_get(ports, i), "port")),
			                        vm.text),
			            doctor_text("azjit policy set %s --source 10.0.0.0/8",
			                        doctor_word(vm.text).text));
	doctor->failed |= !ports;
}

static void look_at_policies(struct doctor *doctor)
{
	json_auto_t *by_id = doctor->vms ? index_new(doctor->vms, "id") : NULL;

	doctor->failed |= doctor->vms && !by_id;
	if (doctor->policies && json_array_size(doctor->policies) == 0)
		doctor_find(
		        doctor, AZJIT_SEVERITY_HIGH, "no-policy",
		        "Access is requested under a policy; machines without one are open or shut for good.",
		        doctor_text("no machine is under a just-in-time policy"),
		        doctor_text("azjit policy enable VM --source 10.0.0.0/8"));
	for (size_t i = 0; i < json_array_size(doctor->policies); i++) {
		const json_t *policy = json_array_get(doctor->policies, i), *vms = policy_vms(policy);
		struct doctor_word name = doctor_name(json_text(policy, "id"));
		const char *state = json_text(json_object_get(policy, "properties"), "provisioningState");

		if (!azjit_ieq(state, "Succeeded"))
			doctor_find(
			        doctor, AZJIT_SEVERITY_MEDIUM, "policy-state",
			        "Until Azure has carried the policy out its rules may not be in the security "
			        "groups.",
			        doctor_text("policy %s is in the state '%s'", name.text, state),
			        doctor_text("azjit policy show %s", doctor_word(name.text).text));
		for (size_t k = 0; k < json_array_size(vms); k++)
			look_at_entry(doctor, name.text, json_array_get(vms, k), by_id);
	}
}

// A subscription's list can leave some out (azure.md §1.1).
static void read_groups(struct doctor *doctor)
{
	struct survey survey = {.vms = doctor->vms, .policies = doctor->policies};

	if (doctor->vms && doctor->policies &&
	    survey_read_groups(doctor->direct, &survey, doctor->vms) != AZJIT_OK)
		doctor_unseen(doctor, "some policies: %s", doctor->direct->reason.text);
}

// --- all of it ------------------------------------------------------------------------------------------

static bool start_rows(struct doctor *doctor)
{
	json_t **const all[] = {&doctor->policies, &doctor->vms,        &doctor->nics,
	                        &doctor->subnets,  &doctor->public_ips, &doctor->firewalls};

	for (size_t i = 0; i < AZJIT_COUNT(all); i++)
		if (!(*all[i] = json_array()))
			return false;
	return true;
}

static void each_subscription(struct doctor *doctor, const struct azjit_claims *claims)
{
	struct direct *direct = doctor->direct;
	json_t *list = direct->subscriptions;

	for (size_t i = 0; i < json_array_size(list) && !doctor->failed; i++) {
		const char *id = json_string_value(json_array_get(list, i));

		direct->subscriptions = json_pack("[s]", id);
		if (direct->subscriptions && look_at_rights(doctor, id, claims)) {
			look_at_plan(doctor, id);
			look_at_log(doctor, id);
			look_at_firewalls(doctor);
		}
		doctor->failed |= !direct->subscriptions;
		json_decref(direct->subscriptions);
	}
	direct->subscriptions = list;
}

void doctor_azure(struct doctor *doctor)
{
	struct direct *direct = doctor->direct;
	struct azjit_claims claims;
	enum azjit_result result;

	if (!has_token(doctor))
		return;
	tell_identity(doctor, &claims);
	result = ask_subscriptions(direct);
	if (result != AZJIT_OK) {
		if (result != AZJIT_FORBIDDEN)
			find_odd_answer(doctor, result);
		else
			doctor_find(doctor, AZJIT_SEVERITY_HIGH, "subscriptions",
			            "What the identity does not see it cannot open.",
			            doctor_text("%s", direct->reason.text),
			            role_mend("SUBSCRIPTION", &claims));
		doctor_unseen(doctor, "rights, plan and policies: no subscription is seen");
		return;
	}
	doctor->failed |= !start_rows(doctor) ||
	                  json_object_set(direct->answer, "subscriptions", direct->subscriptions) != 0;
	each_subscription(doctor, &claims);
	doctor_unseen(
	        doctor,
	        "Microsoft.Security/locations/jitNetworkAccessPolicies/initiate/action: to try it would "
	        "open a port");
	look_at_clock(doctor);
	read_groups(doctor);
	look_at_policies(doctor);
}
