// SPDX-License-Identifier: Apache-2.0
// Entra ID's token endpoint (azure.md §6.4): what its sources share, whatever proves who we are.
#ifndef AZJIT_AZURE_ENTRA_H
#define AZJIT_AZURE_ENTRA_H

#include "identity.h"

#include <azjit/buf.h>

#define ENTRA_WHO            "Entra ID"
#define ENTRA_FORM_MAX_BYTES ((size_t)256 * 1024) // an assertion may carry a chain of certificates

// A GUID or a domain name: what may stand in a URL as it is.
bool entra_plain_name(const char *text);

// tenant_id and client_id; AZJIT_CONFIG with the reason if they are missing or would change the URL.
enum azjit_result entra_check(const struct azjit_azure_options *options, struct azjit_reason *reason);
// https://LOGIN/TENANT/oauth2/v2.0/token: where to ask, and the audience of an assertion. Caller frees;
// NULL if memory ran out.
char *entra_endpoint(const struct identity_options *setting, const struct azjit_azure_options *options);
// The form for https://LOGIN/TENANT/oauth2/v2.0/NAME; its bytes are taken over. AZJIT_NOMEM with a sentence, also
// for a form that failed.
enum azjit_result entra_post(const char *login_origin, const char *tenant, const char *name,
                             struct azjit_buf *form, struct token_request *ret, struct azjit_reason *reason);
// A client's credentials for our audience. `proof` is the name of the form's member, ours and taken as it
// is; `value` is a secret: copied into ret->body and nowhere else.
enum azjit_result entra_request(const struct identity_options *setting,
                                const struct azjit_azure_options *options, const char *proof,
                                const char *value, struct token_request *ret, struct azjit_reason *reason);
// The same for a JWT that proves who we are (RFC 7523).
enum azjit_result entra_request_asserted(const struct identity_options *setting,
                                         const struct azjit_azure_options *options, const char *assertion,
                                         struct token_request *ret, struct azjit_reason *reason);
bool entra_transient(int http_status);

// What was read of a file must be one line, a secret: its line end is taken off. `what` names it in the reason.
enum azjit_result entra_one_line(struct azjit_buf *text, const char *path, const char *what,
                                 struct azjit_reason *reason);
// The same for a file that is read here, and must be trusted (file.h).
enum azjit_result entra_read_line(const char *path, const char *what, struct azjit_buf *ret,
                                  struct azjit_reason *reason);

#endif
