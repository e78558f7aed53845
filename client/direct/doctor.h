// SPDX-License-Identifier: Apache-2.0
// `azjit doctor`: what is wrong with the setup, why it matters, and the command that mends it.
#ifndef AZJIT_DIRECT_DOCTOR_H
#define AZJIT_DIRECT_DOCTOR_H

#include "direct.h"

// The least-privilege role of that name (conf/roles, which is in the program), with the subscriptions that
// are looked at as its assignable scopes. AZJIT_USAGE if there is no such role.
enum azjit_result doctor_role(struct direct *direct, const char *name, json_t **ret);

#endif
