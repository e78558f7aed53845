// SPDX-License-Identifier: Apache-2.0
// Login sessions: opened and closed by the PAM module, alive while any process of theirs is.
//
// A session is known by the kernel's audit session id (/proc/PID/sessionid, set by pam_loginuid), else
// by logind's scope (cgroup session-N.scope). Where there is neither, the processes of its user that
// started after it count as its own: it may then end too late, never too early. Against: a caller who
// names another person's session; a reused pid or, after a boot, a reused audit id; SIGKILL of the
// monitor, after which the user's command works on (docs/pam-lessons): a session whose monitor ended
// without a close ends as `lost` only when its last process is gone.
#ifndef AZJIT_SESSION_H
#define AZJIT_SESSION_H

#include <azjit/access.h>
#include <azjit/ledger.h>
#include <azjit/loop.h>

struct azjit_sessions;

struct azjit_session {
	char id[AZJIT_UUID_CHARS]; // also AZJIT_SESSION in the user's environment
	char user[256];
	unsigned uid;
	char service[64];
	char tty[64];             // "" if none
	struct azjit_addr client; // family NONE: not known
	char auth[256];           // "publickey SHA256:…" …, "" if not known
	int pid;                  // the process that opened it (SO_PEERCRED)
	uint64_t pid_start;       // field 22 of /proc/PID/stat
	uint32_t audit;           // UINT32_MAX: none
	azjit_ticks opened;
	bool committed, orphaned;
};

// Ends of sessions are told (closed or lost), so that grants can be released.
typedef void azjit_session_end_fn(void *userdata, const struct azjit_session *session, const char *how);

// Recovers open sessions from the ledger (those without processes end as `lost` at once).
enum azjit_result azjit_sessions_new(struct azjit_loop *loop, struct azjit_ledger *ledger,
                                     azjit_session_end_fn *fn, void *userdata, struct azjit_reason *reason,
                                     struct azjit_sessions **ret);
void azjit_sessions_free(struct azjit_sessions *sessions);

// Durable when it returns. `wanted` has user, uid, service, tty, client, auth and pid; the rest is found.
enum azjit_result azjit_session_open(struct azjit_sessions *sessions, const struct azjit_session *wanted,
                                     const struct azjit_session **ret, struct azjit_reason *reason);
// Only by the process that opened it (AZJIT_DENIED). Its entry follows 100 ms later, or with the
// session's end: the record is durable already.
enum azjit_result azjit_session_commit(struct azjit_sessions *sessions, const char *id, int pid);
// Before the commit: the record is undone (an entry says so). No-op for one that is not open.
void azjit_session_undo(struct azjit_sessions *sessions, const char *id);
// AZJIT_NOT_FOUND for one that is not open (also: closed twice).
enum azjit_result azjit_session_close(struct azjit_sessions *sessions, const char *id);

// The session of a process: by its audit session id, then its scope, then `hint` (from the caller's
// environment), believed only if it names an open session of the same uid; a process that has neither id
// nor scope belongs to the only session of its uid. NULL if none or several fit (*ret_ambiguous). uid 0
// may work in anyone's session.
const struct azjit_session *azjit_session_of(struct azjit_sessions *sessions, int pid, unsigned uid,
                                             const char *hint, bool *ret_ambiguous);
const struct azjit_session *azjit_session_find(struct azjit_sessions *sessions, const char *id);
size_t azjit_sessions_count(const struct azjit_sessions *sessions);
const struct azjit_session *azjit_sessions_at(const struct azjit_sessions *sessions, size_t index);

#endif
