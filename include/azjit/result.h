// SPDX-License-Identifier: Apache-2.0
// The one result enum of azjit, and the sentence that goes with it.
//
// Every function that can fail returns enum azjit_result and, where a person may read of it, fills a
// struct azjit_reason with one sentence that names the thing and the mend. The library never logs and
// never exits. Every edge (PAM code, exit status, wire) translates with a switch without `default`.
#ifndef AZJIT_RESULT_H
#define AZJIT_RESULT_H

#include <azjit/macro.h>

enum azjit_result {
	AZJIT_DENIED = 0, // an access rule of ours refuses, or none allows (zero: unset refuses)
	AZJIT_OK,
	AZJIT_USAGE,           // the caller's words are wrong
	AZJIT_CONFIG,          // the configuration is wrong
	AZJIT_NOT_FOUND,       // no such VM, session, grant
	AZJIT_AMBIGUOUS,       // the name fits several VMs
	AZJIT_NOT_MANAGED,     // the host, or this port of it, is under no JIT policy
	AZJIT_STOPPED,         // the kill switch is on
	AZJIT_IDENTITY,        // no token could be had
	AZJIT_FORBIDDEN,       // Azure: 403, our identity lacks a right
	AZJIT_THROTTLED,       // Azure: 429, longer than we may wait
	AZJIT_UNREACHABLE,     // Azure: no connection, a timeout, 5xx
	AZJIT_PROTOCOL,        // an answer that is not what Azure documents
	AZJIT_REQUEST_REFUSED, // Azure refused the request or the change (400, 404, 409)
	AZJIT_REQUEST_FAILED,  // Azure took the request and failed it later
	AZJIT_RULE_MISSING,    // deadline: the allow rule never came
	AZJIT_RULE_SHADOWED,   // deadline: another rule decides before ours
	AZJIT_NOT_RUNNING,     // the rule lets us through, but the machine is stopped or deallocated
	AZJIT_UNSUPPORTED, // no security group and no firewall, or not the plan: just-in-time access is not to be had
	AZJIT_PORT_CLOSED, // the rule lets us through, but nothing listens or answers
	AZJIT_DEADLINE,    // deadline, cause unknown
	AZJIT_BROKER_DOWN, // no broker, or it went away
	AZJIT_BUSY,        // a limit of ours
	AZJIT_LEDGER,      // nothing could be recorded, so nothing was done
	AZJIT_CANCELED,    // the caller left
	AZJIT_SYSTEM,      // an operating system call failed
	AZJIT_NOMEM,
	AZJIT_RESULT_COUNT_,
};

// One sentence for a person, without a newline at its end; always terminated; printable bytes only.
struct azjit_reason {
	char text[1024];
};

// The name on the wire and in JSON ("denied", "ok", "rule-shadowed"); never NULL.
const char *azjit_result_name(enum azjit_result result);

// The result of that name; AZJIT_DENIED for a name that is none.
enum azjit_result azjit_result_from_name(const char *name);

// The exit status of a command that ends with this result: sysexits.h, see azjit(1).
int azjit_result_exit(enum azjit_result result);

// Writes the sentence (cut at the end of a character if too long, control bytes made printable) and
// returns `result`, so that a failing function ends with `return azjit_fail(reason, AZJIT_…, …)`.
// reason may be NULL.
enum azjit_result azjit_fail(struct azjit_reason *reason, enum azjit_result result, const char *fmt, ...)
        _printf_(3, 4);

#endif
