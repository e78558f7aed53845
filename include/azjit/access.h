// SPDX-License-Identifier: Apache-2.0
// Who may open what: the access rules. Pure functions over the configuration; the first rule that
// fits decides; none that fits refuses. Against: a name chosen by the caller (targets are compared
// after inventory resolved them), numeric or odd group names, an unknown user.
#ifndef AZJIT_ACCESS_H
#define AZJIT_ACCESS_H

#include <azjit/config.h>

// A person as the kernel and the name service know her. groups: names, supplementary included.
struct azjit_person {
	char user[256];
	unsigned uid;
	struct azjit_strings groups;
};

// By uid or by name; AZJIT_NOT_FOUND for one who does not exist (the name is not repeated in reasons).
enum azjit_result azjit_person_by_uid(unsigned uid, struct azjit_person *ret, struct azjit_reason *reason);
enum azjit_result azjit_person_by_name(const char *user, struct azjit_person *ret,
                                       struct azjit_reason *reason);
void azjit_person_clear(struct azjit_person *person);
bool azjit_person_in_group(const struct azjit_person *person, const char *group);

// Account phase: AZJIT_OK if any rule names the person for this service, else AZJIT_DENIED with the
// sentence she reads. *ret_rule (may be NULL) borrowed.
enum azjit_result azjit_access_login(const struct azjit_config *config, const struct azjit_person *person,
                                     const char *service, const struct azjit_access_rule **ret_rule,
                                     struct azjit_reason *reason);

// May the person open this port of this VM? A rule's services limit logins only. The refusal names what is missing:
// "no rule allows alice to open port 22 of db01: rule 'web' allows web* only" …
enum azjit_result azjit_access_target(const struct azjit_config *config, const struct azjit_person *person,
                                      const char *vm_id, uint16_t port,
                                      const struct azjit_access_rule **ret_rule, struct azjit_reason *reason);

#endif
