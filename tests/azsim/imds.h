// SPDX-License-Identifier: Apache-2.0
/*
 * Which of the virtual machine's identities a request for a token means.
 */
#ifndef AZSIM_IMDS_H
#define AZSIM_IMDS_H

#include "request.h"

// By one of the selectors (ended by NULL) in the query, else the only one or the system's. NULL: *ret_why says why
// there is none.
struct principal *imds_identity(const struct request *req, const char *const selectors[],
                                const char **ret_why);

#endif
