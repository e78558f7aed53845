// SPDX-License-Identifier: Apache-2.0
/*
 * The listeners: libmicrohttpd daemons without threads of their own, driven by one epoll loop.
 */
#ifndef AZSIM_HTTP_H
#define AZSIM_HTTP_H

#include "sim.h"
#include "tls.h"

// Opens every listener of the options; an address that cannot be had ends the process.
void http_start(struct sim *sim, const struct tls *tls);
// Serves until sim->stop.
void http_loop(struct sim *sim, int signal_fd, void (*on_signal)(struct sim *sim, int signal_fd));
void http_stop(struct sim *sim);

// Lets go what was held by settle, once enforcement has nothing to do.
void http_release_settled(struct sim *sim);

#endif
