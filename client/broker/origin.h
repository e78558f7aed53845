// SPDX-License-Identifier: Apache-2.0
// Where a login came from, and by which key, as the PAM module's message tells it.
#ifndef AZJIT_BROKER_ORIGIN_H
#define AZJIT_BROKER_ORIGIN_H

#include <azjit/address.h>
#include <azjit/wire.h>

// The client's address: the first word of ssh-connection, else rhost if that is numeric; family NONE if
// neither says. A name is never resolved and nothing is put in its place.
struct azjit_addr origin_address(const struct azjit_wire_msg *msg);

// SSH_AUTH_INFO_0 as one line: "publickey SHA256:…, password". A key is hashed as ssh-keygen -l prints
// it (of a certificate: the key in it); one that cannot be read is "unreadable". What does not fit is
// counted: ", +2 more". "" for NULL.
void origin_auth(const char *auth_info, char *ret_text, size_t size);

#endif
