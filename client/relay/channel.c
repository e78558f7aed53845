// SPDX-License-Identifier: Apache-2.0
#include "private.h"

#include <sys/socket.h>

union control_bytes {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

bool channel_send(int channel, const struct worker_msg *worker_msg, int fd)
{
	union control_bytes control = {.bytes = {0}};
	struct iovec iov = {.iov_base = (void *)worker_msg, .iov_len = sizeof(*worker_msg)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cmsg;
	ssize_t n;

	if (fd >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	}
	do
		n = sendmsg(channel, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*worker_msg);
}

int channel_receive(int channel, int flags, struct worker_msg *ret, int *ret_fd)
{
	union control_bytes control = {.bytes = {0}};
	struct iovec iov = {.iov_base = ret, .iov_len = sizeof(*ret)};
	struct msghdr msg = {.msg_iov = &iov,
	                     .msg_iovlen = 1,
	                     .msg_control = control.bytes,
	                     .msg_controllen = sizeof(control)};
	struct cmsghdr *cmsg;
	ssize_t n;

	*ret_fd = -1;
	do
		n = recvmsg(channel, &msg, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return -1;
	cmsg = n < 0 ? NULL : CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_type == SCM_RIGHTS && cmsg->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(cmsg), sizeof(int));
	if (n != (ssize_t)sizeof(*ret))
		return 0;
	ret->text[sizeof(ret->text) - 1] = '\0';
	return 1;
}
