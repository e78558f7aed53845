// SPDX-License-Identifier: Apache-2.0
#ifndef AZJIT_CMD_COMMANDS_H
#define AZJIT_CMD_COMMANDS_H

#include "command.h"

// Every command, in the order in which `azjit help` lists them.
extern const struct azjit_cmd *const azjit_commands[];
extern const size_t azjit_command_count;

extern const struct azjit_cmd azjit_cmd_connect;
extern const struct azjit_cmd azjit_cmd_help;
extern const struct azjit_cmd azjit_cmd_match;
extern const struct azjit_cmd azjit_cmd_request;
extern const struct azjit_cmd azjit_cmd_ssh;
extern const struct azjit_cmd azjit_cmd_version;

#endif
