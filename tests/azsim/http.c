// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "answer.h"
#include "enforce.h"
#include "request.h"
#include "transmit.h"

#define CONNECTION_LIMIT  4000
#define CONNECTION_MEMORY (128u << 10)
#define IDLE_S            300
#define HELD_POLL_MS      100
#define QUIET_ROUNDS      20

struct listener {
	struct sim *sim;
	enum service service;
	struct MHD_Daemon *daemon;
};

struct held {
	struct held *next;
	struct request *req;
};

static struct listener listeners[SERVICE_COUNT];
static struct held *held;
static bool watching;

static void peer_of(struct request *req)
{
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(req->conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	socklen_t len;

	if (!info)
		return;
	len = info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
	                                               : sizeof(struct sockaddr_in);
	getnameinfo(info->client_addr, len, req->peer, sizeof(req->peer), NULL, 0, NI_NUMERICHOST);
}

static void release(struct request *req)
{
	for (struct held **p = &held; *p; p = &(*p)->next) {
		struct held *h = *p;

		if (h->req != req)
			continue;
		*p = h->next;
		free(h);
		MHD_resume_connection(req->conn);
		return;
	}
}

static bool client_left(const struct request *req)
{
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(req->conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct pollfd p = {.fd = info ? info->connect_fd : -1, .events = POLLRDHUP};

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

static void watch_held(struct sim *sim, void *arg)
{
	struct held *next;

	(void)arg;
	watching = false;
	for (struct held *h = held; h; h = next) {
		next = h->next;
		if (client_left(h->req)) {
			h->req->reply.hang = true;
			release(h->req);
		}
	}
	if (held) {
		watching = true;
		timers_add(&sim->wall, mono_ms() + HELD_POLL_MS, watch_held, &held);
	}
}

static void hold(struct request *req)
{
	struct held *h = xcalloc(1, sizeof(*h));

	h->req = req;
	h->next = held;
	held = h;
	MHD_suspend_connection(req->conn);
	if (watching)
		return;
	watching = true;
	timers_add(&req->sim->wall, mono_ms() + HELD_POLL_MS, watch_held, &held);
}

static void release_timer(struct sim *sim, void *arg)
{
	(void)sim;
	release(arg);
}

void http_release_settled(struct sim *sim)
{
	struct held *next;

	for (struct held *h = held; h && enforce_idle(sim); h = next) {
		next = h->next;
		if (h->req->settle)
			release(h->req);
	}
}

static void *on_target(void *cls, const char *target, struct MHD_Connection *conn)
{
	struct listener *l = cls;
	struct request *req = request_new(l->sim, l->service, target);

	req->conn = conn;
	req->reply.cut_at = -1;
	peer_of(req);
	return req;
}

static void on_done(void *cls, struct MHD_Connection *conn, void **con_cls,
                    enum MHD_RequestTerminationCode toe)
{
	struct request *req = *con_cls;

	(void)cls;
	(void)conn;
	(void)toe;
	if (req) {
		timers_drop(&req->sim->wall, req);
		request_free(req);
	}
	*con_cls = NULL;
}

enum { STAGE_NEW, STAGE_BODY, STAGE_HELD };

static enum MHD_Result on_complete(struct request *req)
{
	answer(req);
	req->stage = STAGE_HELD;
	if (req->reply.hang || req->settle || req->reply.delay_ms > 0) {
		hold(req);
		if (!req->reply.hang && !req->settle)
			timers_add(&req->sim->wall, mono_ms() + req->reply.delay_ms, release_timer, req);
		return MHD_YES;
	}
	return transmit(req);
}

static enum MHD_Result on_access(void *cls, struct MHD_Connection *conn, const char *url, const char *method,
                                 const char *version, const char *data, size_t *size, void **con_cls)
{
	struct request *req = *con_cls;

	(void)cls;
	(void)conn;
	(void)url;
	(void)version;
	switch (req->stage) {
	case STAGE_NEW:
		req->method = xstrdup(method);
		req->stage = STAGE_BODY;
		return MHD_YES;
	case STAGE_BODY:
		if (!*size)
			return on_complete(req);
		if (req->body.len + *size > MAX_BODY_BYTES)
			return MHD_NO;
		buf_add(&req->body, data, *size);
		*size = 0;
		return MHD_YES;
	default:
		return req->reply.hang ? MHD_NO : transmit(req);
	}
}

static int bind_one(const struct addrinfo *ai)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) || listen(fd, 1024)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int bound_port(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char port[16] = "";
	long long n = 0;

	getsockname(fd, (struct sockaddr *)&ss, &len);
	getnameinfo((struct sockaddr *)&ss, len, NULL, 0, port, sizeof(port), NI_NUMERICSERV);
	return parse_number(port, 0, 65535, &n) ? (int)n : 0;
}

static int listen_on(const char *text)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
	                               .ai_socktype = SOCK_STREAM};
	const char *colon = strrchr(text, ':');
	struct addrinfo *ai = NULL;
	int fd;

	if (!colon || colon == text)
		die(EX_USAGE, "'%s' is not ADDR:PORT", text);
	bool bracket = text[0] == '[';
	_cleanup_free_ char *host = xstrndup(text + bracket, (size_t)(colon - text) - 2 * bracket);

	if (getaddrinfo(host, colon + 1, &hints, &ai))
		die(EX_USAGE, "'%s' is not ADDR:PORT with a numeric address", text);
	fd = bind_one(ai);
	if (fd < 0)
		die(EX_UNAVAILABLE, "%s: %s", text, strerror(errno));
	freeaddrinfo(ai);
	return fd;
}

static void start_one(struct sim *sim, enum service service, const struct tls *tls)
{
	struct listener *l = &listeners[service];
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK;
	int fd = listen_on(sim->opt.listen[service]);
	struct MHD_OptionItem certificate[] = {
	        {MHD_OPTION_HTTPS_MEM_CERT, 0, tls ? tls->cert_pem : NULL},
	        {MHD_OPTION_HTTPS_MEM_KEY, 0, tls ? tls->key_pem : NULL},
	        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)sim->opt.tls_priority},
	        {MHD_OPTION_END, 0, NULL},
	};

	*l = (struct listener){.sim = sim, .service = service};
	sim->ports[service] = bound_port(fd);
	l->daemon = MHD_start_daemon(
	        flags | (tls ? MHD_USE_TLS : 0), 0, NULL, NULL, on_access, l, MHD_OPTION_LISTEN_SOCKET, fd,
	        MHD_OPTION_URI_LOG_CALLBACK, on_target, l, MHD_OPTION_NOTIFY_COMPLETED, on_done, l,
	        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTION_LIMIT, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	        (size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_ARRAY,
	        tls ? certificate : certificate + 3, MHD_OPTION_END);
	if (!l->daemon)
		die(EX_UNAVAILABLE, "%s: the listener could not be started", sim->opt.listen[service]);
}

void http_start(struct sim *sim, const struct tls *tls)
{
	const struct options *o = &sim->opt;

	start_one(sim, SERVICE_ARM, tls);
	if (strcmp(o->listen[SERVICE_ARM], o->listen[SERVICE_LOGIN]) || strstr(o->listen[SERVICE_ARM], ":0"))
		start_one(sim, SERVICE_LOGIN, tls);
	else
		sim->ports[SERVICE_LOGIN] = sim->ports[SERVICE_ARM];
	start_one(sim, SERVICE_IMDS, NULL);
	if (o->listen[SERVICE_CONTROL])
		start_one(sim, SERVICE_CONTROL, NULL);
}

// libmicrohttpd 0.9.75 asks to be run again at once, for ever, while a client lets a TLS handshake rest: it
// forgets that there was nothing to read. What is new wakes the loop by itself, so after some
// rounds in which nothing was, it is run rarely.
static int64_t daemons_wait(unsigned quiet_rounds)
{
	int64_t wait = 60000;

	for (size_t i = 0; i < SERVICE_COUNT; i++) {
		MHD_UNSIGNED_LONG_LONG ms;

		if (listeners[i].daemon && MHD_get_timeout(listeners[i].daemon, &ms) == MHD_YES &&
		    (int64_t)ms < wait)
			wait = (int64_t)ms;
	}
	if (wait > 0 || quiet_rounds < QUIET_ROUNDS)
		return wait;
	return quiet_rounds < 10 * QUIET_ROUNDS ? 1 : 10;
}

static int64_t until_next(const struct sim *sim, unsigned quiet_rounds)
{
	int64_t wait = daemons_wait(quiet_rounds), due_wall = timers_next(&sim->wall);
	ticks due = timers_next(&sim->timers);

	if (due_wall != INT64_MAX && due_wall - mono_ms() < wait)
		wait = due_wall - mono_ms();
	if (due != INT64_MAX && !sim->clock.manual) {
		int64_t ms = (due - clock_now(&sim->clock) + TICKS_PER_MS - 1) / TICKS_PER_MS;

		wait = ms < wait ? ms : wait;
	}
	return wait < 0 ? 0 : wait;
}

static void watch(int ep, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev))
		die(EX_OSERR, "epoll: %s", strerror(errno));
}

void http_loop(struct sim *sim, int signal_fd, void (*on_signal)(struct sim *sim, int signal_fd))
{
	int ep = epoll_create1(EPOLL_CLOEXEC);
	unsigned quiet_rounds = 0;

	watch(ep, signal_fd);
	for (size_t i = 0; i < SERVICE_COUNT; i++)
		if (listeners[i].daemon)
			watch(ep,
			      MHD_get_daemon_info(listeners[i].daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
	while (!sim->stop) {
		struct epoll_event ev[SERVICE_COUNT + 1];
		int n = epoll_wait(ep, ev, ARRAY_SIZE(ev), (int)until_next(sim, quiet_rounds));

		quiet_rounds = n > 0 ? 0 : quiet_rounds + 1;
		for (int i = 0; i < n; i++)
			if (ev[i].data.fd == signal_fd)
				on_signal(sim, signal_fd);
		run_timers(sim);
		for (size_t i = 0; i < SERVICE_COUNT; i++)
			if (listeners[i].daemon)
				MHD_run(listeners[i].daemon);
		run_timers(sim);
		enforce_start(sim);
	}
	close(ep);
}

void http_stop(struct sim *sim)
{
	(void)sim;
	while (held) {
		held->req->reply.hang = true;
		release(held->req);
	}
	for (size_t i = 0; i < SERVICE_COUNT; i++)
		if (listeners[i].daemon)
			MHD_stop_daemon(listeners[i].daemon);
}
