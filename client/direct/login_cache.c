// SPDX-License-Identifier: Apache-2.0
// Threat model: other users of this host, who want the refresh token or want us to use theirs; the caller
// himself under sudo, whose root would leave files in his home, or use his login. Must hold: the directory is the
// caller's (by effective uid, never of a program that runs for somebody else) and closed to all others; what is
// in it is reached through its descriptor only, never by a path that can change; the file is regular, the
// caller's, closed to others, no link. It is replaced as a whole, and bytes that held a token are overwritten.
// Outside: root; who reads the disk, its snapshots or backups; programs of the caller himself.
#include "login_cache.h"

#include "state.h"

#include <azjit/text.h>
#include <azjit/time.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>

#include <sys/file.h>
#include <sys/stat.h>

#define FILE_NAME       "login.json"
#define NEW_NAME        "login.json.new"
#define LOCK_NAME       "login.lock"
#define FILE_MAX_BYTES  ((size_t)64 * 1024)
#define NOBODY          "nobody has logged in here: run `azjit login`"
#define LOCK_MS         30000 // longer than an exchange of who holds it
#define LOCK_LOOK_MS    20
#define READ_FLAGS      (O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
#define DIRECTORY_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct login_cache {
	char *path;
	int dir, lock;
	struct azjit_login taken;
	struct azjit_login_store store;
};

// --- the form -----------------------------------------------------------------------------------------

struct member {
	const char *name;
	size_t offset;
};

static const struct member members[] = {
        {"tenant", offsetof(struct azjit_login, tenant)},
        {"client_id", offsetof(struct azjit_login, client_id)},
        {"cloud", offsetof(struct azjit_login, cloud)},
        {"login_url", offsetof(struct azjit_login, login_url)},
        {"who", offsetof(struct azjit_login, who)},
        {"refresh_token", offsetof(struct azjit_login, refresh_token)},
};

static char **member_at(struct azjit_login *login, size_t i)
{
	return (char **)(void *)((char *)login + members[i].offset);
}

static void wipe_text(const json_t *text)
{
	explicit_bzero((char *)(uintptr_t)json_string_value(text), json_string_length(text));
}

enum azjit_result login_parse(const char *text, size_t len, struct azjit_login *ret)
{
	json_auto_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *token = json_object_get(root, "refresh_token");
	_cleanup_(azjit_login_clear) struct azjit_login login = {.tenant = NULL};
	bool ok = json_integer_value(json_object_get(root, "version")) == 1;

	for (size_t i = 0; ok && i < AZJIT_COUNT(members); i++) {
		const char *value = json_string_value(json_object_get(root, members[i].name));

		ok = value && (*value || azjit_streq(members[i].name, "who"));
		*member_at(&login, i) = ok ? strdup(value) : NULL;
		if (ok && !*member_at(&login, i))
			return AZJIT_NOMEM;
	}
	if (json_is_string(token))
		wipe_text(token);
	if (!ok)
		return AZJIT_CONFIG;
	*ret = login;
	login = (struct azjit_login){.tenant = NULL};
	return AZJIT_OK;
}

static int add_text(const char *bytes, size_t len, void *buf)
{
	return azjit_buf_add(buf, bytes, len) ? 0 : -1;
}

bool login_format(const struct azjit_login *login, struct azjit_buf *ret)
{
	json_auto_t *root = json_pack("{s:i}", "version", 1);
	bool ok = root;

	for (size_t i = 0; ok && i < AZJIT_COUNT(members); i++)
		ok = json_object_set_new(
		             root, members[i].name,
		             json_string(*member_at((struct azjit_login *)(uintptr_t)login, i))) == 0;
	ok = ok && json_dump_callback(root, add_text, ret, JSON_INDENT(2)) == 0 && azjit_buf_str(ret, "\n");
	if (json_is_string(json_object_get(root, "refresh_token")))
		wipe_text(json_object_get(root, "refresh_token"));
	return ok;
}

// --- the directory ------------------------------------------------------------------------------------

static enum azjit_result not_own(const char *path, uid_t owner, struct azjit_reason *reason)
{
	return azjit_fail(reason, AZJIT_CONFIG,
	                  "%s is owned by uid %u, and you are uid %u: a login is kept where nobody else "
	                  "writes (XDG_STATE_HOME, HOME)",
	                  path, (unsigned)owner, (unsigned)geteuid());
}

static enum azjit_result judge_directory(const struct login_cache *cache, const char *directory,
                                         struct azjit_reason *reason)
{
	struct stat st;

	if (fstat(cache->dir, &st) < 0)
		return azjit_fail(reason, AZJIT_SYSTEM, "%s cannot be examined: %m", directory);
	if (st.st_uid != geteuid())
		return not_own(directory, st.st_uid, reason);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return azjit_fail(reason, AZJIT_CONFIG, "%s is open to others than you: chmod 700 %s",
		                  directory, directory);
	return AZJIT_OK;
}

// A directory of root's in somebody's home would shut him out.
static enum azjit_result judge_home(struct azjit_reason *reason)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	const char *base = state && state[0] == '/' ? state : home;
	struct stat st;

	if (base && stat(base, &st) == 0 && st.st_uid != geteuid())
		return not_own(base, st.st_uid, reason);
	return AZJIT_OK;
}

static enum azjit_result open_directory(struct login_cache *cache, bool make, struct azjit_reason *reason)
{
	_cleanup_free_ char *directory = NULL;
	enum azjit_result result = make ? judge_home(reason) : AZJIT_OK;

	if (getuid() != geteuid() || getgid() != getegid())
		return azjit_fail(reason, AZJIT_CONFIG,
		                  "a login is not used by a program that has other rights than its caller");
	if (result != AZJIT_OK)
		return result;
	directory = state_directory(make);
	if (directory)
		cache->dir = open(directory, DIRECTORY_FLAGS);
	if (cache->dir < 0 && errno == ENOENT && !make)
		return azjit_fail(reason, AZJIT_NOT_FOUND, NOBODY);
	if (cache->dir < 0)
		return azjit_fail(
		        reason, AZJIT_CONFIG,
		        "there is no place for a login below $XDG_STATE_HOME or ~/.local/state%s%s: %m",
		        directory ? ", at " : "", directory ? directory : "");
	if (asprintf(&cache->path, "%s/" FILE_NAME, directory) < 0) {
		cache->path = NULL;
		return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	}
	return judge_directory(cache, directory, reason);
}

// --- the lock -----------------------------------------------------------------------------------------

static enum azjit_result lock(struct login_cache *cache, struct azjit_reason *reason)
{
	_cleanup_close_ int fd =
	        openat(cache->dir, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);
	uint64_t end = azjit_time_monotonic_ms() + LOCK_MS;

	if (fd < 0)
		return azjit_fail(reason, AZJIT_SYSTEM, "%s cannot be locked: %m", cache->path);
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return azjit_fail(reason, AZJIT_SYSTEM, "%s cannot be locked: %m", cache->path);
		if (azjit_time_monotonic_ms() >= end)
			return azjit_fail(reason, AZJIT_BUSY, "another azjit has held %s for %d seconds",
			                  cache->path, LOCK_MS / 1000);
		(void)poll(NULL, 0, LOCK_LOOK_MS);
	}
	cache->lock = STEAL_FD(fd);
	return AZJIT_OK;
}

static void unlock(struct login_cache *cache)
{
	azjit_login_clear(&cache->taken);
	if (cache->lock >= 0)
		(void)close(STEAL_FD(cache->lock));
}

// --- the file -----------------------------------------------------------------------------------------

// `open_to_others`: it may be, since it is only to go.
static enum azjit_result open_file(const struct login_cache *cache, bool open_to_others, int *ret_fd,
                                   struct azjit_reason *reason)
{
	_cleanup_close_ int fd = openat(cache->dir, FILE_NAME, READ_FLAGS);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return azjit_fail(reason, AZJIT_NOT_FOUND, NOBODY);
	if (fd < 0 && errno == ELOOP)
		return azjit_fail(reason, AZJIT_CONFIG,
		                  "%s is a symbolic link: remove it, and run `azjit login` again",
		                  cache->path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return azjit_fail(reason, AZJIT_CONFIG, "%s cannot be opened: %m", cache->path);
	if (!S_ISREG(st.st_mode))
		return azjit_fail(reason, AZJIT_CONFIG, "%s is not a regular file", cache->path);
	if (st.st_uid != geteuid())
		return not_own(cache->path, st.st_uid, reason);
	if (!open_to_others && st.st_mode & (S_IRWXG | S_IRWXO))
		return azjit_fail(
		        reason, AZJIT_CONFIG,
		        "%s is open to others than you, who may know the login: run `azjit logout`, "
		        "and `azjit login` again",
		        cache->path);
	*ret_fd = STEAL_FD(fd);
	return AZJIT_OK;
}

// False if it cannot be read, or is larger than the buffer takes.
static bool read_all(int fd, struct azjit_buf *ret)
{
	char chunk[4096];
	ssize_t n;
	bool ok = true;

	while (ok && (n = read(fd, chunk, sizeof(chunk))) != 0)
		ok = n > 0 && azjit_buf_add(ret, chunk, (size_t)n);
	explicit_bzero(chunk, sizeof(chunk));
	return ok && ret->len;
}

static enum azjit_result read_file(const struct login_cache *cache, struct azjit_login *ret,
                                   struct azjit_reason *reason)
{
	_cleanup_(azjit_buf_wipe) struct azjit_buf text = AZJIT_BUF(FILE_MAX_BYTES);
	_cleanup_close_ int fd = -1;
	enum azjit_result result = open_file(cache, false, &fd, reason);

	if (result != AZJIT_OK)
		return result;
	result = read_all(fd, &text) ? login_parse(text.data, text.len, ret) : AZJIT_CONFIG;
	if (result == AZJIT_CONFIG)
		return azjit_fail(reason, result, "%s is no login of this azjit: run `azjit login` again",
		                  cache->path);
	return result == AZJIT_OK ? result : azjit_fail(reason, result, "out of memory");
}

// Overwrites what is in the file; accepts -1.
static bool wipe_file(int fd)
{
	static const char zeros[4096];
	struct stat st;
	off_t at = 0;

	if (fd < 0)
		return true;
	if (fstat(fd, &st) < 0)
		return false;
	while (at < st.st_size) {
		size_t len =
		        st.st_size - at < (off_t)sizeof(zeros) ? (size_t)(st.st_size - at) : sizeof(zeros);
		ssize_t n = pwrite(fd, zeros, len, at);

		if (n <= 0)
			return false;
		at += n;
	}
	return fsync(fd) == 0;
}

// Of one that was killed while it wrote.
static void remove_new(const struct login_cache *cache)
{
	_cleanup_close_ int fd = openat(cache->dir, NEW_NAME, READ_FLAGS);

	(void)wipe_file(fd);
	(void)unlinkat(cache->dir, NEW_NAME, 0);
}

static bool write_all(int fd, const struct azjit_buf *text)
{
	for (size_t at = 0; at < text->len;) {
		ssize_t n = write(fd, text->data + at, text->len - at);

		if (n < 0 && errno != EINTR)
			return false;
		at += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) == 0;
}

static enum azjit_result replace_file(const struct login_cache *cache, const struct azjit_buf *text,
                                      struct azjit_reason *reason)
{
	_cleanup_close_ int old = openat(cache->dir, FILE_NAME, READ_FLAGS), fd = -1;

	remove_new(cache);
	fd = openat(cache->dir, NEW_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || !write_all(fd, text) || renameat(cache->dir, NEW_NAME, cache->dir, FILE_NAME) < 0) {
		enum azjit_result result =
		        azjit_fail(reason, AZJIT_SYSTEM, "the login cannot be kept in %s: %m", cache->path);

		remove_new(cache);
		return result;
	}
	(void)wipe_file(old); // nobody reaches it any more
	if (fsync(cache->dir) < 0)
		return azjit_fail(reason, AZJIT_SYSTEM, "the directory of %s cannot be synced: %m",
		                  cache->path);
	return AZJIT_OK;
}

static enum azjit_result write_file(const struct login_cache *cache, const struct azjit_login *login,
                                    struct azjit_reason *reason)
{
	_cleanup_(azjit_buf_wipe) struct azjit_buf text = AZJIT_BUF(FILE_MAX_BYTES);

	if (!login_format(login, &text))
		return azjit_fail(reason, AZJIT_NOMEM, "there is no room to keep the login");
	return replace_file(cache, &text, reason);
}

// --- for the library ----------------------------------------------------------------------------------

static enum azjit_result take(void *userdata, const struct azjit_login **ret, struct azjit_reason *reason)
{
	struct login_cache *cache = userdata;
	enum azjit_result result;

	unlock(cache);
	result = lock(cache, reason);
	if (result == AZJIT_OK)
		result = read_file(cache, &cache->taken, reason);
	if (result == AZJIT_NOT_FOUND)
		result = azjit_fail(reason, AZJIT_IDENTITY, NOBODY);
	if (result == AZJIT_OK)
		*ret = &cache->taken;
	return result;
}

static enum azjit_result rotate(void *userdata, const char *refresh_token, struct azjit_reason *reason)
{
	struct login_cache *cache = userdata;
	struct azjit_login login = cache->taken;

	if (azjit_streq(login.refresh_token, refresh_token))
		return AZJIT_OK;
	login.refresh_token = (char *)(uintptr_t)refresh_token;
	return write_file(cache, &login, reason);
}

static void release(void *userdata)
{
	unlock(userdata);
}

// --- the whole ----------------------------------------------------------------------------------------

enum azjit_result login_cache_open(bool make, struct azjit_reason *reason, struct login_cache **ret)
{
	struct login_cache *cache = calloc(1, sizeof(*cache));
	enum azjit_result result;

	if (!cache)
		return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	cache->dir = cache->lock = -1;
	cache->store = (struct azjit_login_store){
	        .take = take, .rotate = rotate, .release = release, .userdata = cache};
	result = open_directory(cache, make, reason);
	if (result == AZJIT_OK)
		*ret = cache;
	else
		login_cache_free(cache);
	return result;
}

void login_cache_free(struct login_cache *cache)
{
	if (!cache)
		return;
	unlock(cache);
	if (cache->dir >= 0)
		(void)close(cache->dir);
	free(cache->path);
	free(cache);
}

const char *login_cache_path(const struct login_cache *cache)
{
	return cache->path;
}

const struct azjit_login_store *login_cache_store(const struct login_cache *cache)
{
	return &cache->store;
}

enum azjit_result login_cache_read(struct login_cache *cache, struct azjit_login *ret,
                                   struct azjit_reason *reason)
{
	enum azjit_result result = lock(cache, reason);

	if (result == AZJIT_OK)
		result = read_file(cache, ret, reason);
	unlock(cache);
	return result;
}

enum azjit_result login_cache_write(struct login_cache *cache, const struct azjit_login *login,
                                    struct azjit_reason *reason)
{
	enum azjit_result result = lock(cache, reason);

	if (result == AZJIT_OK)
		result = write_file(cache, login, reason);
	unlock(cache);
	return result;
}

enum azjit_result login_cache_remove(struct login_cache *cache, struct azjit_reason *reason)
{
	_cleanup_close_ int fd = -1;
	enum azjit_result result = lock(cache, reason);

	if (result == AZJIT_OK) {
		remove_new(cache);
		result = open_file(cache, true, &fd, reason);
	}
	if (result == AZJIT_OK && !wipe_file(fd))
		result = azjit_fail(reason, AZJIT_SYSTEM, "%s cannot be wiped: %m", cache->path);
	if (result == AZJIT_OK && (unlinkat(cache->dir, FILE_NAME, 0) < 0 || fsync(cache->dir) < 0))
		result = azjit_fail(reason, AZJIT_SYSTEM, "%s cannot be removed: %m", cache->path);
	unlock(cache);
	return result;
}
