// SPDX-License-Identifier: Apache-2.0
// The engine's own structures. A *grant* is what people share: a VM's port, open for a source until its
// own end. A *request* is one POST to Azure that carries one grant, or several where a subscription is
// known to let a newer request revoke older ones on the port (conflict.c). Everything hangs on the engine.
#ifndef AZJIT_ENGINE_GRANTS_H
#define AZJIT_ENGINE_GRANTS_H

#include <azjit/grant.h>
#include <azjit/request_check.h>
#include <sys/queue.h>
#include <syslog.h>

#define CHECK_WINDOW_MS 10000   // an intent that may have been sent shows in the policy within this
#define WATCH_MS        30000   // how long others on the port are watched after a request (design §8)
#define OVERDUE_MS      60000   // a rule that stays so long after its end is an alarm
#define KEEP_MS         3600000 // ended grants stay visible
#define REUSE_S         60      // a grant that ends sooner is not joined by a newcomer
// A combined request is renewed this long before its end. Its renewal takes the port away from those who
// end with it as soon as its rule comes, and those who go on have none before: so it is as long as the
// combined rule itself took to come, and a read, within these bounds.
#define RENEW_LEAD_MIN   2000
#define RENEW_LEAD_MAX   30000
#define REFUSED_MS       3000 // refusals by the target, with the filter open, before we believe them
#define READ_DEADLINE_MS 10000

struct azjit_request;
struct machine; // start.c

// A read of Azure that many grants share: one GET at a time per policy and per security group.
enum poll_kind { POLL_POLICY, POLL_NSG };
struct poller {
	LIST_ENTRY(poller) link;
	struct azjit_engine *engine;
	enum poll_kind kind;
	char *id;
	struct azjit_call *call;
	struct azjit_source *timer;
	uint64_t since_ms; // when the newest interest began
	unsigned users;    // grants that want it
	bool again;        // someone came while a read was under way
};

struct level {        // what one security group says of a grant's sources
	char *nsg_id; // NULL: no group at this level
	bool unknown; // whether there is one could not be read
	struct azjit_verdict_why why;
	bool read;
	struct azjit_verdict_why
	        named;  // of the addresses asked for; behind an Azure Firewall `why` is of less
	bool jit_allow; // a JIT allow rule for our flow stands in it
	char jit_rule[96];
	char error[192]; // why the newest read failed, "" if it did not
};

enum level_place { LEVEL_SUBNET, LEVEL_NIC, LEVEL_COUNT };

// What is known of the Azure Firewall whose port did not come.
enum firewall_kind { FIREWALL_UNREAD = 0, FIREWALL_NOT_FOUND, FIREWALL_MANAGED };

struct evidence {
	struct level levels[LEVEL_COUNT];
	bool entry_seen;
	enum azjit_request_state entry;
	char entry_text[160]; // "Failed (NSGRulesQuotaReached)"
	char entry_reason[64];
	unsigned policy_reads; // whole, while the policy was not Updating
	char policy_error[192];
	char probe_errno[24];
	uint64_t allowed_since_ms; // the rules have let us through since, 0: not
	bool power_asked;
	char power[24];            // "deallocated", "" if not known
	uint64_t refused_since_ms; // the target has refused since, 0: not
	// On the Azure Firewall in front, 0: not known (yet); and the one before, of an older request.
	uint16_t mapped_port, older_port;
	bool firewall_asked;
	enum firewall_kind firewall;
	char firewall_error[192];
	bool rule_told;
	unsigned lost_reads; // in a row, of an open grant: neither entry nor rule
};

struct azjit_waiter {
	TAILQ_ENTRY(azjit_waiter) link;
	struct azjit_engine *engine;
	struct azjit_grant *grant; // NULL: result is ready
	azjit_progress_fn *progress;
	azjit_need_done_fn *fn;
	void *userdata;
	bool probe, no_wait;
	bool greet;                // joined a request that is on its way: to be told so
	bool ready;                // its result is known: it stands in engine->ready
	struct machine *machine;   // waits for it to run; then grant is NULL, and
	struct azjit_need *wanted; // what is asked for afterwards, owned with its target
	uint64_t until_ms;         // its deadline
	struct azjit_source *timer;
	enum azjit_result result; // when ready
	struct azjit_reason reason;
};
TAILQ_HEAD(waiters, azjit_waiter);

struct azjit_grant {
	TAILQ_ENTRY(azjit_grant) link;
	struct azjit_engine *engine;
	char id[AZJIT_UUID_CHARS];
	enum azjit_grant_state state;
	struct azjit_target *target; // NULL after a restart until inventory knows the VM again
	char *vm_id, *policy_id;
	uint16_t port;
	struct azjit_sources sources;
	azjit_ticks until;
	char user[256], rule[64], session[AZJIT_UUID_CHARS], note[256];
	int64_t rule_max_s;
	struct azjit_request *request; // the newest that Azure took, or that is on its way for it
	struct azjit_request *pending; // beside one that Azure took: a newer one that is on its way
	bool restoring;                // was open, another's request took it away, and it is asked for again
	bool restored;                 // so once already
	bool robbed;                   // a request of ours that failed took its port
	bool leaving;                  // its combined request was renewed without it: its own end is near
	struct evidence ev;
	char evidence_text[256], reason[1024];
	struct waiters waiters;
	size_t flows;
	bool probing, wants_probe, guarded, polling, recovered;
	unsigned attempts;             // intents sent for the present need
	struct azjit_source *deadline; // of the wait
	uint64_t accepted_ms, watch_until_ms, ended_ms, expired_ms, next_poll_ms;
	struct azjit_lookup *lookup;
	struct azjit_call *power;    // asks whether the machine runs
	struct azjit_call *firewall; // asks which Azure Firewall is in front
	char *managed;               // meanwhile: ids of public addresses, a line each
	bool unproven;
};
TAILQ_HEAD(grants, azjit_grant);

enum request_state { REQUEST_SENDING, REQUEST_UNSURE, REQUEST_TAKEN, REQUEST_DEAD };

struct azjit_request {
	TAILQ_ENTRY(azjit_request) link;
	struct azjit_engine *engine;
	enum request_state state;
	char *policy_id, *vm_id;
	uint16_t port;
	struct azjit_sources sources;
	bool separate; // several sources, each an entry of its own
	bool dropped;  // it, or the one before it, took the port from its older holders, and not for all
	bool alone;    // for one, after every form for several was refused
	azjit_ticks end;
	uint64_t renew_ms; // not renewed again before, after its renewal failed
	bool refused;      // its renewal, in every form for several
	int64_t again_ms;  // refused: what Azure asks to wait, -1 where another try is in vain
	char client_request_id[AZJIT_UUID_CHARS], correlation_id[AZJIT_UUID_CHARS];
	char answer_correlation_id[64];
	uint64_t anchor_seq;
	struct azjit_call *call;
	char *refusal;        // Azure's, while `call` asks for the plan of the subscription
	char *unsettled;      // the last answer that settled nothing: what Azure said, NULL if nothing
	int unsettled_status; // and its number, 0 if there was no answer
	struct azjit_source *retry;
	unsigned tries;
	uint64_t sent_ms;
	uint64_t rule_ms; // from there until its rule was seen by the last of its grants, 0: not yet
	unsigned users;   // grants that point here
	bool renewed;     // a follower was asked for
};
TAILQ_HEAD(requests, azjit_request);

// What is remembered of a subscription (with evidence in the ledger): do newer requests revoke older
// ones on the port, and in which form does it take several sources in one request?
enum habit_form { FORM_PLURAL, FORM_SEPARATE, FORM_NONE, FORM_COUNT };
struct habit {
	LIST_ENTRY(habit) link;
	char subscription[64];
	bool ports_supersede;
	enum habit_form form;
};

struct azjit_engine {
	struct azjit_loop *loop;
	const struct azjit_config *config;
	struct azjit_azure *azure;
	struct azjit_inventory *inventory;
	struct azjit_ledger *ledger;
	struct azjit_engine_ops ops;
	void *userdata;
	struct grants grants;
	struct requests requests;
	struct waiters ready; // waiters whose result is known, told in the next turn
	LIST_HEAD(pollers, poller) pollers;
	LIST_HEAD(habits, habit) habits;
	LIST_HEAD(machines, machine) machines;
	struct azjit_source *tick, *tell;
};

// engine.c
struct azjit_grant *grant_new(struct azjit_engine *engine);
void grant_free(struct azjit_grant *grant);
struct azjit_grant *grant_find(struct azjit_engine *engine, const char *id);
bool grant_live(const struct azjit_grant *grant); // CHECKING … OPEN
void grant_view(const struct azjit_grant *grant, struct azjit_grant_view *ret);
// Appends an entry of this grant with its standing fields; `fields` are added.
struct azjit_entry grant_entry(const struct azjit_grant *grant, enum azjit_entry_kind kind, const char *event,
                               char scratch[160]);
enum azjit_result grant_record(struct azjit_grant *grant, const struct azjit_entry *entry,
                               struct azjit_reason *reason);
bool engine_stopped(const struct azjit_engine *engine, struct azjit_reason *reason);
void engine_log(struct azjit_engine *engine, int level, const char *fmt, ...) _printf_(3, 4);
void sources_text(const struct azjit_sources *sources, char *ret_text, size_t size);
bool sources_equal(const struct azjit_sources *a, const struct azjit_sources *b);

// need.c
void grant_progress(struct azjit_grant *grant, const char *stage, const char *fmt, ...) _printf_(3, 4);
bool grant_take_target(struct azjit_grant *grant, struct azjit_target *target);
void waiters_greet(struct azjit_engine *engine);
void grant_tell(struct azjit_grant *grant, bool no_wait_only, enum azjit_result result, const char *reason);

// Its result is known and is told in the loop's next turn; it waits for nothing any more.
void waiter_ready(struct azjit_waiter *waiter, enum azjit_result result, const char *reason);
// Joins or makes the grant of a need, whose target is taken over.
void waiter_serve(struct azjit_waiter *waiter, const struct azjit_need *need, uint64_t deadline_ms);
void waiter_free(struct azjit_waiter *waiter);

// start.c: a machine that does not run is started before the need is served.
void waiter_wants_machine(struct azjit_waiter *waiter, const struct azjit_need *need);
// It waits for no machine any more.
void waiter_leaves_machine(struct azjit_waiter *waiter);
void machines_tick(struct azjit_engine *engine);
void machines_free(struct azjit_engine *engine);
// An entry of the ledger, after a restart. False if memory ran out.
bool machine_again(struct azjit_engine *engine, const struct azjit_entry_read *read);

// request.c
enum azjit_result request_start(struct azjit_grant **grants, size_t count,
                                const struct azjit_sources *sources, bool separate, azjit_ticks end,
                                struct azjit_reason *reason);
void request_unref(struct azjit_request *request);
bool request_carries(const struct azjit_request *request, const struct azjit_grant *grant);
bool request_names(const struct azjit_jit_request *entry, const struct azjit_prefix *source);
// Whether entries of one machine, port and end name exactly the request's sources; why not, if not.
bool request_fits(const struct azjit_request *request, const struct azjit_jit_request *entries, size_t count,
                  char *why, size_t size);
void request_taken(struct azjit_request *request, const char *event);
// Ends it: its grants fail with this, or go on with the request that they had before.
void request_over(struct azjit_request *request, enum azjit_result result, const char *text);
void request_repeat(struct azjit_grant *grant); // an intent that never arrived, sent anew under a new one

// refusal.c: a request that Azure refused is over once it is known whether its subscription has the plan that
// just-in-time access needs. False: could not be asked.
bool refusal_explain(struct azjit_request *request, const char *text);

// poll.c
void grant_poll(struct azjit_grant *grant, bool on); // policy and both groups
void poll_now(struct azjit_engine *engine, enum poll_kind kind, const char *id);
void pollers_free(struct azjit_engine *engine);

// evidence.c
void evidence_reset(struct azjit_grant *grant);
void evidence_policy(struct azjit_grant *grant, const struct azjit_answer *answer,
                     const struct azjit_jit_policy *policy);
void evidence_nsg(struct azjit_grant *grant, const char *nsg_id, const struct azjit_answer *answer,
                  const struct azjit_nsg *nsg);
enum azjit_verdict evidence_verdict(const struct azjit_grant *grant,
                                    const struct azjit_verdict_why **ret_why);
bool evidence_jit_allow(const struct azjit_grant *grant); // some group still holds a JIT rule for us
void grant_accepted(struct azjit_grant *grant);           // the service took it: gather evidence
void grant_decide(struct azjit_grant *grant);
void grant_open(struct azjit_grant *grant, const char *how);
void grant_fail(struct azjit_grant *grant, enum azjit_result result, const char *fmt, ...) _printf_(3, 4);
void grant_probe(struct azjit_grant *grant, bool on);

// power.c: asks once, when the rules let a waiting grant's probe through and nothing answers.
void grant_ask_power(struct azjit_grant *grant);
bool power_is_down(const char *power);
// No security group at either level and no firewall in front: no rule of just-in-time access can be there.
bool grant_has_no_gate(const struct azjit_grant *grant);

// firewall.c: a grant behind an Azure Firewall.
bool grant_behind_firewall(const struct azjit_grant *grant);
uint16_t grant_dial_port(const struct azjit_grant *grant); // 0: not known yet
// Takes the port on the firewall, if this entry of the grant's request tells it.
void grant_mapped(struct azjit_grant *grant, const struct azjit_jit_request *entry);
// Every group lets in the addresses asked for; the last of the groups' reasons.
bool evidence_named(const struct azjit_grant *grant);
const struct azjit_verdict_why *evidence_named_why(const struct azjit_grant *grant);
// Opens a grant that nobody probes once nothing more can be known of it: true.
bool firewall_settled(struct azjit_grant *grant);
// Asks once, when its port does not come: true while the answer is awaited.
bool grant_ask_firewall(struct azjit_grant *grant);
// AZJIT_OK: the firewall explains nothing.
enum azjit_result firewall_diagnose(const struct azjit_grant *grant, struct azjit_reason *reason);

// diagnose.c: why it is not open, as one sentence; never AZJIT_OK.
enum azjit_result grant_diagnose(const struct azjit_grant *grant, struct azjit_reason *reason);

// conflict.c
struct habit *habit_of(struct azjit_engine *engine, const char *vm_id);
extern const char *const habit_form_names[FORM_COUNT];
void habit_learn(struct azjit_grant *grant, bool supersede, enum habit_form form, const char *why);
// Sends for a grant: alone, or together with the others on its port where that is the habit.
enum azjit_result conflict_request(struct azjit_grant *grant, struct azjit_reason *reason);
// Live grants on the grant's port with other sources, whose requests Azure took; itself first.
size_t conflict_port(struct azjit_grant *grant, struct azjit_grant *ret[AZJIT_SOURCES_MAX]);
// One request for all of them, with the earliest end; by_habit: in the form that the subscription takes.
enum azjit_result conflict_together(struct azjit_grant **grants, size_t count, bool separate,
                                    struct azjit_reason *reason);
enum azjit_result conflict_by_habit(struct azjit_grant **grants, size_t count, struct azjit_reason *reason);
// AZJIT_BUSY, and the sentence for whom the holder's access keeps out.
enum azjit_result conflict_one_only(const struct azjit_grant *holder, struct azjit_reason *reason);
void conflict_watch(struct azjit_grant *newcomer);
void conflict_lost(struct azjit_grant *loser, const char *how); // an open grant of ours went away

// forms.c
// A request for several sources was refused, or taken with some of them `dropped`: true if handled.
bool conflict_refused(struct azjit_request *request, bool dropped, const char *message);
// A request was taken: what that teaches.
void conflict_taken(struct azjit_request *request);

// renew.c
void conflict_renew(struct azjit_request *request); // a combined one ends before all of its grants do
// What was on its way for a grant that has an older request was not taken: the older one holds. A renewal is
// tried again until it ends.
void conflict_unrenewed(struct azjit_grant *grant, const char *why);

// expire.c
void grant_tick(struct azjit_grant *grant);
bool grant_near_end(const struct azjit_grant *grant); // its request ends within 2 s, or it is leaving
void grant_close(struct azjit_grant *grant, enum azjit_grant_state state, const char *how);

// recover.c
enum azjit_result engine_recover(struct azjit_engine *engine, struct azjit_reason *reason);
// A recovered grant without a target gets one, and evidence can be gathered. False if memory ran out; the
// target is the grant's in any case.
bool grant_found(struct azjit_grant *grant, struct azjit_target *target);

#endif
