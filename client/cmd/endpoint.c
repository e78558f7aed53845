// SPDX-License-Identifier: Apache-2.0
#include "endpoint.h"

#include <azjit/text.h>

bool endpoint_of(const struct azjit_wire_msg *outcome, struct endpoint *ret)
{
	const char *firewall = azjit_wire_get(outcome, "firewall");
	const char *host = firewall ? firewall : azjit_wire_get(outcome, "address"),
	           *port = azjit_wire_get(outcome, firewall ? "mapped_port" : "port");
	struct endpoint endpoint = {.firewall = firewall != NULL};
	struct azjit_addr addr;

	if (!host || !port || azjit_addr_parse(host, &addr) != AZJIT_OK ||
	    azjit_parse_port(port, &endpoint.port) != AZJIT_OK)
		return false;
	azjit_addr_format(&addr, endpoint.host);
	*ret = endpoint;
	return true;
}
