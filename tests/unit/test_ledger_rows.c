// SPDX-License-Identifier: Apache-2.0
// What people read of entries: clauses, rows on the wire, and the timeline of one session.
#include "ledger_fixture.h"

#include <azjit/rows.h>

static void assert_clause(const struct azjit_entry *entry, const char *expected)
{
	char text[512];

	azjit_timeline_clause(entry, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void clauses_leave_out_what_is_absent(void **state)
{
	struct azjit_entry entry = {.kind = AZJIT_ENTRY_INTENT, .event = "sending"};

	(void)state;
	assert_clause(&entry, "asking Azure to open");
	(void)azjit_entry_put(&entry, "vm",
	                      "/subscriptions/s/resourceGroups/rg/providers/p/virtualMachines/web01");
	(void)azjit_entry_put(&entry, "port", "22");
	assert_clause(&entry, "asking Azure to open web01 port 22");
	(void)azjit_entry_put(&entry, "source", "10.0.0.4");
	(void)azjit_entry_put(&entry, "until", "2026-11-22T20:00:00.1234567Z");
	assert_clause(&entry,
	              "asking Azure to open web01 port 22 for 10.0.0.4 until 2026-11-22T20:00:00.1234567Z");
}

static void an_unknown_event_still_says_something(void **state)
{
	struct azjit_entry entry = {.kind = AZJIT_ENTRY_GRANT, .event = "frobbed"};

	(void)state;
	assert_clause(&entry, "grant frobbed");
	(void)azjit_entry_put(&entry, "text", "a text");
	assert_clause(&entry, "grant frobbed: a text");
	(void)azjit_entry_put(&entry, "reason", "a reason");
	assert_clause(&entry, "grant frobbed: a reason");
}

static void a_refusal_says_that_more_follow(void **state)
{
	struct azjit_entry entry = {.kind = AZJIT_ENTRY_DENIAL, .event = "guard"};

	(void)state;
	(void)azjit_entry_put(&entry, "user", "bob");
	(void)azjit_entry_put(&entry, "reason", "the guard refused bob 2 connections to web01 port 22");
	assert_clause(&entry, "the guard refused bob 2 connections to web01 port 22");
	(void)azjit_entry_put(&entry, "more", "and more");
	assert_clause(&entry, "the guard refused bob 2 connections to web01 port 22; and more");
	entry.event = "refused";
	assert_clause(&entry,
	              "bob was refused: the guard refused bob 2 connections to web01 port 22; and more");
}

static void a_value_is_no_template(void **state)
{
	struct azjit_entry entry = {.kind = AZJIT_ENTRY_DENIAL, .event = "refused"};

	(void)state;
	(void)azjit_entry_put(&entry, "user", "$reason");
	(void)azjit_entry_put(&entry, "host", "[x]%s");
	(void)azjit_entry_put(&entry, "reason", "no\x1b[31m \xff");
	assert_clause(&entry, "$reason was refused [x]%s: no\\x1b[31m \\xff");
}

static void a_long_value_is_cut_to_fit(void **state)
{
	struct azjit_entry entry = {.kind = AZJIT_ENTRY_ERROR, .event = "odd"};
	char value[4097], text[64];

	(void)state;
	memset(value, 'a', 4096);
	value[4096] = '\0';
	(void)azjit_entry_put(&entry, "reason", value);
	azjit_timeline_clause(&entry, text, sizeof(text));
	assert_int_equal(strlen(text), 63);
	assert_memory_equal(text, "error odd: aaa", 14);
}

// --- rows -------------------------------------------------------------------------------------------

static struct azjit_wire_msg parse(struct azjit_wire_out *out)
{
	struct azjit_wire_msg msg;
	size_t len = azjit_wire_end(out), used;

	assert_true(len > 0);
	assert_int_equal(azjit_wire_parse(out->bytes, len, AZJIT_WIRE_MAX_ROOT_BYTES, &msg, &used),
	                 AZJIT_WIRE_MESSAGE);
	assert_string_equal(msg.verb, "ROW");
	return msg;
}

static void assert_pair(const struct azjit_wire_msg *msg, const char *key, const char *value)
{
	const char *got = azjit_wire_get(msg, key);

	if (!got || !azjit_streq(got, value))
		fail_msg("%s is '%s', expected '%s'", key, got ? got : "(absent)", value);
}

static void an_entry_row_has_its_fields(void **state)
{
	static char bytes[AZJIT_WIRE_MAX_ROOT_BYTES];
	struct azjit_entry entry = {
	        .kind = AZJIT_ENTRY_FLOW, .event = "end", .session = "s-1", .grant = "g-1"};
	struct azjit_entry_read read = {.seq = 12, .when = T0, .entry = &entry};
	struct azjit_wire_out out;
	struct azjit_wire_msg msg;

	(void)state;
	(void)azjit_entry_put(&entry, "in", "10");
	(void)azjit_entry_put(&entry, "reason", "100%\nsure");
	(void)azjit_entry_put(&entry, "text", "hidden behind the clause");
	(void)azjit_entry_put(&entry, "in", "twice");
	azjit_row_entry(&out, bytes, sizeof(bytes), &read);
	msg = parse(&out);
	assert_pair(&msg, "type", "entry");
	assert_pair(&msg, "seq", "12");
	assert_pair(&msg, "when", "2021-11-21T00:00:00.0000000Z");
	assert_pair(&msg, "kind", "flow");
	assert_pair(&msg, "event", "end");
	assert_pair(&msg, "session", "s-1");
	assert_pair(&msg, "grant", "g-1");
	assert_pair(&msg, "in", "10");
	assert_pair(&msg, "reason", "100%\\x0asure");
	assert_pair(&msg, "text", "the connection ended, 10 bytes in: 100%\\x0asure");
}

// Nobody can make an entry whose row does not fit a message: that would hide it from every timeline.
static void the_largest_entry_fits_a_message(void **state)
{
	static char bytes[AZJIT_WIRE_MAX_ROOT_BYTES];
	static const char *const fillers[] = {"%", "a", "\n", "\xc3\xa4", "\xff"};
	char keys[AZJIT_ENTRY_FIELDS][33], value[4097];

	(void)state;
	for (size_t f = 0; f < AZJIT_COUNT(fillers); f++) {
		struct azjit_entry entry = {.kind = AZJIT_ENTRY_ERROR, .event = value};
		struct azjit_entry_read read = {.seq = UINT64_MAX, .when = T0, .entry = &entry};
		struct azjit_wire_out out;
		struct azjit_wire_msg msg;
		size_t len = strlen(fillers[f]);

		for (size_t i = 0; i + len < sizeof(value); i += len)
			memcpy(value + i, fillers[f], len + 1);
		for (int i = 0; i < AZJIT_ENTRY_FIELDS; i++) {
			memset(keys[i], 'k', 32);
			keys[i][0] = (char)('a' + i);
			keys[i][32] = '\0';
			assert_true(azjit_entry_put(&entry, keys[i], value));
		}
		azjit_row_entry(&out, bytes, sizeof(bytes), &read);
		msg = parse(&out);
		assert_int_equal(msg.pair_count, 6 + AZJIT_ENTRY_FIELDS);
	}
}

static void a_verify_row_says_all(void **state)
{
	char bytes[4096];
	struct azjit_verify_report report = {.ok = true,
	                                     .entries = 30,
	                                     .anchored_seq = 20,
	                                     .anchor_time = T0,
	                                     .unanchored = 10,
	                                     .text = {"a sentence"}};
	struct azjit_wire_out out;
	struct azjit_wire_msg msg;

	(void)state;
	azjit_row_verify(&out, bytes, sizeof(bytes), &report);
	msg = parse(&out);
	assert_pair(&msg, "type", "verify");
	assert_pair(&msg, "ok", "1");
	assert_pair(&msg, "entries", "30");
	assert_pair(&msg, "anchored_seq", "20");
	assert_pair(&msg, "anchor_time", "2021-11-21T00:00:00.0000000Z");
	assert_pair(&msg, "unanchored", "10");
	assert_pair(&msg, "text", "a sentence");
	assert_null(azjit_wire_get(&msg, "bad_seq"));
}

static void a_verdict_row_leaves_out_what_is_not_known(void **state)
{
	char bytes[4096];
	struct azjit_reconcile_row row = {.verdict = AZJIT_RECONCILE_FOREIGN,
	                                  .grant = "",
	                                  .correlation_id = "c",
	                                  .client_request_id = "",
	                                  .vm = NULL,
	                                  .caller = "me\x1b",
	                                  .status = "Accepted",
	                                  .when = 0,
	                                  .text = "why"};
	struct azjit_wire_out out;
	struct azjit_wire_msg msg;

	(void)state;
	azjit_row_verdict(&out, bytes, sizeof(bytes), &row);
	msg = parse(&out);
	assert_int_equal(msg.pair_count, 6);
	assert_pair(&msg, "type", "verdict");
	assert_pair(&msg, "verdict", "foreign");
	assert_pair(&msg, "correlation_id", "c");
	assert_pair(&msg, "caller", "me\\x1b");
	assert_pair(&msg, "status", "Accepted");
	assert_pair(&msg, "text", "why");
}

// --- timelines --------------------------------------------------------------------------------------

static void put_entry(struct azjit_ledger *ledger, enum azjit_entry_kind kind, const char *event,
                      const char *session, const char *grant)
{
	struct azjit_entry entry = {.kind = kind, .event = event, .session = session, .grant = grant};

	append(ledger, &entry, T0);
}

static bool add_event(void *userdata, const struct azjit_entry_read *read)
{
	char *events = userdata;

	(void)strncat(events, read->entry->event, 255 - strlen(events));
	(void)strncat(events, " ", 255 - strlen(events));
	return true;
}

static void assert_timeline(struct azjit_ledger *ledger, const char *session, const char *expected)
{
	struct azjit_reason reason;
	char events[256] = "";

	assert_int_equal(azjit_ledger_timeline(ledger, session, add_event, events, &reason), AZJIT_OK);
	assert_string_equal(events, expected);
}

// alice's login caused the grant, bob joined it: its story is in both timelines, their connections are not.
static void a_timeline_has_the_grants_story_and_nobody_elses(void **state)
{
	struct azjit_ledger *ledger = open_ledger(*state);

	put_entry(ledger, AZJIT_ENTRY_SESSION, "opened", "alice", NULL);
	put_entry(ledger, AZJIT_ENTRY_INTENT, "sending", "alice", "g");
	put_entry(ledger, AZJIT_ENTRY_REQUEST, "accepted", NULL, "g");
	put_entry(ledger, AZJIT_ENTRY_FLOW, "first-byte", "alice", "g");
	put_entry(ledger, AZJIT_ENTRY_GRANT, "joined", "bob", "g");
	put_entry(ledger, AZJIT_ENTRY_FLOW, "end", "bob", "g");
	put_entry(ledger, AZJIT_ENTRY_DENIAL, "refused", "carol", NULL);
	put_entry(ledger, AZJIT_ENTRY_RECONCILE, "matched", NULL, "g");
	put_entry(ledger, AZJIT_ENTRY_GRANT, "open", NULL, "unrelated");
	assert_timeline(ledger, "alice", "opened sending accepted first-byte joined matched ");
	assert_timeline(ledger, "bob", "sending accepted joined end matched ");
	assert_timeline(ledger, "carol", "refused ");
	assert_timeline(ledger, "nobody", "");
	assert_timeline(ledger, "", "");
	azjit_ledger_close(ledger);
}

static void put_at(struct azjit_ledger *ledger, enum azjit_entry_kind kind, const char *event,
                   azjit_ticks when)
{
	struct azjit_entry entry = {.kind = kind, .event = event};

	append(ledger, &entry, when);
}

static void assert_refusals(struct azjit_ledger *ledger, azjit_ticks from, const char *expected)
{
	struct azjit_reason reason;
	char events[256] = "";

	assert_int_equal(azjit_ledger_refusals(ledger, from, add_event, events, &reason), AZJIT_OK);
	assert_string_equal(events, expected);
}

static void refusals_are_found_by_time(void **state)
{
	struct azjit_ledger *ledger = open_ledger(*state);

	put_at(ledger, AZJIT_ENTRY_LOGIN, "denied", T0);
	put_at(ledger, AZJIT_ENTRY_LOGIN, "break-glass", T0 + 1);
	put_at(ledger, AZJIT_ENTRY_DENIAL, "guard", T0 + 3);
	put_at(ledger, AZJIT_ENTRY_FLOW, "refused", T0 + 3);
	put_at(ledger, AZJIT_ENTRY_DENIAL, "refused", T0 + 2); // the clock was set back
	put_entry(ledger, AZJIT_ENTRY_GRANT, "denied", "alice", NULL);
	put_at(ledger, AZJIT_ENTRY_LOGIN, "unchecked", T0 + 1);
	put_at(ledger, AZJIT_ENTRY_LOGIN, "allowed", T0 + 1);
	assert_refusals(ledger, INT64_MIN, "denied break-glass unchecked refused guard ");
	assert_refusals(ledger, T0, "denied break-glass unchecked refused guard ");
	assert_refusals(ledger, T0 + 2, "refused guard ");
	assert_refusals(ledger, T0 + 4, "");
	azjit_ledger_close(ledger);
}

static void drop_index(const struct place *place)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(place->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "DROP INDEX entry_refused", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

// A ledger of an azjit that had no such index gets it, and stays readable for that azjit.
static void an_older_ledger_is_given_the_index(void **state)
{
	const struct place *place = *state;
	struct azjit_ledger *ledger = open_ledger(place);

	put_at(ledger, AZJIT_ENTRY_DENIAL, "guard", T0);
	azjit_ledger_close(ledger);
	drop_index(place);
	ledger = open_ledger(place);
	assert_refusals(ledger, T0, "guard ");
	assert_true(verify(ledger).ok);
	azjit_ledger_close(ledger);
	drop_index(place); // it is there again
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(clauses_leave_out_what_is_absent),
	        cmocka_unit_test(an_unknown_event_still_says_something),
	        cmocka_unit_test(a_refusal_says_that_more_follow),
	        cmocka_unit_test(a_value_is_no_template),
	        cmocka_unit_test(a_long_value_is_cut_to_fit),
	        cmocka_unit_test(an_entry_row_has_its_fields),
	        cmocka_unit_test(the_largest_entry_fits_a_message),
	        cmocka_unit_test(a_verify_row_says_all),
	        cmocka_unit_test(a_verdict_row_leaves_out_what_is_not_known),
	        ledger_test(a_timeline_has_the_grants_story_and_nobody_elses),
	        ledger_test(refusals_are_found_by_time),
	        ledger_test(an_older_ledger_is_given_the_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
