// SPDX-License-Identifier: Apache-2.0
// The token of one identity for one audience: fetched once however many wait, renewed ahead of need by
// a timer, so that no login waits for it. Half of its life when that is two hours or more (azure.md
// §6.2), five minutes before its end when shorter, `refresh_in` where the service gives it.
#ifndef AZJIT_AZURE_IDENTITY_H
#define AZJIT_AZURE_IDENTITY_H

#include "http.h"
#include "json.h"

#include <azjit/azure.h>
#include <azjit/buf.h>

struct identity;

struct identity_options {
	struct azjit_loop *loop;
	struct http *http;
	const char *audience;     // with its slash, e.g. https://management.azure.com/
	const char *login_origin; // of Entra ID
	const char *imds_origin;
	const char *endpoint;      // of a source on this machine; NULL: none
	struct azjit_azure *azure; // for the service's clock
};

// Checks what `options` says of the identity; AZJIT_CONFIG with the reason if it is wrong. Everything
// that is pointed to is borrowed until identity_free.
enum azjit_result identity_new(const struct identity_options *setting,
                               const struct azjit_azure_options *options, struct azjit_reason *reason,
                               struct identity **ret);
// Allowed inside a callback of an exchange, not inside a wake. Who waits still is forgotten, not woken.
void identity_free(struct identity *identity);

// The token if it is good for a while yet, else NULL; borrowed until the loop runs again. *ret_serial
// (if asked for) tells tokens apart.
const char *identity_token(const struct identity *identity, unsigned *ret_serial);
// How long ago the token was received; -1 if there is none.
int64_t identity_age_s(const struct identity *identity);
// Forgets the token of that serial: a server refused it. If the source gives the same one again, as a
// metadata service does that keeps tokens, it has the same serial.
void identity_reject(struct identity *identity, unsigned serial);

// Who waits embeds this. `wake` runs once: AZJIT_OK when a token is there, else why none could be had.
// It may run inside identity_wait, and must neither free the identity nor call back into it.
struct identity_wait {
	struct identity_wait *next, **link;
	void (*wake)(void *userdata, enum azjit_result result, const char *reason);
	void *userdata;
};
void identity_wait(struct identity *identity, struct identity_wait *wait);
// Allowed in any state, also when it waits no more.
void identity_unwait(struct identity_wait *wait);
// Why the fetch that runs has not succeeded yet; "" if nothing failed.
const char *identity_trouble(const struct identity *identity);

// --- between identity.c and its sources (imds.c, secret.c, certificate_token.c) ---------------------------------------------

// A request for a token, owned; the body may hold a secret and is wiped.
struct token_request {
	enum http_kind kind;
	char *url, *body;
	const char *const *headers; // static, at most TOKEN_HEADERS
	char *secret_header;        // one more, wiped; NULL: none
};
#define TOKEN_HEADERS 3
void token_request_wipe(struct token_request *request);

// How often a source is asked before its trouble is told.
struct token_patience {
	unsigned attempts;       // in all
	unsigned lost_attempts;  // of those that met no answer at all
	unsigned first_delay_ms; // doubled each time, up to
	unsigned max_delay_ms;
};
extern const struct token_patience token_patience_remote, token_patience_local, token_patience_imds;

struct token_source {
	const char *who; // for sentences: "the managed identity endpoint"
	// What is configured, and the files that must be right before a token is needed: AZJIT_OK, or
	// AZJIT_CONFIG with the reason.
	enum azjit_result (*check)(const struct identity_options *setting,
	                           const struct azjit_azure_options *options, struct azjit_reason *reason);
	// A source that is no exchange: the token answer itself, at once. All but check is without meaning then.
	enum azjit_result (*bring)(const struct identity_options *setting,
	                           const struct azjit_azure_options *options, struct azjit_buf *ret_answer,
	                           struct azjit_reason *reason);
	// AZJIT_OK, or why no request can be made.
	enum azjit_result (*request)(const struct identity_options *setting,
	                             const struct azjit_azure_options *options, struct token_request *ret,
	                             struct azjit_reason *reason);
	// Not NULL: no answer is believed before its server has asked for a proof (401, WWW-Authenticate), which
	// this adds to a request made anew.
	enum azjit_result (*meet)(const char *challenge, struct token_request *ret,
	                          struct azjit_reason *reason);
	// For a source that holds something from `request` on (login.h); each may be NULL. `keep` sees an answer
	// before its token is used; `release` is the end, in any state.
	enum azjit_result (*keep)(const struct azjit_azure_options *options, const json_t *answer,
	                          struct azjit_reason *reason);
	void (*release)(const struct azjit_azure_options *options);
	// Not NULL: what to do about an error of that code, as the beginning of a sentence; "" if nothing.
	const char *(*mend)(const char *code);
	bool (*transient)(int http_status); // worth asking again
	bool tells_time;                    // its Date is that of the service's clock
	const struct token_patience *patience;
};
extern const struct token_source token_source_imds, token_source_secret, token_source_certificate,
        token_source_workload, token_source_arc, token_source_app_service, token_source_brought,
        token_source_login;

// What the sources of managed identities share (imds.c): at most one selector, and "&name=value" where there is a
// value.
enum azjit_result managed_check_selectors(const struct azjit_azure_options *options,
                                          struct azjit_reason *reason);
bool managed_add_selector(struct azjit_buf *buf, const char *name, const char *value);

// --- token.c --------------------------------------------------------------------------------------------

// What a token answer holds (both services; numbers may be strings).
struct token_life {
	int64_t lifetime_s, refresh_in_s; // refresh_in_s 0: not told
};
// NULL if the answer holds no bearer token or no lifetime. The token is borrowed from `root`.
const char *token_read(const json_t *root, azjit_ticks now, struct token_life *ret);
// Milliseconds from receipt to renewal.
uint64_t token_renewal_ms(const struct token_life *life);

#endif
