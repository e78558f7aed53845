// SPDX-License-Identifier: Apache-2.0
// Which VM, or policy, a person means: pure. Where a name fits several it is never the first.
#ifndef AZJIT_DIRECT_PICK_H
#define AZJIT_DIRECT_PICK_H

#include <azjit/result.h>
#include <jansson.h>

// Appends to `picked` those of `rows` (objects with an id) that the word names: a resource id, a name,
// name@resource-group, or a pattern (azjit_glob) over the last two; without case; each once. `noun`:
// "virtual machine". AZJIT_NOT_FOUND; AZJIT_AMBIGUOUS with the candidates, never for a pattern.
enum azjit_result pick(const json_t *rows, const char *noun, const char *word, json_t *picked,
                       struct azjit_reason *reason);

#endif
