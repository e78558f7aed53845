// SPDX-License-Identifier: Apache-2.0
// A handshake that was completed must become a connection: sshd counts and punishes those that come
// and go (azure.md §12.3). An attempt that has had its time is therefore closed in three steps: a
// filter that drops every packet is attached to its socket, so that no SYN-ACK can complete it from
// now on; then its state is looked at; then it is closed, or the filter is taken off again. A SYN-ACK
// that fell to the filter is sent again by the target, and answered with a reset.
#include "private.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

int handshake_start(const struct azjit_addr *addr, uint16_t port)
{
	struct sockaddr_storage sa;
	unsigned len = azjit_addr_to_sockaddr(addr, port, &sa);
	_cleanup_close_ int fd =
	        socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);

	if (fd < 0 || azjit_copy_prepare(fd) != AZJIT_OK)
		return -1;
	if (connect(fd, (const struct sockaddr *)&sa, len) < 0 && errno != EINPROGRESS)
		return -1;
	return STEAL_FD(fd);
}

static unsigned tcp_state(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ? TCP_CLOSE : info.tcpi_state;
}

enum handshake handshake_state(int fd, int *ret_errno)
{
	unsigned state = tcp_state(fd);
	int error = 0;
	socklen_t len = sizeof(error);

	if (state == TCP_SYN_SENT)
		return HANDSHAKE_PENDING;
	if (state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT)
		return HANDSHAKE_OPEN;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	*ret_errno = error ? error : ECONNRESET;
	return HANDSHAKE_FAILED;
}

bool handshake_abandon(int fd)
{
	struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog filter = {.len = 1, .filter = &drop};
	int value = 0;

	(void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
	if (tcp_state(fd) == TCP_SYN_SENT)
		return true;
	(void)setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &value, sizeof(value));
	return false;
}
