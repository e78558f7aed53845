// SPDX-License-Identifier: Apache-2.0
// Which ports that are under just-in-time access does the internet reach all the same?
#ifndef AZJIT_DIRECT_MONITOR_PORTS_H
#define AZJIT_DIRECT_MONITOR_PORTS_H

#include "keep.h"
#include "survey.h"

#include <azjit/monitor.h>

struct monitor_ports {
	const struct azjit_monitor_port *list; // in the keep
	size_t count;
};

// Reads interfaces, subnets and the security groups in front of the VMs of `survey` that a policy holds, and
// judges each of their ports. *ret is filled also where a group could not be read, which makes what it
// decides unknown: then the result is that of the first such read, with its sentence.
enum azjit_result monitor_ports_read(struct direct *direct, const struct survey *survey, struct keep *keep,
                                     struct monitor_ports *ret);

#endif
