// SPDX-License-Identifier: Apache-2.0
// The host at the other end: see relay_test.h.
#include "relay_test.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#define PORTS 65536

struct counters {
	atomic_ullong accepts, bare, most, bytes, open, sum, in_login, opened_us;
};
static struct counters counters[PORTS];

struct guest {
	int fd, port;
	unsigned long long number;
};

static bool say(int fd, const void *bytes, size_t len)
{
	for (const char *p = bytes; len > 0;) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static size_t hear(struct guest *guest, void *bytes, size_t len)
{
	ssize_t n = recv(guest->fd, bytes, len, 0);

	if (n <= 0)
		return 0;
	atomic_fetch_add(&counters[guest->port].bytes, (unsigned long long)n);
	return (size_t)n;
}

static void echo(struct guest *guest, bool identify)
{
	char bytes[65536];
	bool any = false;
	size_t n;

	if (identify && !say(guest->fd, "SSH-2.0-test\r\n", 14))
		return;
	while ((n = hear(guest, bytes, sizeof(bytes))) > 0) {
		any = true;
		if (!say(guest->fd, bytes, n))
			return;
	}
	if (!any)
		atomic_fetch_add(&counters[guest->port].bare, 1);
}

static void sink(struct guest *guest)
{
	static const size_t size = 1 << 18;
	unsigned char *bytes = malloc(size);
	uint64_t sum = SUM_START, total = 0;
	char text[64];
	size_t n;

	while ((n = hear(guest, bytes, size)) > 0) {
		sum = sum_add(sum, bytes, n);
		total += n;
	}
	(void)snprintf(text, sizeof(text), "%llu %llu\n", (unsigned long long)total, (unsigned long long)sum);
	(void)say(guest->fd, text, strlen(text));
	free(bytes);
}

static void source(struct guest *guest)
{
	static const size_t size = 1 << 18;
	unsigned char *bytes = malloc(size);
	char text[32] = "";
	uint64_t total, done = 0;

	(void)hear(guest, text, sizeof(text) - 1);
	total = strtoull(text, NULL, 10);
	while (done < total) {
		size_t n = total - done < size ? total - done : size;

		pattern_fill(bytes, n, done);
		if (!say(guest->fd, bytes, n))
			break;
		done += n;
		atomic_store(&counters[guest->port].sum, done);
	}
	free(bytes);
}

static void fast_source(struct guest *guest)
{
	static const char zeroes[1 << 18];
	char text[32] = "";
	uint64_t left;

	(void)hear(guest, text, sizeof(text) - 1);
	for (left = strtoull(text, NULL, 10); left > 0;) {
		size_t n = left < sizeof(zeroes) ? (size_t)left : sizeof(zeroes);

		if (!say(guest->fd, zeroes, n))
			return;
		left -= n;
	}
}

static void fast_sink(struct guest *guest)
{
	char *bytes = malloc(1 << 18);

	while (recv(guest->fd, bytes, 1 << 18, 0) > 0)
		;
	free(bytes);
}

static void first_eof(struct guest *guest)
{
	unsigned char bytes[4096];
	uint64_t sum = SUM_START;
	size_t n;

	(void)say(guest->fd, "bye", 3);
	(void)shutdown(guest->fd, SHUT_WR);
	while ((n = hear(guest, bytes, sizeof(bytes))) > 0)
		sum = sum_add(sum, bytes, n);
	atomic_store(&counters[guest->port].sum, sum);
}

static void login(struct guest *guest)
{
	static char bytes[6000];
	struct counters *mine = &counters[guest->port];
	unsigned long long now = atomic_fetch_add(&mine->in_login, 1) + 1, most = atomic_load(&mine->most);
	char line[256];

	while (now > most && !atomic_compare_exchange_weak(&mine->most, &most, now))
		;
	(void)say(guest->fd, "SSH-2.0-test\r\n", 14);
	(void)hear(guest, line, sizeof(line));
	(void)poll(NULL, 0, 150);
	atomic_fetch_sub(&mine->in_login, 1);
	(void)say(guest->fd, bytes, sizeof(bytes));
	while (hear(guest, line, sizeof(line)) > 0)
		;
}

static void deaf(struct guest *guest)
{
	struct pollfd pfd = {.fd = guest->fd, .events = 0};

	(void)poll(&pfd, 1, 60000);
}

static void reset(struct guest *guest)
{
	struct linger linger = {1, 0};
	char byte;

	(void)hear(guest, &byte, 1);
	(void)setsockopt(guest->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static void serve(struct guest *guest)
{
	switch (guest->port) {
	case PORT_SSH:
		return echo(guest, true);
	case PORT_SINK:
		return sink(guest);
	case PORT_SOURCE:
		return source(guest);
	case PORT_FAST_SOURCE:
		return fast_source(guest);
	case PORT_FAST_SINK:
		return fast_sink(guest);
	case PORT_FIRST_EOF:
		return first_eof(guest);
	case PORT_TURN_ONCE:
		return guest->number % 2 == 0 ? echo(guest, true) : (void)0;
	case PORT_TURN_ALWAYS:
		return;
	case PORT_STARTUPS:
		(void)say(guest->fd, "Exceeded MaxStartups\r\n", 22);
		return;
	case PORT_LOGIN:
		return login(guest);
	case PORT_DEAF:
		return deaf(guest);
	case PORT_RESET:
		return reset(guest);
	default:
		return echo(guest, false);
	}
}

static void *guest_main(void *userdata)
{
	struct guest *guest = userdata;

	serve(guest);
	(void)close(guest->fd);
	atomic_fetch_sub(&counters[guest->port].open, 1);
	free(guest);
	return NULL;
}

static void welcome(int listener, int port)
{
	struct guest *guest = calloc(1, sizeof(*guest));
	pthread_attr_t attr;
	pthread_t thread;

	guest->fd = accept(listener, NULL, NULL);
	guest->port = port;
	guest->number = atomic_fetch_add(&counters[port].accepts, 1) + 1;
	atomic_fetch_add(&counters[port].open, 1);
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attr, 262144);
	if (guest->fd < 0 || pthread_create(&thread, &attr, guest_main, guest) != 0)
		exit(2);
}

static int listen_on(int port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 || listen(fd, 1024) < 0)
		exit(2);
	return fd;
}

// --- what the driver asks -------------------------------------------------------------------------------

static void nft(const char *command)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)execlp("nft", "nft", command, (char *)NULL);
		_exit(127);
	}
	(void)waitpid(pid, NULL, 0);
}

struct opening {
	int port, delay_ms;
};

static void *open_later(void *userdata)
{
	struct opening *opening = userdata;
	char command[96];

	(void)poll(NULL, 0, opening->delay_ms);
	(void)snprintf(command, sizeof(command), "add element inet t open { %d }", opening->port);
	atomic_store(&counters[opening->port].opened_us, now_us());
	nft(command);
	free(opening);
	return NULL;
}

static void open_in(int port, int delay_ms)
{
	struct opening *opening = malloc(sizeof(*opening));
	pthread_t thread;

	*opening = (struct opening){port, delay_ms};
	if (pthread_create(&thread, NULL, open_later, opening) != 0)
		exit(2);
	(void)pthread_detach(thread);
}

static unsigned long long count_fds(long pid)
{
	char path[64];
	DIR *dir;
	unsigned long long count = 0;

	(void)snprintf(path, sizeof(path), "/proc/%ld/fd", pid);
	dir = opendir(path);
	while (dir && readdir(dir))
		count++;
	if (dir)
		(void)closedir(dir);
	return count;
}

// The number after `field` in a file of /proc, 0 if it is not there.
static unsigned long long proc_field(const char *path, const char *field)
{
	char line[256];
	FILE *file = fopen(path, "re");
	unsigned long long number = 0;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, field, strlen(field)) == 0)
			number = strtoull(line + strlen(field), NULL, 10);
	if (file)
		(void)fclose(file);
	return number;
}

static unsigned long long count_children(long parent)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	unsigned long long count = 0;
	char path[300];

	while (dir && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%s/status", entry->d_name);
		count += proc_field(path, "PPid:") == (unsigned long long)parent;
	}
	if (dir)
		(void)closedir(dir);
	return count;
}

static unsigned long long syns(void)
{
	int ends[2] = {-1, -1};
	FILE *file = pipe2(ends, O_CLOEXEC) == 0 ? fdopen(ends[0], "re") : NULL;
	pid_t pid = file ? fork() : -1;
	char line[256], *at;
	unsigned long long count = 0;

	if (pid == 0) {
		(void)dup2(ends[1], STDOUT_FILENO);
		(void)execlp("nft", "nft", "list counter inet t syns", (char *)NULL);
		_exit(127);
	}
	(void)close(ends[1]);
	while (file && fgets(line, sizeof(line), file))
		if ((at = strstr(line, "packets ")))
			count = strtoull(at + 8, NULL, 10);
	if (file)
		(void)fclose(file);
	(void)waitpid(pid, NULL, 0);
	return count;
}

static void answer_stats(int port, char *ret, size_t size)
{
	const struct counters *c = &counters[port];

	(void)snprintf(ret, size, "%llu %llu %llu %llu %llu %llu", c->accepts, c->bare, c->most, c->bytes,
	               c->open, c->sum);
}

// Not `open` and `in_login`: connections of an earlier case may still be closing, and count down.
static void reset_counters(void)
{
	for (int port = 0; port < PORTS; port++) {
		struct counters *c = &counters[port];

		c->accepts = c->bare = c->most = c->bytes = c->sum = c->opened_us = 0;
	}
}

static void answer(const char *question, int *later, char *ret, size_t size)
{
	const char *rest = question + strcspn(question, " ");
	char *end;
	long number = strtol(rest, &end, 10);
	unsigned long long result = 0;
	char path[64];

	if (strncmp(question, "open ", 5) == 0)
		open_in((int)number, (int)strtol(end, NULL, 10));
	else if (strncmp(question, "opened ", 7) == 0)
		result = counters[number].opened_us;
	else if (strncmp(question, "shut", 4) == 0)
		nft("flush set inet t open");
	else if (strncmp(question, "reset", 5) == 0)
		reset_counters();
	else if (strncmp(question, "fds ", 4) == 0)
		result = count_fds(number);
	else if (strncmp(question, "children ", 9) == 0)
		result = count_children(number);
	else if (strncmp(question, "syns", 4) == 0)
		result = syns();
	else if (strncmp(question, "unfuse", 6) == 0)
		fuse_end();
	else if (strncmp(question, "listen", 6) == 0)
		*later = listen_on(PORT_LATER);
	else if (strncmp(question, "rss ", 4) == 0) {
		(void)snprintf(path, sizeof(path), "/proc/%ld/status", number);
		result = proc_field(path, "VmRSS:");
	}
	(void)snprintf(ret, size, "%llu", result);
	if (strncmp(question, "stats ", 6) == 0)
		answer_stats((int)number, ret, size);
}

static void send_file(int to, int fd)
{
	(void)azjit_wire_send(to, "1", 1, &fd, fd >= 0, 1000);
}

// One driver; the target ends with it.
static void on_question(struct pollfd *pfd, bool *known, int *later)
{
	char question[128], text[256];
	ssize_t n;

	if (!*known) {
		pfd->fd = accept4(pfd->fd, NULL, NULL, SOCK_CLOEXEC);
		*known = true;
		return;
	}
	n = recv(pfd->fd, question, sizeof(question) - 1, 0);
	if (n <= 0)
		exit(0);
	question[n] = '\0';
	answer(question, later, text, sizeof(text));
	if (strncmp(question, "fuse", 4) == 0)
		send_file(pfd->fd, fuse_open());
	else
		(void)send(pfd->fd, text, strlen(text), MSG_NOSIGNAL);
}

int main(int argc, char **argv)
{
	static struct pollfd pfds[64];
	static int ports[64];
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	nfds_t count = 0;
	bool known = false;
	int later = -1;

	if (argc != 2 || strlen(argv[1]) >= sizeof(sun.sun_path))
		return 2;
	memcpy(sun.sun_path, argv[1], strlen(argv[1]));
	pfds[count++] =
	        (struct pollfd){.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), .events = POLLIN};
	for (int port = PORT_ECHO; port < PORT_GATED + PORT_COUNT; port++) {
		if (port == PORT_LATER)
			port = PORT_GATED;
		ports[count] = port;
		pfds[count++] = (struct pollfd){.fd = listen_on(port), .events = POLLIN};
	}
	ports[count] = PORT_LATER;
	pfds[count++] = (struct pollfd){.fd = -1, .events = POLLIN};
	if (bind(pfds[0].fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 || listen(pfds[0].fd, 1) < 0)
		return 2;
	while (poll(pfds, count, -1) >= 0) {
		if (pfds[0].revents)
			on_question(&pfds[0], &known, &later);
		pfds[count - 1].fd = later;
		for (nfds_t i = 1; i < count; i++)
			if (pfds[i].revents & POLLIN)
				welcome(pfds[i].fd, ports[i]);
	}
	return 2;
}
