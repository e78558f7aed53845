// SPDX-License-Identifier: Apache-2.0
#ifndef AZJIT_DIRECT_MONITOR_DESCRIBE_H
#define AZJIT_DIRECT_MONITOR_DESCRIBE_H

#include <azjit/monitor.h>
#include <jansson.h>

// Both scanners pass, no finding is high, and every part was read.
bool monitor_passed(const struct azjit_monitor_facts *facts, const struct azjit_monitor_report *report);

// An object of id (the bare subscription), passed; effects, of each ASC Default assignment (assignment_id, name,
// value of the JIT parameter in force or null, set: false where that is the default); cloudsploit and conformity (result, text); difference;
// findings (severity, kind, about, text, why, mend); and the facts: assignments (as Azure wrote them),
// assessments (vm_id, code, cause, description), plan (tier, sub_plan; null if unread), ports (vm_id, port,
// exposed, source, nsg_id, rule, text). NULL if memory ran out.
json_t *monitor_describe(const struct azjit_monitor_facts *facts, const struct azjit_monitor_report *report);

#endif
