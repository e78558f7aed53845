// SPDX-License-Identifier: Apache-2.0
#ifndef AZJIT_DIRECT_STATE_H
#define AZJIT_DIRECT_STATE_H

#include <azjit/macro.h>

// The caller's directory of ours, $XDG_STATE_HOME/azjit or ~/.local/state/azjit; owned. With `make`, made (0700,
// as the directories on the way) if it is not there. NULL with errno set.
char *state_directory(bool make);

#endif
