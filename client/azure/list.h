// SPDX-License-Identifier: Apache-2.0
// A page of a list, read entry by entry: the page of a large subscription is megabytes, and whoever reads
// it whole lets a login wait. Refuses what js_read refuses, but only once it comes to it.
#ifndef AZJIT_AZURE_LIST_H
#define AZJIT_AZURE_LIST_H

#include "json.h"

struct list {
	char *text; // owned
	size_t len, at;
	json_t *members; // of the page but for `value`
	bool begun, inside, had_value;
};

// Takes `text` over.
void list_init(struct list *list, char *text, size_t len);
// An entry, to be released; NULL: there is no more, or *ret_why (static, else NULL) says what is wrong with
// the page ("": memory ran out).
json_t *list_next(struct list *list, const char **ret_why);
// The page's nextLink, "" if it has none; good once list_next came to the end, until list_clear.
const char *list_link(const struct list *list);
void list_clear(struct list *list);

#endif
