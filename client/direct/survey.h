// SPDX-License-Identifier: Apache-2.0
// What is there, and which VMs of it the operands mean.
#ifndef AZJIT_DIRECT_SURVEY_H
#define AZJIT_DIRECT_SURVEY_H

#include "direct.h"

struct survey {
	json_t *vms;      // rows of ask_vms
	json_t *policies; // whole
};
void survey_clear(struct survey *survey);

// Reads both, of the subscriptions that are looked at.
enum azjit_result survey_read(struct direct *direct, struct survey *survey);

// The VMs that the operands name, as rows of which an id is sure; the policies of their groups are read,
// too, since a subscription's list may leave some out. `managed`: VMs that a policy holds and that exist no
// more count, and one that is in no policy is AZJIT_NOT_MANAGED, unless a pattern named it.
enum azjit_result survey_pick(struct direct *direct, struct survey *survey, bool managed, json_t **ret);

// Adds to the VMs what policies hold and is no virtual machine of Azure, as the service listed it (vm.h).
enum azjit_result survey_add_foreign(struct direct *direct, struct survey *survey);
// Reads the policies of the VMs' groups, too.
enum azjit_result survey_read_groups(struct direct *direct, struct survey *survey, const json_t *vms);

// The policy of the survey that holds the VM; the one of that name if `name` is not NULL. NULL: none, or
// several: *ret_count says how many.
const json_t *survey_policy_of(const struct survey *survey, const char *vm_id, const char *name,
                               size_t *ret_count);

// Adds the VM to the job of the policy, which is made if there is none.
enum azjit_result survey_add_job(struct direct *direct, json_t *jobs, const char *policy_id, json_t *vm);
// One job for each policy that holds a VM of `picked`. AZJIT_AMBIGUOUS where one is in several and
// --policy does not say in which.
enum azjit_result survey_jobs(struct direct *direct, const struct survey *survey, const json_t *picked,
                              json_t **ret);

#endif
