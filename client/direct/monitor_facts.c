// SPDX-License-Identifier: Apache-2.0
#include "monitor_facts.h"

#include "ask.h"
#include "ask_kept.h"
#include "monitor_ports.h"

void monitor_facts_clear(struct monitor_facts *facts)
{
	survey_clear(&facts->survey);
	keep_clear(&facts->keep);
}

static struct azjit_monitor_read took(struct direct *direct, struct monitor_facts *to,
                                      enum azjit_result result)
{
	if (result == AZJIT_OK)
		return (struct azjit_monitor_read){.state = AZJIT_READ_OK};
	if (to->result == AZJIT_OK) {
		to->result = result;
		to->reason = direct->reason;
	}
	return (struct azjit_monitor_read){AZJIT_READ_FAILED, keep_text(&to->keep, direct->reason.text)};
}

static void read_defender(struct direct *direct, struct monitor_facts *to)
{
	struct azjit_monitor_facts *facts = &to->facts;
	struct kept assessments = {.keep = &to->keep};

	facts->assessments_read =
	        took(direct, to, ask_assessments(direct, facts->subscription, &assessments));
	facts->assessments = assessments.list;
	facts->assessment_count = assessments.count;
	facts->pricing_read =
	        took(direct, to, ask_pricing(direct, facts->subscription, &to->keep, &facts->pricing));
}

static void list_vms(struct monitor_facts *to)
{
	size_t count = json_array_size(to->survey.vms);
	const char **ids = keep_array(&to->keep, count, sizeof(*ids));

	for (size_t i = 0; ids && i < count; i++)
		ids[i] = json_text(json_array_get(to->survey.vms, i), "id");
	to->facts.vm_ids = ids;
	to->facts.vm_count = count;
}

// A subscription's list of policies can leave some out (azure.md §1.1): those of the VMs' groups are read, too.
static enum azjit_result read_ports(struct direct *direct, struct monitor_facts *to)
{
	struct monitor_ports ports = {.list = NULL};
	enum azjit_result result = ask_policies(direct, NULL, &to->survey.policies);

	if (result == AZJIT_OK)
		result = survey_read_groups(direct, &to->survey, to->survey.vms);
	if (result == AZJIT_OK)
		result = monitor_ports_read(direct, &to->survey, &to->keep, &ports);
	to->facts.ports = ports.list;
	to->facts.port_count = ports.count;
	return result;
}

static void read_machines(struct direct *direct, struct monitor_facts *to)
{
	to->facts.vms_read = took(direct, to, ask_vms(direct, NULL, &to->survey.vms));
	list_vms(to);
	if (to->facts.vms_read.state == AZJIT_READ_OK)
		to->facts.ports_read = took(direct, to, read_ports(direct, to));
}

static bool narrow(struct direct *direct, const char *subscription)
{
	json_t *only = json_pack("[s]", subscription);

	json_decref(direct->subscriptions);
	direct->subscriptions = only;
	return only != NULL;
}

enum azjit_result monitor_facts_read(struct direct *direct, const char *subscription,
                                     struct monitor_facts *ret)
{
	struct kept assignments = {.keep = &ret->keep};

	*ret = (struct monitor_facts){.facts.subscription = subscription, .result = AZJIT_OK};
	if (!narrow(direct, subscription))
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	ret->facts.assignments_read = took(direct, ret, ask_assignments(direct, subscription, &assignments));
	if (ret->result == AZJIT_IDENTITY)
		return ret->result;
	ret->facts.assignments = assignments.list;
	ret->facts.assignment_count = assignments.count;
	read_defender(direct, ret);
	read_machines(direct, ret);
	if (ret->keep.failed)
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	return AZJIT_OK;
}
