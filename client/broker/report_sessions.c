// SPDX-License-Identifier: Apache-2.0
// SESSIONS: session rows, and the timeline of one. An ordinary user sees her own sessions; in their
// timelines the entries of a grant that she shared, but nothing of other people's connections.
#include "report.h"
#include "report_tally.h"
#include "verbs.h"

#include <azjit/rows.h>

static void session_row(struct conn *conn, const struct tally *tally)
{
	struct azjit_wire_out out;

	conn_begin(&out, "ROW");
	azjit_wire_put(&out, "type", "session");
	azjit_wire_put(&out, "session", tally->id);
	azjit_wire_put(&out, "state", tally->state);
	azjit_wire_put(&out, "user", tally->user);
	azjit_wire_put_u64(&out, "uid", tally->uid);
	azjit_wire_put(&out, "service", tally->service);
	azjit_wire_put(&out, "from", tally->from);
	azjit_wire_put(&out, "tty", tally->tty);
	azjit_wire_put(&out, "auth", tally->auth);
	azjit_row_time(&out, "opened", tally->opened);
	azjit_row_time(&out, "closed", tally->closed);
	azjit_wire_put_u64(&out, "grants", tally->grant_count);
	azjit_wire_put_u64(&out, "flows", tally->flow_count);
	azjit_wire_put_u64(&out, "denials", tally->denial_count);
	conn_send(conn, &out);
}

static bool visible(const struct tally *tally, const struct report_filter *filter)
{
	if (filter->user[0] && (!tally->user || !azjit_streq(tally->user, filter->user)))
		return false;
	if (filter->id)
		return azjit_streq(tally->id, filter->id);
	return filter->all || azjit_streq(tally->state, "open");
}

static enum azjit_result send_rows(struct conn *conn, const struct tallies *tallies,
                                   const struct report_filter *filter, struct azjit_reason *reason)
{
	size_t sent = 0;

	for (size_t i = tallies->count; i-- > 0;) {
		if (!visible(tallies->items[i], filter))
			continue;
		if (conn_crowded(conn))
			return azjit_fail(
			        reason, AZJIT_BUSY,
			        "these are the newest %zu sessions: more do not fit; ask for one by its id",
			        sent);
		session_row(conn, tallies->items[i]);
		sent++;
	}
	if (sent == 0 && filter->id)
		return azjit_fail(reason, AZJIT_NOT_FOUND, "you have no session of that name");
	return AZJIT_OK;
}

enum azjit_result report_sessions(struct conn *conn, const struct report_filter *filter,
                                  struct azjit_reason *reason)
{
	struct tallies *tallies = &conn_broker(conn)->tallies;
	enum azjit_result result = tallies_update(conn_broker(conn)->ledger, tallies, reason);

	return result == AZJIT_OK ? send_rows(conn, tallies, filter, reason) : result;
}

// --- timeline -----------------------------------------------------------------------------------------

struct timeline {
	struct conn *conn;
	const struct tally *tally;
	bool cut;
};

// What several sessions share of a grant: how it was asked for and what became of it.
static bool shared(const struct azjit_entry *entry)
{
	switch (entry->kind) {
	case AZJIT_ENTRY_INTENT:
	case AZJIT_ENTRY_REQUEST:
	case AZJIT_ENTRY_RECONCILE:
	case AZJIT_ENTRY_ERROR:
		return true;
	case AZJIT_ENTRY_GRANT:
		return !azjit_streq(entry->event, "joined") && !azjit_streq(entry->event, "reused");
	case AZJIT_ENTRY_NONE:
	case AZJIT_ENTRY_START:
	case AZJIT_ENTRY_LOGIN:
	case AZJIT_ENTRY_SESSION:
	case AZJIT_ENTRY_DENIAL:
	case AZJIT_ENTRY_FLOW:
	case AZJIT_ENTRY_POWER:
		break;
	}
	return false;
}

static bool entry_row(void *userdata, const struct azjit_entry_read *read)
{
	struct timeline *timeline = userdata;
	const struct azjit_entry *entry = read->entry;
	bool own = entry->session && azjit_streq(entry->session, timeline->tally->id);
	bool of_grant = entry->grant && entry->grant[0] && shared(entry) &&
	                tally_has_grant(timeline->tally, entry->grant);
	struct azjit_wire_out out;
	size_t size;
	char *bytes;

	if (!own && !of_grant)
		return true;
	timeline->cut = conn_crowded(timeline->conn);
	if (timeline->cut)
		return false;
	bytes = conn_scratch(&size);
	azjit_row_entry(&out, bytes, size, read);
	conn_send(timeline->conn, &out);
	return true;
}

static enum azjit_result send_timeline(struct conn *conn, const struct report_filter *filter,
                                       struct azjit_reason *reason)
{
	struct tallies *tallies = &conn_broker(conn)->tallies;
	struct timeline timeline = {.conn = conn};
	enum azjit_result result = tallies_update(conn_broker(conn)->ledger, tallies, reason);

	if (result == AZJIT_OK)
		result = send_rows(conn, tallies, filter, reason);
	if (result != AZJIT_OK)
		return result;
	timeline.tally = tallies_find(tallies, filter->id); // send_rows found it
	result = azjit_ledger_timeline(conn_broker(conn)->ledger, filter->id, entry_row, &timeline, reason);
	if (result == AZJIT_OK && timeline.cut)
		result = azjit_fail(reason, AZJIT_BUSY,
		                    "the timeline is longer than fits here: root sees all of it");
	return result;
}

void verb_sessions(struct conn *conn, const struct azjit_wire_msg *msg)
{
	const char *all = azjit_wire_get(msg, "all");
	char user[256];
	struct report_filter filter = {
	        .user = user, .id = azjit_wire_get(msg, "session"), .all = all && azjit_streq(all, "1")};
	struct azjit_reason reason = {""};
	enum azjit_result result = report_viewer(conn, user, &reason);

	if (result == AZJIT_OK)
		result = filter.id ? send_timeline(conn, &filter, &reason)
		                   : report_sessions(conn, &filter, &reason);
	conn_done(conn, result, reason.text);
}
