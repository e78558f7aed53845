// SPDX-License-Identifier: Apache-2.0
// Copies of what an answer lends, for as long as a command needs them: taken one by one, given back all at
// once. Once memory ran out everything is NULL and `failed` stays, so that only the end need ask.
#ifndef AZJIT_DIRECT_KEEP_H
#define AZJIT_DIRECT_KEEP_H

#include <azjit/network.h>
#include <azjit/policy.h>

struct keep_block;
struct keep {
	struct keep_block *blocks;
	bool failed;
};
void keep_clear(struct keep *keep);

// Zeroed and aligned for any type; a count of zero gives a valid pointer.
void *keep_array(struct keep *keep, size_t count, size_t size);
const char *keep_text(struct keep *keep, const char *text);

// Whole copies: they borrow from nothing but `keep`.
const struct azjit_policy_assignment *
keep_assignments(struct keep *keep, const struct azjit_policy_assignment *list, size_t count);
const struct azjit_assessment *keep_assessments(struct keep *keep, const struct azjit_assessment *list,
                                                size_t count);
const struct azjit_nsg *keep_nsg(struct keep *keep, const struct azjit_nsg *nsg);

#endif
