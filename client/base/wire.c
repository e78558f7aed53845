// SPDX-License-Identifier: Apache-2.0
// Threat model: either end attacks the other. A user of the machine speaks to the broker, and whoever
// planted a socket speaks to the module inside sshd. So there is exactly one way to write a message and
// everything else is refused; a decoded value never is longer than it was; and since a peer may say
// nothing, or a byte a second, every wait is a poll until a time that was fixed before the first one.
#include <azjit/wire.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAGIC      "AZJIT/"
#define VERSION    "1"
#define KEY_CHARS  32
#define VERB_CHARS 32
#define FOREVER    UINT64_MAX

static bool must_escape(unsigned char c)
{
	return c < 0x20 || c == 0x7f || c == '%';
}

static bool key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static bool key_valid(const char *key)
{
	size_t len = strnlen(key, KEY_CHARS + 1);

	for (size_t i = 0; i < len; i++)
		if (!key_char(key[i]))
			return false;
	return len >= 1 && len <= KEY_CHARS;
}

static bool verb_valid(const char *verb)
{
	size_t len = strnlen(verb, VERB_CHARS + 1);

	for (size_t i = 0; i < len; i++)
		if (!((verb[i] >= 'A' && verb[i] <= 'Z') || (i > 0 && verb[i] == '-')))
			return false;
	return len >= 1 && len <= VERB_CHARS;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// In place; false unless the value is written in the one way there is.
static bool value_decode(char *value)
{
	char *to = value;

	for (const char *p = value; *p; p++) {
		int high, low;

		if (*p != '%') {
			if (must_escape((unsigned char)*p))
				return false;
			*to++ = *p;
			continue;
		}
		high = hex_digit(p[1]);
		low = high < 0 ? -1 : hex_digit(p[2]);
		if (low < 0 || (high == 0 && low == 0) || !must_escape((unsigned char)(high * 16 + low)))
			return false;
		*to++ = (char)(high * 16 + low);
		p += 2;
	}
	*to = '\0';
	return true;
}

// The version's digits and the verb of "AZJIT/1 VERB".
static bool first_line(char *line, const char **ret_version, const char **ret_verb)
{
	char *version = line + strlen(MAGIC);
	size_t digits = strspn(version, "0123456789");

	if (digits < 1 || digits > 4 || version[0] == '0' || version[digits] != ' ' ||
	    !verb_valid(version + digits + 1))
		return false;
	version[digits] = '\0';
	*ret_version = version;
	*ret_verb = version + digits + 1;
	return true;
}

static bool add_pair(struct azjit_wire_msg *msg, char *line)
{
	char *equals = strchr(line, '=');

	if (!equals || msg->pair_count == AZJIT_WIRE_MAX_KEYS)
		return false;
	*equals = '\0';
	if (!key_valid(line) || azjit_wire_get(msg, line) || !value_decode(equals + 1))
		return false;
	msg->pairs[msg->pair_count++] = (struct azjit_wire_pair){line, equals + 1};
	return true;
}

// `text` is the message's lines, each ended by LF.
static enum azjit_wire_parse parse_lines(char *text, struct azjit_wire_msg *ret_msg)
{
	const char *version;
	char *end = strchr(text, '\n');

	*end = '\0';
	if (!first_line(text, &version, &ret_msg->verb))
		return AZJIT_WIRE_BAD;
	if (strcmp(version, VERSION) != 0)
		return AZJIT_WIRE_VERSION;
	for (text = end + 1; *text; text = end + 1) {
		end = strchr(text, '\n');
		*end = '\0';
		if (!add_pair(ret_msg, text))
			return AZJIT_WIRE_BAD;
	}
	return AZJIT_WIRE_MESSAGE;
}

enum azjit_wire_parse azjit_wire_parse(char *bytes, size_t len, size_t max_bytes,
                                       struct azjit_wire_msg *ret_msg, size_t *ret_used)
{
	size_t magic = strlen(MAGIC), seen = len < max_bytes ? len : max_bytes;
	char *end;

	if (memcmp(bytes, MAGIC, seen < magic ? seen : magic) != 0)
		return AZJIT_WIRE_BAD;
	end = memmem(bytes, seen, "\n\n", 2);
	if (memchr(bytes, '\0', end ? (size_t)(end - bytes) : seen))
		return AZJIT_WIRE_BAD;
	if (!end)
		return len >= max_bytes ? AZJIT_WIRE_BAD : AZJIT_WIRE_MORE;
	end[1] = '\0';
	*ret_msg = (struct azjit_wire_msg){0};
	*ret_used = (size_t)(end - bytes) + 2;
	return parse_lines(bytes, ret_msg);
}

const char *azjit_wire_get(const struct azjit_wire_msg *msg, const char *key)
{
	for (size_t i = 0; i < msg->pair_count; i++)
		if (strcmp(msg->pairs[i].key, key) == 0)
			return msg->pairs[i].value;
	return NULL;
}

static void out_bytes(struct azjit_wire_out *out, const char *bytes, size_t len)
{
	if (out->failed || len > out->size - out->len) {
		out->failed = true;
		return;
	}
	memcpy(out->bytes + out->len, bytes, len);
	out->len += len;
}

static void out_value(struct azjit_wire_out *out, const char *value)
{
	static const char hex[] = "0123456789ABCDEF";

	for (const char *p = value; *p && !out->failed; p++) {
		unsigned char c = (unsigned char)*p;

		if (must_escape(c))
			out_bytes(out, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
		else
			out_bytes(out, p, 1);
	}
}

// Values hold no LF, so "\nKEY=" stands at the start of a line only.
static bool out_has(const struct azjit_wire_out *out, const char *key)
{
	char line[KEY_CHARS + 2] = "\n";
	size_t len = strlen(key);

	memcpy(line + 1, key, len + 1);
	line[len + 1] = '='; // where the NUL was
	return memmem(out->bytes, out->len, line, len + 2) != NULL;
}

void azjit_wire_begin(struct azjit_wire_out *out, char *bytes, size_t size, const char *verb)
{
	*out = (struct azjit_wire_out){.bytes = bytes, .size = size, .failed = !verb_valid(verb)};
	out_bytes(out, MAGIC VERSION " ", strlen(MAGIC VERSION " "));
	out_bytes(out, verb, strlen(verb));
	out_bytes(out, "\n", 1);
}

void azjit_wire_put(struct azjit_wire_out *out, const char *key, const char *value)
{
	if (!value || out->failed)
		return;
	if (out->pair_count == AZJIT_WIRE_MAX_KEYS || !key_valid(key) || out_has(out, key)) {
		out->failed = true;
		return;
	}
	out->pair_count++;
	out_bytes(out, key, strlen(key));
	out_bytes(out, "=", 1);
	out_value(out, value);
	out_bytes(out, "\n", 1);
}

void azjit_wire_put_u64(struct azjit_wire_out *out, const char *key, uint64_t value)
{
	char digits[21], *p = digits + sizeof(digits) - 1;

	*p = '\0';
	do {
		*--p = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	azjit_wire_put(out, key, p);
}

size_t azjit_wire_end(struct azjit_wire_out *out)
{
	out_bytes(out, "\n", 1);
	return out->failed ? 0 : out->len;
}

static uint64_t now_ms(void)
{
	struct timespec ts = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static uint64_t deadline_in(int timeout_ms)
{
	return timeout_ms < 0 ? FOREVER : now_ms() + (uint64_t)timeout_ms;
}

// Milliseconds until the deadline as poll takes them; 0: it has passed.
static int remaining_ms(uint64_t deadline_ms)
{
	uint64_t now = now_ms();

	if (deadline_ms == FOREVER)
		return -1;
	if (now >= deadline_ms)
		return 0;
	return deadline_ms - now > INT_MAX ? INT_MAX : (int)(deadline_ms - now);
}

static int wait_for(int fd, short events, uint64_t deadline_ms)
{
	for (;;) {
		struct pollfd pfd = {.fd = fd, .events = events};
		int left = remaining_ms(deadline_ms), r;

		if (left == 0)
			return -ETIMEDOUT;
		r = poll(&pfd, 1, left);
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
	}
}

static int address_of(const char *path, struct sockaddr_un *ret)
{
	size_t len = strnlen(path, sizeof(ret->sun_path));
	struct stat st;

	if (len == 0 || len == sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	if (lstat(path, &st) < 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(ret->sun_path, path, len);
	return 0;
}

// A non-blocking connect to a socket with a full queue fails at once (unix(7)) and cannot be polled:
// a blocking one obeys SO_SNDTIMEO.
static int connect_by(int fd, const struct sockaddr_un *sun, uint64_t deadline_ms)
{
	for (;;) {
		int left = remaining_ms(deadline_ms);
		struct timeval tv = {.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000};

		if (left == 0)
			return -ETIMEDOUT;
		if (left > 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0)
			return -errno;
		if (connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0)
			return 0;
		if (errno == EAGAIN)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

static int check_peer(int fd, unsigned expected_uid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	return cred.uid == 0 || cred.uid == expected_uid ? 0 : -EPERM;
}

static int set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

int azjit_wire_connect(const char *path, unsigned expected_uid, int timeout_ms)
{
	uint64_t deadline_ms = deadline_in(timeout_ms);
	struct sockaddr_un sun;
	int fd, r = address_of(path, &sun);

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = connect_by(fd, &sun, deadline_ms);
	if (r == 0)
		r = check_peer(fd, expected_uid);
	if (r == 0)
		r = set_nonblocking(fd);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	return fd;
}

static ssize_t send_some(int fd, const char *bytes, size_t len, const int *fds, size_t fd_count)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * AZJIT_WIRE_MAX_FDS)];
		struct cmsghdr align;
	} control = {.bytes = {0}};
	struct iovec iov = {.iov_base = (void *)bytes, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cmsg;

	if (fd_count > 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * fd_count);
	}
	return sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int azjit_wire_send(int fd, const void *bytes, size_t len, const int *fds, size_t fd_count, int timeout_ms)
{
	uint64_t deadline_ms = deadline_in(timeout_ms);
	const char *p = bytes;

	if (fd_count > AZJIT_WIRE_MAX_FDS)
		return -EINVAL;
	while (len > 0) {
		int r = wait_for(fd, POLLOUT, deadline_ms);
		ssize_t n;

		if (r < 0)
			return r;
		n = send_some(fd, p, len, fds, fd_count);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n <= 0)
			continue;
		p += n;
		len -= (size_t)n;
		fd_count = 0;
	}
	return 0;
}

int azjit_wire_receive(int fd, struct azjit_wire_in *in, uint64_t deadline_ms, struct azjit_wire_msg *ret_msg)
{
	memmove(in->bytes, in->bytes + in->used, in->len - in->used);
	in->len -= in->used;
	in->used = 0;
	for (;;) {
		enum azjit_wire_parse parse =
		        azjit_wire_parse(in->bytes, in->len, in->size, ret_msg, &in->used);
		ssize_t n;
		int r;

		if (parse != AZJIT_WIRE_MORE)
			return parse == AZJIT_WIRE_MESSAGE ? 1 : -EPROTO;
		r = wait_for(fd, POLLIN, deadline_ms ? deadline_ms : FOREVER);
		if (r < 0)
			return r;
		n = recv(fd, in->bytes + in->len, in->size - in->len, MSG_DONTWAIT);
		if (n == 0)
			return in->len == 0 ? 0 : -EPROTO;
		if (n > 0)
			in->len += (size_t)n;
		else if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
}
