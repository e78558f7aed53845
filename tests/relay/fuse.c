// SPDX-License-Identifier: Apache-2.0
// A file system with one file, whose owner never answers statfs, read, write and flush: what any user
// of a machine with user namespaces can make.
#include "relay_test.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>

static int device = -1;
static char place[] = "/tmp/azjit-fuse.XXXXXX";

static void reply(const struct fuse_in_header *in, int error, const void *body, size_t len)
{
	struct fuse_out_header out = {
	        .len = (uint32_t)(sizeof(out) + len), .error = error, .unique = in->unique};
	struct iovec iov[] = {{&out, sizeof(out)}, {(void *)body, len}};

	(void)!writev(device, iov, 2);
}

static struct fuse_attr attr_of(uint64_t node)
{
	return (struct fuse_attr){.ino = node,
	                          .size = 1 << 20,
	                          .nlink = 1,
	                          .mode = node == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0666};
}

static void serve(const struct fuse_in_header *in)
{
	const struct fuse_init_out init = {
	        .major = FUSE_KERNEL_VERSION, .minor = 31, .max_readahead = 4096, .max_write = 4096};
	const struct fuse_entry_out entry = {
	        .nodeid = 2, .entry_valid = 60, .attr_valid = 60, .attr = attr_of(2)};
	const struct fuse_attr_out attr = {.attr_valid = 60, .attr = attr_of(in->nodeid)};
	const struct fuse_open_out open_out = {.fh = 1, .open_flags = FOPEN_DIRECT_IO};

	switch (in->opcode) {
	case FUSE_INIT:
		return reply(in, 0, &init, sizeof(init));
	case FUSE_LOOKUP:
		return reply(in, 0, &entry, sizeof(entry));
	case FUSE_GETATTR:
		return reply(in, 0, &attr, sizeof(attr));
	case FUSE_OPEN:
		return reply(in, 0, &open_out, sizeof(open_out));
	case FUSE_STATFS:
	case FUSE_READ:
	case FUSE_WRITE:
	case FUSE_FLUSH:
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return;
	default:
		return reply(in, -ENOSYS, NULL, 0);
	}
}

static void *serve_all(void *userdata)
{
	static char bytes[1 << 17];

	while (read(device, bytes, sizeof(bytes)) > 0)
		serve((const struct fuse_in_header *)(void *)bytes);
	return userdata;
}

int fuse_open(void)
{
	char options[96], path[64];
	pthread_t thread;
	int fd;

	device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (device < 0 || !mkdtemp(place))
		return -1;
	(void)snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other",
	               device);
	if (mount("azjit", place, "fuse", MS_NOSUID | MS_NODEV, options) < 0 ||
	    pthread_create(&thread, NULL, serve_all, NULL) != 0)
		return -1;
	(void)pthread_detach(thread);
	(void)snprintf(path, sizeof(path), "%s/file", place);
	fd = open(path, O_RDWR | O_CLOEXEC);
	(void)umount2(place, MNT_DETACH);
	(void)rmdir(place);
	return fd;
}

// Everybody who waits for an answer gets an error. The target's own copy of the file is closed after.
void fuse_end(void)
{
	(void)close(device);
	device = -1;
}
