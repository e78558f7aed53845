// SPDX-License-Identifier: Apache-2.0
// Threat model. Who attacks: a caller whose stdin or stdout is a file that she serves herself. What must
// hold: the loop never waits for her.
#include "descriptor.h"

#include <azjit/log.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>

static atomic_uint closers;

static bool is_quick(int fd)
{
	socklen_t len = sizeof(int);
	struct stat st;
	int domain;

	if (fstat(fd, &st) < 0)
		return false;
	if (S_ISFIFO(st.st_mode))
		return true;
	return S_ISSOCK(st.st_mode) && getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	       domain == AF_UNIX;
}

static void *closer(void *arg)
{
	(void)close((int)(intptr_t)arg);
	atomic_fetch_sub(&closers, 1);
	return NULL;
}

static bool close_aside(int fd)
{
	pthread_attr_t attr;
	pthread_t thread;
	bool started;

	if (atomic_fetch_add(&closers, 1) >= DESCRIPTOR_CLOSERS || pthread_attr_init(&attr) != 0) {
		atomic_fetch_sub(&closers, 1);
		return false;
	}
	started = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0 &&
	          pthread_create(&thread, &attr, closer, (void *)(intptr_t)fd) == 0;
	(void)pthread_attr_destroy(&attr);
	if (!started)
		atomic_fetch_sub(&closers, 1);
	return started;
}

void descriptor_close(int fd)
{
	if (fd < 0)
		return;
	if (is_quick(fd))
		(void)close(fd);
	else if (!close_aside(fd))
		azjit_log(LOG_WARNING,
		          "a caller's descriptor stays open: %d others do not let themselves be closed",
		          DESCRIPTOR_CLOSERS);
}
