// SPDX-License-Identifier: Apache-2.0
#include "session_list.h"

#include <stdio.h>

struct numbers {
	char uid[16], pid[16], start[24], audit[16], from[AZJIT_ADDR_CHARS];
};

static void put_opened(struct azjit_entry *entry, const struct session_item *item, struct numbers *n)
{
	const struct azjit_session *s = &item->s;

	(void)snprintf(n->pid, sizeof(n->pid), "%d", s->pid);
	(void)snprintf(n->start, sizeof(n->start), "%llu", (unsigned long long)s->pid_start);
	(void)snprintf(n->audit, sizeof(n->audit), "%u", s->audit);
	(void)azjit_entry_put(entry, "service", s->service);
	(void)azjit_entry_put(entry, "from", n->from[0] ? n->from : NULL);
	(void)azjit_entry_put(entry, "tty", s->tty[0] ? s->tty : NULL);
	(void)azjit_entry_put(entry, "auth", s->auth[0] ? s->auth : NULL);
	(void)azjit_entry_put(entry, "pid", n->pid);
	(void)azjit_entry_put(entry, "pid_start", n->start);
	(void)azjit_entry_put(entry, "audit", s->audit == SESSION_NO_AUDIT ? NULL : n->audit);
	(void)azjit_entry_put(entry, "scope", item->scope[0] ? item->scope : NULL);
	(void)azjit_entry_put(entry, "boot", item->boot);
}

enum azjit_result session_entry_append(const struct session_item *item, const char *event,
                                       struct azjit_reason *reason)
{
	struct azjit_entry entry = {.kind = AZJIT_ENTRY_SESSION, .event = event, .session = item->s.id};
	struct numbers n = {.from = ""};

	if (item->s.client.family != AZJIT_FAMILY_NONE)
		azjit_addr_format(&item->s.client, n.from);
	(void)snprintf(n.uid, sizeof(n.uid), "%u", item->s.uid);
	(void)azjit_entry_put(&entry, "user", item->s.user);
	(void)azjit_entry_put(&entry, "uid", n.uid);
	if (azjit_streq(event, "opened"))
		put_opened(&entry, item, &n);
	return azjit_ledger_append(item->list->ledger, azjit_time_now(), &entry, reason);
}

// False at the first that the ledger does not take.
static bool append_commits(const struct azjit_sessions *list, struct azjit_reason *reason)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i]->commit_unwritten &&
		    session_entry_append(list->items[i], "committed", reason) != AZJIT_OK)
			return false;
	return true;
}

static bool append_all(struct azjit_sessions *list, const struct session_item *ended, const char *how)
{
	struct azjit_reason reason;

	if (azjit_ledger_begin(list->ledger, &reason) != AZJIT_OK)
		return false;
	if (!append_commits(list, &reason) ||
	    (ended && session_entry_append(ended, how, &reason) != AZJIT_OK) ||
	    azjit_ledger_commit(list->ledger, &reason) != AZJIT_OK) {
		azjit_ledger_rollback(list->ledger);
		return false;
	}
	for (size_t i = 0; i < list->count; i++)
		list->items[i]->commit_unwritten = false;
	return true;
}

void session_entry_settle(struct azjit_sessions *list, const struct session_item *ended, const char *how)
{
	bool any = false;

	for (size_t i = 0; i < list->count; i++)
		any = any || list->items[i]->commit_unwritten;
	if (any && append_all(list, ended, how))
		return;
	if (ended)
		(void)session_entry_append(ended, how, NULL);
}

static bool read_u64(const struct azjit_entry *entry, const char *key, uint64_t max, uint64_t *ret)
{
	const char *text = azjit_entry_get(entry, key);

	return text && azjit_parse_u64(text, 0, max, ret) == AZJIT_OK;
}

static void read_text(const struct azjit_entry *entry, const char *key, char *field, size_t size)
{
	const char *text = azjit_entry_get(entry, key);

	(void)azjit_copy(field, size, text ? text : "");
}

bool session_entry_read(const struct azjit_entry *entry, azjit_ticks when, struct session_item *item)
{
	struct azjit_session *s = &item->s;
	const char *from = azjit_entry_get(entry, "from");
	uint64_t uid, pid, audit = SESSION_NO_AUDIT;

	if (!read_u64(entry, "uid", UINT32_MAX, &uid) || !read_u64(entry, "pid", INT32_MAX, &pid) ||
	    !read_u64(entry, "pid_start", UINT64_MAX, &s->pid_start))
		return false;
	(void)read_u64(entry, "audit", UINT32_MAX, &audit);
	if (!entry->session || !azjit_copy(s->id, sizeof(s->id), entry->session))
		return false;
	s->uid = (unsigned)uid;
	s->pid = (int)pid;
	s->audit = (uint32_t)audit;
	s->opened = when;
	if (!from || azjit_addr_parse(from, &s->client) != AZJIT_OK)
		s->client = (struct azjit_addr){0};
	read_text(entry, "user", s->user, sizeof(s->user));
	read_text(entry, "service", s->service, sizeof(s->service));
	read_text(entry, "tty", s->tty, sizeof(s->tty));
	read_text(entry, "auth", s->auth, sizeof(s->auth));
	read_text(entry, "scope", item->scope, sizeof(item->scope));
	read_text(entry, "boot", item->boot, sizeof(item->boot));
	return true;
}
