// SPDX-License-Identifier: Apache-2.0
#ifndef AZJIT_CMD_CONFIG_H
#define AZJIT_CMD_CONFIG_H

#include <azjit/cmd.h>
#include <azjit/config.h>

extern const struct azjit_cmd azjit_cmd_config_check;
extern const struct azjit_cmd azjit_cmd_config_show;

AZJIT_DEFINE_CLEANUP(struct azjit_config *, azjit_config_free);

#endif
