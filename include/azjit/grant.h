// SPDX-License-Identifier: Apache-2.0
// Grants: a VM's port, open for a source until a time (docs/design.md §8). This is what azjit exists
// for: one request where many need it, durable before it is sent, waited for by all evidence at once,
// told apart when it fails.
#ifndef AZJIT_GRANT_H
#define AZJIT_GRANT_H

#include <azjit/inventory.h>
#include <azjit/ledger.h>
#include <azjit/source.h>

struct azjit_engine;
struct azjit_waiter;

enum azjit_grant_state {
	AZJIT_GRANT_FAILED = 0,
	AZJIT_GRANT_CHECKING,   // an earlier intent may have arrived: policy and NSG are read first
	AZJIT_GRANT_REQUESTING, // the intent is durable; the POST is on its way
	AZJIT_GRANT_WAITING,    // 202; evidence is gathered
	AZJIT_GRANT_OPEN,
	AZJIT_GRANT_EXPIRING, // the end has passed; is the rule gone?
	AZJIT_GRANT_CLOSED,
	AZJIT_GRANT_OVERDUE,   // the end has passed and the rule is still there: an alarm
	AZJIT_GRANT_UNMANAGED, // someone took the VM or port out of the policy
};
const char *azjit_grant_state_name(enum azjit_grant_state state);

// What others see of a grant; borrowed.
struct azjit_grant_view {
	const char *id;
	enum azjit_grant_state state;
	const struct azjit_target *target;
	const struct azjit_sources *sources;
	azjit_ticks until;
	const char *user, *rule;       // who asked first, and by which access rule
	const char *correlation_id;    // of the service's answer, "" before
	const char *client_request_id; // of our newest intent
	const char *evidence; // "handshake", "rule 'x'", "already open before the request, by rule 'x'"
	const char *reason;   // why it failed, "" otherwise
	size_t waiters, flows;
	bool guarded;
	// Open by all that can be known without a connection (an Azure Firewall is in front).
	bool unproven;
	// On the Azure Firewall whose address target->dial is; 0: none, or not known yet. older_port: of an older
	// request of the grant, and perhaps still open.
	uint16_t mapped_port, older_port;
};

// What the engine needs of the broker. All calls come from the loop.
struct azjit_engine_ops {
	// Starts (again: with slow) and stops a probe of an address and port; azjit_engine_probe_* report.
	void (*probe_start)(void *userdata, const char *probe_id, const struct azjit_addr *addr,
	                    uint16_t port, bool slow);
	void (*probe_stop)(void *userdata, const char *probe_id);
	// Is this pair in the guard's set, as the kernel has it now?
	bool (*guarded)(void *userdata, const struct azjit_addr *addr, uint16_t port);
	// One line for the log (LOG_WARNING: alarms such as overdue).
	void (*log)(void *userdata, int level, const char *text);
	// A port on an Azure Firewall became known: the pairs of azjit_engine_grants with one belong to the guard's
	// set. May be NULL.
	void (*guard)(void *userdata);
	// Is everything stopped by hand? Then nothing is asked of Azure, nor asked again. May be NULL.
	bool (*stopped)(void *userdata, struct azjit_reason *reason);
};

enum azjit_result azjit_engine_new(struct azjit_loop *loop, const struct azjit_config *config,
                                   struct azjit_azure *azure, struct azjit_inventory *inventory,
                                   struct azjit_ledger *ledger, const struct azjit_engine_ops *ops,
                                   void *userdata, struct azjit_reason *reason,
                                   struct azjit_engine **ret); // recovers from the ledger
void azjit_engine_free(struct azjit_engine *engine);

// Reports of a probe, by the probe_id given to probe_start (the grant's id).
void azjit_engine_probe_open(struct azjit_engine *engine, const char *probe_id);
void azjit_engine_probe_note(struct azjit_engine *engine, const char *probe_id, const char *errno_name);
// The relay went away: what was probing is started again when it is back.
void azjit_engine_probes_lost(struct azjit_engine *engine);
void azjit_engine_probes_again(struct azjit_engine *engine);

// What someone needs. Everything is copied; the target is taken over.
struct azjit_need {
	struct azjit_target *target;
	struct azjit_sources sources;
	const struct azjit_access_rule *rule; // of the configuration, which outlives the engine
	char user[256];
	char session[AZJIT_UUID_CHARS]; // "" if none
	char reason[256];               // the person's words, "" if none
	int64_t duration_s;             // 0: the rule's own
	bool exact;   // a live grant is reused only if it lasts at least the duration (request --for)
	bool probe;   // connect: the handshake decides, and the caller wants the connection
	bool no_wait; // done as soon as the service took it (202)
	bool start;   // a machine that does not run is started first; who asks has seen that rule->start
	unsigned deadline_ms;
};

// stage: "resolving" … "requesting", "waiting", "rule-seen", "probing"; text: a clause for a person.
typedef void azjit_progress_fn(void *userdata, const char *stage, const char *text);
// Once. AZJIT_OK: open (no_wait: accepted), durable in the ledger. view is NULL if there is no grant.
typedef void azjit_need_done_fn(void *userdata, enum azjit_result result, const char *reason,
                                const struct azjit_grant_view *view);

// Joins or makes a grant. `fn` runs later from the loop, within deadline_ms + 1 s.
struct azjit_waiter *azjit_engine_need(struct azjit_engine *engine, const struct azjit_need *need,
                                       azjit_progress_fn *progress, azjit_need_done_fn *fn, void *userdata);
// The person left: the request goes on, a retry joins it. Accepts NULL; returns NULL.
struct azjit_waiter *azjit_waiter_cancel(struct azjit_waiter *waiter);

// A relayed connection that uses a grant (by id) began or ended; also after a restart.
void azjit_engine_flow(struct azjit_engine *engine, const char *grant_id, bool begins);

// Grants live or ended within the last hour, newest first. Return false to stop.
typedef bool azjit_grant_fn(void *userdata, const struct azjit_grant_view *view);
void azjit_engine_grants(struct azjit_engine *engine, azjit_grant_fn *fn, void *userdata);

#endif
