// SPDX-License-Identifier: Apache-2.0
// Threat model of the login. Attackers: a server that is not Entra ID (http_policy.c keeps it away); a service
// that talks to the terminal in its message; who reads memory or what we print. Must hold: device code and tokens
// are printed nowhere and wiped; the message is made printable and cut; numbers of the service are bounded, so
// that it neither makes us poll without pause nor for ever. What it cannot hold: who is brought to type a code
// that somebody else asked for logs that one in. So a code is asked for only by who runs `azjit login`.
//
//   start ─▶ endpoints? ──no──▶ waits
//              │yes
//              ▼
//           devicecode ─▶ ask the person ─▶ wait `interval` ─▶ token ─▶ done
//                                                ▲               │ authorization_pending, slow_down, lost
//                                                └───────────────┘ until expires_in has passed
#include "call.h"
#include "claims.h"
#include "entra.h"
#include "error.h"
#include "login.h"

#include <azjit/text.h>
#include <stdio.h>

#define TIMEOUT_MS     10000
#define GRACE_MS       500 // after which an exchange that has not ended is given up
#define MAX_EXPIRES_S  3600
#define INTERVAL_S     5 // where the service names none
#define MAX_INTERVAL_S 60
#define SLOWER_MS      5000
#define GRANT          "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code"

struct azjit_device {
	struct azjit_azure *azure;
	struct azjit_device_options options; // texts owned
	char *tenant, *client_id;
	char *code; // NULL: not given yet
	uint64_t interval_ms, end_ms;
	bool last; // the timer runs until end_ms: nothing is asked after it
	struct http_exchange *exchange;
	struct azjit_source *timer; // the next step, or the end of this one
	struct identity_wait wait;  // for the endpoints
	enum azjit_result lost;     // not AZJIT_OK: the endpoints cannot be had
	struct azjit_reason reason;
};

// --- reading ------------------------------------------------------------------------------------------

const char *device_code_read(const json_t *answer, struct device_code *ret)
{
	const char *message = js_text(answer, "message"), *user_code = js_text(answer, "user_code"),
	           *page = js_text(answer, "verification_uri");
	char words[sizeof(ret->message)];

	*ret = (struct device_code){.code = js_text(answer, "device_code")};
	if (!*ret->code)
		return "no device_code";
	if (!*message && (!*user_code || !*page))
		return "nothing to tell a person";
	if (!js_integer(js_member(answer, "expires_in"), 1, INT64_MAX, &ret->expires_s))
		return "no expires_in";
	if (!js_integer(js_member(answer, "interval"), 1, INT64_MAX, &ret->interval_s))
		ret->interval_s = INTERVAL_S;
	if (ret->expires_s > MAX_EXPIRES_S)
		ret->expires_s = MAX_EXPIRES_S;
	if (ret->interval_s > MAX_INTERVAL_S)
		ret->interval_s = MAX_INTERVAL_S;
	(void)snprintf(words, sizeof(words), "To sign in, open the page %s and enter the code %s.", page,
	               user_code);
	azjit_printable(*message ? message : words, ret->message, sizeof(ret->message));
	return NULL;
}

enum device_verdict device_code_judge(const char *code, const char *message, enum azjit_result *ret_result,
                                      struct azjit_reason *reason)
{
	if (azjit_streq(code, "authorization_pending"))
		return DEVICE_PENDING;
	if (azjit_streq(code, "slow_down"))
		return DEVICE_SLOWER;
	if (azjit_streq(code, "authorization_declined") || azjit_streq(code, "access_denied"))
		*ret_result = azjit_fail(reason, AZJIT_DENIED, "the login was declined in the browser");
	else if (azjit_streq(code, "expired_token"))
		*ret_result = azjit_fail(reason, AZJIT_DEADLINE,
		                         "the code has expired before somebody logged in with it: run `azjit "
		                         "login` again");
	else if (azjit_streq(code, "bad_verification_code"))
		*ret_result = azjit_fail(reason, AZJIT_REQUEST_REFUSED,
		                         "Entra ID does not know the code that it gave, or it was used "
		                         "already: run `azjit login` again");
	else
		*ret_result = azjit_fail(reason, AZJIT_IDENTITY, "Entra ID lets nobody log in (%s): %s",
		                         *code ? code : "no error code", message);
	return DEVICE_ENDED;
}

// --- ends ---------------------------------------------------------------------------------------------

// The callback may have freed the device: nothing of it is touched afterwards.
static void end(struct azjit_device *device, enum azjit_result result, const struct azjit_login *login)
{
	struct azjit_reason reason = device->reason;

	device->timer = azjit_source_free(device->timer);
	device->options.done(device->options.userdata, result, login ? "" : reason.text, login);
}

static void end_without_memory(struct azjit_device *device)
{
	end(device, azjit_fail(&device->reason, AZJIT_NOMEM, "out of memory"), NULL);
}

void azjit_device_free(struct azjit_device *device)
{
	if (!device)
		return;
	http_cancel(device->exchange);
	identity_unwait(&device->wait);
	azjit_source_free(device->timer);
	if (device->code)
		explicit_bzero(device->code, strlen(device->code));
	free(device->code);
	free(device->tenant);
	free(device->client_id);
	free(device);
}

// --- steps --------------------------------------------------------------------------------------------

static void on_timer(void *userdata);

static void arm(struct azjit_device *device, uint64_t delay_ms)
{
	if (azjit_source_timer(device->timer, delay_ms) != AZJIT_OK)
		end_without_memory(device);
}

static uint64_t left_ms(const struct azjit_device *device)
{
	uint64_t now = azjit_time_monotonic_ms();

	return now < device->end_ms ? device->end_ms - now : 0;
}

static void poll_later(struct azjit_device *device, bool slower)
{
	if (slower)
		device->interval_ms += SLOWER_MS;
	device->last = left_ms(device) <= device->interval_ms;
	arm(device, device->last ? left_ms(device) : device->interval_ms);
}

static void post(struct azjit_device *device, const char *name, struct azjit_buf *form, http_fn *fn)
{
	_cleanup_(token_request_wipe) struct token_request request = {0};

	if (entra_post(device->azure->at.login, device->tenant, name, form, &request, &device->reason) ==
	    AZJIT_OK)
		device->exchange = http_start(device->azure->http,
		                              &(struct http_request){.kind = request.kind,
		                                                     .url = request.url,
		                                                     .body = request.body,
		                                                     .headers = request.headers,
		                                                     .timeout_ms = TIMEOUT_MS},
		                              fn, device);
	if (device->exchange)
		arm(device, TIMEOUT_MS + GRACE_MS);
	else
		end_without_memory(device);
}

static enum azjit_result misread(struct azjit_device *device, const char *what)
{
	return azjit_fail(&device->reason, AZJIT_PROTOCOL, "Entra ID answered a login with %s", what);
}

// --- the code -----------------------------------------------------------------------------------------

static void take_code(struct azjit_device *device, const struct http_answer *answer)
{
	const char *why = NULL;
	json_auto_t *root = js_read(answer->body, answer->body_len, &why);
	struct device_code code;

	if (!why)
		why = device_code_read(root, &code);
	if (why) {
		end(device, misread(device, why), NULL);
		return;
	}
	device->code = strdup(code.code);
	login_wipe(root, "device_code");
	if (!device->code) {
		end_without_memory(device);
		return;
	}
	device->interval_ms = (uint64_t)code.interval_s * 1000;
	device->end_ms = azjit_time_monotonic_ms() + (uint64_t)code.expires_s * 1000;
	device->options.ask(device->options.userdata, code.message);
	poll_later(device, false);
}

static void on_code(void *userdata, const struct http_answer *answer)
{
	struct azjit_device *device = userdata;
	enum azjit_result result = AZJIT_UNREACHABLE;
	struct error_text error;

	device->exchange = NULL;
	if (answer->fault == HTTP_FAULT_NONE && answer->status == 200) {
		take_code(device, answer);
		return;
	}
	if (answer->fault == HTTP_FAULT_NONE) {
		error_read(ENTRA_WHO, answer->status, answer->body, answer->body_len, &error);
		result = azjit_fail(&device->reason,
		                    entra_transient(answer->status) ? AZJIT_UNREACHABLE : AZJIT_IDENTITY,
		                    "Entra ID gave no code to log in with (%d%s%s): %s", answer->status,
		                    *error.code ? " " : "", error.code, error.message);
	} else {
		(void)azjit_fail(&device->reason, AZJIT_UNREACHABLE,
		                 "no code to log in with from Entra ID: %s", answer->detail);
	}
	end(device, result, NULL);
}

static void ask_code(struct azjit_device *device)
{
	_cleanup_(azjit_buf_wipe) struct azjit_buf form = AZJIT_BUF(ENTRA_FORM_MAX_BYTES);

	azjit_buf_str(&form, "client_id=");
	url_escape(&form, device->client_id, "");
	login_add_scope(&form, device->azure->at.audience);
	post(device, "devicecode", &form, on_code);
}

// --- the token ----------------------------------------------------------------------------------------

// What is borrowed from `root` is wiped by the caller.
static void take_tokens(struct azjit_device *device, const json_t *root)
{
	const char *refresh = login_refresh_token(root);
	struct azjit_claims claims = {.tenant = ""};
	struct token_life life;
	const char *token = token_read(root, azjit_azure_now(device->azure), &life);

	if (!token || !*refresh) {
		end(device, misread(device, token ? "no refresh_token" : "no readable token"), NULL);
		return;
	}
	(void)claims_read(token, &claims);
	end(device, AZJIT_OK,
	    &(struct azjit_login){.tenant = device->tenant,
	                          .client_id = device->client_id,
	                          .cloud = (char *)(uintptr_t)(device->azure->options.cloud ?: "AzureCloud"),
	                          .login_url = device->azure->at.login,
	                          .who = *claims.user ? claims.user : claims.object,
	                          .refresh_token = (char *)(uintptr_t)refresh});
}

static void take_refusal(struct azjit_device *device, const struct http_answer *answer)
{
	enum azjit_result result = AZJIT_IDENTITY;
	struct error_text error;

	error_read(ENTRA_WHO, answer->status, answer->body, answer->body_len, &error);
	switch (entra_transient(answer->status)
	                ? DEVICE_SLOWER
	                : device_code_judge(error.code, error.message, &result, &device->reason)) {
	case DEVICE_PENDING:
		poll_later(device, false);
		break;
	case DEVICE_SLOWER:
		poll_later(device, true);
		break;
	case DEVICE_ENDED:
		end(device, result, NULL);
		break;
	}
}

static void on_token(void *userdata, const struct http_answer *answer)
{
	struct azjit_device *device = userdata;
	const char *why = NULL;
	json_auto_t *root = NULL;

	device->exchange = NULL;
	if (answer->fault == HTTP_FAULT_TRUST || answer->fault == HTTP_FAULT_LOCAL) {
		(void)azjit_fail(&device->reason, AZJIT_UNREACHABLE, "no token from Entra ID: %s",
		                 answer->detail);
		end(device, AZJIT_UNREACHABLE, NULL);
	} else if (answer->fault != HTTP_FAULT_NONE) {
		poll_later(device, true);
	} else if (answer->status != 200) {
		take_refusal(device, answer);
	} else {
		root = js_read(answer->body, answer->body_len, &why);
		take_tokens(device, root);
		login_wipe(root, "access_token");
		login_wipe(root, "refresh_token");
	}
}

static void ask_token(struct azjit_device *device)
{
	_cleanup_(azjit_buf_wipe) struct azjit_buf form = AZJIT_BUF(ENTRA_FORM_MAX_BYTES);

	azjit_buf_str(&form, "grant_type=" GRANT "&client_id=");
	url_escape(&form, device->client_id, "");
	azjit_buf_str(&form, "&device_code=");
	url_escape(&form, device->code, "");
	post(device, "token", &form, on_token);
}

// --- the whole ----------------------------------------------------------------------------------------

// Runs inside the endpoints: only notes, and lets the loop do the rest.
static void on_endpoints(void *userdata, enum azjit_result result, const char *reason)
{
	struct azjit_device *device = userdata;

	device->lost = result;
	(void)azjit_fail(&device->reason, result, "%s", reason);
	(void)azjit_source_timer(device->timer, 0);
}

static void on_timer(void *userdata)
{
	struct azjit_device *device = userdata;

	if (device->exchange && !device->code) {
		(void)azjit_fail(&device->reason, AZJIT_UNREACHABLE, "Entra ID did not answer in time");
		end(device, AZJIT_UNREACHABLE, NULL);
	} else if (device->exchange) {
		device->exchange = http_cancel(device->exchange);
		poll_later(device, true);
	} else if (device->lost != AZJIT_OK) {
		end(device, device->lost, NULL);
	} else if (!*device->azure->at.audience) {
		endpoints_wait(device->azure->endpoints, &device->wait);
	} else if (!device->code) {
		ask_code(device);
	} else if (device->last) {
		end(device,
		    azjit_fail(&device->reason, AZJIT_DEADLINE,
		               "nobody logged in with the code in its time: run `azjit login` again"),
		    NULL);
	} else {
		ask_token(device);
	}
}

enum azjit_result azjit_device_start(struct azjit_azure *azure, const struct azjit_device_options *options,
                                     struct azjit_reason *reason, struct azjit_device **ret)
{
	struct azjit_device *device;

	if (!entra_plain_name(options->tenant))
		return azjit_fail(reason, AZJIT_CONFIG, "the tenant must be a GUID or a domain name");
	device = calloc(1, sizeof(*device));
	if (!device)
		return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	device->azure = azure;
	device->options = *options;
	device->tenant = strdup(options->tenant);
	device->client_id = strdup(options->client_id);
	device->lost = AZJIT_OK;
	device->wait.wake = on_endpoints;
	device->wait.userdata = device;
	if (!device->tenant || !device->client_id ||
	    azjit_loop_timer(azure->loop, 0, on_timer, device, &device->timer) != AZJIT_OK) {
		azjit_device_free(device);
		return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	}
	*ret = device;
	return AZJIT_OK;
}
