// SPDX-License-Identifier: Apache-2.0
// What the scanners do not look at: the plan, the VMs themselves, and their ports.
#include "monitor_private.h"

#include <azjit/text.h>
#include <stdio.h>

#include <strings.h>

#define LABEL_CHARS 192

static const struct finding_kind
        unread = {"unread", AZJIT_SEVERITY_MEDIUM, "What could not be read is not known to be in order."},
        plan = {"plan", AZJIT_SEVERITY_HIGH,
                "Just-in-time access needs Defender for Servers Plan 2, and neither scanner looks at the "
                "plan."},
        plan_unknown = {"plan-unknown", AZJIT_SEVERITY_LOW,
                        "Just-in-time access needs Plan 2, and Azure did not tell which plan it is."},
        vm_without = {"vm-without-jit", AZJIT_SEVERITY_HIGH,
                      "Its management ports are not under just-in-time access: the scanners only ask whether "
                      "somebody judges that."},
        vm_off =
                {"vm-off-by-policy", AZJIT_SEVERITY_MEDIUM,
                 "A policy keeps Defender from judging this VM, whatever the assignment says that was read."},
        vm_unjudged = {"vm-unjudged", AZJIT_SEVERITY_MEDIUM,
                       "Defender has not judged this VM; a new one may take an hour."},
        vm_odd = {"vm-unknown", AZJIT_SEVERITY_LOW, "What Defender thinks of this VM is not known."},
        open_all =
                {"open", AZJIT_SEVERITY_HIGH,
                 "Whoever on the internet has a way to the VM reaches the port without asking for access."},
        open_some = {"open-to-some", AZJIT_SEVERITY_MEDIUM,
                     "Whoever comes from there reaches the port without asking for access, at any time."},
        open_unknown = {"open-unknown", AZJIT_SEVERITY_LOW,
                        "The rules do not tell whether the internet reaches the port."};

// "web01@lab", as azjit takes it.
static const char *label(const char *vm_id, char text[LABEL_CHARS])
{
	char group[96];

	if (!azjit_id_segment(vm_id, "resourceGroups", group, sizeof(group)))
		group[0] = '\0';
	(void)snprintf(text, LABEL_CHARS, "%.90s%s%s", azjit_id_name(vm_id), *group ? "@" : "", group);
	return text;
}

static void find_unread(struct findings *findings, const char *what, const struct azjit_monitor_read *read)
{
	if (read->state == AZJIT_READ_FAILED)
		finding_add(findings, &unread, NULL, "%s of subscription %s could not be read: %.500s", what,
		            findings->subscription, read->error);
}

static void find_plan(struct findings *findings, const struct azjit_monitor_facts *facts)
{
	const char *const buy[] = {
	        "az",     "security", "pricing",   "create", "--name",         "VirtualMachines",
	        "--tier", "Standard", "--subplan", "P2",     "--subscription", findings->subscription,
	        NULL};
	const struct azjit_pricing *pricing = facts->pricing;

	if (facts->pricing_read.state != AZJIT_READ_OK)
		return;
	if (!azjit_ieq(pricing->tier, "Standard"))
		finding_add(findings, &plan, buy, "subscription %s has Defender for Servers in tier '%s'",
		            findings->subscription, pricing->tier);
	else if (!*pricing->sub_plan)
		finding_add(findings, &plan_unknown, NULL,
		            "which plan of Defender for Servers subscription %s has is not known",
		            findings->subscription);
	else if (!azjit_ieq(pricing->sub_plan, "P2"))
		finding_add(findings, &plan, buy,
		            "subscription %s has Defender for Servers in plan '%s', not P2",
		            findings->subscription, pricing->sub_plan);
}

// --- VMs ----------------------------------------------------------------------------------------------

static int by_resource(const void *a, const void *b)
{
	const struct azjit_assessment *const *x = a, *const *y = b;

	return strcasecmp((*x)->resource_id, (*y)->resource_id);
}

static void find_vm(struct findings *findings, const char *vm_id, const struct azjit_assessment *assessment)
{
	const char *const enable[] = {"azjit", "policy", "enable", vm_id, NULL};
	const char *const show[] = {"azjit", "policy", "show", vm_id, NULL};
	const char *const monitor[] = {"azjit", "monitor", "enable", "--subscription", findings->subscription,
	                               NULL};
	char vm[LABEL_CHARS];

	(void)label(vm_id, vm);
	if (!assessment)
		finding_add(findings, &vm_unjudged, show, "VM %s has no assessment of just-in-time access",
		            vm);
	else if (azjit_ieq(assessment->code, "Unhealthy"))
		finding_add(findings, &vm_without, enable, "VM %s is not under just-in-time access%s%.200s",
		            vm, *assessment->cause ? ": " : "", assessment->cause);
	else if (azjit_ieq(assessment->code, "NotApplicable") && azjit_ieq(assessment->cause, "OffByPolicy"))
		finding_add(findings, &vm_off, monitor, "VM %s is not judged: a policy turns that off", vm);
	else if (!azjit_ieq(assessment->code, "Healthy") && !azjit_ieq(assessment->code, "NotApplicable"))
		finding_add(findings, &vm_odd, NULL, "VM %s is judged '%.100s'", vm, assessment->code);
}

static void find_vms(struct findings *findings, const struct azjit_monitor_facts *facts)
{
	size_t count = facts->assessment_count;
	_cleanup_free_ const struct azjit_assessment **sorted = calloc(count + 1, sizeof(*sorted));

	findings->failed = findings->failed || !sorted;
	for (size_t i = 0; sorted && i < count; i++)
		sorted[i] = &facts->assessments[i];
	if (sorted)
		qsort(sorted, count, sizeof(*sorted), by_resource);
	for (size_t i = 0; sorted && i < facts->vm_count; i++) {
		const struct azjit_assessment key = {.resource_id = facts->vm_ids[i]}, *wanted = &key;
		const struct azjit_assessment **found =
		        bsearch(&wanted, sorted, count, sizeof(*sorted), by_resource);

		findings->vm_id = facts->vm_ids[i];
		find_vm(findings, facts->vm_ids[i], found ? *found : NULL);
	}
	findings->vm_id = NULL;
}

// --- ports --------------------------------------------------------------------------------------------

static void find_port(struct findings *findings, const struct azjit_monitor_port *port)
{
	const struct azjit_exposure *e = &port->exposure;
	_cleanup_free_ char *rule = NULL;
	char vm[LABEL_CHARS];

	(void)label(port->vm_id, vm);
	if (asprintf(&rule, "%s/securityRules/%s", e->nsg_id, e->why.rule) < 0) {
		rule = NULL;
		findings->failed = true;
		return;
	}
	const char *const delete[] = {"az", "network", "nsg", "rule", "delete", "--ids", rule, NULL};
	const char *const *words = *e->nsg_id ? delete : NULL;

	switch (e->exposed) {
	case AZJIT_EXPOSED_ALL:
		finding_add(findings, &open_all, words, "port %u of VM %s is open to the internet: %s",
		            port->port, vm, e->text);
		break;
	case AZJIT_EXPOSED_SOME:
		finding_add(findings, &open_some, words, "port %u of VM %s is open to %s: %s", port->port, vm,
		            e->source, e->text);
		break;
	case AZJIT_EXPOSED_UNKNOWN:
		finding_add(findings, &open_unknown, NULL,
		            "whether port %u of VM %s is open to the internet cannot be told: %s", port->port,
		            vm, e->text);
		break;
	case AZJIT_EXPOSED_SHUT:
		break;
	}
}

void find_all(struct findings *findings, const struct azjit_monitor_facts *facts)
{
	find_unread(findings, "the policy assignments", &facts->assignments_read);
	find_unread(findings, "the assessments", &facts->assessments_read);
	find_unread(findings, "the Defender plan", &facts->pricing_read);
	find_unread(findings, "the virtual machines", &facts->vms_read);
	find_unread(findings, "what decides about the ports", &facts->ports_read);
	find_assignments(findings, facts);
	find_plan(findings, facts);
	if (facts->assessments_read.state == AZJIT_READ_OK)
		find_vms(findings, facts);
	for (size_t i = 0; i < facts->port_count; i++) {
		findings->vm_id = facts->ports[i].vm_id;
		find_port(findings, &facts->ports[i]);
	}
}
