// SPDX-License-Identifier: Apache-2.0
// Threat model. Who attacks: a caller who wants what she does to stand in another person's timeline, or
// in none. What must hold: the kernel's marks decide first; what the caller says decides only among
// sessions of her own uid.
#include "session_list.h"

struct question {
	struct session_proc proc;
	unsigned uid;
};

typedef bool fits_fn(const struct session_item *item, const struct question *q);

static bool by_uid(const struct session_item *item, const struct question *q)
{
	return item->s.uid == q->uid;
}

static bool by_audit(const struct session_item *item, const struct question *q)
{
	return item->s.audit == q->proc.audit && (q->uid == 0 || by_uid(item, q));
}

static bool by_scope(const struct session_item *item, const struct question *q)
{
	return azjit_streq(item->scope, q->proc.scope) && (q->uid == 0 || by_uid(item, q));
}

// The one session that fits, or of several the hinted one.
static const struct azjit_session *one(struct azjit_sessions *list, fits_fn *fits, const struct question *q,
                                       const char *hint, size_t *ret_count)
{
	const struct azjit_session *found = NULL;

	*ret_count = 0;
	for (size_t i = 0; i < list->count; i++) {
		const struct session_item *item = list->items[i];

		if (!fits(item, q))
			continue;
		if (hint && azjit_streq(item->s.id, hint)) {
			*ret_count = 1;
			return &item->s;
		}
		found = &item->s;
		(*ret_count)++;
	}
	return *ret_count == 1 ? found : NULL;
}

static const struct azjit_session *hinted(struct azjit_sessions *list, const struct question *q,
                                          const char *hint)
{
	const struct session_item *item = hint ? session_item_find(list, hint) : NULL;

	return item && by_uid(item, q) ? &item->s : NULL;
}

const struct azjit_session *azjit_session_of(struct azjit_sessions *list, int pid, unsigned uid,
                                             const char *hint, bool *ret_ambiguous)
{
	struct question q = {.proc = {.audit = SESSION_NO_AUDIT}, .uid = uid};
	const struct azjit_session *found = NULL;
	size_t count = 0;
	bool marked;

	*ret_ambiguous = false;
	(void)session_proc_read(pid, &q.proc);
	marked = q.proc.audit != SESSION_NO_AUDIT || q.proc.scope[0];
	if (q.proc.audit != SESSION_NO_AUDIT)
		found = one(list, by_audit, &q, hint, &count);
	if (count == 0 && q.proc.scope[0])
		found = one(list, by_scope, &q, hint, &count);
	if (count == 0)
		found = hinted(list, &q, hint);
	if (!found && count == 0 && !marked)
		found = one(list, by_uid, &q, hint, &count);
	*ret_ambiguous = !found && count > 1;
	return found;
}
