// SPDX-License-Identifier: Apache-2.0
// What the guard reads about refusals: nft's list, and its own book. A book that is read is written the same.
#include "../../client/cmd/guard_attempts.c"
#include "../../client/cmd/guard_refused.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	_cleanup_free_ struct azjit_guard_attempt *list = NULL;
	_cleanup_buf_ struct azjit_buf out = AZJIT_BUF(AZJIT_GUARD_BOOK_MAX_BYTES);
	struct azjit_guard_book book = {0};
	struct azjit_reason reason;
	size_t count = 0;

	if (azjit_guard_book_parse(text, &book, 1, &reason) == AZJIT_OK &&
	    (!azjit_guard_book_format(&book, &out) || !azjit_streq(out.data, text)))
		abort();
	if (azjit_guard_attempts_parse((const char *)data, size, &list, &count, &reason) == AZJIT_OK)
		(void)azjit_guard_book_note(&book, list, count, 2);
	azjit_guard_book_clear(&book);
	return 0;
}
