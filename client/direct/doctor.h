// SPDX-License-Identifier: Apache-2.0
// `azjit doctor`: what is wrong with the setup, why it matters, and the command that mends it. What could not
// be looked at is said, not guessed.
#ifndef AZJIT_DIRECT_DOCTOR_H
#define AZJIT_DIRECT_DOCTOR_H

#include "direct.h"

#include <azjit/exposure.h>
#include <azjit/monitor.h>
#include <azjit/source.h>

struct doctor {
	struct direct *direct;
	json_t *findings; // severity, kind, what, why, mend
	json_t *unseen;   // sentences
	// What was read of all subscriptions, owned; NULL where that of one could not be. As of ask.h.
	json_t *policies, *vms, *nics, *subnets, *public_ips;
	json_t *firewalls;
	bool failed; // memory ran out
};

// `why` is static; `what` and `mend` are taken over, and NULL counts as memory that ran out.
void doctor_find(struct doctor *doctor, enum azjit_severity severity, const char *kind, const char *why,
                 char *what, char *mend);
void doctor_unseen(struct doctor *doctor, const char *fmt, ...) _printf_(2, 3);
// An owned text; NULL if memory ran out.
char *doctor_text(const char *fmt, ...) _printf_(1, 2);
// A text as one word of a shell.
struct doctor_word {
	char text[2048];
};
struct doctor_word doctor_word(const char *text);
// "name@group" of a resource id.
struct doctor_word doctor_name(const char *id);

// doctor_azure.c: token, identity, clock, rights, plan, policies. Fills identity, clock_ms and subscriptions
// of the answer, and what was read.
void doctor_azure(struct doctor *doctor);

// doctor_local.c: this host, if its own configuration was given: configuration, files, PAM, sshd, broker.
void doctor_local(struct doctor *doctor);
bool doctor_is_local(const struct doctor *doctor);
// doctor_metadata.c: who on this host reaches the metadata service. After doctor_azure, by which it may know
// what Azure does about it.
void doctor_metadata(struct doctor *doctor);

// doctor_vm.c: the VM that the operand names: its state, the way through its security groups, the addresses
// that this host asks for. Fills `vm` of the answer. AZJIT_NOT_FOUND or AZJIT_AMBIGUOUS with a sentence.
enum azjit_result doctor_vm(struct doctor *doctor);

// doctor_target.c: the sshd of a VM (a row of ask_vms) as --target-sshd has it; without that, and with the
// sources that the VM sees of this host, how to get it is said. sources: NULL if they are not known.
void doctor_target(struct doctor *doctor, const json_t *vm, const struct azjit_sources *sources);
// The same of the text itself. name: of the VM, as a person writes it.
void doctor_target_sshd(struct doctor *doctor, const char *name, const struct azjit_sources *sources,
                        const char *text);
// doctor_firewall.c: the Azure Firewall in front of the VM, if a policy names one.
void doctor_firewall(struct doctor *doctor, const char *vm_id, const struct azjit_exposure_path *paths,
                     size_t path_count);

// The least-privilege role of that name (conf/roles, which is in the program), with the subscriptions that
// are looked at as its assignable scopes. AZJIT_USAGE if there is no such role.
enum azjit_result doctor_role(struct direct *direct, const char *name, json_t **ret);

#endif
