// SPDX-License-Identifier: Apache-2.0
#include <azjit/loop.h>

#include <signal.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <time.h>

#define TIMER_ACCURACY_US 1000

struct azjit_loop {
	sd_event *event;
};

struct azjit_source {
	sd_event_source *source;
	void *userdata;
	union {
		azjit_io_fn *io;
		azjit_timer_fn *timer;
		azjit_signal_fn *signal;
	} fn;
};

static enum azjit_result from_errno(int r)
{
	if (r >= 0)
		return AZJIT_OK;
	errno = -r;
	return r == -ENOMEM ? AZJIT_NOMEM : AZJIT_SYSTEM;
}

enum azjit_result azjit_loop_new(struct azjit_loop **ret)
{
	struct azjit_loop *loop = calloc(1, sizeof(*loop));
	int r;

	if (!loop)
		return AZJIT_NOMEM;
	r = sd_event_new(&loop->event);
	if (r < 0) {
		free(loop);
		return from_errno(r);
	}
	*ret = loop;
	return AZJIT_OK;
}

void azjit_loop_free(struct azjit_loop *loop)
{
	if (!loop)
		return;
	sd_event_unref(loop->event);
	free(loop);
}

int azjit_loop_run(struct azjit_loop *loop)
{
	int r = sd_event_loop(loop->event);

	return r < 0 ? EXIT_FAILURE : r;
}

enum azjit_result azjit_loop_turn(struct azjit_loop *loop, uint64_t timeout_ms)
{
	return sd_event_run(loop->event, timeout_ms * 1000) < 0 ? AZJIT_SYSTEM : AZJIT_OK;
}

void azjit_loop_exit(struct azjit_loop *loop, int status)
{
	(void)sd_event_exit(loop->event, status);
}

void azjit_loop_notify_ready(struct azjit_loop *loop, const char *status)
{
	(void)sd_event_set_watchdog(loop->event, true);
	(void)sd_notifyf(0, "READY=1\nSTATUS=%s", status ? status : "");
}

// The callbacks may free the source, so nothing of it is touched after them.
static int on_io(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
	struct azjit_source *source = userdata;

	(void)s;
	source->fn.io(source->userdata, fd, revents);
	return 0;
}

static int on_time(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct azjit_source *source = userdata;

	(void)s;
	(void)usec;
	source->fn.timer(source->userdata);
	return 0;
}

static int on_signal(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata)
{
	struct azjit_source *source = userdata;

	(void)s;
	source->fn.signal(source->userdata, (int)si->ssi_signo);
	return 0;
}

static struct azjit_source *source_new(void *userdata)
{
	struct azjit_source *source = calloc(1, sizeof(*source));

	if (source)
		source->userdata = userdata;
	return source;
}

static enum azjit_result source_done(struct azjit_source *source, int r, struct azjit_source **ret)
{
	if (r < 0) {
		free(source);
		return from_errno(r);
	}
	*ret = source;
	return AZJIT_OK;
}

enum azjit_result azjit_loop_io(struct azjit_loop *loop, int fd, uint32_t events, azjit_io_fn *fn,
                                void *userdata, struct azjit_source **ret)
{
	struct azjit_source *source = source_new(userdata);

	if (!source)
		return AZJIT_NOMEM;
	source->fn.io = fn;
	return source_done(source, sd_event_add_io(loop->event, &source->source, fd, events, on_io, source),
	                   ret);
}

enum azjit_result azjit_source_io_events(struct azjit_source *source, uint32_t events)
{
	return from_errno(sd_event_source_set_io_events(source->source, events));
}

static uint64_t ms_to_us(uint64_t ms)
{
	return ms > UINT32_MAX ? UINT32_MAX * UINT64_C(1000) : ms * 1000;
}

enum azjit_result azjit_loop_timer(struct azjit_loop *loop, uint64_t delay_ms, azjit_timer_fn *fn,
                                   void *userdata, struct azjit_source **ret)
{
	struct azjit_source *source = source_new(userdata);

	if (!source)
		return AZJIT_NOMEM;
	source->fn.timer = fn;
	return source_done(source,
	                   sd_event_add_time_relative(loop->event, &source->source, CLOCK_MONOTONIC,
	                                              ms_to_us(delay_ms), TIMER_ACCURACY_US, on_time, source),
	                   ret);
}

enum azjit_result azjit_source_timer(struct azjit_source *source, uint64_t delay_ms)
{
	int r = sd_event_source_set_time_relative(source->source, ms_to_us(delay_ms));

	if (r >= 0)
		r = sd_event_source_set_enabled(source->source, SD_EVENT_ONESHOT);
	return from_errno(r);
}

void azjit_source_idle(struct azjit_source *source, bool idle)
{
	(void)sd_event_source_set_priority(source->source,
	                                   idle ? SD_EVENT_PRIORITY_IDLE : SD_EVENT_PRIORITY_NORMAL);
}

enum azjit_result azjit_loop_signal(struct azjit_loop *loop, int signo, azjit_signal_fn *fn, void *userdata,
                                    struct azjit_source **ret)
{
	struct azjit_source *source;
	sigset_t set;

	(void)sigemptyset(&set);
	if (sigaddset(&set, signo) < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return AZJIT_SYSTEM;
	source = source_new(userdata);
	if (!source)
		return AZJIT_NOMEM;
	source->fn.signal = fn;
	return source_done(source,
	                   sd_event_add_signal(loop->event, &source->source, signo, on_signal, source), ret);
}

struct azjit_source *azjit_source_free(struct azjit_source *source)
{
	int saved = errno;

	if (!source)
		return NULL;
	sd_event_source_disable_unref(source->source);
	free(source);
	errno = saved;
	return NULL;
}
