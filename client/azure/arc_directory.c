// SPDX-License-Identifier: Apache-2.0
#include "arc.h"

const char *arc_directory(void)
{
	return "/var/opt/azcmagent/tokens";
}
