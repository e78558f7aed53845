// SPDX-License-Identifier: Apache-2.0
// A JIT request, held against the policy before it is sent (docs/design.md §8, azure.md §1.2, §1.3): a
// pure function, so that a refusal costs no call and names the exact remedy.
#ifndef AZJIT_REQUEST_CHECK_H
#define AZJIT_REQUEST_CHECK_H

#include <azjit/inventory.h>
#include <azjit/source.h>

// wanted_s: the duration asked for; rule_max_s: the access rule's maximum; margin_s: kept free below the
// policy's maximum, because the service counts from its own clock. More than the rule or the policy
// permits is clamped, not refused, when `clamp` is set.
// *ret_end: the end in the service's time, whole seconds: adding a nonce of 0 to 0.9999999 s stays below
// every maximum. AZJIT_REQUEST_REFUSED (the policy would refuse: port, source, IPv6, 56 characters),
// AZJIT_DENIED (the rule's maximum), AZJIT_STOPPED (tag azjit=deny); the reason says what to do.
enum azjit_result azjit_request_check(const struct azjit_target *target, const struct azjit_sources *sources,
				      int64_t wanted_s, int64_t rule_max_s, int64_t margin_s, bool clamp,
				      azjit_ticks now, azjit_ticks *ret_end, struct azjit_reason *reason);

#endif
