// SPDX-License-Identifier: Apache-2.0
// Finding and explaining commands: for azjit, which has all of them in its table, and for azjit-direct.
#ifndef AZJIT_CMD_COMMAND_H
#define AZJIT_CMD_COMMAND_H

#include <azjit/cmd.h>

// The command that argv[0] (and argv[1], for one of two words) names, and how many words that took;
// NULL if there is none.
const struct azjit_cmd *azjit_command_find(const struct azjit_cmd *const *commands, size_t count, int argc,
                                           char **argv, int *ret_words);

// Tells on stderr that words name none of the commands, and which second words there are where the first one
// is known. Returns EX_USAGE.
int azjit_command_unknown(const struct azjit_cmd *const *commands, size_t count, int argc, char **argv);

// Help of one command, to stdout. Returns EX_OK.
int azjit_command_help(const struct azjit_cmd *cmd);

#endif
