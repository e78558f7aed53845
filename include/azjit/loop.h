// SPDX-License-Identifier: Apache-2.0
// The event loop of broker and relay: sd-event behind our own types. Single-threaded. A source is
// owned by who made it; freeing it inside its own callback is allowed. Callbacks return nothing: what
// fails is handled where it fails.
#ifndef AZJIT_LOOP_H
#define AZJIT_LOOP_H

#include <azjit/result.h>
#include <stdbool.h>
#include <sys/types.h>

struct azjit_loop;
struct azjit_source;

enum azjit_result azjit_loop_new(struct azjit_loop **ret);
void azjit_loop_free(struct azjit_loop *loop);
// Runs until azjit_loop_exit; returns its status.
int azjit_loop_run(struct azjit_loop *loop);
// One turn, waiting at most timeout_ms for something to do; for a caller with a loop of his own.
enum azjit_result azjit_loop_turn(struct azjit_loop *loop, uint64_t timeout_ms);
void azjit_loop_exit(struct azjit_loop *loop, int status);
// Tells the service manager "READY=1" and pets its watchdog from the loop; no-op without one.
void azjit_loop_notify_ready(struct azjit_loop *loop, const char *status);

// events: EPOLLIN, EPOLLOUT, EPOLLRDHUP … of epoll(7); the descriptor stays the caller's.
typedef void azjit_io_fn(void *userdata, int fd, uint32_t events);
enum azjit_result azjit_loop_io(struct azjit_loop *loop, int fd, uint32_t events, azjit_io_fn *fn,
                                void *userdata, struct azjit_source **ret);
enum azjit_result azjit_source_io_events(struct azjit_source *source, uint32_t events);

typedef void azjit_timer_fn(void *userdata);
// Fires once, `delay_ms` from now (0: in the next turn of the loop), within 1 ms.
enum azjit_result azjit_loop_timer(struct azjit_loop *loop, uint64_t delay_ms, azjit_timer_fn *fn,
                                   void *userdata, struct azjit_source **ret);
// Arms a timer again, also inside its own callback.
enum azjit_result azjit_source_timer(struct azjit_source *source, uint64_t delay_ms);

// Whatever else is ready goes before it; or, with false, no more. What it cannot promise it leaves undone.
void azjit_source_idle(struct azjit_source *source, bool idle);

typedef void azjit_signal_fn(void *userdata, int signo);
// Blocks the signal in this process and delivers it through the loop.
enum azjit_result azjit_loop_signal(struct azjit_loop *loop, int signo, azjit_signal_fn *fn, void *userdata,
                                    struct azjit_source **ret);

// Accepts NULL; returns NULL.
struct azjit_source *azjit_source_free(struct azjit_source *source);

static inline void azjit_source_freep(struct azjit_source **source)
{
	*source = azjit_source_free(*source);
}

#endif
