// SPDX-License-Identifier: Apache-2.0
// Read, change, write, read again, compare. There is no ETag (azure.md §1.2), so who writes between our
// read and our write is overwritten: the read that counts comes right before the write, and what was
// read is kept in a file. Who writes after ours, from an older read, is seen by the comparison.
#ifndef AZJIT_DIRECT_CHANGE_H
#define AZJIT_DIRECT_CHANGE_H

#include "direct.h"

// A job is an object: `policy_id`, and whatever `fn` needs. Jobs of one command have different policies.
//
// Changes the policy, which is a new one without VMs where there was none. It is run on every read.
typedef enum azjit_result change_fn(struct direct *direct, json_t *policy, const json_t *job);

// Looks at all jobs before the first write: what Azure would refuse is refused before anything changed.
// `vms`: of ask_vms, to know which VMs exist. Prints what changes, notes backups on stderr, and fills
// `changes` and `backups` of the answer. With --dry-run it ends before the first write.
enum azjit_result change_all(struct direct *direct, const json_t *jobs, const json_t *vms, change_fn *fn);

// "default@lab", printable.
struct policy_label {
	char text[256];
};
struct policy_label policy_label(const char *policy_id);

#endif
