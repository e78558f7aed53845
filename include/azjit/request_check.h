// SPDX-License-Identifier: Apache-2.0
// What Azure would refuse, known before the call (docs/design.md §8, azure.md §1.2, §1.6): the port and
// every source inside the policy, IPv4, names short enough for the rule's description, and an end that
// stays below the policy's maximum by the service's clock. No call is made.
#ifndef AZJIT_REQUEST_CHECK_H
#define AZJIT_REQUEST_CHECK_H

#include <azjit/inventory.h>
#include <azjit/source.h>

// Policy name and VM name together (azure.md §1.2: the description of an NSG rule holds 140).
#define AZJIT_REQUEST_NAMES_MAX 56

struct azjit_request_terms {
	// The latest whole second such that any nonce (0..9,999,999 ticks) may be added to it and it is
	// still within now + duration_s.
	azjit_ticks end;
	int64_t duration_s; // what was granted
	bool clamped;       // less than the rule's own, because of the policy
};

// wanted_s: what a person asks for; more than the rule's or the policy's maximum (less grant.margin) is
// refused with the longest that can be had. 0: the rule's own duration, shortened to what the policy
// allows. now: the service's clock (azjit_azure_now). Of several policies of the target the first that permits
// the request (source, duration, names) is put in place to be asked; if none does, the sentence is of the
// one that is in place.
//
// AZJIT_OK; AZJIT_STOPPED (tag azjit=deny); AZJIT_NOT_MANAGED (the port is under JIT for UDP only);
// AZJIT_DENIED (the rule, or a source that is never requested); AZJIT_REQUEST_REFUSED (the policy; the
// sentence says what to change there); AZJIT_USAGE.
enum azjit_result azjit_request_check(const struct azjit_config *config, const struct azjit_access_rule *rule,
                                      struct azjit_target *target, const struct azjit_sources *sources,
                                      int64_t wanted_s, azjit_ticks now, struct azjit_request_terms *ret,
                                      struct azjit_reason *reason);

#endif
