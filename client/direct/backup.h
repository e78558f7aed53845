// SPDX-License-Identifier: Apache-2.0
#ifndef AZJIT_DIRECT_BACKUP_H
#define AZJIT_DIRECT_BACKUP_H

#include "direct.h"

// Keeps the policy as it was read, mode 0600, in --backup's file (which must not exist) or in one of its own
// below $XDG_STATE_HOME/azjit or ~/.local/state/azjit. *ret_path: its name, owned. A sentence otherwise.
enum azjit_result backup_keep(struct direct *direct, const json_t *policy, char **ret_path);

#endif
