// SPDX-License-Identifier: Apache-2.0
// Is a port that JIT keeps shut open to the internet all the same? A rule that stood in the security group
// before JIT came stays in front of JIT's deny, which is then there in vain (azure.md §0.9, §2.1: real
// groups have allow-ssh at 1002 and JIT's deny at 4096). Read from the groups alone: whether a public
// address, a load balancer or a firewall leads to the VM is not asked.
#ifndef AZJIT_EXPOSURE_H
#define AZJIT_EXPOSURE_H

#include <azjit/network.h>

enum azjit_exposed {
	AZJIT_EXPOSED_UNKNOWN = 0, // what could be read does not tell
	AZJIT_EXPOSED_SHUT,
	AZJIT_EXPOSED_SOME, // to a public prefix that a rule names
	AZJIT_EXPOSED_ALL,  // to any address of the internet
};

// One IP configuration of the VM and the groups in front of it.
struct azjit_exposure_path {
	struct azjit_addr address; // private
	const char *const *asg_ids;
	size_t asg_count;
	const struct azjit_nsg *nic_nsg, *subnet_nsg; // NULL: there is none
	bool nic_unread, subnet_unread;               // there may be one: it could not be read
};

struct azjit_exposure_port {
	uint16_t number;
	enum azjit_protocol protocol; // ANY: TCP and UDP are both asked
	bool granted; // the JIT policy has a request in force for it: allow rules with a JIT name are what was
	              // asked for. Without one they were left behind, and count as any other rule.
};

struct azjit_exposure {
	enum azjit_exposed exposed;
	char source[AZJIT_PREFIX_CHARS]; // SOME: the prefix as the rule writes it
	const char *nsg_id;           // of the group whose rule decides; borrowed from the path, "" if none
	struct azjit_verdict_why why; // that rule; of SHUT the one that shuts
	int deny_priority;            // of JIT's deny in that group, 0 if it has none for this port
	char text[512];               // a clause for a person
};

// The worst of all ways to the VM: open, then unknown, then shut. No way at all is UNKNOWN.
void azjit_exposure(const struct azjit_exposure_path *paths, size_t path_count,
                    const struct azjit_exposure_port *port, struct azjit_exposure *ret);

#endif
