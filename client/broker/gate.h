// SPDX-License-Identifier: Apache-2.0
// Who speaks, and may she have this port of this VM? The one way to a need: connect, request and the
// requests at login all go through here.
#ifndef AZJIT_BROKER_GATE_H
#define AZJIT_BROKER_GATE_H

#include "conn.h"

// The caller as the kernel and the name service know her.
struct caller {
	struct azjit_person person;
	char session[AZJIT_UUID_CHARS]; // "" if not known
	struct azjit_addr client;       // where that session came from; family NONE if not known
	bool ambiguous;                 // several of her sessions fit
};
// From SO_PEERCRED; the message's `session` is a hint (azjit_session_of). AZJIT_DENIED with a sentence,
// recorded, for a uid that has no name.
enum azjit_result caller_of(struct conn *conn, const struct azjit_wire_msg *msg, struct caller *ret,
                            struct azjit_reason *reason);
void caller_clear(struct caller *caller);

// What a person wrote instead of a VM's name: AZJIT_DENIED (recorded) if it is an address that is never
// dialled, or one of this machine's own.
enum azjit_result gate_host(struct broker *broker, const struct caller *caller, const char *host,
                            uint16_t port, struct azjit_reason *reason);

// Access rule, kill switch, tag, source, in this order; what refuses is recorded and *reason says it.
// source: the person's wish, NULL for the rule's own. On AZJIT_OK *ret_rule is borrowed from the
// configuration.
enum azjit_result gate_target(struct broker *broker, const struct caller *caller, const char *host,
                              const struct azjit_target *target, const char *source,
                              const struct azjit_access_rule **ret_rule, struct azjit_sources *ret_sources,
                              struct azjit_reason *reason);

// The key `start` of a message: false where it is absent. AZJIT_USAGE if it is neither 0 nor 1.
enum azjit_result gate_start_wanted(const struct azjit_wire_msg *msg, bool *ret, struct azjit_reason *reason);

// May she have the machine started if it does not run? AZJIT_DENIED (recorded) where the rule that
// gate_target gave does not say so.
enum azjit_result gate_start(struct broker *broker, const struct caller *caller, const char *host,
                             const struct azjit_target *target, const struct azjit_access_rule *rule,
                             struct azjit_reason *reason);

// Some rule gives her a port of this VM, so that she may hear of it.
bool gate_knows(const struct conn *conn, const struct caller *caller, const char *vm_id);

// `count` VMs that bear a tag and that she may not hear of: AZJIT_DENIED, recorded.
enum azjit_result gate_hidden(struct broker *broker, const struct caller *caller, const char *host,
                              uint16_t port, size_t count, struct azjit_reason *reason);

// What a caller may read of a look-up that found nothing (result is not AZJIT_OK; text is inventory's):
// names of VMs and groups that no rule gives her are not told, and whether a VM exists is not either.
// caller: NULL where candidates of an ambiguous name are not wanted.
enum azjit_result gate_lookup_failed(const struct conn *conn, const struct caller *caller,
                                     enum azjit_result result, const char *host, uint16_t port,
                                     const char *text, struct azjit_reason *reason);

#endif
