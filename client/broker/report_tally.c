// SPDX-License-Identifier: Apache-2.0
#include "report_tally.h"

#include <search.h>

static int compare(const void *a, const void *b)
{
	const struct tally *x = a, *y = b;

	return strcmp(x->id, y->id);
}

static void tally_free(struct tally *tally)
{
	free(tally->user);
	free(tally->service);
	free(tally->from);
	free(tally->tty);
	free(tally->auth);
	free(tally->grants);
	free(tally);
}

static void keep(void *node)
{
	(void)node; // the items own them
}

void tallies_free(struct tallies *tallies)
{
	tdestroy(tallies->by_id, keep);
	for (size_t i = 0; i < tallies->count; i++)
		tally_free(tallies->items[i]);
	free(tallies->items);
	*tallies = (struct tallies){.count = 0};
}

struct tally *tallies_find(const struct tallies *tallies, const char *id)
{
	struct tally key = {.id = ""};
	void *node;

	if (!id || !azjit_copy(key.id, sizeof(key.id), id))
		return NULL;
	node = tfind(&key, &tallies->by_id, compare);
	return node ? *(struct tally **)node : NULL;
}

bool tally_has_grant(const struct tally *tally, const char *grant)
{
	for (size_t i = 0; i < tally->grant_count; i++)
		if (azjit_streq(tally->grants[i], grant))
			return true;
	return false;
}

static char *field(const struct azjit_entry *entry, const char *key)
{
	const char *value = azjit_entry_get(entry, key);

	return value ? strdup(value) : NULL;
}

static struct tally *tally_new(const struct azjit_entry_read *read)
{
	struct tally *tally = calloc(1, sizeof(*tally));
	const char *uid = azjit_entry_get(read->entry, "uid");

	if (!tally)
		return NULL;
	(void)azjit_copy(tally->id, sizeof(tally->id), read->entry->session);
	tally->opened = read->when;
	tally->user = field(read->entry, "user");
	tally->service = field(read->entry, "service");
	tally->from = field(read->entry, "from");
	tally->tty = field(read->entry, "tty");
	tally->auth = field(read->entry, "auth");
	if (uid)
		(void)azjit_parse_u64(uid, 0, UINT32_MAX, &tally->uid);
	(void)azjit_copy(tally->state, sizeof(tally->state), "open");
	return tally;
}

static bool add(struct tallies *tallies, const struct azjit_entry_read *read)
{
	struct tally *tally;

	if (tallies->count == tallies->alloc) {
		size_t alloc = tallies->alloc ? tallies->alloc * 2 : 64;
		struct tally **items = reallocarray(tallies->items, alloc, sizeof(struct tally *));

		if (!items)
			return false;
		tallies->items = items;
		tallies->alloc = alloc;
	}
	tally = tally_new(read);
	if (!tally)
		return false;
	if (!tsearch(tally, &tallies->by_id, compare)) {
		tally_free(tally);
		return false;
	}
	tallies->items[tallies->count++] = tally;
	return true;
}

static bool count_grant(struct tally *tally, const char *grant)
{
	void *grants;

	if (!grant || !grant[0] || tally_has_grant(tally, grant))
		return true;
	grants = reallocarray(tally->grants, tally->grant_count + 1, AZJIT_UUID_CHARS);
	if (!grants)
		return false;
	tally->grants = grants;
	return azjit_copy(tally->grants[tally->grant_count++], AZJIT_UUID_CHARS, grant);
}

static bool take_session(struct tallies *tallies, struct tally *tally, const struct azjit_entry_read *read)
{
	const char *event = read->entry->event ? read->entry->event : "";

	if (!tally)
		return !azjit_streq(event, "opened") || add(tallies, read);
	if (azjit_streq(event, "closed") || azjit_streq(event, "lost") || azjit_streq(event, "undone")) {
		(void)azjit_copy(tally->state, sizeof(tally->state), event);
		tally->closed = read->when;
	}
	return true;
}

static bool take(void *userdata, const struct azjit_entry_read *read)
{
	struct tallies *tallies = userdata;
	const struct azjit_entry *entry = read->entry;
	struct tally *tally;

	tallies->next_seq = read->seq + 1;
	if (!entry->session || !entry->session[0])
		return true;
	tally = tallies_find(tallies, entry->session);
	if (entry->kind == AZJIT_ENTRY_SESSION)
		tallies->nomem = !take_session(tallies, tally, read);
	else if (tally) {
		tallies->nomem = !count_grant(tally, entry->grant);
		tally->flow_count += entry->kind == AZJIT_ENTRY_FLOW && azjit_streq(entry->event, "start");
		tally->denial_count += entry->kind == AZJIT_ENTRY_DENIAL;
	}
	return !tallies->nomem;
}

enum azjit_result tallies_update(struct azjit_ledger *ledger, struct tallies *tallies,
                                 struct azjit_reason *reason)
{
	enum azjit_result result =
	        azjit_ledger_read(ledger, tallies->next_seq, NULL, NULL, take, tallies, reason);

	if (result == AZJIT_OK && tallies->nomem)
		result = azjit_fail(reason, AZJIT_NOMEM, "no memory for the sessions of the ledger");
	if (result != AZJIT_OK)
		tallies_free(tallies);
	return result;
}
