// SPDX-License-Identifier: Apache-2.0
// A command of azjit is a constant beside its code, in the file of its name; main.c is a loop over them.
#ifndef AZJIT_CMD_H
#define AZJIT_CMD_H

#include <azjit/result.h>

struct azjit_cmd {
	const char *name;    // "connect"; two words for a subcommand: "audit verify"
	const char *usage;   // "HOST PORT"
	const char *summary; // one line for `azjit help`
	const char *help;    // the options and what the command does, for `azjit help NAME`
	// argv[0] is the command's last word. Returns an exit status of azjit_result_exit. NULL: a command of
	// azjit-direct, which azjit executes.
	int (*run)(int argc, char **argv);
};

#endif
