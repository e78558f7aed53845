// SPDX-License-Identifier: Apache-2.0
// Threat model: see file.h. What must hold: nothing but the descriptor that was checked is read; a
// file that another user could have written, now or while it is read, decides nothing.
#include <azjit/file.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

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

enum azjit_result azjit_file_read_trusted(const char *path, uid_t owner, bool secret, struct azjit_buf *ret,
                                          struct azjit_reason *reason)
{
	_cleanup_close_ int fd = -1;
	enum azjit_result result;

	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return open_failed(path, reason);
	result = check_trusted(fd, path, owner, secret, reason);
	if (result != AZJIT_OK)
		return result;
	result = read_all(fd, path, ret, reason);
	if (result == AZJIT_OK && !azjit_buf_add(ret, "", 0))
		result = azjit_fail(reason, AZJIT_NOMEM, "no memory to read %s", path);
	return result;
}

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
