// SPDX-License-Identifier: Apache-2.0
// The caller's end of a flow. Threat model: control is a socket of the caller's, who may not read it, may
// keep both its ends, or may send its other end along as stdin, so that it never sees an end of file and
// the flow (and the grant it keeps open) outlives everybody. So: nothing is ever read from it, writing
// never waits, and besides its hang-up the process that made the pair is watched. That process must be
// the flow's user's, and a flow lives no longer than it.
#include "private.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 // Linux 6.5
#endif

static void on_hangup(void *userdata, int fd, uint32_t events)
{
	flow_end(userdata, AZJIT_CANCELED, "the caller left");
}

static int peer_pidfd(int control, pid_t pid)
{
	int fd = -1;
	socklen_t len = sizeof(fd);

	if (getsockopt(control, SOL_SOCKET, SO_PEERPIDFD, &fd, &len) == 0)
		return fd;
	return errno == ENOPROTOOPT && pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
}

bool control_attach(struct flow *flow, int control, struct azjit_reason *reason)
{
	struct azjit_loop *loop = flow->relay->loop;
	struct ucred cred;
	socklen_t len = sizeof(cred);

	flow->control = control;
	if (getsockopt(control, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || cred.uid != flow->uid) {
		(void)azjit_fail(reason, AZJIT_DENIED,
		                 "control was not made by the user whose connection it is");
		return false;
	}
	flow->creator_fd = peer_pidfd(control, cred.pid);
	if (flow->creator_fd < 0) {
		(void)azjit_fail(reason, AZJIT_CANCELED, "the process that made control has ended");
		return false;
	}
	if (azjit_loop_io(loop, flow->creator_fd, EPOLLIN, on_hangup, flow, &flow->creator_io) == AZJIT_OK &&
	    azjit_loop_io(loop, control, EPOLLRDHUP, on_hangup, flow, &flow->control_io) == AZJIT_OK)
		return true;
	(void)azjit_fail(reason, AZJIT_NOMEM, "the relay is out of memory");
	return false;
}

static void control_send(const struct flow *flow, const char *bytes, size_t len)
{
	if (flow->control >= 0 && len > 0)
		(void)send(flow->control, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void control_progress(struct flow *flow, const char *stage, const char *text)
{
	char bytes[RELAY_MSG_BYTES];
	struct azjit_wire_out out;

	azjit_wire_begin(&out, bytes, sizeof(bytes), "PROGRESS");
	azjit_wire_put(&out, "stage", stage);
	azjit_wire_put(&out, "text", text);
	control_send(flow, bytes, azjit_wire_end(&out));
}

void control_done(struct flow *flow)
{
	char bytes[RELAY_MSG_BYTES];
	struct azjit_wire_out out;

	azjit_wire_begin(&out, bytes, sizeof(bytes), "DONE");
	azjit_wire_put(&out, "result", azjit_result_name(flow->result));
	azjit_wire_put(&out, "reason", flow->reason.text);
	azjit_wire_put_u64(&out, "in", atomic_load(&flow->counts->in));
	azjit_wire_put_u64(&out, "out", atomic_load(&flow->counts->out));
	control_send(flow, bytes, azjit_wire_end(&out));
}

void control_detach(struct flow *flow)
{
	flow->control_io = azjit_source_free(flow->control_io);
	flow->creator_io = azjit_source_free(flow->creator_io);
	if (flow->control >= 0)
		(void)close(flow->control);
	if (flow->creator_fd >= 0)
		(void)close(flow->creator_fd);
	flow->control = flow->creator_fd = -1;
}
