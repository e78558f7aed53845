// SPDX-License-Identifier: Apache-2.0
// Files that azjit trusts. Against: a local user who plants a FIFO, a symlink, a device or a file of
// his own where root's configuration should be (CVE-2019-12209, CVE-2024-22365).
#ifndef AZJIT_FILE_H
#define AZJIT_FILE_H

#include <azjit/buf.h>
#include <azjit/result.h>
#include <sys/types.h>

// Reads a whole file that decides something. Opened O_RDONLY|O_NOFOLLOW|O_CLOEXEC|O_NOCTTY|O_NONBLOCK;
// the descriptor must be a regular file owned by root or `owner`, neither group- nor other-writable;
// for a `secret` file also not other-readable. Larger than the buffer's cap is an error.
// AZJIT_NOT_FOUND if absent, AZJIT_CONFIG if it is not trustworthy; the reason names path and mend.
enum azjit_result azjit_file_read_trusted(const char *path, uid_t owner, bool secret, struct azjit_buf *ret,
                                          struct azjit_reason *reason);

// The same where the file, or a directory on its way, may be a symbolic link, as in a volume that Kubernetes
// projects. Whoever may write a directory on the way decides what is read, so each of them, those of the
// links' targets included, must belong to root or `owner` and be writable by nobody else; in one with the
// sticky bit (a volume's root is 1777) others may add entries, but not replace one of root or `owner`. Links,
// too, must be theirs. `path` is absolute.
enum azjit_result azjit_file_read_linked(const char *path, uid_t owner, bool secret, struct azjit_buf *ret,
                                         struct azjit_reason *reason);

// Replaces a file by rename in the same directory, mode as given, fsync before and after.
enum azjit_result azjit_file_replace(const char *path, const void *bytes, size_t len, mode_t mode,
                                     struct azjit_reason *reason);

#endif
