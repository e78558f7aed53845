// SPDX-License-Identifier: Apache-2.0
// Threat model: see session.h. What must hold: a session's person, service and process are what root's
// PAM module said at its opening and what the kernel says of that process; a message never ends or
// names a session by itself.
#include "session_list.h"

#define COMMITTED_AFTER_MS 100 // sshd has the processor until then

static void on_commits(void *userdata)
{
	struct azjit_sessions *list = userdata;

	list->settling = false;
	session_entry_settle(list, NULL, NULL);
}

enum azjit_result azjit_sessions_new(struct azjit_loop *loop, struct azjit_ledger *ledger,
                                     azjit_session_end_fn *fn, void *userdata, struct azjit_reason *reason,
                                     struct azjit_sessions **ret)
{
	struct azjit_sessions *list = calloc(1, sizeof(*list));
	enum azjit_result result;

	if (!list)
		return azjit_fail(reason, AZJIT_NOMEM, "no memory for sessions");
	list->loop = loop;
	list->ledger = ledger;
	list->fn = fn;
	list->userdata = userdata;
	result = liveness_start(list);
	if (result == AZJIT_OK)
		result = azjit_loop_timer(loop, 0, on_commits, list, &list->commits);
	if (result != AZJIT_OK)
		(void)azjit_fail(reason, result, "the loop takes no timer for sessions");
	else if (!session_proc_boot(list->boot))
		result = azjit_fail(reason, AZJIT_SYSTEM, "the kernel's boot id cannot be read: mount /proc");
	else
		result = session_recover(list, reason);
	if (result != AZJIT_OK) {
		azjit_sessions_free(list);
		return result;
	}
	*ret = list;
	return AZJIT_OK;
}

void azjit_sessions_free(struct azjit_sessions *list)
{
	if (!list)
		return;
	session_entry_settle(list, NULL, NULL);
	while (list->count > 0)
		session_item_remove(list->items[list->count - 1]);
	free(list->items);
	azjit_source_free(list->scan);
	azjit_source_free(list->commits);
	free(list);
}

struct session_item *session_item_find(struct azjit_sessions *list, const char *id)
{
	for (size_t i = 0; i < list->count; i++)
		if (azjit_streq(list->items[i]->s.id, id))
			return list->items[i];
	return NULL;
}

struct session_item *session_item_new(struct azjit_sessions *list)
{
	struct session_item *item = calloc(1, sizeof(*item));

	if (!item)
		return NULL;
	item->list = list;
	item->pidfd = -1;
	item->s.audit = SESSION_NO_AUDIT;
	return item;
}

bool session_item_add(struct azjit_sessions *list, struct session_item *item)
{
	if (list->count == list->alloc) {
		size_t alloc = list->alloc ? list->alloc * 2 : 16;
		struct session_item **items = reallocarray(list->items, alloc, sizeof(struct session_item *));

		if (!items) {
			free(item);
			return false;
		}
		list->items = items;
		list->alloc = alloc;
	}
	list->items[list->count++] = item;
	return true;
}

void session_item_remove(struct session_item *item)
{
	struct azjit_sessions *list = item->list;

	liveness_forget(item);
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i] != item)
			continue;
		list->count--;
		memmove(&list->items[i], &list->items[i + 1],
		        (list->count - i) * sizeof(struct session_item *));
		break;
	}
	free(item);
}

void session_item_end(struct session_item *item, const char *how)
{
	struct azjit_sessions *list = item->list;

	session_entry_settle(list, item, how);
	if (list->fn)
		list->fn(list->userdata, &item->s, how);
	session_item_remove(item);
}

static enum azjit_result fill(struct session_item *item, struct azjit_reason *reason)
{
	struct session_proc proc;

	if (!session_proc_read(item->s.pid, &proc))
		return azjit_fail(
		        reason, AZJIT_SYSTEM,
		        "the process that opens the session cannot be seen: azjitd needs a /proc without "
		        "hidepid (ProtectProc=default)");
	if (azjit_uuid_random(item->s.id) != AZJIT_OK)
		return azjit_fail(reason, AZJIT_SYSTEM, "the kernel gives no randomness");
	item->s.pid_start = proc.start;
	item->s.audit = proc.audit;
	item->s.opened = azjit_time_now();
	item->s.committed = item->s.orphaned = false;
	(void)azjit_copy(item->scope, sizeof(item->scope), proc.scope);
	(void)azjit_copy(item->boot, sizeof(item->boot), item->list->boot);
	return AZJIT_OK;
}

enum azjit_result azjit_session_open(struct azjit_sessions *list, const struct azjit_session *wanted,
                                     const struct azjit_session **ret, struct azjit_reason *reason)
{
	struct session_item *item = session_item_new(list);
	enum azjit_result result;

	if (!item)
		return azjit_fail(reason, AZJIT_NOMEM, "no memory for a session");
	item->s = *wanted;
	result = fill(item, reason);
	if (result == AZJIT_OK)
		result = session_entry_append(item, "opened", reason);
	if (result != AZJIT_OK) {
		free(item);
		return result;
	}
	if (!session_item_add(list, item))
		return azjit_fail(reason, AZJIT_NOMEM, "no memory for a session");
	liveness_watch(item);
	*ret = &item->s;
	return AZJIT_OK;
}

enum azjit_result azjit_session_commit(struct azjit_sessions *list, const char *id, int pid)
{
	struct session_item *item = session_item_find(list, id);

	if (!item)
		return AZJIT_NOT_FOUND;
	if (item->s.pid != pid)
		return AZJIT_DENIED;
	if (item->s.committed)
		return AZJIT_OK;
	item->s.committed = true;
	item->commit_unwritten = true;
	if (list->settling)
		return AZJIT_OK;
	list->settling = azjit_source_timer(list->commits, COMMITTED_AFTER_MS) == AZJIT_OK;
	return list->settling ? AZJIT_OK : AZJIT_SYSTEM;
}

void azjit_session_undo(struct azjit_sessions *list, const char *id)
{
	struct session_item *item = session_item_find(list, id);

	if (item && !item->s.committed)
		session_item_end(item, "undone");
}

enum azjit_result azjit_session_close(struct azjit_sessions *list, const char *id)
{
	struct session_item *item = session_item_find(list, id);

	if (!item)
		return AZJIT_NOT_FOUND;
	session_item_end(item, "closed");
	return AZJIT_OK;
}

const struct azjit_session *azjit_session_find(struct azjit_sessions *list, const char *id)
{
	struct session_item *item = session_item_find(list, id);

	return item ? &item->s : NULL;
}

size_t azjit_sessions_count(const struct azjit_sessions *list)
{
	return list->count;
}

const struct azjit_session *azjit_sessions_at(const struct azjit_sessions *list, size_t index)
{
	return index < list->count ? &list->items[index]->s : NULL;
}
