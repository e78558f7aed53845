// SPDX-License-Identifier: Apache-2.0
/*
 * Faults on demand (README.md, "Faults"): which requests are hit, and what is done to them.
 */
#ifndef AZSIM_FAULT_H
#define AZSIM_FAULT_H

#include "request.h"

// Adds one; on success *ret_id is its new id (caller frees). The result is a sentence, or NULL.
char *fault_add(struct sim *sim, const json_t *fault, char **ret_id);
// NULL: all of them. False: there is none of that id.
bool fault_remove(struct sim *sim, const char *id);
json_t *faults_list_new(const struct sim *sim);

// Finds the fault that hits this request, counts it, and leaves its action in req->fault.
void fault_pick(struct request *req);
// Whether the operation is to be left undone.
bool fault_instead(const struct request *req);
// Makes the reply of a fault that stands instead of the operation.
void fault_answer(struct request *req);
// Spoils the finished reply; called once before rendering and once after.
void fault_before_render(struct request *req);
void fault_after_render(struct request *req);

#endif
