// SPDX-License-Identifier: Apache-2.0
// A connection to one Azure cloud under one identity: what the nouns (jit.h, vm.h, network.h,
// activity.h, policy.h) call through. Asynchronous on a loop; nothing blocks.
//
// Every call takes a callback that runs exactly once, later, from the loop, never before the call
// returned; unless the call was canceled, then never. What a callback receives is borrowed until it
// returns. A call that could not be started reports so through its callback, too.
#ifndef AZJIT_AZURE_H
#define AZJIT_AZURE_H

#include <azjit/buf.h>
#include <azjit/loop.h>
#include <azjit/result.h>
#include <azjit/text.h>
#include <azjit/time.h>

struct azjit_azure;
struct azjit_call;
struct azjit_login_store;

enum azjit_identity_kind {
	AZJIT_IDENTITY_NONE = 0,
	AZJIT_IDENTITY_MANAGED,       // IMDS (azure.md §6.2); selectors exclusive, all NULL: system-assigned
	AZJIT_IDENTITY_CLIENT_SECRET, // azure.md §6.4
	AZJIT_IDENTITY_CLIENT_CERTIFICATE,
	AZJIT_IDENTITY_WORKLOAD,    // another issuer's token
	AZJIT_IDENTITY_ARC,         // the agent of Azure Arc (azure.md §6.3)
	AZJIT_IDENTITY_APP_SERVICE, // App Service and its kin (azure.md §6.1); selectors as for MANAGED
	AZJIT_IDENTITY_BROUGHT,     // the program that uses the library brings the token: `bring`
	AZJIT_IDENTITY_LOGIN,       // a person's login, which that program keeps: `login` (login.h)
};

// Gets a token for the audience (a URL with its slash) and appends it in the form of §6.2's answer
// (access_token, token_type, expires_on …) to the buffer, which is wiped afterwards. AZJIT_IDENTITY with a
// sentence otherwise. It is called from the loop, which stands still until it returns: made for a program
// that does nothing else.
typedef enum azjit_result azjit_bring_fn(void *userdata, const char *audience, struct azjit_buf *ret_answer,
                                         struct azjit_reason *reason);

// All strings are copied; NULL where not set.
struct azjit_azure_options {
	const char *cloud;                // AzureCloud, AzureUSGovernment, AzureChinaCloud (§6.7), or
	const char *metadata_url;         // another whose endpoints are asked here; https only, no path
	const char *resource_manager_url; // overrides the cloud's, https only, no path
	const char *login_url;            // likewise
	const char *imds_url;             // http, default http://169.254.169.254
	const char *endpoint; // http; of Azure Arc's agent (its default http://127.0.0.1:40342, no path)
	                      // or of App Service (with its path)
	const char *ca_file;  // instead of the system's certificates
	const char *proxy;    // none unless set; the environment is never read
	enum azjit_identity_kind identity;
	const char *tenant_id, *client_id, *object_id, *msi_res_id;
	// Files are trusted, those with a secret not readable by others; read anew for each token.
	const char *secret_file;
	const char *certificate_file; // PEM, or PKCS#12 with its key; NULL: beside `key`
	const char *key_file;         // PEM; else the key is in certificate_file
	const char *key;              // in a token or TPM (azjit_key_uri_check), in place of a file
	const char *password_file;    // of the key; the PIN of `key`
	const char *token_file;       // of another issuer; may be a symbolic link (file.h)
	const char *header_file;      // X-IDENTITY-HEADER of App Service
	bool send_chain;              // to who trusts subject name and issuer
	const char *secret;    // in place of secret_file; copied, and wiped when the connection is freed
	const char *password;  // likewise, in place of password_file
	azjit_bring_fn *bring; // AZJIT_IDENTITY_BROUGHT
	void *bring_userdata;
	const struct azjit_login_store *login; // AZJIT_IDENTITY_LOGIN; borrowed. tenant_id, if set, is asked
	                                       // instead of the login's own
	unsigned call_timeout_ms;              // one HTTP exchange; 0: 20 s (writes: at least 65 s, §1.4)
};

// A name of a private key that is kept by a token ("pkcs11:", RFC 7512) or by a TPM ("handle:0x81" and six
// hexadecimal digits). AZJIT_CONFIG with a clause about it; nothing is opened.
enum azjit_result azjit_key_uri_check(const char *uri, struct azjit_reason *reason);

// True for a cloud that needs no metadata_url.
bool azjit_cloud_builtin(const char *name);

// With metadata_url this asks nothing yet: until the metadata endpoint answered, calls wait or fail with
// a sentence that says so, and it is asked again in the background.
enum azjit_result azjit_azure_new(struct azjit_loop *loop, const struct azjit_azure_options *options,
                                  struct azjit_reason *reason, struct azjit_azure **ret);
void azjit_azure_free(struct azjit_azure *azure); // cancels what is in flight

// The service's clock: ours corrected by the newest Date header (never by more than one exchange took).
azjit_ticks azjit_azure_now(const struct azjit_azure *azure);

// Gets a token now if none is fresh, so that a later call needs to wait for none.
typedef void azjit_azure_ready_fn(void *userdata, enum azjit_result result, const char *reason);
struct azjit_call *azjit_azure_ready(struct azjit_azure *azure, azjit_azure_ready_fn *fn, void *userdata);

// Whom the token names, to be shown and never to decide anything by: Entra ID does not promise the form of
// its tokens. "" where it does not say; printable.
struct azjit_claims {
	char tenant[64], object[64], application[64]; // tid, oid, appid
	char user[256];                               // upn: a person
	char resource[512];                           // xms_mirid: the resource of a managed identity
	azjit_ticks expires;                          // exp; 0 where it does not say
};
// AZJIT_IDENTITY if there is no token now (azjit_azure_ready gets one); AZJIT_PROTOCOL if it is not readable.
enum azjit_result azjit_azure_claims(const struct azjit_azure *azure, struct azjit_claims *ret);

// Accepts NULL; returns NULL. The callback of a canceled call never runs. A write that was sent
// may still be carried out by Azure.
struct azjit_call *azjit_call_cancel(struct azjit_call *call);

// What is known of an exchange besides its body.
struct azjit_answer {
	enum azjit_result result;   // AZJIT_OK: 2xx and the body understood
	int http_status;            // 0: no answer
	const char *code;           // error.code, "" if none
	const char *message;        // error.message whole and printable, or a sentence of ours
	const char *correlation_id; // x-ms-correlation-request-id of the answer, "" if none
	azjit_ticks server_time;    // Date header, 0 if none
	int64_t retry_after_ms;     // -1 if none
	bool maybe_done; // a write whose outcome is not known: sent, but no final answer (504, reset, time)
	bool more;       // `piecewise`: the callback runs again, unless `result` is a failure
};

// deadline_ms bounds the whole call with its retries and pages; 0: the default of 60 s (writes 70 s).
// Reads are tried again on 408, 429, 5xx and lost connections while the deadline lasts and `retries`
// allow (Retry-After obeyed, jittered backoff); writes (initiate, PUT, DELETE) are not, as they may have been
// done. 401 is answered before anything is done: the token is asked for anew and the call repeated once with
// the same ids; a write only where that brought another token than the one refused.
// Each exchange is counted against a bucket of its subscription (client/azure/bucket.h), and waits while
// that is empty; a call that would wait beyond its deadline fails at once, AZJIT_THROTTLED, unsent.
struct azjit_call_options {
	unsigned deadline_ms;
	unsigned retries;
	bool background; // nobody waits for it: it leaves room to those for whom somebody does
	// A list: the callback runs for some entries at a time as they come, `more` set but for the last time,
	// so that a large one keeps nobody waiting and need not be held whole. What it got before a failure
	// is no list. deadline_ms counts anew for each page.
	bool piecewise;
};

// The subscriptions this identity sees. GET /subscriptions?api-version=2020-01-01
struct azjit_subscription {
	const char *id; // bare GUID
	const char *name;
	const char *state; // "Enabled" …
};
typedef void azjit_subscriptions_fn(void *userdata, const struct azjit_answer *answer,
                                    const struct azjit_subscription *subscriptions, size_t count);
struct azjit_call *azjit_subscriptions_list(struct azjit_azure *azure, struct azjit_call_options options,
                                            azjit_subscriptions_fn *fn, void *userdata);

// Counters for `azjit status`: exchanges by kind since start; held: calls that waited for their bucket.
struct azjit_azure_counts {
	uint64_t reads, writes, deletes, throttled, failed, held;
	int64_t token_age_s; // of the token in use; -1: there is none
};
void azjit_azure_counts(const struct azjit_azure *azure, struct azjit_azure_counts *ret);

// What was asked how often since start, and how long the service took of late (100 exchanges at most).
// Indices count from 0; false behind the last. Those that were never asked have count 0.
struct azjit_azure_operation {
	const char *name; // "initiate", "get-policy", "list-vms" …
	uint64_t count;
	uint32_t median_ms, p95_ms;
};
bool azjit_azure_operation(const struct azjit_azure *azure, size_t index, struct azjit_azure_operation *ret);

#endif
