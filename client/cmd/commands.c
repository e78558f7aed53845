// SPDX-License-Identifier: Apache-2.0
#include "commands.h"

#include "administer.h"
#include "config.h"
#include "report.h"

extern const struct azjit_cmd azjit_cmd_guard;

const struct azjit_cmd *const azjit_commands[] = {
        &azjit_cmd_connect,        &azjit_cmd_ssh,
        &azjit_cmd_match,          &azjit_cmd_request,
        &azjit_cmd_status,         &azjit_cmd_sessions,
        &azjit_cmd_audit_verify,   &azjit_cmd_audit_reconcile,
        &azjit_cmd_audit_refusals, &azjit_cmd_config_check,
        &azjit_cmd_config_show,    &azjit_cmd_policy_list,
        &azjit_cmd_policy_show,    &azjit_cmd_policy_enable,
        &azjit_cmd_policy_set,     &azjit_cmd_policy_copy,
        &azjit_cmd_policy_disable, &azjit_cmd_policy_restore,
        &azjit_cmd_vm_list,        &azjit_cmd_vm_show,
        &azjit_cmd_monitor_check,  &azjit_cmd_monitor_enable,
        &azjit_cmd_doctor,         &azjit_cmd_login,
        &azjit_cmd_logout,         &azjit_cmd_whoami,
        &azjit_cmd_guard,          &azjit_cmd_version,
        &azjit_cmd_help,
};
const size_t azjit_command_count = AZJIT_COUNT(azjit_commands);
