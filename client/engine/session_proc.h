// SPDX-License-Identifier: Apache-2.0
// What the kernel says of a process, for sessions (proc(5)). Needs a /proc that shows other people's
// processes: hidepid and ProtectProc= hide them (then session_proc_blind says so).
#ifndef AZJIT_ENGINE_SESSION_PROC_H
#define AZJIT_ENGINE_SESSION_PROC_H

#include <azjit/text.h>
#include <sys/types.h>

#define SESSION_NO_AUDIT    UINT32_MAX
#define SESSION_SCOPE_CHARS 128

struct session_proc {
	uint64_t start;                  // field 22 of stat: clock ticks since boot
	bool gone;                       // a zombie or dead: works no more
	uid_t uid;                       // real
	uint32_t audit;                  // sessionid, SESSION_NO_AUDIT if unset
	char scope[SESSION_SCOPE_CHARS]; // logind's "session-N.scope" it runs in, "" if none
};

// False if there is no such process (or it cannot be seen).
bool session_proc_read(pid_t pid, struct session_proc *ret);
// The id of the running kernel's boot: audit session ids and pids mean nothing after another one.
bool session_proc_boot(char ret_text[AZJIT_UUID_CHARS]);
// True if /proc hides others' processes, so that not seeing one says nothing.
bool session_proc_blind(void);

// Every process, in any order; return false to stop. False if /proc cannot be read.
typedef bool session_proc_fn(void *userdata, pid_t pid, const struct session_proc *proc);
bool session_proc_each(session_proc_fn *fn, void *userdata);

#endif
