// SPDX-License-Identifier: Apache-2.0
// Readers and writers of the types of keys, as config_types.c puts them together.
#ifndef AZJIT_ENGINE_CONFIG_VALUE_H
#define AZJIT_ENGINE_CONFIG_VALUE_H

#include "config_key.h"

// `field` is base + offset. A reader stores on success only.
typedef enum azjit_result azjit_key_reader(const struct azjit_key_at *at, const config_setting_t *setting,
                                           void *field);
typedef bool azjit_key_writer(const struct azjit_config_key *key, const void *field, bool json,
                              struct azjit_buf *out);

azjit_key_reader azjit_read_string, azjit_read_key_uri, azjit_read_number, azjit_read_switch,
        azjit_read_duration, azjit_read_choice;
azjit_key_reader azjit_read_strings, azjit_read_ports, azjit_read_addresses, azjit_read_prefix,
        azjit_read_map, azjit_read_aliases, azjit_read_source;
azjit_key_writer azjit_write_string, azjit_write_number, azjit_write_switch, azjit_write_duration,
        azjit_write_choice;
azjit_key_writer azjit_write_strings, azjit_write_ports, azjit_write_addresses, azjit_write_prefix,
        azjit_write_map, azjit_write_aliases, azjit_write_source;

// "KEY takes …, not …".
enum azjit_result azjit_key_refuse(const struct azjit_key_at *at, const config_setting_t *setting);
// A string that is not empty, not too long and printable; borrowed from the setting.
enum azjit_result azjit_key_text(const struct azjit_key_at *at, const config_setting_t *setting,
                                 const char **ret_text);
// In double quotes; the same in libconfig and JSON, as only printable text is ever stored.
bool azjit_write_quoted(const char *text, struct azjit_buf *out);

#endif
