// SPDX-License-Identifier: Apache-2.0
/*
 * Long-running operations of Microsoft.Network and Microsoft.Compute (azure.md §5.2).
 */
#ifndef AZSIM_OPERATION_H
#define AZSIM_OPERATION_H

#include "request.h"

// Starts one named like this answer's x-ms-request-id and adds its headers. With a result (taken over)
// the answer points to it by Location; without, it is a PUT's and has only a status.
void operation_headers(struct request *req, json_t *result_stolen, int retry_after_s);

// The same for Microsoft.Compute, which ends at `done`; failed with this code unless it is NULL.
void operation_of_compute(struct request *req, ticks done, const char *failure);

void operation_status(struct request *req);
void operation_result(struct request *req);

#endif
