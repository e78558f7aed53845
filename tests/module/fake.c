// SPDX-License-Identifier: Apache-2.0
#include "fake.h"

#include <azjit/wire.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RECORD_BYTES (1 << 18)

struct record {
	unsigned eof_count; // read by the other process: written after the text
	size_t len;
	char text[RECORD_BYTES];
};

static const char *const fault_names[FAULT_COUNT_] = {
        [FAULT_NONE] = "answers",
        [FAULT_HANG] = "hangs",
        [FAULT_QUEUE_FULL] = "queue-full",
        [FAULT_DRIP] = "drips",
        [FAULT_FLOOD] = "floods",
        [FAULT_RESET] = "resets",
        [FAULT_CLOSE] = "closes",
        [FAULT_CUT] = "cuts",
        [FAULT_KILLED] = "killed",
        [FAULT_VERSION] = "version",
        [FAULT_GARBAGE] = "garbage",
        [FAULT_HUGE] = "huge",
        [FAULT_NO_RESULT] = "no-result",
        [FAULT_UNKNOWN_RESULT] = "unknown-result",
        [FAULT_WRONG_VERB] = "wrong-verb",
        [FAULT_TWICE_RESULT] = "twice-result",
        [FAULT_NO_SESSION] = "no-session",
        [FAULT_BAD_SESSION] = "bad-session",
        [FAULT_LONG_SESSION] = "long-session",
        [FAULT_RESULT] = "result",
        [FAULT_PROGRESS] = "progress",
        [FAULT_STRANGER] = "stranger",
        [FAULT_ABSENT] = "absent",
        [FAULT_DEAD] = "dead-socket",
        [FAULT_FIFO] = "fifo",
        [FAULT_DIRECTORY] = "directory",
        [FAULT_SYMLINK] = "symlink",
        [FAULT_FILE] = "file",
};

const char *fault_name(enum fault fault)
{
	return fault_names[fault];
}

const char *phase_name(enum phase phase)
{
	static const char *const names[PHASE_COUNT_] = {"account", "open", "commit", "close"};

	return names[phase];
}

bool fault_is_place(enum fault fault)
{
	return fault >= FAULT_ABSENT;
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	_exit(99);
}

static void nap(unsigned ms)
{
	const struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	(void)nanosleep(&ts, NULL);
}

// --- the broker's process -----------------------------------------------------------------------------
static void note(struct record *record, const char *text)
{
	size_t len = strlen(text);

	if (record->len + len + 2 > sizeof(record->text))
		return;
	memcpy(record->text + record->len, text, len);
	record->text[record->len + len] = '\n';
	__atomic_store_n(&record->len, record->len + len + 1, __ATOMIC_RELEASE);
}

static void note_message(struct record *record, const struct azjit_wire_msg *msg)
{
	static char line[AZJIT_WIRE_MAX_ROOT_BYTES + 64];

	note(record, msg->verb);
	for (size_t i = 0; i < msg->pair_count; i++) {
		(void)snprintf(line, sizeof(line), "%s=%s", msg->pairs[i].key, msg->pairs[i].value);
		note(record, line);
	}
	note(record, "");
}

static void send_text(int fd, const char *text)
{
	(void)azjit_wire_send(fd, text, strlen(text), NULL, 0, -1);
}

static void send_done(int fd, const char *result, const char *reason, const char *session)
{
	char bytes[4096];
	struct azjit_wire_out out;

	azjit_wire_begin(&out, bytes, sizeof(bytes), "DONE");
	azjit_wire_put(&out, "result", result);
	azjit_wire_put(&out, "reason", reason);
	azjit_wire_put(&out, "session", session);
	(void)azjit_wire_send(fd, bytes, azjit_wire_end(&out), NULL, 0, -1);
}

static void send_huge(int fd)
{
	static char bytes[1 << 20];

	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "AZJIT/1 DONE\nresult=ok\nreason=", 30);
	memcpy(bytes + sizeof(bytes) - 2, "\n\n", 2);
	(void)azjit_wire_send(fd, bytes, sizeof(bytes), NULL, 0, -1);
}

static void drip(int fd)
{
	for (const char *p = "AZJIT/1 DONE\nresult=ok\nreason=";; p = p[1] ? p + 1 : p) {
		if (send(fd, p, 1, MSG_NOSIGNAL) != 1)
			return;
		nap(20);
	}
}

static void flood(int fd)
{
	static const char text[] = "AZJIT/1 PROGRESS\nstage=waiting\ntext=soon\n\n";

	while (send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL) > 0)
		continue;
}

static void misbehave(int fd, const struct plan *plan, const char *session)
{
	switch (plan->fault) {
	case FAULT_HANG:
		return;
	case FAULT_DRIP:
		return drip(fd);
	case FAULT_FLOOD:
		return flood(fd);
	case FAULT_CUT:
		return send_text(fd, "AZJIT/1 DONE\nresult=ok\n");
	case FAULT_KILLED:
		(void)raise(SIGKILL);
		return;
	case FAULT_VERSION:
		return send_text(fd, "AZJIT/2 DONE\nresult=ok\nsession=s1\n\n");
	case FAULT_GARBAGE:
		return send_text(fd, "HTTP/1.1 200 OK\r\n\r\n\n\n");
	case FAULT_HUGE:
		return send_huge(fd);
	case FAULT_NO_RESULT:
		return send_text(fd, "AZJIT/1 DONE\nreason=well\nsession=s1\n\n");
	case FAULT_UNKNOWN_RESULT:
		return send_text(fd, "AZJIT/1 DONE\nresult=OK\nsession=s1\n\n");
	case FAULT_WRONG_VERB:
		return send_text(fd, "AZJIT/1 COMMIT\nresult=ok\nsession=s1\n\n");
	case FAULT_TWICE_RESULT:
		return send_text(fd, "AZJIT/1 DONE\nresult=denied\nresult=ok\nsession=s1\n\n");
	case FAULT_NO_SESSION:
		return send_done(fd, "ok", NULL, NULL);
	case FAULT_BAD_SESSION:
		return send_done(fd, "ok", NULL, "../x y");
	case FAULT_LONG_SESSION:
		return send_done(fd, "ok", NULL,
		                 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0");
	case FAULT_RESULT:
		return send_done(fd, plan->result, plan->reason, session);
	case FAULT_DEAF:
		(void)shutdown(fd, SHUT_RD);
		return send_done(fd, "ok", NULL, session);
	case FAULT_PROGRESS:
		send_text(fd, "AZJIT/1 PROGRESS\nstage=waiting\ntext=web01 opens\n\n");
		nap(plan->delay_ms);
		return send_done(fd, "ok", NULL, session);
	default:
		return;
	}
}

static enum phase phase_of(const char *verb)
{
	if (strcmp(verb, "ACCOUNT") == 0)
		return PHASE_ACCOUNT;
	if (strcmp(verb, "SESSION-OPEN") == 0)
		return PHASE_OPEN;
	return strcmp(verb, "COMMIT") == 0 ? PHASE_COMMIT : PHASE_CLOSE;
}

// The others lie elsewhere: who is believed all the same gets the answer, and is found out.
static bool fault_is_answer(enum fault fault)
{
	return fault != FAULT_NONE && fault != FAULT_STRANGER && !fault_is_place(fault);
}

static bool closes_at_once(enum fault fault)
{
	return fault == FAULT_CLOSE || fault == FAULT_CUT;
}

static void serve(int fd, const struct plan *plan, struct record *record)
{
	static char bytes[AZJIT_WIRE_MAX_ROOT_BYTES];
	struct azjit_wire_in in = {.bytes = bytes, .size = sizeof(bytes)};
	struct azjit_wire_msg msg;
	unsigned eof_count = record->eof_count;

	while (azjit_wire_receive(fd, &in, 0, &msg) == 1) {
		enum phase phase = phase_of(msg.verb);
		const char *session = phase == PHASE_OPEN ? "s1" : NULL;

		note_message(record, &msg);
		if (phase != plan->phase || !fault_is_answer(plan->fault)) {
			send_done(fd, "ok", NULL, session);
			continue;
		}
		misbehave(fd, plan, session);
		if (closes_at_once(plan->fault))
			break;
	}
	(void)close(fd);
	note(record, "EOF");
	__atomic_store_n(&record->eof_count, eof_count + 1, __ATOMIC_RELEASE);
}

// Connects to itself until nobody fits any more, and stays so.
static void fill_queue(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd;

	memcpy(sun.sun_path, path, strlen(path) + 1);
	do
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	while (fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0);
	must(errno == EAGAIN, "fill the queue");
}

static void broker(struct fake *fake, int listener, int ready)
{
	const struct plan *plan = &fake->plan;
	unsigned fault_at = plan->phase == PHASE_CLOSE ? 1 : 0;

	if (plan->fault == FAULT_STRANGER && geteuid() == 0)
		must(setresuid(65534, 65534, 65534) == 0, "give up root");
	must(listen(listener, plan->fault == FAULT_QUEUE_FULL ? 0 : 16) == 0, "listen");
	for (unsigned i = 0;; i++) {
		int fd;

		if (plan->fault == FAULT_QUEUE_FULL && i == fault_at)
			fill_queue(fake->path);
		if (i == 0)
			must(write(ready, "r", 1) == 1, "ready");
		if (plan->fault == FAULT_QUEUE_FULL && i == fault_at)
			for (;;)
				(void)pause();
		fd = accept(listener, NULL, NULL);
		must(fd >= 0, "accept");
		if (plan->fault == FAULT_RESET && i == fault_at) {
			struct pollfd pfd = {.fd = fd, .events = POLLIN};

			(void)poll(&pfd, 1, -1); // unread data makes the close a reset
			(void)close(fd);
			continue;
		}
		serve(fd, plan, fake->record);
	}
}

// --- the test's process -------------------------------------------------------------------------------
static void put_in_place(struct fake *fake)
{
	int fd;

	(void)unlink(fake->path);
	switch (fake->plan.fault) {
	case FAULT_FIFO:
		must(mkfifo(fake->path, 0666) == 0, "mkfifo");
		break;
	case FAULT_DIRECTORY:
		must(mkdir(fake->path, 0777) == 0, "mkdir");
		break;
	case FAULT_SYMLINK:
		must(symlink("moved", fake->path) == 0, "symlink");
		break;
	case FAULT_FILE:
		fd = open(fake->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
		must(fd >= 0 && close(fd) == 0, "file");
		break;
	default:
		break;
	}
}

void fake_spoil(struct fake *fake)
{
	if (fake->plan.fault == FAULT_DEAD) {
		(void)kill(fake->pid, SIGKILL);
		(void)waitpid(fake->pid, NULL, 0);
		fake->pid = 0;
		return;
	}
	if (fake->plan.fault == FAULT_SYMLINK)
		must(rename(fake->path, fake->other) == 0, "rename");
	put_in_place(fake);
}

void fake_start(struct fake *ret, const struct plan *plan)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), ready[2];
	char byte;

	*ret = (struct fake){.plan = *plan, .dir = "/tmp/azjit-module.XXXXXX"};
	must(mkdtemp(ret->dir) && chmod(ret->dir, 0755) == 0, "mkdtemp");
	(void)snprintf(ret->path, sizeof(ret->path), "%s/sock", ret->dir);
	(void)snprintf(ret->other, sizeof(ret->other), "%s/moved", ret->dir);
	(void)snprintf(ret->passes, sizeof(ret->passes), "%s/passes", ret->dir);
	must(mkdir(ret->passes, 0700) == 0, "mkdir");
	memcpy(sun.sun_path, ret->path, sizeof(ret->path));
	ret->record =
	        mmap(NULL, sizeof(*ret->record), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(ret->record != MAP_FAILED && listener >= 0 && pipe2(ready, O_CLOEXEC) == 0, "prepare");
	must(bind(listener, (struct sockaddr *)&sun, sizeof(sun)) == 0 && chmod(ret->path, 0666) == 0,
	     "bind");
	ret->pid = fork();
	must(ret->pid >= 0, "fork");
	if (ret->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)signal(SIGPIPE, SIG_IGN);
		broker(ret, listener, ready[1]);
		_exit(0);
	}
	(void)close(listener);
	(void)close(ready[1]);
	must(read(ready[0], &byte, 1) == 1, "start the broker");
	(void)close(ready[0]);
	if (fault_is_place(plan->fault) && plan->phase != PHASE_CLOSE)
		fake_spoil(ret);
}

static void fake_passes_remove(const struct fake *fake)
{
	DIR *dir = opendir(fake->passes);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		(void)closedir(dir);
	(void)rmdir(fake->passes);
}

void fake_stop(struct fake *fake)
{
	static const char *const services[] = {"test", "other"};

	if (fake->pid > 0) {
		(void)kill(fake->pid, SIGKILL);
		(void)waitpid(fake->pid, NULL, 0);
	}
	(void)munmap(fake->record, sizeof(*fake->record));
	for (size_t i = 0; i < 2; i++) {
		char service[64];

		(void)snprintf(service, sizeof(service), "%s/%s", fake->dir, services[i]);
		(void)unlink(service);
	}
	fake_passes_remove(fake);
	(void)unlink(fake->path);
	(void)unlink(fake->other);
	(void)rmdir(fake->path);
	(void)rmdir(fake->dir);
}

const char *fake_asked_now(const struct fake *fake)
{
	(void)__atomic_load_n(&fake->record->len, __ATOMIC_ACQUIRE);
	return fake->record->text;
}

const char *fake_asked(struct fake *fake, unsigned eof_count)
{
	for (unsigned i = 0; i < 5000; i++) {
		if (__atomic_load_n(&fake->record->eof_count, __ATOMIC_ACQUIRE) >= eof_count)
			return fake->record->text;
		nap(1);
	}
	return "the broker saw no end of the connection";
}
