// SPDX-License-Identifier: Apache-2.0
#ifndef AZJIT_DIRECT_SCOPE_H
#define AZJIT_DIRECT_SCOPE_H

#include "direct.h"

// The subscriptions that a command is for which does not take all at once: those that --subscription names,
// all with --all-subscriptions, else the only one; *ret: an array of bare ids, owned. AZJIT_AMBIGUOUS where
// there are several, with a sentence that lists them and has `otherwise` (", or …", or "") behind
// "--subscription".
enum azjit_result scope_choose(struct direct *direct, const char *otherwise, json_t **ret);

#endif
