// SPDX-License-Identifier: Apache-2.0
#include <azjit/result.h>
#include <azjit/text.h>

#include <stdarg.h>
#include <stdio.h>
#include <sysexits.h>

// One that is missing here reads "denied", which a test refuses.
static const char *const names[AZJIT_RESULT_COUNT_] = {
        [AZJIT_DENIED] = "denied",
        [AZJIT_OK] = "ok",
        [AZJIT_USAGE] = "usage",
        [AZJIT_CONFIG] = "config",
        [AZJIT_NOT_FOUND] = "not-found",
        [AZJIT_AMBIGUOUS] = "ambiguous",
        [AZJIT_NOT_MANAGED] = "not-managed",
        [AZJIT_STOPPED] = "stopped",
        [AZJIT_IDENTITY] = "identity",
        [AZJIT_FORBIDDEN] = "forbidden",
        [AZJIT_THROTTLED] = "throttled",
        [AZJIT_UNREACHABLE] = "unreachable",
        [AZJIT_PROTOCOL] = "protocol",
        [AZJIT_REQUEST_REFUSED] = "request-refused",
        [AZJIT_REQUEST_FAILED] = "request-failed",
        [AZJIT_RULE_MISSING] = "rule-missing",
        [AZJIT_RULE_SHADOWED] = "rule-shadowed",
        [AZJIT_NOT_RUNNING] = "not-running",
        [AZJIT_UNSUPPORTED] = "unsupported",
        [AZJIT_PORT_CLOSED] = "port-closed",
        [AZJIT_DEADLINE] = "deadline",
        [AZJIT_BROKER_DOWN] = "broker-down",
        [AZJIT_BUSY] = "busy",
        [AZJIT_LEDGER] = "ledger",
        [AZJIT_CANCELED] = "canceled",
        [AZJIT_SYSTEM] = "system",
        [AZJIT_NOMEM] = "nomem",
};

const char *azjit_result_name(enum azjit_result result)
{
	const char *name = (unsigned)result < AZJIT_RESULT_COUNT_ ? names[result] : NULL;

	return name ? name : names[AZJIT_DENIED];
}

enum azjit_result azjit_result_from_name(const char *name)
{
	for (int i = 0; i < AZJIT_RESULT_COUNT_; i++)
		if (name && azjit_streq(name, azjit_result_name((enum azjit_result)i)))
			return (enum azjit_result)i;
	return AZJIT_DENIED;
}

int azjit_result_exit(enum azjit_result result)
{
	switch (result) {
	case AZJIT_OK:
		return EX_OK;
	case AZJIT_USAGE:
	case AZJIT_AMBIGUOUS:
		return EX_USAGE;
	case AZJIT_REQUEST_REFUSED:
		return EX_DATAERR;
	case AZJIT_NOT_FOUND:
	case AZJIT_NOT_MANAGED:
		return EX_NOHOST;
	case AZJIT_PORT_CLOSED:
	case AZJIT_NOT_RUNNING:
		return EX_UNAVAILABLE;
	case AZJIT_NOMEM:
	case AZJIT_RESULT_COUNT_:
		return EX_SOFTWARE;
	case AZJIT_BROKER_DOWN:
	case AZJIT_LEDGER:
	case AZJIT_SYSTEM:
		return EX_OSERR;
	case AZJIT_REQUEST_FAILED:
		return EX_CANTCREAT;
	case AZJIT_UNREACHABLE:
	case AZJIT_IDENTITY:
		return EX_IOERR;
	case AZJIT_RULE_MISSING:
	case AZJIT_THROTTLED:
	case AZJIT_DEADLINE:
	case AZJIT_BUSY:
	case AZJIT_CANCELED:
		return EX_TEMPFAIL;
	case AZJIT_PROTOCOL:
		return EX_PROTOCOL;
	case AZJIT_DENIED:
	case AZJIT_STOPPED:
	case AZJIT_FORBIDDEN:
		return EX_NOPERM;
	case AZJIT_CONFIG:
	case AZJIT_RULE_SHADOWED:
	case AZJIT_UNSUPPORTED:
		return EX_CONFIG;
	}
	return EX_SOFTWARE;
}

enum azjit_result azjit_fail(struct azjit_reason *reason, enum azjit_result result, const char *fmt, ...)
{
	// Longer than a reason, so that a character cut here lies past the end of what is kept; and
	// not the reason itself, which may be among the arguments.
	char raw[2 * sizeof(reason->text)];
	int saved = errno;
	va_list args;

	if (!reason)
		return result;
	va_start(args, fmt);
	errno = saved; // for %m
	if (vsnprintf(raw, sizeof(raw), fmt, args) < 0)
		raw[0] = '\0';
	va_end(args);
	azjit_printable(raw, reason->text, sizeof(reason->text));
	errno = saved;
	return result;
}
