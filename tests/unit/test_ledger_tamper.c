// SPDX-License-Identifier: Apache-2.0
// What an attacker with write access to the file does, and who notices: verification alone, or only
// reconciliation with Azure's log, which he cannot edit.
#include "ledger_fixture.h"

#include "../../client/ledger/store.h"

#define OWN "0c4e1f6a-1111-4222-8333-444455556666"
#define VM  "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/web01"
#define POLICY                                                                          \
	"/subscriptions/s/resourceGroups/rg/providers/Microsoft.Security/locations/eu/" \
	"jitNetworkAccessPolicies/default"
#define INITIATE "Microsoft.Security/locations/jitNetworkAccessPolicies/initiate/action"

// --- a ledger and the log that Azure keeps of it ----------------------------------------------------

struct azure_log {
	struct azjit_activity_event events[32];
	char ids[32][3][AZJIT_UUID_CHARS]; // client request, correlation, event
	size_t count;
};

static void log_request(struct azure_log *log, const char *client, const char *correlation, azjit_ticks when)
{
	for (int end = 0; end < 2; end++) {
		char(*ids)[AZJIT_UUID_CHARS] = log->ids[log->count];

		assert_true(log->count < AZJIT_COUNT(log->events));
		memcpy(ids[0], client, AZJIT_UUID_CHARS);
		memcpy(ids[1], correlation, AZJIT_UUID_CHARS);
		assert_int_equal(azjit_uuid_random(ids[2]), AZJIT_OK);
		log->events[log->count++] = (struct azjit_activity_event){
		        .event_data_id = ids[2],
		        .correlation_id = ids[1],
		        .client_request_id = ids[0],
		        .operation = INITIATE,
		        .event_name = end ? "EndRequest" : "BeginRequest",
		        .status = end ? "Accepted" : "Started",
		        .sub_status = "",
		        .caller = OWN,
		        .resource_id = POLICY,
		        .client_address = "",
		        .event_time = when + end * AZJIT_TICKS_PER_S,
		        .submission_time = when + 60 * AZJIT_TICKS_PER_S,
		};
	}
}

// Intent and answer of one request, as the engine writes them, and Azure's two events.
static void ask(struct azjit_ledger *ledger, struct azure_log *log, azjit_ticks when)
{
	char client[AZJIT_UUID_CHARS], correlation[AZJIT_UUID_CHARS], number[24];
	struct azjit_entry intent = {
	        .kind = AZJIT_ENTRY_INTENT, .event = "sending", .session = "s-1", .grant = "g-1"};
	struct azjit_entry answer = {.kind = AZJIT_ENTRY_REQUEST, .event = "accepted", .grant = "g-1"};
	uint64_t seq;

	azjit_ledger_anchor(ledger, client, &seq);
	assert_int_equal(azjit_uuid_random(correlation), AZJIT_OK);
	(void)snprintf(number, sizeof(number), "%llu", (unsigned long long)seq);
	(void)azjit_entry_put(&intent, "vm", VM);
	(void)azjit_entry_put(&intent, "client_request_id", client);
	(void)azjit_entry_put(&intent, "correlation_id", correlation);
	(void)azjit_entry_put(&intent, "anchor_seq", number);
	append(ledger, &intent, when);
	(void)azjit_entry_put(&answer, "client_request_id", client);
	(void)azjit_entry_put(&answer, "answer_correlation_id", correlation);
	append(ledger, &answer, when + AZJIT_TICKS_PER_S);
	log_request(log, client, correlation, when);
}

struct counts {
	int verdict[AZJIT_RECONCILE_OTHER + 1];
	char text[512]; // of the newest FOREIGN
};

static void count(void *userdata, const struct azjit_reconcile_row *row)
{
	struct counts *counts = userdata;

	counts->verdict[row->verdict]++;
	if (row->verdict == AZJIT_RECONCILE_FOREIGN)
		(void)snprintf(counts->text, sizeof(counts->text), "%s", row->text);
}

static struct counts reconcile_as(struct azjit_ledger *ledger, const struct azure_log *log, const char *own)
{
	const azjit_ticks hour = 3600 * AZJIT_TICKS_PER_S;
	struct counts counts = {0};
	struct azjit_reason reason = {0};

	if (azjit_ledger_reconcile(ledger, T0 - hour, T0 + 3 * hour, T0 + 3 * hour, own, log->events,
	                           log->count, count, &counts, &reason) != AZJIT_OK)
		fail_msg("%s", reason.text);
	return counts;
}

static struct counts reconcile(struct azjit_ledger *ledger, const struct azure_log *log)
{
	return reconcile_as(ledger, log, OWN);
}

static azjit_ticks minute(int number)
{
	return T0 + number * 60 * AZJIT_TICKS_PER_S;
}

// 4 requests with notes between: entries 1..20.
static void build(struct azjit_ledger *ledger, struct azure_log *log)
{
	for (int i = 0; i < 4; i++) {
		append_notes(ledger, 3);
		ask(ledger, log, minute(10 * i));
	}
}

// --- what verification notices ----------------------------------------------------------------------

static const struct attack {
	const char *name, *sql;
	uint64_t bad_seq; // 0: the newest entry no longer fits, so the file is not even opened
} attacks[] = {
        {"edits an event", "UPDATE entry SET event = 'closed' WHERE seq = 7", 7},
        {"edits a time", "UPDATE entry SET at = at + 1 WHERE seq = 7", 7},
        {"edits a kind", "UPDATE entry SET kind = 'login' WHERE seq = 7", 7},
        {"edits a session", "UPDATE entry SET session = 's-2' WHERE seq = 7", 7},
        {"edits a grant", "UPDATE entry SET grant_id = 'g-2' WHERE seq = 5", 5},
        {"edits a host", "UPDATE entry SET host = 'other' WHERE seq = 7", 7},
        {"edits a digest", "UPDATE entry SET digest = zeroblob(32) WHERE seq = 7", 7},
        {"edits a value", "UPDATE field SET value = 'mallory' WHERE seq = 7 AND key = 'user'", 7},
        {"renames a field", "UPDATE field SET key = 'other' WHERE seq = 7 AND key = 'user'", 7},
        {"removes a field", "DELETE FROM field WHERE seq = 7 AND key = 'user'", 7},
        {"adds a field", "INSERT INTO field VALUES (7, 9, 'k', 'v')", 7},
        {"adds too many fields",
         "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 60)"
         " INSERT INTO field SELECT 7, i, 'k', 'v' FROM n",
         7},
        {"swaps two fields", "UPDATE field SET pos = 7 - pos WHERE seq = 7", 7},
        {"removes the first entry", "DELETE FROM field WHERE seq = 1; DELETE FROM entry WHERE seq = 1", 1},
        {"removes one in the middle", "DELETE FROM field WHERE seq = 7; DELETE FROM entry WHERE seq = 7", 7},
        {"removes one and closes the gap",
         "DELETE FROM field WHERE seq = 7; DELETE FROM entry WHERE seq = 7;"
         "UPDATE entry SET seq = seq - 1 WHERE seq > 7; UPDATE field SET seq = seq - 1 WHERE seq > 7",
         0},
        {"swaps two entries",
         "UPDATE entry SET seq = 99 WHERE seq = 7; UPDATE entry SET seq = 7 WHERE seq = 6;"
         "UPDATE entry SET seq = 6 WHERE seq = 99; UPDATE field SET seq = 99 WHERE seq = 7;"
         "UPDATE field SET seq = 7 WHERE seq = 6; UPDATE field SET seq = 6 WHERE seq = 99",
         6},
        {"repeats an entry at the end",
         "INSERT INTO entry SELECT 21, at, kind, event, session, grant_id, host, digest FROM entry"
         " WHERE seq = 20",
         0},
        {"hides bytes behind a NUL", "UPDATE field SET value = value || char(0) || 'x' WHERE seq = 7", 7},
};

static void verification_notices_each_attack(void **state)
{
	for (size_t i = 0; i < AZJIT_COUNT(attacks); i++) {
		struct place place = *(struct place *)*state;
		struct azure_log log = {.count = 0};
		struct azjit_verify_report report;
		struct azjit_ledger *ledger;
		struct azjit_reason reason = {0};

		(void)snprintf(place.path, sizeof(place.path), "%s/%zu.db", place.dir, i);
		ledger = open_ledger(&place);
		build(ledger, &log);
		azjit_ledger_close(ledger);
		tamper(&place, attacks[i].sql);
		if (azjit_ledger_open(place.path, "jump", &reason, &ledger) != AZJIT_OK) {
			if (attacks[i].bad_seq != 0 || !strstr(reason.text, "newest entry"))
				fail_msg("%s: %s", attacks[i].name, reason.text);
			continue;
		}
		report = verify(ledger);
		if (report.ok || report.bad_seq != attacks[i].bad_seq)
			fail_msg("%s: ok %d, entry %llu: %s", attacks[i].name, report.ok,
			         (unsigned long long)report.bad_seq, report.text.text);
		azjit_ledger_close(ledger);
	}
}

static void a_changed_last_entry_is_not_continued(void **state)
{
	struct azjit_ledger *ledger = open_ledger(*state);
	struct azjit_reason reason = {0};
	const struct place *place = *state;

	append_notes(ledger, 4);
	azjit_ledger_close(ledger);
	tamper(place, "UPDATE field SET value = 'mallory' WHERE seq = 4 AND key = 'user'");
	ledger = NULL;
	assert_int_equal(azjit_ledger_open(place->path, "jump", &reason, &ledger), AZJIT_LEDGER);
	assert_non_null(strstr(reason.text, "(4)"));
	assert_null(ledger);
}

static void a_damaged_file_is_a_finding(void **state)
{
	const struct place *place = *state;
	struct azjit_ledger *ledger = open_ledger(place);
	struct azjit_verify_report report;
	char page[4096];
	int fd;

	append_notes(ledger, 2000);
	azjit_ledger_close(ledger);
	memset(page, 0xa5, sizeof(page));
	fd = open(place->path, O_WRONLY | O_CLOEXEC);
	for (int at = 30; at < 45; at++)
		assert_int_equal(pwrite(fd, page, sizeof(page), at * 4096), sizeof(page));
	close(fd);
	ledger = open_ledger(place);
	report = verify(ledger);
	assert_false(report.ok);
	assert_true(report.bad_seq > 0);
	azjit_ledger_close(ledger);
}

// In steps, with entries appended between them, it finds what it finds at once.
static void steps_find_what_one_look_finds(void **state)
{
	struct azjit_ledger *ledger = open_ledger(*state);
	struct azure_log log = {.count = 0};
	struct azjit_reason reason = {0};

	build(ledger, &log);
	for (size_t size = 1; size < 25; size++) {
		struct azjit_verification *verification = NULL;
		struct azjit_verify_report report;
		bool done = false;
		size_t steps = 0;

		if (size == 20)
			tamper(*state, "UPDATE field SET value = 'mallory' WHERE seq = 7 AND key = 'user'");
		assert_int_equal(azjit_verification_new(ledger, &reason, &verification), AZJIT_OK);
		while (!done) {
			assert_int_equal(azjit_verification_step(verification, size, &done, &reason),
			                 AZJIT_OK);
			if (steps++ == 0)
				append_notes(ledger, 1);
		}
		assert_true(steps > 1);
		azjit_verification_report(verification, &report);
		assert_int_equal(report.ok, size < 20);
		assert_int_equal(report.bad_seq, size < 20 ? 0 : 7);
		assert_int_equal(report.entries, 20 + size);
		azjit_verification_free(verification);
	}
	azjit_ledger_close(ledger);
}

// --- what only Azure's log tells --------------------------------------------------------------------

static void an_honest_ledger_is_witnessed(void **state)
{
	struct azjit_ledger *ledger = open_ledger(*state);
	struct azure_log log = {.count = 0};
	struct azjit_verify_report report;
	struct counts counts;

	build(ledger, &log);
	counts = reconcile(ledger, &log);
	assert_int_equal(counts.verdict[AZJIT_RECONCILE_MATCHED], 4);
	assert_int_equal(counts.verdict[AZJIT_RECONCILE_FOREIGN], 0);
	report = verify(ledger);
	assert_true(report.ok);
	assert_int_equal(report.entries, 24);
	assert_int_equal(report.anchored_seq, 18); // the head when the fourth intent (19) was written
	assert_int_equal(report.unanchored, 6);
	assert_int_equal(report.anchor_time, minute(30));
	azjit_ledger_close(ledger);
}

static void a_verdict_is_recorded_once(void **state)
{
	struct azjit_ledger *ledger = open_ledger(*state);
	struct azure_log log = {.count = 0};

	build(ledger, &log);
	(void)reconcile(ledger, &log);
	assert_int_equal(verify(ledger).entries, 24);
	assert_int_equal(reconcile(ledger, &log).verdict[AZJIT_RECONCILE_MATCHED], 4);
	assert_int_equal(verify(ledger).entries, 24);
	azjit_ledger_close(ledger);
}

static void assert_rolled_back(struct azjit_ledger *ledger, const struct azure_log *log, int foreign)
{
	struct counts counts;

	assert_true(verify(ledger).ok); // alone it cannot know
	counts = reconcile(ledger, log);
	assert_int_equal(counts.verdict[AZJIT_RECONCILE_FOREIGN], foreign);
	assert_non_null(strstr(counts.text, "cut off, rolled back or replaced by an old copy"));
}

static void a_cut_tail_shows_as_foreign(void **state)
{
	struct azjit_ledger *ledger = open_ledger(*state);
	struct azure_log log = {.count = 0};

	build(ledger, &log);
	(void)reconcile(ledger, &log);
	azjit_ledger_close(ledger);
	tamper(*state, "DELETE FROM field WHERE seq > 12; DELETE FROM entry WHERE seq > 12");
	ledger = open_ledger(*state);
	assert_rolled_back(ledger, &log, 2);
	azjit_ledger_close(ledger);
}

// With a managed identity no id is configured: what earlier reconciliations saw tells, even if no
// request of ours is left in the window.
static void a_cut_tail_shows_without_a_configured_id(void **state)
{
	struct azjit_ledger *ledger = open_ledger(*state);
	struct azure_log log = {.count = 0}, later;

	ask(ledger, &log, T0 - 60 * AZJIT_TICKS_PER_S);
	assert_int_equal(reconcile_as(ledger, &log, "").verdict[AZJIT_RECONCILE_MATCHED], 1);
	later = (struct azure_log){.count = 0};
	ask(ledger, &later, minute(1));
	azjit_ledger_close(ledger);
	tamper(*state, "DELETE FROM field WHERE seq > 3; DELETE FROM entry WHERE seq > 3");
	ledger = open_ledger(*state);
	assert_int_equal(reconcile_as(ledger, &later, "").verdict[AZJIT_RECONCILE_FOREIGN], 1);
	azjit_ledger_close(ledger);
}

static void an_old_copy_shows_as_foreign(void **state)
{
	const struct place *place = *state;
	struct azjit_ledger *ledger = open_ledger(place);
	struct azure_log log = {.count = 0};
	char old[128];

	ask(ledger, &log, minute(1));
	(void)reconcile(ledger, &log);
	azjit_ledger_close(ledger);
	(void)snprintf(old, sizeof(old), "%s/backup", place->dir);
	copy_file(place->path, old);
	ledger = open_ledger(place);
	ask(ledger, &log, minute(2));
	ask(ledger, &log, minute(3));
	azjit_ledger_close(ledger);
	assert_int_equal(rename(old, place->path), 0);
	ledger = open_ledger(place);
	assert_rolled_back(ledger, &log, 2);
	azjit_ledger_close(ledger);
}

static void a_new_empty_ledger_shows_as_foreign(void **state)
{
	const struct place *place = *state;
	struct azjit_ledger *ledger = open_ledger(place);
	struct azure_log log = {.count = 0};

	build(ledger, &log);
	azjit_ledger_close(ledger);
	assert_int_equal(unlink(place->path), 0);
	ledger = open_ledger(place);
	append_notes(ledger, 1);
	assert_rolled_back(ledger, &log, 4);
	azjit_ledger_close(ledger);
}

// The attacker edits an entry and computes every later digest anew, as our own code would.
struct rebuild {
	sqlite3 *db;
	uint8_t previous[32];
};

static bool rebuild_one(void *userdata, const struct azjit_stored *stored)
{
	struct rebuild *rebuild = userdata;
	sqlite3_stmt *update = NULL;

	assert_true(azjit_chain_digest(rebuild->previous, stored->seq, stored->when, stored->host,
	                               &stored->entry, rebuild->previous));
	assert_int_equal(sqlite3_prepare_v2(rebuild->db, "UPDATE entry SET digest = ? WHERE seq = ?", -1,
	                                    &update, NULL),
	                 SQLITE_OK);
	sqlite3_bind_blob(update, 1, rebuild->previous, 32, SQLITE_STATIC);
	sqlite3_bind_int64(update, 2, (sqlite3_int64)stored->seq);
	assert_int_equal(sqlite3_step(update), SQLITE_DONE);
	sqlite3_finalize(update);
	return true;
}

static void rebuild_chain(struct azjit_ledger *ledger, const struct place *place)
{
	struct rebuild rebuild = {.db = NULL};

	assert_int_equal(sqlite3_open(place->path, &rebuild.db), SQLITE_OK);
	assert_int_equal(azjit_store_walk(ledger, 0, rebuild_one, &rebuild, NULL), AZJIT_OK);
	sqlite3_close(rebuild.db);
}

static void a_chain_computed_anew_loses_its_anchors(void **state)
{
	const struct place *place = *state;
	struct azjit_ledger *ledger = open_ledger(place);
	struct azure_log log = {.count = 0};
	struct azjit_verify_report report;

	build(ledger, &log);
	(void)reconcile(ledger, &log);
	azjit_ledger_close(ledger);
	tamper(place, "UPDATE field SET value = 'mallory' WHERE seq = 7 AND key = 'user'");
	ledger = open_ledger(place);
	rebuild_chain(ledger, place);
	azjit_ledger_close(ledger);
	ledger = open_ledger(place);
	report = verify(ledger);
	assert_false(report.ok);
	assert_int_equal(report.bad_seq, 9); // the second intent: its anchor is of the former entry 8
	assert_non_null(strstr(report.text.text, "written anew"));
	azjit_ledger_close(ledger);
}

// … and gives the later intents new anchors, too: then they are not what Azure's log holds.
static void new_anchors_are_foreign_to_azure(void **state)
{
	const struct place *place = *state;
	struct azjit_ledger *ledger = open_ledger(place), *forged;
	struct azure_log log = {.count = 0}, ignored = {.count = 0};
	struct place copy = *place;
	struct counts counts;

	build(ledger, &log);
	azjit_ledger_close(ledger);
	(void)snprintf(copy.path, sizeof(copy.path), "%s/forged.db", place->dir);
	forged = open_ledger(&copy);
	build(forged, &ignored); // the same history, written by the attacker with other ids
	assert_true(verify(forged).ok);
	counts = reconcile(forged, &log);
	assert_int_equal(counts.verdict[AZJIT_RECONCILE_MATCHED],
	                 1); // the first anchor had nothing to differ
	assert_int_equal(counts.verdict[AZJIT_RECONCILE_MISSING], 3);
	assert_int_equal(counts.verdict[AZJIT_RECONCILE_FOREIGN], 3);
	azjit_ledger_close(forged);
}

// A witness is an entry like any other: one written by hand must still name a digest of this chain.
static void a_witness_for_another_chain_is_refused(void **state)
{
	struct azjit_ledger *ledger = open_ledger(*state);
	struct azjit_entry entry = {.kind = AZJIT_ENTRY_RECONCILE, .event = "matched"};
	struct azjit_verify_report report;

	append_notes(ledger, 3);
	(void)azjit_entry_put(&entry, "anchor_seq", "2");
	(void)azjit_entry_put(&entry, "anchor_uuid", "00000000-0000-8000-8000-000000000000");
	append(ledger, &entry, T0);
	report = verify(ledger);
	assert_false(report.ok);
	assert_int_equal(report.bad_seq, 4);
	assert_int_equal(report.anchored_seq, 0);
	azjit_ledger_close(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        ledger_test(verification_notices_each_attack),
	        ledger_test(a_changed_last_entry_is_not_continued),
	        ledger_test(a_damaged_file_is_a_finding),
	        ledger_test(steps_find_what_one_look_finds),
	        ledger_test(an_honest_ledger_is_witnessed),
	        ledger_test(a_verdict_is_recorded_once),
	        ledger_test(a_cut_tail_shows_as_foreign),
	        ledger_test(a_cut_tail_shows_without_a_configured_id),
	        ledger_test(an_old_copy_shows_as_foreign),
	        ledger_test(a_new_empty_ledger_shows_as_foreign),
	        ledger_test(a_chain_computed_anew_loses_its_anchors),
	        ledger_test(new_anchors_are_foreign_to_azure),
	        ledger_test(a_witness_for_another_chain_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
