// SPDX-License-Identifier: Apache-2.0
// The edges' one voice (programs only; the library never logs): stderr, with the "<N>" priority prefix
// of sd-daemon(3) when stderr is the journal. Bytes from outside must have gone through
// azjit_printable; control bytes are escaped here once more. Never a secret.
#ifndef AZJIT_LOG_H
#define AZJIT_LOG_H

#include <azjit/macro.h>
#include <syslog.h>

// level: LOG_ERR … LOG_DEBUG. One call, one line.
void azjit_log(int level, const char *fmt, ...) _printf_(2, 3);
// Messages above this level are dropped; LOG_INFO until set.
void azjit_log_max(int level);

#endif
