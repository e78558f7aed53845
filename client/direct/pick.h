// SPDX-License-Identifier: Apache-2.0
// Which VM, or policy, a person means: pure. Where a name fits several it is never the first.
#ifndef AZJIT_DIRECT_PICK_H
#define AZJIT_DIRECT_PICK_H

#include <azjit/result.h>
#include <jansson.h>

#define PICK_TAG "tag:"

// Appends to `picked` those of `rows` (objects with an id, and VMs with their tags) that the word names: a
// resource id, a name, name@resource-group, a pattern (azjit_glob) over the last two, or tag:NAME=VALUE;
// without case; each once. `noun`: "virtual machine". AZJIT_NOT_FOUND; AZJIT_AMBIGUOUS with the candidates,
// never for a pattern or a tag.
enum azjit_result pick(const json_t *rows, const char *noun, const char *word, json_t *picked,
                       struct azjit_reason *reason);

// A pattern or a tag, which may name several.
bool pick_several(const char *word);

#endif
