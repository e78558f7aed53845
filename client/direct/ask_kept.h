// SPDX-License-Identifier: Apache-2.0
// Answers that stay what they are, as copies in a keep: of policy.h and network.h. What is given back lives
// as long as the keep; subscriptions are bare ids; the sentence of a failure is in direct->reason.
#ifndef AZJIT_DIRECT_ASK_KEPT_H
#define AZJIT_DIRECT_ASK_KEPT_H

#include "direct.h"
#include "keep.h"

// What a callback fills.
struct kept {
	struct keep *keep;
	const void *list;
	size_t count;
};

enum azjit_result ask_assignments(struct direct *direct, const char *subscription, struct kept *ret);
// As it is now; AZJIT_NOT_FOUND if it is gone.
enum azjit_result ask_assignment(struct direct *direct, const char *id, struct keep *keep,
                                 const struct azjit_policy_assignment **ret);
// Sent once, as azjit_policy_assignment_set says. *ret_unsure: it may have been done although the result is
// not AZJIT_OK.
enum azjit_result ask_assignment_set(struct direct *direct, const struct azjit_policy_assignment *assignment,
                                     const char *parameter, const char *value, bool *ret_unsure);

enum azjit_result ask_assessments(struct direct *direct, const char *subscription, struct kept *ret);
enum azjit_result ask_pricing(struct direct *direct, const char *subscription, struct keep *keep,
                              const struct azjit_pricing **ret);
enum azjit_result ask_nsg(struct direct *direct, const char *id, struct keep *keep,
                          const struct azjit_nsg **ret);

#endif
