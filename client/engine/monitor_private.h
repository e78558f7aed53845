// SPDX-License-Identifier: Apache-2.0
// What monitor.c (the scanners' verdicts), monitor_assignments.c and monitor_find.c (our findings) and
// monitor_finding.c (how one is written down) share.
#ifndef AZJIT_ENGINE_MONITOR_PRIVATE_H
#define AZJIT_ENGINE_MONITOR_PRIVATE_H

#include <azjit/monitor.h>

enum effect { EFFECT_UNKNOWN = 0, EFFECT_OFF, EFFECT_ON };

// The JIT parameter, its name in any case; NULL if it is not set.
const struct azjit_policy_parameter *assignment_parameter(const struct azjit_policy_assignment *assignment);
// What the assignment does about JIT.
enum effect assignment_effect(const struct azjit_policy_assignment *assignment);
bool assignment_of_benchmark(const struct azjit_policy_assignment *assignment);

// A report while it is made; `failed`: memory ran out.
struct findings {
	struct azjit_monitor_report *report;
	const char *subscription;
	const char *vm_id; // whose findings come next; NULL: the subscription's
	bool failed;
};

// What is known of a kind of finding before it is found.
struct finding_kind {
	const char *kind;
	enum azjit_severity severity;
	const char *why;
};

// Adds a finding. `words` is a command line that mends it, ended by NULL: each is quoted for a shell where
// it needs that, and a word that is not printable leaves the finding without a command, since nobody can see
// what he pastes. NULL: there is none.
void finding_add(struct findings *findings, const struct finding_kind *kind, const char *const *words,
                 const char *fmt, ...) _printf_(4, 5);

void find_all(struct findings *findings, const struct azjit_monitor_facts *facts);
// Those of the policy assignments alone.
void find_assignments(struct findings *findings, const struct azjit_monitor_facts *facts);

#endif
