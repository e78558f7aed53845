// SPDX-License-Identifier: Apache-2.0
// Requests at login: the targets of rules with at = "login", asked for when the session opens.
//
// Those that the person waits for (wait > 0) go out before SESSION-OPEN is answered, the others a moment
// after the login is committed: what nobody waits for takes no processor from it.
#ifndef AZJIT_BROKER_KNOCK_H
#define AZJIT_BROKER_KNOCK_H

#include "conn.h"

struct knock;

// The wait is over: all are open, or the longest `wait` of the rules has passed. note: one clause.
typedef void knock_fn(void *userdata, const char *note);

// Asks for what the person's rules want and wait for at this login. NULL if that is nothing.
struct knock *knock_wait(struct conn *conn, const struct azjit_person *person,
                         const struct azjit_session *session, knock_fn *fn, void *userdata);
// Asks for what the session's person gets without waiting.
void knock_go_on(struct broker *broker, const struct azjit_session *session);
// The login went away: nobody is told any more, the requests go on. Accepts NULL; returns NULL.
struct knock *knock_leave(struct knock *knock);
// Forgets all that still run.
void knocks_free(struct broker *broker);

#endif
