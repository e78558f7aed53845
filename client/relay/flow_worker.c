// SPDX-License-Identifier: Apache-2.0
// A flow and its worker: starting it, hearing it, seeing it go.
#include "private.h"

#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void got(struct flow *flow, int control)
{
	struct azjit_reason reason;

	if (flow->receiving_from)
		conn_received(flow->receiving_from);
	flow->receiving_from = NULL;
	if (control < 0 || control_attach(flow, control, &reason))
		return;
	flow->refused = true;
	flow_end(flow, AZJIT_DENIED, "%s", reason.text);
}

static void begin(struct flow *flow)
{
	struct azjit_reason reason = flow->reason;

	if (flow->refused) {
		flow_end(flow, flow->result, "%s", reason.text);
	} else if (flow->tcp >= 0 || target_enter(flow->relay, flow)) {
		flow_connect(flow);
	} else {
		flow->state = FLOW_QUEUED;
		control_progress(flow, "queued",
		                 "waiting for its turn: others are logging in to the same port");
	}
}

static void refuse(struct flow *flow, const char *text)
{
	flow->refused = true;
	flow_end(flow, AZJIT_USAGE, "%s", text);
}

static void ended(struct flow *flow, const struct worker_msg *msg)
{
	switch (msg->end) {
	case AZJIT_COPY_BOTH_ENDED:
		flow_end(flow, AZJIT_OK, "the connection to %s was closed", flow->name);
		return;
	case AZJIT_COPY_TURNED_AWAY:
		flow_end(flow, AZJIT_PORT_CLOSED,
		         "%s closed the connection at once, without a word: it may have too many logins in "
		         "progress (sshd's MaxStartups) or keep this host's address out for a while "
		         "(PerSourcePenalties); try again in a minute",
		         flow->name);
		return;
	case AZJIT_COPY_TARGET_LOST:
		flow_end(flow, AZJIT_SYSTEM, "the connection to %s was lost: %s", flow->name,
		         strerror(msg->error));
		return;
	case AZJIT_COPY_OUTPUT_GONE:
		flow_end(flow, AZJIT_CANCELED, "nobody reads stdout any more");
		return;
	case AZJIT_COPY_LOCAL_ERROR:
		flow_end(flow, AZJIT_SYSTEM, "stdin or stdout failed: %s", strerror(msg->error));
		return;
	}
}

void flow_message(struct flow *flow, const struct worker_msg *msg, int fd)
{
	_cleanup_close_ int owned = fd;

	if (msg->kind == WORKER_GOT && flow->control < 0)
		got(flow, STEAL_FD(owned));
	if (flow->state == FLOW_ENDING)
		return;
	switch (msg->kind) {
	case WORKER_READY:
		if (flow->state == FLOW_RECEIVING && flow->control >= 0)
			begin(flow);
		return;
	case WORKER_BAD:
		if (flow->state == FLOW_RECEIVING)
			refuse(flow, msg->text);
		return;
	case WORKER_FIRST:
		tell_flow(flow, "FLOW-FIRST");
		return;
	case WORKER_LOGIN:
		flow_grown(flow);
		return;
	case WORKER_TARGET_EOF:
		control_progress(flow, "eof", NULL);
		return;
	case WORKER_AGAIN:
		control_progress(flow, "again", "the target closed the connection at once: trying once more");
		dial_repeat(flow);
		return;
	case WORKER_END:
		ended(flow, msg);
		return;
	case WORKER_NONE:
	case WORKER_GOT:
	case WORKER_GO:
		return;
	}
}

static void drain(struct flow *flow)
{
	struct worker_msg msg;
	int fd, r;

	while ((r = channel_receive(flow->channel, MSG_DONTWAIT, &msg, &fd)) == 1)
		flow_message(flow, &msg, fd);
	if (r == 0)
		flow->channel_io = azjit_source_free(flow->channel_io);
}

static void on_channel(void *userdata, int fd, uint32_t events)
{
	drain(userdata);
}

static void on_exit_of_worker(void *userdata, int fd, uint32_t events)
{
	struct flow *flow = userdata;

	drain(flow);
	flow_end(flow, AZJIT_SYSTEM, "the relay's process for this connection ended");
	(void)waitpid(flow->worker, NULL, 0);
	if (flow->receiving_from)
		conn_end(flow->receiving_from);
	flow_announce(flow);
	flow_free(flow);
}

static bool watch(struct flow *flow)
{
	struct azjit_loop *loop = flow->relay->loop;

	flow->worker_fd = (int)syscall(SYS_pidfd_open, flow->worker, 0);
	return flow->worker_fd >= 0 &&
	       azjit_loop_io(loop, flow->worker_fd, EPOLLIN, on_exit_of_worker, flow, &flow->worker_io) ==
	               AZJIT_OK &&
	       azjit_loop_io(loop, flow->channel, EPOLLIN, on_channel, flow, &flow->channel_io) == AZJIT_OK;
}

bool flow_fork(struct conn *conn, struct flow *flow)
{
	pid_t parent = getpid();
	int pair[2];
	void *page =
	        mmap(NULL, sizeof(*flow->counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return false;
	flow->counts = page;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return false;
	flow->channel = pair[0];
	flow->worker = fork();
	if (flow->worker == 0)
		worker_main(parent, conn->fd, pair[1], flow->counts);
	(void)close(pair[1]);
	if (flow->worker < 0)
		return false;
	(void)madvise(page, sizeof(*flow->counts), MADV_DONTFORK);
	if (watch(flow))
		return true;
	(void)kill(flow->worker, SIGKILL);
	(void)waitpid(flow->worker, NULL, 0);
	return false;
}
