// SPDX-License-Identifier: Apache-2.0
// The arguments of the module's line in /etc/pam.d:
//
//   socket=PATH           the broker's socket; absolute (default: AZJIT_SOCKET_PATH)
//   broker_user=NAME      who must listen there, besides root (default: azjit)
//   on_error=deny|allow   what becomes of a login when the broker cannot be asked or cannot answer
//                         (default: deny). A refusal by the broker is never affected
//   break_glass=GROUP     members pass in that case, whatever on_error says (default: none)
//   passes=DIR            where a login that passes so is kept for the ledger; absolute (default:
//                         AZJIT_PASSES_PATH). It is DIR `passes` beside the broker's ledger
//   account_timeout=TIME  the whole of account, at most 2s (default: 2s)
//   open_timeout=TIME     the whole of open without `wait`, at most 10s (default: 2s)
//   wait=TIME             how much longer open waits for targets that are opened at login, at most 10s
//                         (default: 0)
//   quiet                 no text to the user
//   debug                 a line at debug level for each answer
//
// The session line belongs before pam_env with user_readenv=1 (Debian's sshd has one): that module lets
// the user overwrite SSH_AUTH_INFO_0, and with it the key that is recorded for the session.
//
// TIME is a whole number of seconds, or one with a unit: 2, 2s, 1500ms.
#ifndef PAM_AZJIT_OPTIONS_H
#define PAM_AZJIT_OPTIONS_H

#include <stdbool.h>

struct options {
	const char *socket;
	const char *broker_user;
	const char *break_glass; // NULL: none
	const char *passes;
	bool allow_on_error;
	bool quiet;
	bool debug;
	int account_ms;
	int open_ms;
	int wait_ms;
};

// Borrows from argv. NULL if all is well, else the argument that is unknown, repeated or malformed;
// the options must not be used then: a misspelt safety switch must not mean "off".
const char *options_parse(struct options *ret, int argc, const char **argv);

#endif
