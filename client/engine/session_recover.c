// SPDX-License-Identifier: Apache-2.0
#include "session_list.h"

struct recovery {
	struct azjit_sessions *list;
	bool nomem;
};

static bool opened(struct recovery *recovery, const struct azjit_entry_read *read)
{
	struct session_item *item = session_item_new(recovery->list);

	recovery->nomem = !item;
	if (!item)
		return false;
	if (!session_entry_read(read->entry, read->when, item)) {
		free(item);
		return true;
	}
	recovery->nomem = !session_item_add(recovery->list, item);
	return !recovery->nomem;
}

static bool take(void *userdata, const struct azjit_entry_read *read)
{
	struct recovery *recovery = userdata;
	struct session_item *item;

	if (read->entry->kind != AZJIT_ENTRY_SESSION || !read->entry->session || !read->entry->event)
		return true;
	if (azjit_streq(read->entry->event, "opened"))
		return opened(recovery, read);
	item = session_item_find(recovery->list, read->entry->session);
	if (item && azjit_streq(read->entry->event, "committed"))
		item->s.committed = true;
	else if (item)
		session_item_remove(item);
	return true;
}

enum azjit_result session_recover(struct azjit_sessions *list, struct azjit_reason *reason)
{
	struct recovery recovery = {.list = list};
	enum azjit_result result = azjit_ledger_read(list->ledger, 0, NULL, NULL, take, &recovery, reason);

	if (result == AZJIT_OK && recovery.nomem)
		result = azjit_fail(reason, AZJIT_NOMEM, "no memory for the sessions in the ledger");
	if (result != AZJIT_OK)
		return result;
	for (size_t i = list->count; i-- > 0;) {
		if (azjit_streq(list->items[i]->boot, list->boot))
			liveness_watch(list->items[i]);
		else
			session_item_end(list->items[i], "lost");
	}
	liveness_scan(list);
	return AZJIT_OK;
}
