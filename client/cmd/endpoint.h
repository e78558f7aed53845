// SPDX-License-Identifier: Apache-2.0
// Where a client that connects by itself goes, by the outcome of REQUEST (client/broker/request.c).
#ifndef AZJIT_CMD_ENDPOINT_H
#define AZJIT_CMD_ENDPOINT_H

#include <azjit/address.h>
#include <azjit/wire.h>

struct endpoint {
	char host[AZJIT_ADDR_CHARS]; // an address, never a name
	uint16_t port;
	bool firewall; // an Azure Firewall's, which leads to the machine
};

// False: the outcome tells no address, or not yet which port of the firewall leads there; *ret is untouched.
bool endpoint_of(const struct azjit_wire_msg *outcome, struct endpoint *ret);

#endif
