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
// more count, and one that is in no policy is AZJIT_NOT_MANAGED, unless a pattern or a tag named it.
enum azjit_result survey_pick(struct direct *direct, struct survey *survey, bool managed, json_t **ret);

// The same for other words than the operands.
enum azjit_result survey_pick_words(struct direct *direct, struct survey *survey, char *const *words,
                                    size_t word_count, bool managed, json_t **ret);

// Which policy a VM is put into, that is in none: one of its group and region, called as --policy says, the
// only one, or `default`. *ret is owned; there may be no such policy yet.
enum azjit_result survey_place(struct direct *direct, const struct survey *survey, const json_t *vm,
                               char **ret);

// The sentence for a VM that survey_policy_of found in several policies, or not in the one of that name.
enum azjit_result survey_not_one(struct direct *direct, const struct survey *survey, const char *vm_id);

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
