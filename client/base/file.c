// SPDX-License-Identifier: Apache-2.0
// Threat model: see file.h. What must hold: nothing but the descriptor that was checked is read; a
// file that another user could have written, now or while it is read, decides nothing.
#include <azjit/file.h>

#include <azjit/text.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#define READ_FLAGS (O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
#define MAX_LINKS  16

static enum azjit_result open_failed(const char *path, struct azjit_reason *reason)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
		return azjit_fail(reason, AZJIT_NOT_FOUND, "%s does not exist", path);
	case ELOOP:
		return azjit_fail(reason, AZJIT_CONFIG, "%s is a symbolic link: put the file itself there",
		                  path);
	case ENXIO:
		return azjit_fail(reason, AZJIT_CONFIG, "%s is not a regular file", path);
	case EACCES:
		return azjit_fail(reason, AZJIT_CONFIG,
		                  "%s cannot be read by uid %u: give it the group of that user and mode 0640",
		                  path, (unsigned)geteuid());
	default:
		return azjit_fail(reason, AZJIT_SYSTEM, "%s cannot be opened: %m", path);
	}
}

static enum azjit_result check_trusted(int fd, const char *path, uid_t owner, bool secret,
                                       struct azjit_reason *reason)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return azjit_fail(reason, AZJIT_SYSTEM, "%s cannot be examined: %m", path);
	if (!S_ISREG(st.st_mode))
		return azjit_fail(reason, AZJIT_CONFIG, "%s is not a regular file", path);
	if (st.st_uid != 0 && st.st_uid != owner)
		return azjit_fail(reason, AZJIT_CONFIG, "%s is owned by uid %u: chown root %s", path,
		                  (unsigned)st.st_uid, path);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return azjit_fail(reason, AZJIT_CONFIG,
		                  "%s can be written by others than its owner: chmod go-w %s", path, path);
	if (secret && (st.st_mode & S_IROTH))
		return azjit_fail(reason, AZJIT_CONFIG,
		                  "%s holds a secret and can be read by everybody: chmod o= %s", path, path);
	return AZJIT_OK;
}

static enum azjit_result read_all(int fd, const char *path, struct azjit_buf *ret,
                                  struct azjit_reason *reason)
{
	enum azjit_result result = AZJIT_OK;
	char chunk[4096];
	ssize_t n;

	while (result == AZJIT_OK && (n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			result = azjit_fail(reason, AZJIT_SYSTEM, "%s cannot be read: %m", path);
		else if (!azjit_buf_add(ret, chunk, (size_t)n))
			result = azjit_fail(reason, AZJIT_CONFIG, "%s is larger than %zu bytes", path,
			                    ret->max_bytes);
	}
	explicit_bzero(chunk, sizeof(chunk));
	return result;
}

static enum azjit_result read_checked(int fd, const char *path, uid_t owner, bool secret,
                                      struct azjit_buf *ret, struct azjit_reason *reason)
{
	enum azjit_result result = check_trusted(fd, path, owner, secret, reason);

	if (result == AZJIT_OK)
		result = read_all(fd, path, ret, reason);
	if (result == AZJIT_OK && !azjit_buf_add(ret, "", 0))
		result = azjit_fail(reason, AZJIT_NOMEM, "no memory to read %s", path);
	return result;
}

enum azjit_result azjit_file_read_trusted(const char *path, uid_t owner, bool secret, struct azjit_buf *ret,
                                          struct azjit_reason *reason)
{
	_cleanup_close_ int fd = open(path, READ_FLAGS);

	if (fd < 0)
		return open_failed(path, reason);
	return read_checked(fd, path, owner, secret, ret, reason);
}

// --- through links ------------------------------------------------------------------------------------

struct walk {
	const char *path; // as it was asked for
	uid_t owner;
	struct azjit_reason *reason;
	int dir;             // where we are
	char rest[PATH_MAX]; // what is left to go
	unsigned links;
};

static enum azjit_result walk_refuse(const struct walk *walk, const char *name, const char *why)
{
	return azjit_fail(walk->reason, AZJIT_CONFIG, "%s leads through %s, %s", walk->path, name, why);
}

static void walk_enter(struct walk *walk, int *fd)
{
	if (walk->dir >= 0)
		(void)close(walk->dir);
	walk->dir = STEAL_FD(*fd);
}

static enum azjit_result walk_root(struct walk *walk)
{
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return open_failed(walk->path, walk->reason);
	walk_enter(walk, &root);
	return AZJIT_OK;
}

static enum azjit_result walk_link(struct walk *walk, int link, const char *name)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t len = readlinkat(link, "", target, sizeof(target) - 1);
	int all;

	if (len <= 0 || ++walk->links > MAX_LINKS)
		return walk_refuse(walk, name, "which is one symbolic link too many");
	target[len] = '\0';
	all = snprintf(rest, sizeof(rest), "%s%s%s", target, *walk->rest ? "/" : "", walk->rest);
	if (all < 0 || (size_t)all >= sizeof(rest))
		return walk_refuse(walk, name, "whose target is too long");
	memcpy(walk->rest, rest, (size_t)all + 1);
	return target[0] == '/' ? walk_root(walk) : AZJIT_OK;
}

// One step; *ret_fd is the file once it is reached.
static enum azjit_result walk_step(struct walk *walk, const char *name, int *ret_fd)
{
	_cleanup_close_ int fd = openat(walk->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return open_failed(walk->path, walk->reason);
	if (st.st_uid != 0 && st.st_uid != walk->owner)
		return walk_refuse(walk, name, "which is somebody else's");
	if (S_ISLNK(st.st_mode))
		return walk_link(walk, fd, name);
	if (S_ISDIR(st.st_mode)) {
		if ((st.st_mode & (S_IWGRP | S_IWOTH)) && !(st.st_mode & S_ISVTX))
			return walk_refuse(walk, name, "a directory that others than its owner may write");
		walk_enter(walk, &fd);
		return AZJIT_OK;
	}
	if (*walk->rest)
		return azjit_fail(walk->reason, AZJIT_NOT_FOUND, "%s does not exist", walk->path);
	*ret_fd = openat(walk->dir, name, READ_FLAGS);
	return *ret_fd < 0 ? open_failed(walk->path, walk->reason) : AZJIT_OK;
}

static enum azjit_result walk_all(struct walk *walk, int *ret_fd)
{
	enum azjit_result result = walk_root(walk);

	while (result == AZJIT_OK && *ret_fd < 0) {
		size_t skip = strspn(walk->rest, "/"), len = strcspn(walk->rest + skip, "/");
		char name[NAME_MAX + 1];

		if (len == 0 || len >= sizeof(name))
			return azjit_fail(walk->reason, AZJIT_CONFIG, "%s is not a regular file", walk->path);
		memcpy(name, walk->rest + skip, len);
		name[len] = '\0';
		memmove(walk->rest, walk->rest + skip + len, strlen(walk->rest + skip + len) + 1);
		result = walk_step(walk, name, ret_fd);
	}
	return result;
}

enum azjit_result azjit_file_read_linked(const char *path, uid_t owner, bool secret, struct azjit_buf *ret,
                                         struct azjit_reason *reason)
{
	struct walk walk = {.path = path, .owner = owner, .reason = reason, .dir = -1};
	_cleanup_close_ int fd = -1;
	enum azjit_result result;

	if (path[0] != '/' || !azjit_copy(walk.rest, sizeof(walk.rest), path))
		return azjit_fail(reason, AZJIT_CONFIG, "%s is no absolute path", path);
	result = walk_all(&walk, &fd);
	if (walk.dir >= 0)
		(void)close(walk.dir);
	return result == AZJIT_OK ? read_checked(fd, path, owner, secret, ret, reason) : result;
}

// --- writing ------------------------------------------------------------------------------------------

static bool write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static bool sync_directory(const char *path)
{
	_cleanup_close_ int fd = -1;
	const char *slash = strrchr(path, '/');
	size_t len = !slash || slash == path ? 1 : (size_t)(slash - path);
	char *dir = strndup(slash ? path : ".", len);

	if (!dir)
		return false;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	return fd >= 0 && fsync(fd) == 0;
}

enum azjit_result azjit_file_replace(const char *path, const void *bytes, size_t len, mode_t mode,
                                     struct azjit_reason *reason)
{
	_cleanup_free_ char *temp = NULL;
	_cleanup_close_ int fd = -1;

	if (asprintf(&temp, "%s.XXXXXX", path) < 0) {
		temp = NULL;
		return azjit_fail(reason, AZJIT_NOMEM, "no memory to write %s", path);
	}
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return azjit_fail(reason, AZJIT_SYSTEM, "no file can be made beside %s: %m", path);
	if (!write_all(fd, bytes, len) || fchmod(fd, mode) < 0 || fsync(fd) < 0 || rename(temp, path) < 0) {
		enum azjit_result result = azjit_fail(reason, AZJIT_SYSTEM, "%s cannot be written: %m", path);

		(void)unlink(temp);
		return result;
	}
	if (!sync_directory(path))
		return azjit_fail(reason, AZJIT_SYSTEM, "the directory of %s cannot be synced: %m", path);
	return AZJIT_OK;
}
