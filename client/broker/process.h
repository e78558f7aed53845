// SPDX-License-Identifier: Apache-2.0
// The process that azjitd is: its environment, its user, its limits.
#ifndef AZJIT_BROKER_PROCESS_H
#define AZJIT_BROKER_PROCESS_H

#include <azjit/result.h>

// Empties the environment but for what systemd tells a service (LISTEN_*, NOTIFY_SOCKET, WATCHDOG_*,
// JOURNAL_STREAM): no proxy, key log, locale or credential of the caller's decides anything.
enum azjit_result process_clear_environment(void);

// As root: becomes `user` with its groups for good. As another user: `user` must be NULL or that user.
// Root without `user` is refused: the broker has no need of root's rights.
enum azjit_result process_become(const char *user, struct azjit_reason *reason);

// No new rights, not to be traced or dumped (the relay has our uid and must not read our token), files
// for us alone, descriptors for many callers.
enum azjit_result process_harden(struct azjit_reason *reason);

#endif
