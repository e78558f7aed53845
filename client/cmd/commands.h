// SPDX-License-Identifier: Apache-2.0
#ifndef AZJIT_CMD_COMMANDS_H
#define AZJIT_CMD_COMMANDS_H

#include <azjit/cmd.h>

// Every command, in the order in which `azjit help` lists them.
extern const struct azjit_cmd *const azjit_commands[];
extern const size_t azjit_command_count;

// The command that argv[0] (and argv[1], for one of two words) names, and how many words that took;
// NULL if there is none.
const struct azjit_cmd *azjit_command_find(int argc, char **argv, int *ret_words);

// Help of one command, to stdout. Returns EX_OK.
int azjit_command_help(const struct azjit_cmd *cmd);

extern const struct azjit_cmd azjit_cmd_connect;
extern const struct azjit_cmd azjit_cmd_help;
extern const struct azjit_cmd azjit_cmd_match;
extern const struct azjit_cmd azjit_cmd_request;
extern const struct azjit_cmd azjit_cmd_ssh;
extern const struct azjit_cmd azjit_cmd_version;

#endif
