// SPDX-License-Identifier: Apache-2.0
#include "verbs.h"

#include "record.h"

#include <stdio.h>

static void verb_ping(struct conn *conn, const struct azjit_wire_msg *msg)
{
	struct azjit_wire_out out;

	(void)msg;
	conn_done_begin(&out, AZJIT_OK, NULL);
	azjit_wire_put(&out, "version", AZJIT_VERSION);
	azjit_wire_put_u64(&out, "pid", (uint64_t)getpid());
	conn_finish(conn, &out);
}

static const struct verb verbs[] = {
        {.name = "PING", .run = verb_ping},
        {.name = "ACCOUNT",
         .root_only = true,
         .required = {"user", "service"},
         .optional = {"rhost", "tty", "ssh-connection"},
         .run = verb_account},
        {.name = "SESSION-OPEN",
         .root_only = true,
         .required = {"user", "service", "pid"},
         .optional = {"rhost", "tty", "ssh-connection", "auth-info"},
         .run = verb_session_open},
        {.name = "COMMIT", .required = {"session"}, .run = verb_commit},
        {.name = "SESSION-CLOSE", .root_only = true, .required = {"session"}, .run = verb_session_close},
        {.name = "CONNECT",
         .fd_count = AZJIT_WIRE_MAX_FDS,
         .required = {"host", "port"},
         .optional = {"start", "session"},
         .run = verb_connect},
        {.name = "MATCH", .required = {"host", "port"}, .run = verb_match},
        {.name = "REQUEST",
         .required = {"targets"},
         .optional = {"for", "source", "reason", "wait", "start", "session", "json"},
         .run = verb_request},
        {.name = "STATUS", .optional = {"azure", "json"}, .run = verb_status},
        {.name = "SESSIONS", .optional = {"session", "all", "json"}, .run = verb_sessions},
        {.name = "AUDIT-VERIFY",
         .root_only = true,
         .command = "azjit audit verify",
         .optional = {"json"},
         .run = verb_audit_verify},
        {.name = "AUDIT-RECONCILE",
         .root_only = true,
         .command = "azjit audit reconcile",
         .optional = {"since", "json"},
         .run = verb_audit_reconcile},
        {.name = "AUDIT-REFUSALS",
         .root_only = true,
         .command = "azjit audit refusals",
         .optional = {"since", "json"},
         .run = verb_audit_refusals},
        {.name = "GUARD-REFUSED",
         .root_only = true,
         .required = {"uid", "address", "port", "count"},
         .run = verb_guard_refused},
};

static const struct verb *find(const char *name)
{
	for (size_t i = 0; i < AZJIT_COUNT(verbs); i++)
		if (azjit_streq(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

static bool listed(const char *const *keys, const char *key)
{
	for (size_t i = 0; i < VERB_KEYS && keys[i]; i++)
		if (azjit_streq(keys[i], key))
			return true;
	return false;
}

// A key that is not known refuses the message: a misspelt one must not mean "not set".
static bool keys_fit(const struct verb *verb, const struct azjit_wire_msg *msg, struct azjit_reason *reason)
{
	for (size_t i = 0; i < VERB_KEYS && verb->required[i]; i++)
		if (!azjit_wire_get(msg, verb->required[i])) {
			(void)azjit_fail(reason, AZJIT_USAGE, "%s needs the key '%s'", verb->name,
			                 verb->required[i]);
			return false;
		}
	for (size_t i = 0; i < msg->pair_count; i++)
		if (!listed(verb->required, msg->pairs[i].key) &&
		    !listed(verb->optional, msg->pairs[i].key)) {
			(void)azjit_fail(reason, AZJIT_USAGE, "%s has no key '%s'", verb->name,
			                 msg->pairs[i].key);
			return false;
		}
	return true;
}

static void deny_root_only(struct conn *conn, const struct verb *verb)
{
	struct azjit_reason reason;

	if (verb->command)
		(void)azjit_fail(&reason, AZJIT_DENIED,
		                 "this is about everyone, so only root may see it: sudo %s", verb->command);
	else
		(void)azjit_fail(&reason, AZJIT_DENIED, "%s may only be asked by root", verb->name);
	(void)record_denial(
	        conn_broker(conn),
	        &(struct denial){.uid = conn_peer(conn)->uid, .has_uid = true, .reason = reason.text});
	conn_refuse(conn, AZJIT_DENIED, reason.text);
}

void verbs_dispatch(struct conn *conn, const struct azjit_wire_msg *msg)
{
	const struct verb *verb = find(msg->verb);
	struct azjit_reason reason;

	if (!verb) {
		(void)azjit_fail(&reason, AZJIT_USAGE, "this broker knows no verb '%s'", msg->verb);
		conn_refuse(conn, AZJIT_USAGE, reason.text);
	} else if (verb->root_only && conn_peer(conn)->uid != 0) {
		deny_root_only(conn, verb);
	} else if (!keys_fit(verb, msg, &reason)) {
		conn_refuse(conn, AZJIT_USAGE, reason.text);
	} else if (conn_fd_count(conn) != verb->fd_count) {
		(void)azjit_fail(&reason, AZJIT_USAGE, "%s takes %zu descriptors, %zu came", verb->name,
		                 verb->fd_count, conn_fd_count(conn));
		conn_refuse(conn, AZJIT_USAGE, reason.text);
	} else if (conn_work(conn) && verb->run != verb_commit) {
		conn_refuse(conn, AZJIT_USAGE, "only COMMIT may follow SESSION-OPEN");
	} else {
		verb->run(conn, msg);
	}
}
