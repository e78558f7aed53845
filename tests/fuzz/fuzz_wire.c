// SPDX-License-Identifier: Apache-2.0
// There is one way to write a message: what parses is, written anew, the same bytes; and less than a
// whole message is never one.
#include <azjit/wire.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = malloc(size + 1), *again = malloc(size + 1);
	struct azjit_wire_msg msg;
	struct azjit_wire_out out;
	size_t used = 0, unused;

	if (!bytes || !again)
		abort();
	if (size > 0)
		memcpy(bytes, data, size);
	if (azjit_wire_parse(bytes, size, AZJIT_WIRE_MAX_BYTES, &msg, &used) == AZJIT_WIRE_MESSAGE) {
		azjit_wire_begin(&out, again, size, msg.verb);
		for (size_t i = 0; i < msg.pair_count; i++)
			azjit_wire_put(&out, msg.pairs[i].key, azjit_wire_get(&msg, msg.pairs[i].key));
		if (azjit_wire_end(&out) != used || memcmp(again, data, used) != 0)
			abort();
		memcpy(bytes, data, used - 1);
		if (azjit_wire_parse(bytes, used - 1, AZJIT_WIRE_MAX_BYTES, &msg, &unused) != AZJIT_WIRE_MORE)
			abort();
	}
	free(bytes);
	free(again);
	return 0;
}
