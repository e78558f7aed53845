// SPDX-License-Identifier: Apache-2.0
// From the target to output. Threat model: copy.c.
#include "copy_private.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#define DEVICE_BYTES 4096 // at most this much to a device at once: its write may block
#define HESITATE_MS  1000

// What sshd writes in place of its identification before it closes: sshd.c drop_connection (since
// 8.5) and, since 9.8, the penalties of srclimit.c.
static bool turned_away(const char *bytes, size_t len)
{
	static const char *const texts[] = {"Exceeded MaxStartups\r\n", "Not allowed at this time\r\n"};

	for (size_t i = 0; i < AZJIT_COUNT(texts); i++)
		if (len == strlen(texts[i]) && memcmp(bytes, texts[i], len) == 0)
			return true;
	return false;
}

// The target closed before its first byte. On an ssh client that means "go away"; on others it may be a
// half-close. While input has said nothing yet, it gets a moment to tell which.
static bool hesitate(struct azjit_copy *copy)
{
	uint64_t now_ms = azjit_time_monotonic_ms();

	if (copy->up.source_eof || copy->up.len > 0)
		return false;
	if (copy->hesitate_until_ms == 0)
		copy->hesitate_until_ms = now_ms + HESITATE_MS;
	return now_ms < copy->hesitate_until_ms;
}

static enum step down_first(struct azjit_copy *copy)
{
	char bytes[64];
	ssize_t n = recv(copy->socket, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_PEEK);

	if (n < 0 && copy_again())
		return copy_wait(&copy->down, WAIT_SOURCE);
	if (n < 0)
		return copy_target_failed(copy);
	if (n == 0 && hesitate(copy))
		return copy_wait(&copy->down, WAIT_OTHER);
	if (n == 0 && copy_sent_ssh(copy) && !copy->up.done)
		return copy_finish(copy, AZJIT_COPY_TURNED_AWAY);
	if (n > 0 && turned_away(bytes, (size_t)n))
		return copy_finish(copy, AZJIT_COPY_TURNED_AWAY);
	copy->first = true;
	copy->keeping = false;
	if (n > 0)
		copy_tell(copy, AZJIT_COPY_FIRST);
	if (n > 0 && !copy_is_ssh(bytes, (size_t)n))
		copy_tell_login(copy);
	return STEP_MORE;
}

static enum step down_eof(struct azjit_copy *copy)
{
	copy->down.done = true;
	copy_tell(copy, AZJIT_COPY_TARGET_EOF);
	return STEP_DONE;
}

static enum step down_read(struct azjit_copy *copy)
{
	struct direction *down = &copy->down;
	ssize_t n = recv(copy->socket, down->bytes, COPY_BUFFER_BYTES, MSG_DONTWAIT);

	if (n < 0 && copy_again())
		return copy_wait(down, WAIT_SOURCE);
	if (n < 0)
		return copy_target_failed(copy);
	if (n == 0)
		return down_eof(copy);
	down->start = 0;
	down->len = (size_t)n;
	return STEP_MORE;
}

static ssize_t write_output(struct azjit_copy *copy, const char *bytes, size_t len)
{
	if (copy->output_kind == KIND_SOCKET)
		return send(copy->output, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (copy->output_kind == KIND_REGULAR)
		return write(copy->output, bytes, len);
	if (!copy_ready(copy->output, POLLOUT)) {
		errno = EAGAIN;
		return -1;
	}
	return write(copy->output, bytes, len < DEVICE_BYTES ? len : DEVICE_BYTES);
}

static enum step output_failed(struct azjit_copy *copy)
{
	bool gone = errno == EPIPE || errno == ECONNRESET || errno == EIO;

	return copy_finish(copy, gone ? AZJIT_COPY_OUTPUT_GONE : AZJIT_COPY_LOCAL_ERROR);
}

static enum step down_write(struct azjit_copy *copy)
{
	struct direction *down = &copy->down;
	ssize_t n = write_output(copy, down->bytes + down->start, down->len - down->start);

	if (n < 0 && copy_again())
		return copy_wait(down, WAIT_SINK);
	if (n < 0)
		return output_failed(copy);
	down->start += (size_t)n;
	copy_count(copy, &copy->counts->in, (size_t)n);
	return STEP_MORE;
}

static enum step down_splice(struct azjit_copy *copy)
{
	struct direction *down = &copy->down;
	ssize_t n = splice(copy->socket, NULL, copy->output, NULL, COPY_SPLICE_BYTES,
	                   SPLICE_F_NONBLOCK | SPLICE_F_MOVE);

	if (n < 0 && copy_again())
		return copy_wait(down, down->wait == WAIT_SOURCE ? WAIT_SINK : WAIT_SOURCE);
	if (n == 0)
		return down_eof(copy);
	if (n < 0 && errno == EPIPE)
		return output_failed(copy);
	if (n < 0 && errno == EINVAL) {
		copy->output_kind = KIND_DEVICE;
		return STEP_MORE;
	}
	if (n < 0)
		return copy_target_failed(copy);
	copy_count(copy, &copy->counts->in, (size_t)n);
	return STEP_MORE;
}

enum step copy_down_step(struct azjit_copy *copy)
{
	struct direction *down = &copy->down;

	if (!copy->first)
		return down_first(copy);
	if (down->start < down->len)
		return down_write(copy);
	return copy->output_kind == KIND_PIPE ? down_splice(copy) : down_read(copy);
}
