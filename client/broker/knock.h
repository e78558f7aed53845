// SPDX-License-Identifier: Apache-2.0
// Requests at login: the targets of rules with at = "login", asked for when the session opens.
#ifndef AZJIT_BROKER_KNOCK_H
#define AZJIT_BROKER_KNOCK_H

#include "conn.h"

struct knock;

// The wait is over: all are open, or the longest `wait` of the rules has passed. note: one clause.
typedef void knock_fn(void *userdata, const char *note);

// Asks for what the person's rules want at this login. NULL if nothing is to be waited for (requests of
// rules with wait = 0 go on by themselves).
struct knock *knock_start(struct conn *conn, const struct azjit_person *person,
                          const struct azjit_session *session, knock_fn *fn, void *userdata);
// The login went away: nobody is told any more, the requests go on. Accepts NULL; returns NULL.
struct knock *knock_leave(struct knock *knock);
// Forgets all that still run.
void knocks_free(struct broker *broker);

#endif
