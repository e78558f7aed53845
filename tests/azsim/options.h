// SPDX-License-Identifier: Apache-2.0
#ifndef AZSIM_OPTIONS_H
#define AZSIM_OPTIONS_H

#include "sim.h"

// Reads the command line; a mistake ends the process with one sentence and EX_USAGE.
void options_parse(struct options *opt, int argc, char **argv);

#endif
