// SPDX-License-Identifier: Apache-2.0
// AUDIT-VERIFY, AUDIT-RECONCILE and AUDIT-REFUSALS, for root.
#include "reconcile.h"
#include "verbs.h"

#include <azjit/rows.h>

#define VERIFY_A_TURN   500 // entries, some milliseconds
#define SINCE_DEFAULT_S 86400
#define SINCE_MOST_S    (90 * 86400) // the Activity Log keeps no more (azure.md §4)

// A verification that lets the loop turn between its steps: 100,000 entries take more than a second.
struct verifying {
	struct conn *conn;
	struct azjit_verification *verification;
	struct azjit_source *turn;
};

static void verifying_free(struct verifying *verifying)
{
	azjit_source_free(verifying->turn);
	azjit_verification_free(verifying->verification);
	free(verifying);
}

static void verifying_gone(struct conn *conn, void *work)
{
	(void)conn;
	verifying_free(work);
}

static void verified(struct verifying *verifying, enum azjit_result result, const char *reason)
{
	struct conn *conn = verifying->conn;
	struct azjit_verify_report report;
	struct azjit_wire_out out;
	size_t size;
	char *bytes;

	if (result == AZJIT_OK) {
		azjit_verification_report(verifying->verification, &report);
		bytes = conn_scratch(&size);
		azjit_row_verify(&out, bytes, size, &report);
		conn_send(conn, &out);
	}
	verifying_free(verifying);
	conn_done(conn, result, reason);
}

static void on_turn(void *userdata)
{
	struct verifying *verifying = userdata;
	struct azjit_reason reason = {""};
	bool done = false;
	enum azjit_result result =
	        azjit_verification_step(verifying->verification, VERIFY_A_TURN, &done, &reason);

	if (result == AZJIT_OK && !done)
		result = azjit_source_timer(verifying->turn, 0);
	if (result != AZJIT_OK || done)
		verified(verifying, result, reason.text);
}

void verb_audit_verify(struct conn *conn, const struct azjit_wire_msg *msg)
{
	struct verifying *verifying = calloc(1, sizeof(*verifying));
	struct azjit_reason reason = {"the broker has no memory to verify"};
	enum azjit_result result = AZJIT_NOMEM;

	(void)msg;
	if (verifying)
		result = azjit_verification_new(conn_broker(conn)->ledger, &reason, &verifying->verification);
	if (result == AZJIT_OK)
		result = azjit_loop_timer(conn_broker(conn)->loop, 0, on_turn, verifying, &verifying->turn);
	if (result == AZJIT_OK) {
		verifying->conn = conn;
		conn_busy(conn, verifying, verifying_gone);
		return;
	}
	if (verifying)
		verifying_free(verifying);
	conn_done(conn, result, reason.text);
}

struct asked {
	struct conn *conn;
	struct reconcile_run *run;
};

static void on_row(void *userdata, const struct azjit_reconcile_row *row)
{
	struct asked *asked = userdata;
	struct azjit_wire_out out;
	size_t size;
	char *bytes = conn_scratch(&size);

	azjit_row_verdict(&out, bytes, size, row);
	conn_send(asked->conn, &out);
}

static void on_done(void *userdata, enum azjit_result result, const char *reason)
{
	struct asked *asked = userdata;

	conn_done(asked->conn, result, reason);
	free(asked);
}

static void gone(struct conn *conn, void *work)
{
	struct asked *asked = work;

	(void)conn;
	asked->run = reconcile_cancel(asked->run);
	free(asked);
}

// False: it was refused.
static bool since_of(struct conn *conn, const struct azjit_wire_msg *msg, uint64_t *ret_s)
{
	const char *text = azjit_wire_get(msg, "since");

	*ret_s = SINCE_DEFAULT_S;
	if (!text || azjit_parse_u64(text, 1, SINCE_MOST_S, ret_s) == AZJIT_OK)
		return true;
	conn_done(conn, AZJIT_USAGE, "since is a number of seconds, at most 90 days");
	return false;
}

void verb_audit_reconcile(struct conn *conn, const struct azjit_wire_msg *msg)
{
	struct asked *asked;
	uint64_t since_s;

	if (!since_of(conn, msg, &since_s))
		return;
	asked = calloc(1, sizeof(*asked));
	if (asked)
		asked->run = reconcile_start(conn_broker(conn)->reconcile, (int64_t)since_s, on_row, on_done,
		                             asked);
	if (!asked || !asked->run) {
		free(asked);
		conn_done(conn, AZJIT_NOMEM, "the broker has no memory to reconcile");
		return;
	}
	asked->conn = conn;
	conn_busy(conn, asked, gone);
}

struct refusals {
	struct conn *conn;
	size_t count;
	bool cut;
};

static bool on_refusal(void *userdata, const struct azjit_entry_read *read)
{
	struct refusals *refusals = userdata;
	struct azjit_wire_out out;
	size_t size;
	char *bytes;

	refusals->cut = conn_crowded(refusals->conn);
	if (refusals->cut)
		return false;
	bytes = conn_scratch(&size);
	azjit_row_entry(&out, bytes, size, read);
	conn_send(refusals->conn, &out);
	refusals->count++;
	return true;
}

void verb_audit_refusals(struct conn *conn, const struct azjit_wire_msg *msg)
{
	struct refusals refusals = {.conn = conn};
	struct azjit_reason reason = {""};
	enum azjit_result result;
	uint64_t since_s;

	if (!since_of(conn, msg, &since_s))
		return;
	result = azjit_ledger_refusals(conn_broker(conn)->ledger,
	                               azjit_time_now() - (azjit_ticks)since_s * AZJIT_TICKS_PER_S,
	                               on_refusal, &refusals, &reason);
	if (result == AZJIT_OK && refusals.cut)
		result = azjit_fail(
		        &reason, AZJIT_BUSY,
		        "these are the oldest %zu refusals: more do not fit; ask for a shorter time",
		        refusals.count);
	conn_done(conn, result, reason.text);
}
