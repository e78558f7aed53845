// SPDX-License-Identifier: Apache-2.0
// A page that is read entry by entry has the entries of the page read whole; what is refused whole is not
// read to its end either. Around a zero byte, at which jansson ends a literal, they may differ.
#include "../../client/azure/list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *why = NULL, *part = NULL;
	char *text = malloc(size + 1);
	json_auto_t *whole = NULL;
	struct list list;
	json_t *entry;
	size_t count = 0;
	bool zero;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	whole = js_read(text, size, &why);
	zero = memchr(text, '\0', size);
	list_init(&list, text, size);
	while ((entry = list_next(&list, &part))) {
		const json_t *same = json_array_get(json_object_get(whole, "value"), count++);

		if (whole && !zero && !json_equal(entry, (json_t *)(uintptr_t)same))
			abort();
		json_decref(entry);
	}
	if (!zero && !part &&
	    (!whole || count != js_count(json_object_get(whole, "value")) ||
	     strcmp(list_link(&list), js_text(whole, "nextLink")) != 0))
		abort();
	if (!zero && part && json_is_object(whole) && json_is_array(json_object_get(whole, "value")))
		abort();
	list_clear(&list);
	return 0;
}
