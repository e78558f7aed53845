// SPDX-License-Identifier: Apache-2.0
// An address or prefix that was read, written and read again is the same; a prefix covers itself; and
// what may not be dialled may not be dialled under another spelling either.
#include <azjit/address.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), formatted[AZJIT_PREFIX_CHARS];
	struct azjit_addr addr, addr_again;
	struct azjit_prefix prefix, again;
	const char *why;

	if (!text)
		abort();
	if (azjit_addr_parse(text, &addr) == AZJIT_OK) {
		azjit_addr_format(&addr, formatted);
		if (azjit_addr_parse(formatted, &addr_again) != AZJIT_OK ||
		    !azjit_addr_equal(&addr, &addr_again) ||
		    azjit_addr_forbidden(&addr, &why) != azjit_addr_forbidden(&addr_again, &why))
			abort();
	}
	if (azjit_prefix_parse(text, &prefix) == AZJIT_OK) {
		azjit_prefix_format(&prefix, formatted);
		if (azjit_prefix_parse(formatted, &again) != AZJIT_OK || again.bits != prefix.bits ||
		    !azjit_addr_equal(&again.addr, &prefix.addr) || !azjit_prefix_covers(&prefix, &again))
			abort();
	}
	free(text);
	return 0;
}
