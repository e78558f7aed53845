// SPDX-License-Identifier: Apache-2.0
// Whatever a token says of itself, what is shown of it is printable and ends.
#include "../../client/azure/claims.h"

static void check(const char *field, size_t size)
{
	size_t len = strnlen(field, size);

	if (len == size)
		abort();
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)field[i] < 0x20 || field[i] == 0x7f)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct azjit_claims claims;

	if (!text)
		abort();
	if (claims_read(text, &claims)) {
		check(claims.tenant, sizeof(claims.tenant));
		check(claims.object, sizeof(claims.object));
		check(claims.application, sizeof(claims.application));
		check(claims.user, sizeof(claims.user));
		check(claims.resource, sizeof(claims.resource));
	}
	free(text);
	return 0;
}
