// SPDX-License-Identifier: Apache-2.0
// A flow's own process, forked from the relay. Threat model: the caller's descriptors. Their owner can
// make any use of them block, even in the kernel where no flag helps: a FUSE file's close waits for its
// owner's file system; a pipe's read waits for the pipe's lock, which its owner's write holds while a
// page of its buffer comes from FUSE. So nobody but the flow's worker touches them: it takes them off the
// broker's connection itself, examines them, copies, and goes with them. If it is stuck, its caller is
// the only one who waits. It holds nothing else: every other descriptor is closed, and the main
// process's memory of other flows is a copy that it cannot change.
#include "private.h"

#include <azjit/text.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

enum { FD_CHANNEL = 3, FD_BROKER = 4 };

struct worker {
	int channel;
	int fds[AZJIT_WIRE_MAX_FDS]; // stdin, stdout, control
	struct azjit_copy_counts *counts;
};

static bool report(const struct worker *worker, enum worker_kind kind)
{
	return channel_send(worker->channel, &(struct worker_msg){.kind = kind}, -1);
}

// Dies with the main process, and by its hand only: a signal for the whole group is the main
// process's to judge.
static bool settle_signals(pid_t parent)
{
	sigset_t none;

	(void)sigemptyset(&none);
	return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent &&
	       signal(SIGTERM, SIG_IGN) != SIG_ERR && signal(SIGINT, SIG_IGN) != SIG_ERR &&
	       signal(SIGHUP, SIG_IGN) != SIG_ERR && signal(SIGPIPE, SIG_IGN) != SIG_ERR &&
	       sigprocmask(SIG_SETMASK, &none, NULL) == 0;
}

static bool settle_descriptors(int broker, int channel)
{
	int high_broker = fcntl(broker, F_DUPFD, 16), high_channel = fcntl(channel, F_DUPFD, 16);

	return high_broker >= 0 && high_channel >= 0 && dup2(high_channel, FD_CHANNEL) >= 0 &&
	       dup2(high_broker, FD_BROKER) >= 0 && close_range(FD_BROKER + 1, ~0U, 0) == 0;
}

// The descriptors of one packet, whose text the main process has read already.
static bool take_packet(int broker, int fds[AZJIT_WIRE_MAX_FDS])
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * AZJIT_WIRE_MAX_FDS)];
		struct cmsghdr align;
	} control = {.bytes = {0}};
	char byte;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov,
	                     .msg_iovlen = 1,
	                     .msg_control = control.bytes,
	                     .msg_controllen = sizeof(control)};
	struct cmsghdr *cmsg;
	ssize_t n;

	do
		n = recvmsg(broker, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	cmsg = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS || (msg.msg_flags & MSG_CTRUNC) != 0 ||
	    cmsg->cmsg_len != CMSG_LEN(sizeof(int) * AZJIT_WIRE_MAX_FDS))
		return false;
	memcpy(fds, CMSG_DATA(cmsg), sizeof(int) * AZJIT_WIRE_MAX_FDS);
	return true;
}

// Control goes to the main process, and only there, before anything else is looked at: should that take
// for ever, the caller can still be told.
static bool present(struct worker *worker, bool taken)
{
	bool good = taken && vet_control(worker->fds[2]);
	struct worker_msg msg = {.kind = good ? WORKER_READY : WORKER_BAD};
	bool sent = channel_send(worker->channel, &(struct worker_msg){.kind = WORKER_GOT},
	                         good ? worker->fds[2] : -1);

	if (!good)
		(void)azjit_copy(
		        msg.text, sizeof(msg.text),
		        taken ? "control is not one end of a socket pair"
		              : "three descriptors must come with the request: stdin, stdout, control");
	else if (!vet_descriptors(worker->fds[0], worker->fds[1], worker->fds[2], msg.text, sizeof(msg.text)))
		msg.kind = WORKER_BAD;
	if (good)
		(void)close(worker->fds[2]);
	return sent && channel_send(worker->channel, &msg, -1) && msg.kind == WORKER_READY;
}

static void on_event(void *userdata, enum azjit_copy_event event)
{
	struct worker *worker = userdata;

	switch (event) {
	case AZJIT_COPY_FIRST:
		(void)report(worker, WORKER_FIRST);
		return;
	case AZJIT_COPY_LOGIN:
		(void)report(worker, WORKER_LOGIN);
		return;
	case AZJIT_COPY_TARGET_EOF:
		(void)report(worker, WORKER_TARGET_EOF);
		(void)close(worker->fds[1]);
		worker->fds[1] = -1;
		return;
	}
}

static int await_socket(const struct worker *worker)
{
	struct worker_msg msg;
	int fd;

	if (channel_receive(worker->channel, 0, &msg, &fd) != 1 || msg.kind != WORKER_GO)
		return -1;
	return fd;
}

static void work(struct worker *worker)
{
	struct worker_msg msg = {.kind = WORKER_END, .end = AZJIT_COPY_LOCAL_ERROR, .error = ENOMEM};
	struct azjit_copy *copy = NULL;
	bool repeated = false;
	int tcp = await_socket(worker);

	if (tcp < 0)
		return;
	if (azjit_copy_new(worker->fds[0], worker->fds[1], worker->counts, on_event, worker, &copy) ==
	    AZJIT_OK) {
		msg.end = azjit_copy_run(copy, tcp);
		msg.error = errno;
	}
	while (copy && !repeated && msg.end == AZJIT_COPY_TURNED_AWAY && azjit_copy_repeatable(copy)) {
		repeated = true;
		(void)close(tcp);
		tcp = report(worker, WORKER_AGAIN) ? await_socket(worker) : -1;
		if (tcp < 0)
			return;
		msg.end = azjit_copy_run(copy, tcp);
		msg.error = errno;
	}
	(void)channel_send(worker->channel, &msg, -1);
}

void worker_main(pid_t parent, int broker, int channel, struct azjit_copy_counts *counts)
{
	struct worker worker = {.channel = FD_CHANNEL, .fds = {-1, -1, -1}, .counts = counts};
	bool taken;

	if (!settle_signals(parent) || !settle_descriptors(broker, channel))
		_exit(EXIT_FAILURE);
	taken = take_packet(FD_BROKER, worker.fds);
	(void)close(FD_BROKER);
	if (present(&worker, taken))
		work(&worker);
	_exit(EXIT_SUCCESS);
}
