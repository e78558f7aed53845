// SPDX-License-Identifier: Apache-2.0
// `azjit doctor`, the half that looks at this host. Each look takes what it judges, so that a test can give it.
#ifndef AZJIT_DIRECT_DOCTOR_LOCAL_H
#define AZJIT_DIRECT_DOCTOR_LOCAL_H

#include "doctor.h"

#include "../cmd/report.h"

// The file or directory must be of root or `owner`, with none of the `forbidden` bits of its mode.
void doctor_file(struct doctor *doctor, const char *path, uid_t owner, mode_t forbidden);
// The lines of a service in that directory (/etc/pam.d), and those it includes: pam_azjit.so in account and
// session, `required` or `requisite`, before nothing that ends the stack with success.
void doctor_pam(struct doctor *doctor, const char *directory, const char *service);
// What `sshd -T` prints, what `sshd -V` does (an older one has that line in its usage); and runs both. Fills
// sshd of the answer.
void doctor_sshd(struct doctor *doctor, const char *text);
void doctor_sshd_version(struct doctor *doctor, const char *text);
void doctor_run_sshd(struct doctor *doctor);
// What the broker answered to STATUS, or why it did not.
void doctor_broker(struct doctor *doctor, const struct report *report);
// Whether an unprivileged process (as root: one of the user nobody) reaches the metadata service at this URL,
// and the wire server beside it. Knows from the VMs that were read if this host is one under the Metadata
// Security Protocol.
void doctor_imds(struct doctor *doctor, const char *url);
void doctor_wire_server(struct doctor *doctor);
// False if there is no such user.
bool doctor_user(const char *name, uid_t *ret_uid, gid_t *ret_gid);

#endif
