// SPDX-License-Identifier: Apache-2.0
/*
 * The built-in policy definition behind JIT's recommendation, whole, and the initiative that holds it,
 * cut to that one definition (azure.md §9; Azure/azure-policy@f4a50bac, MIT).
 */
#ifndef AZSIM_POLICY_BUILTIN_H
#define AZSIM_POLICY_BUILTIN_H

#include "sim.h"

#define POLICY_JIT_ID \
	"/providers/Microsoft.Authorization/policyDefinitions/b0f33259-77d7-4c9e-aac6-3aabcfae693c"
#define POLICY_BENCHMARK_ID \
	"/providers/Microsoft.Authorization/policySetDefinitions/1f3afdf9-d0c9-4c3d-847f-89da613e70a8"

void policy_builtin_put(struct sim *sim);

#endif
