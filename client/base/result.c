// SPDX-License-Identifier: Apache-2.0
#include <azjit/result.h>
#include <azjit/text.h>

#include <stdarg.h>
#include <stdio.h>
#include <sysexits.h>

const char *azjit_result_name(enum azjit_result result)
{
	switch (result) {
	case AZJIT_DENIED:
		return "denied";
	case AZJIT_OK:
		return "ok";
	case AZJIT_USAGE:
		return "usage";
	case AZJIT_CONFIG:
		return "config";
	case AZJIT_NOT_FOUND:
		return "not-found";
	case AZJIT_AMBIGUOUS:
		return "ambiguous";
	case AZJIT_NOT_MANAGED:
		return "not-managed";
	case AZJIT_STOPPED:
		return "stopped";
	case AZJIT_IDENTITY:
		return "identity";
	case AZJIT_FORBIDDEN:
		return "forbidden";
	case AZJIT_THROTTLED:
		return "throttled";
	case AZJIT_UNREACHABLE:
		return "unreachable";
	case AZJIT_PROTOCOL:
		return "protocol";
	case AZJIT_REQUEST_REFUSED:
		return "request-refused";
	case AZJIT_REQUEST_FAILED:
		return "request-failed";
	case AZJIT_RULE_MISSING:
		return "rule-missing";
	case AZJIT_RULE_SHADOWED:
		return "rule-shadowed";
	case AZJIT_NOT_RUNNING:
		return "not-running";
	case AZJIT_UNSUPPORTED:
		return "unsupported";
	case AZJIT_PORT_CLOSED:
		return "port-closed";
	case AZJIT_DEADLINE:
		return "deadline";
	case AZJIT_BROKER_DOWN:
		return "broker-down";
	case AZJIT_BUSY:
		return "busy";
	case AZJIT_LEDGER:
		return "ledger";
	case AZJIT_CANCELED:
		return "canceled";
	case AZJIT_SYSTEM:
		return "system";
	case AZJIT_NOMEM:
		return "nomem";
	case AZJIT_RESULT_COUNT_:
		break;
	}
	return "denied";
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
