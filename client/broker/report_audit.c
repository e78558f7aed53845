// SPDX-License-Identifier: Apache-2.0
// AUDIT-VERIFY and AUDIT-RECONCILE, for root.
#include "reconcile.h"
#include "verbs.h"

#include <azjit/rows.h>

#define SINCE_DEFAULT_S 86400
#define SINCE_MOST_S    (90 * 86400) // the Activity Log keeps no more (azure.md §4)

void verb_audit_verify(struct conn *conn, const struct azjit_wire_msg *msg)
{
	struct azjit_verify_report report = {.ok = false};
	struct azjit_reason reason = {""};
	struct azjit_wire_out out;
	enum azjit_result result = azjit_ledger_verify(conn_broker(conn)->ledger, &report, &reason);
	size_t size;
	char *bytes;

	(void)msg;
	if (result == AZJIT_OK) {
		bytes = conn_scratch(&size);
		azjit_row_verify(&out, bytes, size, &report);
		conn_send(conn, &out);
	}
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

void verb_audit_reconcile(struct conn *conn, const struct azjit_wire_msg *msg)
{
	const char *text = azjit_wire_get(msg, "since");
	struct asked *asked;
	uint64_t since_s = SINCE_DEFAULT_S;

	if (text && azjit_parse_u64(text, 1, SINCE_MOST_S, &since_s) != AZJIT_OK) {
		conn_done(conn, AZJIT_USAGE, "since is a number of seconds, at most 90 days");
		return;
	}
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
