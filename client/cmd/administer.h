// SPDX-License-Identifier: Apache-2.0
// The commands that speak to Azure themselves, under the caller's own identity. What a login runs through
// loads no HTTP and no TLS library, so they are in a program of their own, azjit-direct; their words are
// here, for both programs.
#ifndef AZJIT_CMD_ADMINISTER_H
#define AZJIT_CMD_ADMINISTER_H

#include <azjit/cmd.h>

extern const struct azjit_cmd azjit_cmd_policy_list;
extern const struct azjit_cmd azjit_cmd_policy_show;
extern const struct azjit_cmd azjit_cmd_policy_enable;
extern const struct azjit_cmd azjit_cmd_policy_set;
extern const struct azjit_cmd azjit_cmd_policy_copy;
extern const struct azjit_cmd azjit_cmd_policy_disable;
extern const struct azjit_cmd azjit_cmd_policy_restore;
extern const struct azjit_cmd azjit_cmd_vm_list;
extern const struct azjit_cmd azjit_cmd_vm_show;
extern const struct azjit_cmd azjit_cmd_monitor_check;
extern const struct azjit_cmd azjit_cmd_monitor_enable;
extern const struct azjit_cmd azjit_cmd_doctor;
extern const struct azjit_cmd azjit_cmd_login;
extern const struct azjit_cmd azjit_cmd_logout;
extern const struct azjit_cmd azjit_cmd_whoami;

// Becomes azjit-direct with these words. Returns, with an exit status and after a sentence, only if it
// cannot.
int administer_execute(char **words);

#endif
