// SPDX-License-Identifier: Apache-2.0
// Logins that pass unchecked while the broker cannot be asked, kept for the ledger until it is back.
#ifndef PAM_AZJIT_PASSED_H
#define PAM_AZJIT_PASSED_H

#include <stddef.h>

// The most that are kept: what comes then is in syslog only. Whom on_error=allow lets pass, which may be
// anybody, leaves room for those of break_glass.
#define PASSED_MOST        1000
#define PASSED_MOST_ANYONE 900

// Puts one message (wire.h, verb PASSED) as a file of root into `dir`, the broker's: `owner` is its uid.
// 0, or an errno: ENOENT (the broker has not made it yet), EPERM (not the broker's alone), EDQUOT (`most` are
// there).
int passed_keep(const char *dir, unsigned owner, unsigned most, const char *bytes, size_t len);

#endif
