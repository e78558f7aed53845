// SPDX-License-Identifier: Apache-2.0
// SESSION-OPEN, COMMIT, SESSION-CLOSE: the life of a login's record, and what its rules want at login.
//
// Threat model. Who attacks: a process that names another's session; a client that leaves in the middle
// of a login. What must hold: the session's process is SO_PEERCRED's, never the message's; only root
// opens and closes; a login whose module went away before its COMMIT leaves an undone record, not an
// open one.
#include "knock.h"
#include "origin.h"
#include "record.h"
#include "verbs.h"

#include <azjit/log.h>

struct login {
	struct conn *conn;
	char session[AZJIT_UUID_CHARS];
	struct knock *knock; // requests at login that the person waits for
};

static void undo(struct conn *conn, void *work)
{
	struct login *login = work;

	login->knock = knock_leave(login->knock);
	azjit_session_undo(conn_broker(conn)->sessions, login->session);
	free(login);
}

// The record is open; the module answers COMMIT.
static void answer(struct login *login, const char *note)
{
	struct conn *conn = login->conn;
	struct azjit_wire_out out;

	conn_done_begin(&out, AZJIT_OK, note);
	azjit_wire_put(&out, "session", login->session);
	conn_send(conn, &out);
	conn_expect(conn, login, undo);
}

static void on_knocked(void *userdata, const char *note)
{
	struct login *login = userdata;

	login->knock = NULL;
	answer(login, note);
}

static enum azjit_result open_session(struct conn *conn, const struct azjit_wire_msg *msg,
                                      const struct azjit_person *person, const struct azjit_session **ret,
                                      struct azjit_reason *reason)
{
	struct azjit_session wanted = {.uid = person->uid, .pid = conn_peer(conn)->pid};
	const char *tty = azjit_wire_get(msg, "tty");

	if (!azjit_copy(wanted.user, sizeof(wanted.user), person->user) ||
	    !azjit_copy(wanted.service, sizeof(wanted.service), azjit_wire_get(msg, "service")) ||
	    !azjit_copy(wanted.tty, sizeof(wanted.tty), tty ? tty : ""))
		return azjit_fail(reason, AZJIT_USAGE, "the service's or the terminal's name is too long");
	wanted.client = origin_address(msg);
	origin_auth(azjit_wire_get(msg, "auth-info"), wanted.auth, sizeof(wanted.auth));
	return azjit_session_open(conn_broker(conn)->sessions, &wanted, ret, reason);
}

static void begin(struct conn *conn, const struct azjit_person *person, const struct azjit_session *session)
{
	struct login *login = calloc(1, sizeof(*login));

	if (!login) {
		azjit_session_undo(conn_broker(conn)->sessions, session->id);
		conn_done(conn, AZJIT_NOMEM, "the broker has no memory for one more login");
		return;
	}
	login->conn = conn;
	(void)azjit_copy(login->session, sizeof(login->session), session->id);
	login->knock = knock_wait(conn, person, session, on_knocked, login);
	if (login->knock)
		conn_busy(conn, login, undo);
	else
		answer(login, NULL);
}

void verb_session_open(struct conn *conn, const struct azjit_wire_msg *msg)
{
	const struct azjit_session *session = NULL;
	struct azjit_person person = {.uid = 0};
	struct azjit_reason reason = {""};
	enum azjit_result result = azjit_person_by_name(azjit_wire_get(msg, "user"), &person, &reason);

	if (result == AZJIT_OK)
		result = open_session(conn, msg, &person, &session, &reason);
	if (result == AZJIT_OK)
		begin(conn, &person, session);
	else
		conn_done(conn, result == AZJIT_NOT_FOUND ? AZJIT_DENIED : result, reason.text);
	azjit_person_clear(&person);
}

void verb_commit(struct conn *conn, const struct azjit_wire_msg *msg)
{
	struct broker *broker = conn_broker(conn);
	struct login *login = conn_work(conn);
	const struct azjit_session *session;
	enum azjit_result result;

	if (!login || !azjit_streq(login->session, azjit_wire_get(msg, "session"))) {
		conn_refuse(conn, AZJIT_USAGE, "COMMIT belongs on the connection that opened the session");
		return;
	}
	session = azjit_session_find(broker->sessions, login->session);
	result = azjit_session_commit(broker->sessions, login->session, conn_peer(conn)->pid);
	free(login);
	conn_done(conn, result, result == AZJIT_OK ? NULL : "the session is not open any more");
	if (result == AZJIT_OK)
		knock_go_on(broker, session);
}

void verb_session_close(struct conn *conn, const struct azjit_wire_msg *msg)
{
	enum azjit_result result =
	        azjit_session_close(conn_broker(conn)->sessions, azjit_wire_get(msg, "session"));

	conn_done(conn, result, result == AZJIT_OK ? NULL : "no such session is open");
}
