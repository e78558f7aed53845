// SPDX-License-Identifier: Apache-2.0
// pam_azjit: asks the broker whether a person may log in, and keeps the record of the session.
//
// Threat model: the module runs as root inside sshd, sudo or a display manager, before or after the
// person is known, with names and addresses that the person chose. What must hold: nobody passes because
// something failed, unless the administrator's line says so, and then it is logged; the host is as it
// was afterwards (descriptors, signals, environment, errno); no phase outlasts its deadline; the name of
// a user who does not exist goes nowhere. So the module has no state of its own, reads no file and no
// environment variable of the process, and speaks to one local socket only; the one thing that it writes is
// what passed unchecked (passed.c).
#include "exchange.h"
#include "host.h"
#include "options.h"
#include "passed.h"

#include <errno.h>
#include <pwd.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <security/pam_modutil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define EXPORT        __attribute__((visibility("default")))
#define CLOSE_MS      1000
#define DATA_SESSION  "azjit-session"
#define VARIABLE      "AZJIT_SESSION"
#define SESSION_CHARS 64

// What one entry into the module works with.
struct call {
	pam_handle_t *pamh;
	int flags;
	uint64_t start_ms;
	struct options options;
	const char *user;
	struct exchange exchange;
};

// The login's user, who must exist: the name of one who does not (a mistyped password, often) goes
// nowhere.
static bool known_user(const struct call *call)
{
	if (call->user && pam_modutil_getpwnam(call->pamh, call->user))
		return true;
	pam_syslog(call->pamh, LOG_NOTICE, "refused: the user is unknown");
	return false;
}

// wait_ms: what is granted on top once the broker says that it is at work.
static bool connect_broker(struct call *call, int timeout_ms, int wait_ms)
{
	const struct passwd *broker = pam_modutil_getpwnam(call->pamh, call->options.broker_user);
	uint64_t deadline_ms = call->start_ms + (uint64_t)timeout_ms;

	if (!broker) {
		exchange_trouble(&call->exchange, "the user of broker_user= does not exist", 0);
		return false;
	}
	return exchange_open(&call->exchange, call->options.socket, broker->pw_uid, deadline_ms,
	                     deadline_ms + (uint64_t)wait_ms);
}

// The keys that account and open share.
static void put_login(const struct call *call, struct azjit_wire_out *out)
{
	azjit_wire_put(out, "user", call->user);
	azjit_wire_put(out, "service", host_item(call->pamh, PAM_SERVICE));
	azjit_wire_put(out, "rhost", host_item(call->pamh, PAM_RHOST));
	azjit_wire_put(out, "tty", host_item(call->pamh, PAM_TTY));
	azjit_wire_put(out, "ssh-connection", host_ssh_connection(call->pamh));
}

static void say(const struct call *call, const char *text)
{
	if (!call->options.quiet && !(call->flags & PAM_SILENT))
		host_say(call->pamh, text);
}

static bool break_glass(const struct call *call)
{
	return call->options.break_glass && call->user &&
	       pam_modutil_user_in_group_nam_nam(call->pamh, call->user, call->options.break_glass) == 1;
}

static const char *name(const struct call *call)
{
	return call->user ? call->user : "(unset)";
}

// For the ledger, when the broker is back.
static void keep_pass(const struct call *call, const char *phase, const char *by)
{
	const struct passwd *broker = pam_modutil_getpwnam(call->pamh, call->options.broker_user);
	char bytes[AZJIT_WIRE_MAX_BYTES], at[32] = "";
	struct azjit_wire_out out;
	time_t now = time(NULL);
	struct tm tm;
	size_t len;
	int error;

	if (gmtime_r(&now, &tm))
		(void)strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &tm);
	azjit_wire_begin(&out, bytes, sizeof(bytes), "PASSED");
	azjit_wire_put(&out, "at", at);
	azjit_wire_put(&out, "phase", phase);
	azjit_wire_put(&out, "by", by);
	azjit_wire_put(&out, "reason", call->exchange.reason);
	put_login(call, &out);
	len = azjit_wire_end(&out);
	error = len ? passed_keep(call->options.passes, broker ? broker->pw_uid : 0,
	                          call->options.allow_on_error ? PASSED_MOST_ANYONE : PASSED_MOST, bytes, len)
	            : EMSGSIZE;
	if (error)
		pam_syslog(call->pamh, LOG_WARNING, "this pass will not be in the ledger: %s: %s",
		           call->options.passes, strerrordesc_np(error));
}

// The broker could not be asked, or could not do it. Passing means PAM_IGNORE, "no objection from us":
// under `sufficient`, PAM_SUCCESS would let a broken broker replace every module after us.
static int on_trouble(const struct call *call, const char *phase, int refusal)
{
	const char *passes = call->options.allow_on_error ? "on_error=allow"
	                     : break_glass(call)          ? "break_glass"
	                                                  : NULL;

	if (passes) {
		pam_syslog(call->pamh, LOG_WARNING, "%s of user %s passes unchecked by %s: %s", phase,
		           name(call), passes, call->exchange.reason);
		if (strcmp(phase, "close") != 0)
			keep_pass(call, phase, passes);
		return PAM_IGNORE;
	}
	pam_syslog(call->pamh, LOG_ERR, "%s of user %s refused: %s", phase, name(call),
	           call->exchange.reason);
	return refusal;
}

static int on_refusal(const struct call *call, const char *phase)
{
	pam_syslog(call->pamh, LOG_NOTICE, "%s of user %s refused by the broker: %s", phase, name(call),
	           call->exchange.reason);
	return PAM_PERM_DENIED;
}

// The PAM code of the exchange's verdict, logged once.
static int conclude(const struct call *call, const char *phase, int trouble_code)
{
	if (call->options.debug)
		pam_syslog(call->pamh, LOG_DEBUG, "%s answered after %llu ms", phase,
		           (unsigned long long)(exchange_now_ms() - call->start_ms));
	switch (call->exchange.verdict) {
	case VERDICT_PASS:
		return PAM_SUCCESS;
	case VERDICT_TROUBLE:
		return on_trouble(call, phase, trouble_code);
	case VERDICT_REFUSE:
		break;
	}
	return on_refusal(call, phase);
}

static void say_refused(const struct call *call)
{
	char text[REASON_CHARS + 64];

	(void)snprintf(text, sizeof(text),
	               call->exchange.verdict == VERDICT_TROUBLE ? "azjit: login refused, since %s"
	                                                         : "azjit: %s",
	               call->exchange.reason);
	say(call, text);
}

static int account(struct call *call)
{
	int code;

	if (!known_user(call))
		return PAM_USER_UNKNOWN;
	if (connect_broker(call, call->options.account_ms, 0)) {
		exchange_begin(&call->exchange, "ACCOUNT");
		put_login(call, &call->exchange.out);
		(void)exchange_ask(&call->exchange);
	}
	code = conclude(call, "account", PAM_AUTHINFO_UNAVAIL);
	if (code != PAM_SUCCESS && code != PAM_IGNORE)
		say_refused(call);
	return code;
}

static bool session_valid(const char *session)
{
	size_t len =
	        session ? strspn(session, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
	                : 0;

	return len > 0 && len <= SESSION_CHARS && session[len] == '\0';
}

static void free_session(pam_handle_t *pamh, void *data, int status)
{
	free(data);
}

// For close, and for the user: an identifier, never a credential.
static bool keep_session(const struct call *call, const char *session)
{
	char variable[sizeof(VARIABLE "=") + SESSION_CHARS];
	char *copy = strdup(session);

	if (!copy)
		return false;
	if (pam_set_data(call->pamh, DATA_SESSION, copy, free_session) != PAM_SUCCESS) {
		free(copy);
		return false;
	}
	(void)snprintf(variable, sizeof(variable), VARIABLE "=%s", session);
	return pam_putenv(call->pamh, variable) == PAM_SUCCESS;
}

static void forget_session(const struct call *call)
{
	(void)pam_set_data(call->pamh, DATA_SESSION, NULL, NULL);
	if (pam_getenv(call->pamh, VARIABLE))
		(void)pam_putenv(call->pamh, VARIABLE);
}

// The broker keeps the record only if COMMIT arrives: whatever fails before leaves nothing behind.
static void commit_session(struct call *call)
{
	struct exchange *exchange = &call->exchange;
	char session[SESSION_CHARS + 1];
	const char *given = azjit_wire_get(&exchange->answer, "session");

	if (!session_valid(given)) {
		exchange_trouble(exchange, "the broker gave no session", EPROTO);
		return;
	}
	memcpy(session, given, strlen(given) + 1);
	if (!keep_session(call, session)) {
		exchange_trouble(exchange, "there is no memory for the session", 0);
		forget_session(call);
		return;
	}
	exchange_begin(exchange, "COMMIT");
	azjit_wire_put(&exchange->out, "session", session);
	if (!exchange_ask(exchange))
		forget_session(call);
}

static int open_session(struct call *call)
{
	int code;

	if (!known_user(call))
		return PAM_USER_UNKNOWN;
	if (connect_broker(call, call->options.open_ms, call->options.wait_ms)) {
		exchange_begin(&call->exchange, "SESSION-OPEN");
		put_login(call, &call->exchange.out);
		azjit_wire_put(&call->exchange.out, "auth-info", pam_getenv(call->pamh, "SSH_AUTH_INFO_0"));
		azjit_wire_put_u64(&call->exchange.out, "pid", (uint64_t)getpid());
		if (exchange_ask(&call->exchange))
			commit_session(call);
	}
	code = conclude(call, "open", PAM_SESSION_ERR);
	if (code != PAM_SUCCESS && code != PAM_IGNORE && host_has_terminal(call->pamh))
		say_refused(call);
	return code;
}

// The variable is not read back: the user, or a module that reads his files, may have changed it.
static int close_session(struct call *call)
{
	const void *session = NULL;

	if (pam_get_data(call->pamh, DATA_SESSION, &session) != PAM_SUCCESS || !session)
		return PAM_SUCCESS;
	if (connect_broker(call, CLOSE_MS, 0)) {
		exchange_begin(&call->exchange, "SESSION-CLOSE");
		azjit_wire_put(&call->exchange.out, "session", session);
		(void)exchange_ask(&call->exchange);
	}
	if (call->exchange.verdict != VERDICT_TROUBLE)
		forget_session(call);
	return conclude(call, "close", PAM_SESSION_ERR);
}

// bad_line: the code for arguments that cannot be obeyed.
static int enter(pam_handle_t *pamh, int flags, int argc, const char **argv, int bad_line,
                 int (*phase)(struct call *call))
{
	struct call call = {.pamh = pamh, .flags = flags, .start_ms = exchange_now_ms(), .exchange.fd = -1};
	int saved = errno, code = bad_line;
	const char *bad = options_parse(&call.options, argc, argv);

	if (bad) {
		pam_syslog(pamh, LOG_ERR, "refused: the argument '%.200s' is unknown, repeated or malformed",
		           bad);
	} else {
		call.user = host_item(pamh, PAM_USER);
		code = phase(&call);
	}
	exchange_close(&call.exchange);
	errno = saved;
	return code;
}

EXPORT int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return enter(pamh, flags, argc, argv, PAM_PERM_DENIED, account);
}

EXPORT int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return enter(pamh, flags, argc, argv, PAM_SESSION_ERR, open_session);
}

EXPORT int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return enter(pamh, flags, argc, argv, PAM_SESSION_ERR, close_session);
}

EXPORT int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return PAM_IGNORE;
}

EXPORT int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return PAM_IGNORE;
}
