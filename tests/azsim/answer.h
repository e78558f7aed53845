// SPDX-License-Identifier: Apache-2.0
#ifndef AZSIM_ANSWER_H
#define AZSIM_ANSWER_H

#include "request.h"

// Makes the whole reply of a complete request: route, fault, handler, headers, record.
void answer(struct request *req);

#endif
