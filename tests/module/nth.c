// SPDX-License-Identifier: Apache-2.0
// Every failure is made to happen, in order: the n-th call that the module makes into the C library
// fails, for n = 1, 2, 3 … until a whole login no longer gets that far. Each time the login is refused,
// with one line in the log, and the host is as it was; an interrupted call changes nothing at all.
#include "host.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

static unsigned armed, seen; // the call that is to fail (0: none), and how many there were
static int error;            // how it fails
static const char *failed_call;

// Libpam and the C library call these, too; only the module's calls count.
static bool by_module(const void *caller)
{
	Dl_info info;

	return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "pam_azjit.so");
}

static bool fails(const void *caller, const char *call)
{
	if (armed == 0 || !by_module(caller) || ++seen != armed)
		return false;
	failed_call = call;
	errno = error;
	return true;
}

#define REAL(call)  ((__typeof__(&call))dlsym(RTLD_NEXT, #call))
#define FAILS(call) fails(__builtin_return_address(0), #call)

int socket(int domain, int type, int protocol)
{
	return error != EINTR && FAILS(socket) ? -1 : REAL(socket)(domain, type, protocol);
}

int connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	return FAILS(connect) ? -1 : REAL(connect)(fd, sa, len);
}

int lstat(const char *path, struct stat *st)
{
	return error != EINTR && FAILS(lstat) ? -1 : REAL(lstat)(path, st);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	return error != EINTR && FAILS(getsockopt) ? -1 : REAL(getsockopt)(fd, level, name, value, len);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	return error != EINTR && FAILS(setsockopt) ? -1 : REAL(setsockopt)(fd, level, name, value, len);
}

int fcntl(int fd, int command, ...)
{
	va_list args;
	int flags;

	va_start(args, command);
	flags = va_arg(args, int);
	va_end(args);
	return error != EINTR && FAILS(fcntl) ? -1 : REAL(fcntl)(fd, command, flags);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	return FAILS(poll) ? -1 : REAL(poll)(fds, count, timeout);
}

ssize_t recv(int fd, void *bytes, size_t len, int flags)
{
	return FAILS(recv) ? -1 : REAL(recv)(fd, bytes, len, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return FAILS(sendmsg) ? -1 : REAL(sendmsg)(fd, msg, flags);
}

#ifndef __SANITIZE_ADDRESS__ // which has an allocator of its own
void *__libc_malloc(size_t size);

void *malloc(size_t size)
{
	return armed && error != EINTR && FAILS(malloc) ? NULL : __libc_malloc(size);
}

char *strdup(const char *text)
{
	return error != EINTR && FAILS(strdup) ? NULL : REAL(strdup)(text);
}
#endif

struct outcome {
	int account, open, close;
	unsigned log_count;
	bool same_host, variable;
};

// A whole login; `armed` counts over its three phases.
static struct outcome login(void)
{
	static const struct plan good = {.fault = FAULT_NONE};
	struct snapshot before, after;
	struct outcome outcome;
	struct scene s;
	unsigned nth = armed;

	armed = 0;
	scene_begin(&s, &good, "required", "");
	(void)pam_setcred(s.host.pamh, PAM_ESTABLISH_CRED); // loads the stack
	host_snapshot(&before);
	seen = 0;
	failed_call = NULL;
	armed = nth;
	outcome.account = pam_acct_mgmt(s.host.pamh, PAM_SILENT);
	outcome.open = pam_open_session(s.host.pamh, PAM_SILENT);
	outcome.variable = pam_getenv(s.host.pamh, "AZJIT_SESSION") != NULL;
	outcome.close = pam_close_session(s.host.pamh, PAM_SILENT);
	armed = 0;
	host_snapshot(&after);
	outcome.same_host = memcmp(&before, &after, sizeof(before)) == 0;
	outcome.log_count = host_log_count;
	scene_end(&s);
	armed = nth;
	return outcome;
}

static bool refused(const struct outcome *o)
{
	bool account =
	        o->account == PAM_AUTHINFO_UNAVAIL && o->open == PAM_SUCCESS && o->close == PAM_SUCCESS;
	// Libpam itself fails a close whose open failed.
	bool open = o->account == PAM_SUCCESS && o->open == PAM_SESSION_ERR && !o->variable;
	bool close = o->account == PAM_SUCCESS && o->open == PAM_SUCCESS && o->close == PAM_SESSION_ERR;

	return (account || open || close) && o->log_count == 1 && o->same_host;
}

static bool untouched(const struct outcome *o)
{
	return o->account == PAM_SUCCESS && o->open == PAM_SUCCESS && o->close == PAM_SUCCESS &&
	       o->variable && o->log_count == 0 && o->same_host;
}

static unsigned passed, failed;

static void run(int how, bool (*judge)(const struct outcome *o), unsigned least)
{
	error = how;
	for (armed = 1;; armed++) {
		struct outcome o = login();
		const char *call = failed_call;
		bool ok = call ? judge(&o) : untouched(&o) && armed > least;

		if (ok)
			passed++;
		else
			failed++;
		(void)printf("%s %s of call %u (%s): account %d, open %d, close %d, %u log lines\n",
		             ok ? "ok" : "not ok", how == EINTR ? "interruption" : "failure", armed,
		             call ? call : "there is none", o.account, o.open, o.close, o.log_count);
		if (!call)
			break;
	}
	armed = 0;
}

int main(void)
{
	run(ENOMEM, refused, 30);
	run(EINTR, untouched, 15);
	(void)printf("%u passed, %u failed\n", passed, failed);
	return failed == 0 ? 0 : 1;
}
