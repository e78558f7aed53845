// SPDX-License-Identifier: Apache-2.0
// Rows by an id that they hold, for lists so long that nobody can go through all of them for each.
#ifndef AZJIT_DIRECT_INDEX_H
#define AZJIT_DIRECT_INDEX_H

#include <jansson.h>

// Of an array of objects, by the text of this member; rows without it are left out. Ids are compared without case.
// Owned by who asked; holds the rows. NULL if memory ran out.
json_t *index_new(const json_t *rows, const char *member);
// Policies, by each VM that they hold or have a request for.
json_t *index_policies(const json_t *policies);
// The rows of that id, in the order of the list, as an array; NULL if there is none.
const json_t *index_all(const json_t *index, const char *id);
// The first of them.
json_t *index_first(const json_t *index, const char *id);

#endif
