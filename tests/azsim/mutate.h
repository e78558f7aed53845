// SPDX-License-Identifier: Apache-2.0
/*
 * Seeded changes of an answer that leave its meaning alone: what a client must not trip over.
 */
#ifndef AZSIM_MUTATE_H
#define AZSIM_MUTATE_H

#include "request.h"

// Casing, unknown members, order, fractions: on the JSON. A no-op without a mutate fault.
void mutate_json(struct request *req);
// Line ends, byte order mark, chunked transfer: on the bytes; casing of header names.
void mutate_text(struct request *req);
// Whether this answer's pages are to be short, late and repeated; *ret_seed fixes how.
bool mutate_pages(const struct request *req, uint64_t *ret_seed);

#endif
