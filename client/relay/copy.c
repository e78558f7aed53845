// SPDX-License-Identifier: Apache-2.0
// Threat model: whoever gave us input and output shares them and may do anything to them meanwhile:
// read what poll promised us, set flags, hold locks, stop reading. What must hold: nothing of theirs is
// changed; a direction that waits does not stop the other one where the kernel lets us avoid it; never
// a busy loop; no byte is lost, doubled or reordered.
//
// Each direction waits for its source or for its sink, never for both. splice does not tell which of
// its sides was not ready, so after its EAGAIN the other side is waited for: asking the wrong one costs
// one turn of the loop.
#include "copy_private.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define TURNS        16 // of one direction before the other one's turn
#define SSH_PREFIX   "SSH-"
#define KEEP_IDLE_S  60
#define KEEP_EVERY_S 15
#define KEEP_COUNT   4

static enum kind kind_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return KIND_DEVICE;
	if (S_ISFIFO(st.st_mode))
		return KIND_PIPE;
	if (S_ISSOCK(st.st_mode))
		return KIND_SOCKET;
	return S_ISREG(st.st_mode) ? KIND_REGULAR : KIND_DEVICE;
}

enum azjit_result azjit_copy_new(int input, int output, struct azjit_copy_counts *counts, azjit_copy_fn *fn,
                                 void *userdata, struct azjit_copy **ret)
{
	struct azjit_copy *copy = calloc(1, sizeof(*copy));

	if (!copy)
		return AZJIT_NOMEM;
	*copy = (struct azjit_copy){.input = input,
	                            .output = output,
	                            .socket = -1,
	                            .input_kind = kind_of(input),
	                            .output_kind = kind_of(output),
	                            .counts = counts,
	                            .fn = fn,
	                            .userdata = userdata,
	                            .keeping = true};
	copy->up.bytes = malloc(COPY_BUFFER_BYTES);
	copy->down.bytes = malloc(COPY_BUFFER_BYTES);
	if (!copy->up.bytes || !copy->down.bytes) {
		azjit_copy_free(copy);
		return AZJIT_NOMEM;
	}
	*ret = copy;
	return AZJIT_OK;
}

void azjit_copy_free(struct azjit_copy *copy)
{
	if (!copy)
		return;
	free(copy->up.bytes);
	free(copy->down.bytes);
	free(copy);
}

bool copy_is_ssh(const char *bytes, size_t len)
{
	return len >= strlen(SSH_PREFIX) && memcmp(bytes, SSH_PREFIX, strlen(SSH_PREFIX)) == 0;
}

bool copy_sent_ssh(const struct azjit_copy *copy)
{
	return copy->keeping && copy_is_ssh(copy->up.bytes, copy->up.len);
}

bool azjit_copy_repeatable(const struct azjit_copy *copy)
{
	return copy->keeping && !copy->up.source_eof && (copy->up.len == 0 || copy_sent_ssh(copy));
}

void copy_tell(struct azjit_copy *copy, enum azjit_copy_event event)
{
	if (copy->fn)
		copy->fn(copy->userdata, event);
}

void copy_tell_login(struct azjit_copy *copy)
{
	if (copy->login)
		return;
	copy->login = true;
	copy_tell(copy, AZJIT_COPY_LOGIN);
}

void copy_count(struct azjit_copy *copy, _Atomic uint64_t *counter, size_t bytes)
{
	atomic_fetch_add(counter, bytes);
	if (atomic_load(&copy->counts->in) >= AZJIT_COPY_LOGIN_BYTES)
		copy_tell_login(copy);
}

enum step copy_finish(struct azjit_copy *copy, enum azjit_copy_end end)
{
	copy->end = end;
	copy->error = errno;
	return STEP_END;
}

bool copy_again(void)
{
	return errno == EAGAIN || errno == EINTR;
}

bool copy_ready(int fd, short events)
{
	struct pollfd pfd = {.fd = fd, .events = events};

	return poll(&pfd, 1, 0) > 0;
}

// The target is gone, or it never wanted us.
enum step copy_target_failed(struct azjit_copy *copy)
{
	if (errno == ENOMEM || errno == ENOBUFS)
		return copy_finish(copy, AZJIT_COPY_LOCAL_ERROR);
	return copy_finish(copy, copy->first ? AZJIT_COPY_TARGET_LOST : AZJIT_COPY_TURNED_AWAY);
}

enum step copy_wait(struct direction *direction, enum wait wait)
{
	direction->wait = wait;
	return STEP_WAIT;
}

static bool pump(struct azjit_copy *copy, struct direction *direction, enum step (*one)(struct azjit_copy *))
{
	enum step step = STEP_MORE;

	for (unsigned i = 0; i < TURNS && step == STEP_MORE; i++)
		step = one(copy);
	direction->more = step == STEP_MORE;
	return step != STEP_END;
}

enum { POLL_INPUT, POLL_OUTPUT, POLL_SOCKET, POLL_COUNT };

// Who is not waited for is left out, since a hang-up is reported unasked and would be a busy loop; but
// output is watched for its reader's leaving, and the socket for a reset once the target has sent all.
static void wanted(const struct azjit_copy *copy, struct pollfd *pfds)
{
	const struct direction *up = &copy->up, *down = &copy->down;

	pfds[POLL_INPUT] = (struct pollfd){.fd = -1, .events = POLLIN};
	pfds[POLL_OUTPUT] = (struct pollfd){.fd = down->done || copy->output_hung ? -1 : copy->output};
	pfds[POLL_SOCKET] = (struct pollfd){.fd = down->done ? copy->socket : -1};
	if (!up->done && up->wait == WAIT_SOURCE)
		pfds[POLL_INPUT].fd = copy->input;
	if (!up->done && up->wait == WAIT_SINK)
		pfds[POLL_SOCKET] = (struct pollfd){.fd = copy->socket, .events = POLLOUT};
	if (!down->done && down->wait == WAIT_SOURCE) {
		pfds[POLL_SOCKET].fd = copy->socket;
		pfds[POLL_SOCKET].events |= POLLIN;
	}
	if (!down->done && down->wait == WAIT_SINK)
		pfds[POLL_OUTPUT] = (struct pollfd){.fd = copy->output, .events = POLLOUT};
}

static bool has_turn(const struct direction *direction, const struct pollfd *source,
                     const struct pollfd *sink)
{
	const short broken = POLLERR | POLLHUP | POLLNVAL;

	if (direction->done)
		return false;
	if (direction->more || direction->wait == WAIT_OTHER)
		return true;
	return direction->wait == WAIT_SOURCE ? (source->revents & (POLLIN | broken)) != 0
	                                      : (sink->revents & (POLLOUT | broken)) != 0;
}

static int patience_ms(const struct azjit_copy *copy)
{
	uint64_t now_ms = azjit_time_monotonic_ms();

	if ((copy->up.more && !copy->up.done) || (copy->down.more && !copy->down.done))
		return 0;
	if (copy->down.done || copy->down.wait != WAIT_OTHER)
		return -1;
	if (copy->up.len > 0 || copy->up.source_eof)
		return 0;
	return now_ms < copy->hesitate_until_ms ? (int)(copy->hesitate_until_ms - now_ms) : 0;
}

static int socket_error(int socket)
{
	int error = 0;
	socklen_t len = sizeof(error);

	return getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? errno : error;
}

// What ends the copying although no direction has its turn. A peer that closed both sides of a socket
// may have left bytes to send: output's hang-up counts when input has ended, too.
static bool ended_aside(struct azjit_copy *copy, const struct pollfd *pfds)
{
	if ((pfds[POLL_OUTPUT].revents & (POLLERR | POLLHUP)) != 0)
		copy->output_hung = true;
	if (!copy->down.done && copy->output_hung && copy->up.done) {
		copy->end = AZJIT_COPY_OUTPUT_GONE;
		return true;
	}
	if (copy->down.done && (pfds[POLL_SOCKET].revents & (POLLERR | POLLHUP)) != 0) {
		copy->error = socket_error(copy->socket);
		copy->end = AZJIT_COPY_TARGET_LOST;
		return true;
	}
	return false;
}

// One turn; false when it is over and copy->end is set.
static bool turn(struct azjit_copy *copy)
{
	struct pollfd pfds[POLL_COUNT];

	wanted(copy, pfds);
	if (poll(pfds, POLL_COUNT, patience_ms(copy)) < 0) {
		if (errno == EINTR)
			return true;
		(void)copy_finish(copy, AZJIT_COPY_LOCAL_ERROR);
		return false;
	}
	if (ended_aside(copy, pfds))
		return false;
	if (has_turn(&copy->down, &pfds[POLL_SOCKET], &pfds[POLL_OUTPUT]) &&
	    !pump(copy, &copy->down, copy_down_step))
		return false;
	if (has_turn(&copy->up, &pfds[POLL_INPUT], &pfds[POLL_SOCKET]) &&
	    !pump(copy, &copy->up, copy_up_step))
		return false;
	copy->end = AZJIT_COPY_BOTH_ENDED;
	return !(copy->up.done && copy->down.done);
}

enum azjit_copy_end azjit_copy_run(struct azjit_copy *copy, int socket)
{
	copy->socket = socket;
	copy->hesitate_until_ms = 0;
	copy->up.start = 0;
	copy->up.wait = copy->up.len > 0 ? WAIT_SINK : WAIT_SOURCE;
	copy->down.wait = WAIT_SOURCE;
	copy->up.more = copy->down.more = false;
	while (turn(copy))
		;
	errno = copy->error;
	return copy->end;
}

enum azjit_result azjit_copy_prepare(int socket)
{
	const struct {
		int level, name, value;
	} options[] = {
	        {IPPROTO_TCP, TCP_NODELAY, 1},
	        {SOL_SOCKET, SO_KEEPALIVE, 1},
	        {IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S},
	        {IPPROTO_TCP, TCP_KEEPINTVL, KEEP_EVERY_S},
	        {IPPROTO_TCP, TCP_KEEPCNT, KEEP_COUNT},
	};
	int flags = fcntl(socket, F_GETFL);

	if (flags < 0 || fcntl(socket, F_SETFL, flags | O_NONBLOCK) < 0)
		return AZJIT_SYSTEM;
	for (size_t i = 0; i < AZJIT_COUNT(options); i++)
		if (setsockopt(socket, options[i].level, options[i].name, &options[i].value, sizeof(int)) < 0)
			return AZJIT_SYSTEM;
	return AZJIT_OK;
}
