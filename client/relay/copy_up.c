// SPDX-License-Identifier: Apache-2.0
// From input to the target. Threat model: copy.c.
#include "copy_private.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#define REPEAT_BYTES 16384

static ssize_t read_input(struct azjit_copy *copy, char *bytes, size_t size)
{
	if (copy->input_kind == KIND_SOCKET)
		return recv(copy->input, bytes, size, MSG_DONTWAIT);
	if (copy->input_kind != KIND_REGULAR && !copy_ready(copy->input, POLLIN)) {
		errno = EAGAIN;
		return -1;
	}
	return read(copy->input, bytes, size);
}

static enum step up_eof(struct azjit_copy *copy)
{
	copy->up.source_eof = true;
	return STEP_MORE;
}

static enum step up_read(struct azjit_copy *copy)
{
	struct direction *up = &copy->up;
	size_t size = copy->keeping ? REPEAT_BYTES : COPY_BUFFER_BYTES;
	ssize_t n;

	if (copy->keeping && up->len == size) {
		copy->keeping = false;
		size = COPY_BUFFER_BYTES;
	}
	if (!copy->keeping)
		up->start = up->len = 0;
	n = read_input(copy, up->bytes + up->len, size - up->len);
	if (n < 0 && copy_again())
		return copy_wait(up, WAIT_SOURCE);
	// A terminal that hung up says EIO, a socket whose peer died ECONNRESET: its end, too.
	if (n == 0 || (n < 0 && (errno == EIO || errno == ECONNRESET)))
		return up_eof(copy);
	if (n < 0)
		return copy_finish(copy, AZJIT_COPY_LOCAL_ERROR);
	up->len += (size_t)n;
	return STEP_MORE;
}

static enum step up_write(struct azjit_copy *copy)
{
	struct direction *up = &copy->up;
	ssize_t n =
	        send(copy->socket, up->bytes + up->start, up->len - up->start, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && copy_again())
		return copy_wait(up, WAIT_SINK);
	if (n < 0)
		return copy_target_failed(copy);
	up->start += (size_t)n;
	copy_count(copy, &copy->counts->out, (size_t)n);
	return STEP_MORE;
}

enum step copy_up_step(struct azjit_copy *copy)
{
	struct direction *up = &copy->up;

	if (up->start < up->len)
		return up_write(copy);
	if (up->source_eof) {
		up->done = true;
		if (shutdown(copy->socket, SHUT_WR) < 0)
			return copy_target_failed(copy);
		return STEP_DONE;
	}
	return up_read(copy);
}
