// SPDX-License-Identifier: Apache-2.0
// Verification. What it can prove: that the entries of the file are one unbroken chain, that the anchors
// which our intents carried belong to that very chain, and that Azure's Activity Log was seen to hold
// one of them. What it cannot: that nothing was cut off behind the newest anchor, or that the file is
// not an old copy whose own witnesses went with it. Only Azure's log tells that, and reconciliation is
// what asks it: requests of ours whose intents are gone are FOREIGN there.
#include "store.h"
#include <azjit/text.h>

struct azjit_verification {
	struct azjit_ledger *ledger;
	struct azjit_verify_report report;
	uint8_t previous[AZJIT_DIGEST_BYTES];
	struct azjit_head known; // what this process wrote last
	bool known_seen;
	uint64_t next_seq;
	size_t budget;            // entries that this step may still look at
	enum azjit_result result; // not OK: we could not look, which says nothing about the entries
	struct azjit_reason reason;
};

static void find_bad(struct azjit_verification *verifier, uint64_t seq, const char *what)
{
	verifier->report.ok = false;
	verifier->report.bad_seq = seq;
	(void)azjit_fail(&verifier->report.text, AZJIT_LEDGER, "entry %llu %s", (unsigned long long)seq,
	                 what);
}

// True if `uuid` is the anchor of entry `anchor_seq`, all entries before `seq` having been verified.
static bool anchor_fits(struct azjit_verification *verifier, uint64_t seq, uint64_t anchor_seq,
                        const char *uuid)
{
	uint8_t digest[AZJIT_DIGEST_BYTES] = {0};
	char expected[AZJIT_UUID_CHARS];

	if (anchor_seq >= seq)
		return false;
	if (anchor_seq > 0)
		verifier->result =
		        azjit_store_digest(verifier->ledger, anchor_seq, digest, &verifier->reason);
	if (verifier->result != AZJIT_OK)
		return false;
	azjit_uuid_from_digest(digest, expected);
	return azjit_ieq(expected, uuid);
}

static void check_anchor(struct azjit_verification *verifier, const struct azjit_stored *stored)
{
	bool witness = stored->entry.kind == AZJIT_ENTRY_RECONCILE;
	const char *uuid = azjit_entry_get(&stored->entry, witness ? "anchor_uuid" : "client_request_id");
	const char *number = azjit_entry_get(&stored->entry, "anchor_seq");
	const char *time = azjit_entry_get(&stored->entry, "event_time");
	uint64_t anchor_seq = 0;

	if ((!witness && stored->entry.kind != AZJIT_ENTRY_INTENT) || !uuid || !number)
		return;
	if (azjit_parse_u64(number, 0, INT64_MAX, &anchor_seq) != AZJIT_OK ||
	    !anchor_fits(verifier, stored->seq, anchor_seq, uuid)) {
		if (verifier->result == AZJIT_OK)
			find_bad(verifier, stored->seq,
			         "carries an anchor of another chain: entries before it were written anew");
		return;
	}
	if (!witness || anchor_seq < verifier->report.anchored_seq)
		return;
	verifier->report.anchored_seq = anchor_seq;
	verifier->report.anchor_time = 0;
	if (time)
		(void)azjit_time_parse(time, &verifier->report.anchor_time);
}

static void check_entry(struct azjit_verification *verifier, const struct azjit_stored *stored)
{
	uint64_t expected = verifier->report.entries;
	uint8_t digest[AZJIT_DIGEST_BYTES];

	if (stored->seq != expected) {
		find_bad(verifier, expected, "is missing");
		return;
	}
	if (!azjit_chain_digest(verifier->previous, stored->seq, stored->when, stored->host, &stored->entry,
	                        digest)) {
		verifier->result = azjit_fail(&verifier->reason, AZJIT_NOMEM, "memory ran out");
		return;
	}
	if (stored->damaged || memcmp(digest, stored->digest, sizeof(digest)) != 0) {
		find_bad(verifier, stored->seq, "does not fit its digest: it, or its place, was changed");
		return;
	}
	memcpy(verifier->previous, digest, sizeof(digest));
	if (stored->seq == verifier->known.seq)
		verifier->known_seen = memcmp(digest, verifier->known.digest, sizeof(digest)) == 0;
	check_anchor(verifier, stored);
}

static bool visit(void *userdata, const struct azjit_stored *stored)
{
	struct azjit_verification *verifier = userdata;

	if (verifier->budget == 0)
		return false;
	verifier->budget--;
	verifier->next_seq = stored->seq + 1;
	verifier->report.entries++;
	if (verifier->report.ok)
		check_entry(verifier, stored);
	return verifier->result == AZJIT_OK;
}

static void conclude(struct azjit_verification *verifier)
{
	struct azjit_verify_report *report = &verifier->report;
	char when[AZJIT_TIME_CHARS];

	if (report->ok && verifier->known.seq > 0 && !verifier->known_seen)
		find_bad(verifier, verifier->known.seq,
		         "was written by this broker and is gone: the ledger was cut or replaced");
	report->unanchored = report->entries - report->anchored_seq;
	if (!report->ok)
		return;
	if (report->anchored_seq == 0) {
		(void)azjit_fail(
		        &report->text, AZJIT_OK,
		        "%llu entries are one unbroken chain; nothing outside this host witnesses it yet "
		        "(azjit audit reconcile looks for anchors in Azure's Activity Log)",
		        (unsigned long long)report->entries);
		return;
	}
	azjit_time_format(report->anchor_time, when);
	(void)azjit_fail(
	        &report->text, AZJIT_OK,
	        "%llu entries are one unbroken chain; Azure's Activity Log was seen to witness it up to "
	        "entry %llu (event of %s); the %llu entries after that have no witness outside this host",
	        (unsigned long long)report->entries, (unsigned long long)report->anchored_seq,
	        report->anchor_time ? when : "an unknown time", (unsigned long long)report->unanchored);
}

enum azjit_result azjit_verification_new(struct azjit_ledger *ledger, struct azjit_reason *reason,
                                         struct azjit_verification **ret)
{
	struct azjit_verification *verifier = calloc(1, sizeof(*verifier));

	if (!verifier)
		return azjit_fail(reason, AZJIT_NOMEM, "memory ran out");
	verifier->ledger = ledger;
	verifier->report.ok = true;
	verifier->known = ledger->committed;
	verifier->result = AZJIT_OK;
	*ret = verifier;
	return AZJIT_OK;
}

void azjit_verification_free(struct azjit_verification *verifier)
{
	free(verifier);
}

enum azjit_result azjit_verification_step(struct azjit_verification *verifier, size_t max_entries,
                                          bool *ret_done, struct azjit_reason *reason)
{
	struct azjit_reason why = {0};
	enum azjit_result result;

	verifier->budget = max_entries;
	verifier->ledger->failure = SQLITE_OK;
	result = azjit_store_walk(verifier->ledger, verifier->next_seq, visit, verifier, &why);
	// A file that SQLite cannot read to its end is a finding; anything else only says that we could not
	// look.
	if (result == AZJIT_LEDGER && verifier->ledger->failure == SQLITE_CORRUPT)
		find_bad(verifier, verifier->report.entries + 1, "cannot be read: the file is damaged");
	else if (result != AZJIT_OK)
		return azjit_fail(reason, result, "%s", why.text);
	else if (verifier->result != AZJIT_OK)
		return azjit_fail(reason, verifier->result, "%s", verifier->reason.text);
	*ret_done = result != AZJIT_OK || verifier->budget > 0;
	if (*ret_done)
		conclude(verifier);
	return AZJIT_OK;
}

void azjit_verification_report(const struct azjit_verification *verifier, struct azjit_verify_report *ret)
{
	*ret = verifier->report;
}

enum azjit_result azjit_ledger_verify(struct azjit_ledger *ledger, struct azjit_verify_report *ret,
                                      struct azjit_reason *reason)
{
	_cleanup_(azjit_verification_freep) struct azjit_verification *verifier = NULL;
	enum azjit_result result = azjit_verification_new(ledger, reason, &verifier);
	bool done;

	if (!verifier)
		return result;
	result = azjit_verification_step(verifier, SIZE_MAX, &done, reason);
	if (result == AZJIT_OK)
		azjit_verification_report(verifier, ret);
	return result;
}
