// SPDX-License-Identifier: Apache-2.0
// What an sshd bounds before a login has succeeded, from the words of `sshd -T` (servconf.c of OpenSSH): pure.
#ifndef AZJIT_DIRECT_SSHD_LIMITS_H
#define AZJIT_DIRECT_SSHD_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

struct sshd_value {
	char text[1024]; // "" if it is not told, or longer
};
// "maxstartups 10:30:100": the value of "maxstartups", which `sshd -T` writes in lower case.
struct sshd_value sshd_value(const char *text, const char *key);

struct sshd_limits {
	uint64_t startups;   // MaxStartups: with so many under way it begins to drop; 0: not told
	uint64_t per_source; // PerSourceMaxStartups (8.5): so many of one address; 0: no bound of its own
	uint64_t grace_s;    // LoginGraceTime; 0: no bound, or not told
	bool penalties;      // PerSourcePenalties (9.8, and on unless it is set to no)
	struct sshd_value exempt; // PerSourcePenaltyExemptList, "" if there is none
};
// False if this is no output of `sshd -T`; *ret is filled all the same.
bool sshd_limits_read(const char *text, struct sshd_limits *ret);

#endif
