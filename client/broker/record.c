// SPDX-License-Identifier: Apache-2.0
// Threat model. Who attacks: a user who makes the broker write without end, or who wants a refusal to
// leave no trace. What must hold: every refusal is an entry before it is told, up to a rate that no
// person reaches by hand; beyond it the last entry says that more follow.
#include "record.h"

#include <azjit/log.h>
#include <inttypes.h>
#include <stdio.h>

#define WINDOW_MS 60000
#define SLOTS     256

// Refusals of one uid in its current minute. Nobody's refusals count for another: who floods must not hide
// what someone else was refused.
struct slot {
	unsigned uid;
	uint64_t start_ms; // 0: free
	unsigned count;
};
static struct slot slots[SLOTS];

enum rate { RATE_OK, RATE_LAST, RATE_OVER };

static bool is_over(const struct slot *slot, uint64_t now)
{
	return slot->start_ms == 0 || now - slot->start_ms >= WINDOW_MS;
}

static void begin_minute(struct slot *slot, unsigned uid, uint64_t now)
{
	if (slot->count > DENIALS_A_MINUTE)
		azjit_log(LOG_WARNING, "%u refusals of uid %u were not recorded one by one",
		          slot->count - DENIALS_A_MINUTE, slot->uid);
	*slot = (struct slot){.uid = uid, .start_ms = now};
}

// NULL if so many are refused at once that there is no slot: then all is recorded.
static struct slot *slot_of(unsigned uid)
{
	uint64_t now = azjit_time_monotonic_ms();
	struct slot *ended = NULL;

	for (size_t i = 0; i < SLOTS; i++) {
		if (!is_over(&slots[i], now) && slots[i].uid == uid)
			return &slots[i];
		if (!ended && is_over(&slots[i], now))
			ended = &slots[i];
	}
	if (ended)
		begin_minute(ended, uid, now);
	return ended;
}

static enum rate rate_of(unsigned uid)
{
	struct slot *slot = slot_of(uid);

	if (!slot)
		return RATE_OK;
	slot->count++;
	if (slot->count > DENIALS_A_MINUTE)
		return RATE_OVER;
	return slot->count == DENIALS_A_MINUTE ? RATE_LAST : RATE_OK;
}

enum azjit_result record_entry(struct broker *broker, const struct azjit_entry *entry,
                               struct azjit_reason *reason)
{
	struct azjit_reason local;
	enum azjit_result result =
	        azjit_ledger_append(broker->ledger, azjit_time_now(), entry, reason ? reason : &local);

	if (result != AZJIT_OK)
		azjit_log(LOG_ERR, "nothing can be recorded: %s", reason ? reason->text : local.text);
	return result;
}

static void put_uid(struct azjit_entry *entry, bool has_uid, unsigned uid, char text[16])
{
	if (!has_uid)
		return;
	(void)snprintf(text, 16, "%u", uid);
	(void)azjit_entry_put(entry, "uid", text);
}

static void put_limit(struct azjit_entry *entry, enum rate rate)
{
	if (rate == RATE_LAST)
		(void)azjit_entry_put(entry, "more",
		                      "more refusals of this minute are not recorded one by one");
}

enum azjit_result record_denial(struct broker *broker, const struct denial *denial)
{
	struct azjit_entry entry = {.kind = AZJIT_ENTRY_DENIAL,
	                            .event = denial->event ? denial->event : "refused",
	                            .session = denial->session};
	char uid[16], port[8], count[24];
	enum rate rate = rate_of(denial->uid);

	if (rate == RATE_OVER)
		return AZJIT_OK;
	(void)snprintf(port, sizeof(port), "%u", denial->port);
	(void)snprintf(count, sizeof(count), "%" PRIu64, denial->count);
	(void)azjit_entry_put(&entry, "user", denial->user);
	put_uid(&entry, denial->has_uid, denial->uid, uid);
	(void)azjit_entry_put(&entry, "host", denial->host);
	(void)azjit_entry_put(&entry, "vm", denial->vm);
	(void)azjit_entry_put(&entry, "port", denial->port ? port : NULL);
	(void)azjit_entry_put(&entry, "count", denial->count ? count : NULL);
	(void)azjit_entry_put(&entry, "rule", denial->rule);
	(void)azjit_entry_put(&entry, "reason", denial->reason);
	put_limit(&entry, rate);
	return record_entry(broker, &entry, NULL);
}

void record_login(struct broker *broker, const struct login_record *login)
{
	struct azjit_entry entry = {.kind = AZJIT_ENTRY_LOGIN, .event = login->event};
	char uid[16];
	enum rate rate = rate_of(login->has_uid ? login->uid : UINT32_MAX);

	if (rate == RATE_OVER)
		return;
	(void)azjit_entry_put(&entry, "user", login->user);
	put_uid(&entry, login->has_uid, login->uid, uid);
	(void)azjit_entry_put(&entry, "service", login->service);
	(void)azjit_entry_put(&entry, "from", login->from);
	(void)azjit_entry_put(&entry, "tty", login->tty);
	(void)azjit_entry_put(&entry, "rule", login->rule);
	(void)azjit_entry_put(&entry, "reason", login->reason);
	put_limit(&entry, rate);
	(void)record_entry(broker, &entry, NULL);
}

enum azjit_result record_start(struct broker *broker, const char *event, const char *why,
                               struct azjit_reason *reason)
{
	struct azjit_entry entry = {.kind = AZJIT_ENTRY_START, .event = event};

	(void)azjit_entry_put(&entry, "version", AZJIT_VERSION);
	(void)azjit_entry_put(&entry, "host", broker->host);
	(void)azjit_entry_put(&entry, "reason", why);
	return record_entry(broker, &entry, reason);
}
