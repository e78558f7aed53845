// SPDX-License-Identifier: Apache-2.0
// A person's login at Entra ID by device code (azure.md §6.4), and what stays of it: a refresh token, with which
// AZJIT_IDENTITY_LOGIN of azure.h gets tokens from then on.
#ifndef AZJIT_LOGIN_H
#define AZJIT_LOGIN_H

#include <azjit/azure.h>

// The Azure CLI's public client, and the people of every organisation.
#define AZJIT_LOGIN_CLIENT "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
#define AZJIT_LOGIN_TENANT "organizations"

// What stays of a login. Strings are owned.
struct azjit_login {
	char *tenant;        // as it was asked for: a GUID, a domain name or AZJIT_LOGIN_TENANT
	char *client_id;     // to whom the token was given
	char *cloud;         // by its name
	char *login_url;     // the origin that gave the token; it is shown to no other
	char *who;           // user or object id, to be shown and never to decide anything by; "" if unknown
	char *refresh_token; // a secret: for Azure, who has it is the person, until it ends
};
// Wipes the secret and frees all; everything is NULL afterwards.
void azjit_login_clear(struct azjit_login *login);

// Who keeps the login for the library: the program that uses it. From a good `take` until `release` nobody else
// changes what is kept, so that of several processes each finds the newest refresh token.
struct azjit_login_store {
	// The login, borrowed until `release`. AZJIT_IDENTITY with a sentence if nobody logged in. May block.
	enum azjit_result (*take)(void *userdata, const struct azjit_login **ret,
	                          struct azjit_reason *reason);
	// The service has given another refresh token in place of the one that was taken.
	enum azjit_result (*rotate)(void *userdata, const char *refresh_token, struct azjit_reason *reason);
	void (*release)(void *userdata); // in any state
	void *userdata;
};

// `message` is the service's, which page to open and which code to type there; printable, on one line.
typedef void azjit_login_ask_fn(void *userdata, const char *message);
// Runs once, from the loop, unless the login was given up before. AZJIT_OK with the login, borrowed; else NULL
// and one sentence: AZJIT_DENIED (declined in the browser), AZJIT_DEADLINE (the code's time is over),
// AZJIT_REQUEST_REFUSED (the service does not know its code), AZJIT_IDENTITY (it refuses otherwise),
// AZJIT_UNREACHABLE, AZJIT_PROTOCOL, AZJIT_NOMEM. It may give up the login.
typedef void azjit_login_done_fn(void *userdata, enum azjit_result result, const char *reason,
                                 const struct azjit_login *login);

struct azjit_device_options {
	const char *tenant, *client_id; // copied; AZJIT_CONFIG from the start if the tenant is none
	azjit_login_ask_fn *ask;
	azjit_login_done_fn *done;
	void *userdata;
};

struct azjit_device;
// Asks for a code at the cloud of `azure`, and then whether the person has answered: every `interval`, five
// seconds more after each slow_down or lost answer, until expires_in has passed.
enum azjit_result azjit_device_start(struct azjit_azure *azure, const struct azjit_device_options *options,
                                     struct azjit_reason *reason, struct azjit_device **ret);
// Accepts NULL. To be called before the connection is freed.
void azjit_device_free(struct azjit_device *device);

#endif
