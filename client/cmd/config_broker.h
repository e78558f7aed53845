// SPDX-License-Identifier: Apache-2.0
// What only the broker's own libraries can judge of the configuration. This program loads none of them, since a
// login runs through it: it has the broker look.
#ifndef AZJIT_CMD_CONFIG_BROKER_H
#define AZJIT_CMD_CONFIG_BROKER_H

#include <azjit/buf.h>
#include <azjit/result.h>

// Runs `program --check` on the file, as the broker's user where we are root. AZJIT_OK, or
// AZJIT_CONFIG with the broker's sentence; a program that cannot be run is a warning.
enum azjit_result config_ask_broker(const char *program, const char *file, struct azjit_buf *warnings,
                                    struct azjit_reason *reason);

#endif
