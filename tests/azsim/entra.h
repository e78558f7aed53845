// SPDX-License-Identifier: Apache-2.0
/*
 * What the grants of the token endpoint share.
 */
#ifndef AZSIM_ENTRA_H
#define AZSIM_ENTRA_H

#include "request.h"

// Our tenant's id if the path names it, a name of it, or any tenant; else NULL.
const char *entra_tenant(const struct request *req);
// Entra ID's envelope of an error; `number` is that of AADSTS.
void entra_fail(struct request *req, int status, const char *error, int number, const char *message);
void entra_headers(struct request *req);
// The members of the form. New reference.
json_t *entra_form_new(const struct request *req);
// https://management.azure.com/ of https://management.azure.com/.default, wherever it stands in the scope;
// NULL when there is none. Caller frees.
char *entra_resource(const char *scope);

#endif
