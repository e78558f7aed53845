// SPDX-License-Identifier: Apache-2.0
// "Monitor JIT Network Access": what the two scanners that auditors use say of a subscription, where they
// differ, and what neither looks at. Pure: from what was read to a report, without a call.
//
// CloudSploit, plugin monitorJitNetworkAccess (azure.md §9 has its states): it reads the list of policy
// assignments, takes the first whose displayName contains "asc default", and looks at one parameter.
//
// Cloud Conformity (Trend Micro), rule SecurityCenter-012 "Monitor JIT Network Access": its page asks that
// the monitoring of JIT be on in the security policy, so that Defender can tell which VMs lack it; how the
// rule computes that is not published. So this is our reading of it: PASS only if the effect in force of
// an ASC Default assignment is AuditIfNotExists, FAIL if it is Disabled, UNKNOWN if it cannot be read, which
// includes that there is none. In force is the parameter, its default where it is absent from the benchmark
// initiative, and nothing where overrides may say otherwise or the initiative has no such parameter.
#ifndef AZJIT_MONITOR_H
#define AZJIT_MONITOR_H

#include <azjit/exposure.h>
#include <azjit/policy.h>

enum azjit_check {
	AZJIT_CHECK_UNKNOWN = 0, // 3 of CloudSploit
	AZJIT_CHECK_NONE,        // no result: the scanner says nothing
	AZJIT_CHECK_FAIL,        // 2
	AZJIT_CHECK_PASS,        // 0
};
// "unknown", "none", "fail", "pass".
const char *azjit_check_name(enum azjit_check check);

enum azjit_severity { AZJIT_SEVERITY_HIGH = 0, AZJIT_SEVERITY_MEDIUM, AZJIT_SEVERITY_LOW };
// "high", "medium", "low".
const char *azjit_severity_name(enum azjit_severity severity);

// What became of one read.
enum azjit_read_state { AZJIT_READ_NOT = 0, AZJIT_READ_FAILED, AZJIT_READ_OK };
struct azjit_monitor_read {
	enum azjit_read_state state;
	const char *error; // AZJIT_READ_FAILED: a sentence
};

struct azjit_monitor_port {
	const char *vm_id;
	uint16_t port;
	struct azjit_exposure exposure;
};

// Everything is borrowed.
struct azjit_monitor_facts {
	const char *subscription; // bare GUID
	struct azjit_monitor_read assignments_read, assessments_read, pricing_read;
	struct azjit_monitor_read vms_read; // the list of VMs
	struct azjit_monitor_read
	        ports_read; // what it takes to judge the ports: policies, interfaces, groups
	const struct azjit_policy_assignment *assignments; // in the order of the list
	size_t assignment_count;
	const struct azjit_assessment *assessments;
	size_t assessment_count;
	const struct azjit_pricing *pricing;
	const char *const *vm_ids; // every VM of the subscription that was read
	size_t vm_count;
	const struct azjit_monitor_port *ports; // those under JIT
	size_t port_count;
};

struct azjit_check_result {
	enum azjit_check check;
	char text[512]; // CloudSploit's own message; "" for NONE. Printable
};

struct azjit_finding {
	enum azjit_severity severity;
	const char *kind; // for programs: "not-scopes" …; static
	char *about;      // id of the VM that it is of, else of the subscription; as Azure wrote it
	char *text;       // a sentence that names the thing; printable
	const char *why;  // why it matters; static
	char *mend; // a command line for a shell that mends it, or shows what is to be decided; every word from
	            // outside is quoted; "" if there is none
};

struct azjit_monitor_report {
	struct azjit_check_result cloudsploit, conformity;
	char difference[512]; // why the two differ; "" if they do not
	struct azjit_finding *findings;
	size_t finding_count; // the most severe first
};

// The assignments that the scanners look at: displayName contains "asc default" in any case.
bool azjit_monitor_asc_default(const struct azjit_policy_assignment *assignment);
// The value of its JIT parameter that is in force, AZJIT_POLICY_ON where it is left to the benchmark's default;
// JSON if it is no text; NULL if what it assigns has no such parameter.
const char *azjit_monitor_value(const struct azjit_policy_assignment *assignment);

// AZJIT_OK, or AZJIT_NOMEM.
enum azjit_result azjit_monitor_judge(const struct azjit_monitor_facts *facts,
                                      struct azjit_monitor_report **ret);
void azjit_monitor_report_free(struct azjit_monitor_report *report);
AZJIT_DEFINE_CLEANUP(struct azjit_monitor_report *, azjit_monitor_report_free);

#endif
